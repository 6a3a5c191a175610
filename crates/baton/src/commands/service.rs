//! `baton service`: systemd units for server and robot, so that unattended work survives a reboot.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::cli::Global;
use crate::cli::upkeep::{Service, Unit};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::{output, settings};

/// Does it.
pub(crate) fn service(global: &Global, command: Service) -> Done<Exit> {
    match command {
        Service::Install {
            unit,
            user,
            run_as,
            data,
            dry_run,
            flags,
        } => {
            // A robot's flows have the rights of its user, and root's are too many.
            let own = (unit == Unit::Robot && !user).then(|| ROBOT_USER.to_owned());
            let run_as = run_as.or(own);
            let wish = Wish {
                unit,
                user,
                run_as: run_as.as_deref(),
                data,
                flags: &flags,
            };
            install(global, wish, dry_run).map(|()| Exit::Ok)
        }
        Service::Uninstall {
            unit,
            user,
            dry_run,
        } => uninstall(unit, user, dry_run).map(|()| Exit::Ok),
        Service::Status { unit, user } => status(unit, user),
    }
}

/// The user of a robot's service unless another is named.
const ROBOT_USER: &str = "baton-robot";

/// The unit's name.
const fn name(unit: Unit) -> &'static str {
    match unit {
        Unit::Server => "baton-server.service",
        Unit::Robot => "baton-robot.service",
    }
}

/// Where the unit's file goes.
fn place(unit: Unit, user: bool) -> Done<PathBuf> {
    let folder = if user {
        // systemd's own folder, beside ours.
        let ours = settings::personal("XDG_CONFIG_HOME", ".config")?;
        ours.parent().unwrap_or(Path::new("/")).join("systemd/user")
    } else {
        PathBuf::from("/etc/systemd/system")
    };
    Ok(folder.join(name(unit)))
}

fn data_folder(unit: Unit, user: bool, given: Option<PathBuf>) -> Done<PathBuf> {
    if let Some(given) = given {
        return std::path::absolute(&given).map_err(|e| Failure::file(&given, "find", &e));
    }
    let base = if user {
        settings::personal("XDG_DATA_HOME", ".local/share")?
    } else {
        PathBuf::from("/var/lib/baton")
    };
    Ok(match unit {
        Unit::Server => base.join("server"),
        Unit::Robot => base.join("robot"),
    })
}

/// What is asked for.
struct Wish<'a> {
    unit: Unit,
    user: bool,
    run_as: Option<&'a str>,
    data: Option<PathBuf>,
    flags: &'a [String],
}

/// What a unit's file is made of.
struct Plan<'a> {
    unit: Unit,
    user: bool,
    run_as: Option<&'a str>,
    executable: &'a Path,
    data: &'a Path,
    /// Further words of the command: those that say which server, and those that were given.
    words: Vec<String>,
}

/// The text of a unit. A word is quoted as systemd reads it: `%` and `$` mean themselves.
fn text(plan: &Plan<'_>) -> String {
    let (what, verb) = match plan.unit {
        Unit::Server => ("server", "server"),
        Unit::Robot => ("robot", "robot"),
    };
    let mut words = vec![
        plan.executable.display().to_string(),
        verb.to_owned(),
        "--data".to_owned(),
        plan.data.display().to_string(),
    ];
    words.extend(plan.words.iter().cloned());
    let command: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let owner = match (plan.run_as, plan.user) {
        (Some(name), _) => format!("User={name}\n"),
        // Without it, root's own commands would not find the server that runs as a service.
        (None, false) => "Environment=HOME=%h\n".to_owned(),
        (None, true) => String::new(),
    };
    let wanted = if plan.user {
        "default.target"
    } else {
        "multi-user.target"
    };
    let mask = match plan.unit {
        Unit::Server => "UMask=0077\nNoNewPrivileges=yes\n",
        // Files of a run are as readable as its user's others; the robot closes its own.
        Unit::Robot => "UMask=0022\n",
    };
    format!(
        "[Unit]\n\
         Description=Baton {what}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=exec\n\
         {owner}\
         ExecStart={}\n\
         Restart=always\n\
         RestartSec=2\n\
         # A key that is refused for good is not accepted on the next start either.\n\
         RestartPreventExitStatus=6\n\
         KillSignal=SIGTERM\n\
         # Running work gets its grace; the guards end what outlives it.\n\
         KillMode=mixed\n\
         TimeoutStopSec=90\n\
         # The program raises its own; what it runs keeps the lower one.\n\
         LimitNOFILE=1024:65536\n\
         {mask}\
         \n\
         [Install]\n\
         WantedBy={wanted}\n",
        command.join(" ")
    )
}

fn quoted(word: &str) -> String {
    let plain = !word.is_empty()
        && word
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || "/-_.:=,@+".contains(c));
    if plain {
        return word.to_owned();
    }
    let escaped = word
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('%', "%%")
        .replace('$', "$$");
    format!("\"{escaped}\"")
}

/// The words that say which server a robot serves. One that is enrolled knows it, unless told otherwise.
fn server_words(global: &Global, data: &Path) -> Done<Vec<String>> {
    let mut words = Vec::new();
    if global.url.is_some() || !is_enrolled(data) {
        let target = settings::target(global)?;
        words.extend(["--url".to_owned(), target.url]);
        let trust = match (target.pinned.fingerprint, target.pinned.authority) {
            (Some(hex), _) => Some(("--fingerprint", hex)),
            (None, Some(file)) => {
                let file =
                    std::path::absolute(&file).map_err(|e| Failure::file(&file, "find", &e))?;
                Some(("--tls-ca", file.display().to_string()))
            }
            (None, None) => None,
        };
        words.extend(
            trust
                .into_iter()
                .flat_map(|(flag, of)| [flag.to_owned(), of]),
        );
    }
    Ok(words)
}

/// Whether a robot lives in this folder. One that cannot be read is none of ours.
fn is_enrolled(data: &Path) -> bool {
    matches!(baton_agent::Identity::load(data), Ok(Some(_)))
}

/// A robot that is nobody yet needs a token, or its service would start and fail for ever.
fn check_enrolled(wish: &Wish<'_>, data: &Path) -> Done {
    let token = |flag: &String| flag.starts_with("--token") || flag.starts_with("--enroll");
    if wish.unit == Unit::Server || is_enrolled(data) || wish.flags.iter().any(token) {
        return Ok(());
    }
    Err(Failure::new(
        Exit::NotAllowed,
        "not_enrolled",
        format!("there is no robot in {}", data.display()),
    )
    .fix(
        "name the folder of one that is enrolled with --data, or enrol it now: \
         `baton robots enroll` on the server, and here `baton service install robot -- --token TOKEN`",
    ))
}

/// Makes the user of a robot's service, if it is not there.
fn make_user(home: &Path) -> Done {
    if let Ok(Some(_)) = nix::unistd::User::from_name(ROBOT_USER) {
        return Ok(());
    }
    let made = Command::new("useradd")
        .args(["--system", "--user-group", "--no-create-home", "--home-dir"])
        .arg(home)
        .arg(ROBOT_USER)
        .status();
    if made.is_ok_and(|status| status.success()) {
        output::note(&format!(
            "made the user {ROBOT_USER}, whose rights flows have"
        ));
        return Ok(());
    }
    let what = format!("the user {ROBOT_USER} is not there and could not be made");
    Err(Failure::new(Exit::NotFound, "unknown_user", what)
        .fix("make one with this machine's own tool, and name it with --run-as"))
}

/// Gives a folder and what is in it to the person who will run the service.
fn give(folder: &Path, name: &str) -> Done {
    let unknown = || {
        Failure::new(
            Exit::NotFound,
            "unknown_user",
            format!("there is no user {name:?} on this machine"),
        )
        .fix("name one that exists, or make one: useradd --system --create-home NAME")
    };
    let user = nix::unistd::User::from_name(name)
        .ok()
        .flatten()
        .ok_or_else(unknown)?;
    let failed = |path: &Path, e: &std::io::Error| Failure::file(path, "give away", e);
    let mut left = vec![folder.to_path_buf()];
    while let Some(path) = left.pop() {
        std::os::unix::fs::lchown(&path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
            .map_err(|e| failed(&path, &e))?;
        let is_folder = std::fs::symlink_metadata(&path).is_ok_and(|meta| meta.is_dir());
        if is_folder {
            let entries = std::fs::read_dir(&path).map_err(|e| failed(&path, &e))?;
            left.extend(entries.filter_map(Result::ok).map(|entry| entry.path()));
        }
    }
    Ok(())
}

fn install(global: &Global, wish: Wish<'_>, dry_run: bool) -> Done {
    let (unit, user) = (wish.unit, wish.user);
    let executable = std::env::current_exe()
        .map_err(|e| Failure::new(Exit::Failed, "no_executable", e.to_string()))?;
    let data = data_folder(unit, user, wish.data.clone())?;
    let mut words = match unit {
        Unit::Server => Vec::new(),
        Unit::Robot => server_words(global, &data)?,
    };
    words.extend(wish.flags.iter().cloned());
    let text = text(&Plan {
        unit,
        user,
        run_as: wish.run_as,
        executable: &executable,
        data: &data,
        words,
    });
    let path = place(unit, user)?;
    let enrolled = check_enrolled(&wish, &data);
    if dry_run && global.json {
        output::json(&serde_json::json!({ "file": path.to_string_lossy(), "unit": text }));
        return Ok(());
    }
    if dry_run {
        output::note(&format!("# {}", path.display()));
        output::text_out(&text);
        if let Err(failure) = enrolled {
            output::warn(&format!("{failure}; {}", failure.fix));
        }
        return Ok(());
    }
    enrolled?;
    std::fs::create_dir_all(&data).map_err(|e| advise(Failure::file(&data, "make", &e), user))?;
    if let Some(name) = wish.run_as {
        if name == ROBOT_USER {
            make_user(&data)?;
        }
        give(&data, name)?;
        let closed = std::os::unix::fs::PermissionsExt::from_mode(0o700);
        std::fs::set_permissions(&data, closed).map_err(|e| Failure::file(&data, "close", &e))?;
    }
    let folder = path.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(folder).map_err(|e| advise(Failure::file(folder, "make", &e), user))?;
    std::fs::write(&path, text).map_err(|e| advise(Failure::file(&path, "write", &e), user))?;
    systemctl(user, &["daemon-reload"])?;
    systemctl(user, &["enable", "--now", name(unit)])?;
    output::line(&format!("{} runs and starts with the machine", name(unit)));
    if user {
        output::note(
            "it starts with your session; `loginctl enable-linger` starts it with the machine",
        );
    }
    Ok(())
}

fn advise(failure: Failure, user: bool) -> Failure {
    if user {
        failure
    } else {
        failure.fix("run it with sudo, or add --user to install it for yourself")
    }
}

fn uninstall(unit: Unit, user: bool, dry_run: bool) -> Done {
    let path = place(unit, user)?;
    if dry_run {
        output::line(&format!("would stop and remove {}", path.display()));
        return Ok(());
    }
    if !path.exists() {
        return Err(Failure::new(
            Exit::NotFound,
            "not_installed",
            format!("there is no {}", path.display()),
        )
        .fix("add --user if it was installed so"));
    }
    systemctl(user, &["disable", "--now", name(unit)])?;
    std::fs::remove_file(&path).map_err(|e| advise(Failure::file(&path, "remove", &e), user))?;
    systemctl(user, &["daemon-reload"])?;
    output::line(&format!("{} is gone; its data stays", name(unit)));
    Ok(())
}

fn status(unit: Unit, user: bool) -> Done<Exit> {
    let mut command = Command::new("systemctl");
    if user {
        command.arg("--user");
    }
    let status = command
        .args(["--no-pager", "status", name(unit)])
        .status()
        .map_err(|e| no_systemd(&e))?;
    Ok(match status.code() {
        Some(0) => Exit::Ok,
        Some(4) => Exit::NotFound,
        _ => Exit::Failed,
    })
}

fn systemctl(user: bool, words: &[&str]) -> Done {
    let mut command = Command::new("systemctl");
    if user {
        command.arg("--user");
    }
    let done = command.args(words).output().map_err(|e| no_systemd(&e))?;
    if done.status.success() {
        return Ok(());
    }
    Err(advise(
        Failure::new(
            Exit::Failed,
            "systemctl",
            format!(
                "systemctl {}: {}",
                words.join(" "),
                String::from_utf8_lossy(&done.stderr).trim()
            ),
        ),
        user,
    ))
}

fn no_systemd(error: &std::io::Error) -> Failure {
    Failure::new(
        Exit::Failed,
        "no_systemd",
        format!("systemctl cannot be started: {error}"),
    )
    .fix("--dry-run prints the unit; start `baton server` or `baton robot` by other means here")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn unit(unit: Unit, flags: &[&str]) -> String {
        text(&Plan {
            unit,
            user: false,
            run_as: Some("sap"),
            executable: Path::new("/opt/my tools/baton"),
            data: Path::new("/var/lib/baton/server"),
            words: flags.iter().map(|f| (*f).to_owned()).collect(),
        })
    }

    #[test]
    fn a_server_unit_starts_the_server_and_restarts_it() {
        let text = unit(Unit::Server, &["--port", "9000"]);
        assert!(text.contains(
            "ExecStart=\"/opt/my tools/baton\" server --data /var/lib/baton/server --port 9000\n"
        ));
        assert!(text.contains("Restart=always\n"));
        assert!(text.contains("User=sap\n"));
        assert!(text.contains("RestartPreventExitStatus=6\n"));
        assert!(text.contains("WantedBy=multi-user.target\n"));
    }

    #[test]
    fn a_unit_quotes_what_systemd_would_read() {
        let text = unit(Unit::Robot, &["--label", "100% $HOME"]);
        assert!(text.contains("robot --data /var/lib/baton/server --label \"100%% $$HOME\""));
        assert!(
            text.contains("UMask=0022\n"),
            "files of runs are readable as usual"
        );
    }

    #[test]
    fn a_robot_that_is_not_enrolled_is_told_its_server_and_needs_a_token() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let global = Global {
            url: Some("https://baton.example:8765".into()),
            fingerprint: Some("ab".into()),
            ..Global::default()
        };
        let words = server_words(&global, folder.path()).expect("known");
        assert_eq!(
            words,
            ["--url", "https://baton.example:8765", "--fingerprint", "ab"]
        );
        let with = |flags: &[String]| {
            let wish = Wish {
                unit: Unit::Robot,
                user: true,
                run_as: None,
                data: None,
                flags,
            };
            check_enrolled(&wish, folder.path())
        };
        assert_eq!(with(&[]).expect_err("refused").code, "not_enrolled");
        with(&["--token".into(), "be_x".into()]).expect("it will enrol itself");
    }
}
