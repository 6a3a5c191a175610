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
            data,
            dry_run,
            flags,
        } => install(global, unit, user, data, dry_run, &flags).map(|()| Exit::Ok),
        Service::Uninstall {
            unit,
            user,
            dry_run,
        } => uninstall(unit, user, dry_run).map(|()| Exit::Ok),
        Service::Status { unit, user } => status(unit, user),
    }
}

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

/// What a unit's file is made of.
struct Plan<'a> {
    unit: Unit,
    user: bool,
    executable: &'a Path,
    data: &'a Path,
    url: Option<&'a str>,
    flags: &'a [String],
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
    if let (Unit::Robot, Some(url)) = (plan.unit, plan.url) {
        words.extend(["--url".to_owned(), url.to_owned()]);
    }
    words.extend(plan.flags.iter().cloned());
    let command: Vec<String> = words.iter().map(|word| quoted(word)).collect();
    let wanted = if plan.user {
        "default.target"
    } else {
        "multi-user.target"
    };
    format!(
        "[Unit]\n\
         Description=Baton {what}\n\
         Wants=network-online.target\n\
         After=network-online.target\n\
         \n\
         [Service]\n\
         Type=exec\n\
         ExecStart={}\n\
         Restart=always\n\
         RestartSec=2\n\
         # A key that is refused for good is not accepted on the next start either.\n\
         RestartPreventExitStatus=6\n\
         KillSignal=SIGTERM\n\
         # Running work gets its grace; the guards end what outlives it.\n\
         KillMode=mixed\n\
         TimeoutStopSec=90\n\
         LimitNOFILE=65536\n\
         UMask=0077\n\
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

fn install(
    global: &Global,
    unit: Unit,
    user: bool,
    data: Option<PathBuf>,
    dry_run: bool,
    flags: &[String],
) -> Done {
    let executable = std::env::current_exe()
        .map_err(|e| Failure::new(Exit::Failed, "no_executable", e.to_string()))?;
    let data = data_folder(unit, user, data)?;
    let url = match unit {
        Unit::Server => None,
        Unit::Robot => Some(settings::target(global)?.url),
    };
    let text = text(&Plan {
        unit,
        user,
        executable: &executable,
        data: &data,
        url: url.as_deref(),
        flags,
    });
    let path = place(unit, user)?;
    if dry_run {
        output::note(&format!("# {}", path.display()));
        output::text_out(&text);
        return Ok(());
    }
    std::fs::create_dir_all(&data).map_err(|e| advise(Failure::file(&data, "make", &e), user))?;
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
            executable: Path::new("/opt/my tools/baton"),
            data: Path::new("/var/lib/baton/server"),
            url: Some("https://baton.example:8765"),
            flags: &flags.iter().map(|f| (*f).to_owned()).collect::<Vec<_>>(),
        })
    }

    #[test]
    fn a_server_unit_starts_the_server_and_restarts_it() {
        let text = unit(Unit::Server, &["--port", "9000"]);
        assert!(text.contains(
            "ExecStart=\"/opt/my tools/baton\" server --data /var/lib/baton/server --port 9000\n"
        ));
        assert!(text.contains("Restart=always\n"));
        assert!(text.contains("WantedBy=multi-user.target\n"));
    }

    #[test]
    fn a_robot_unit_names_its_server_and_quotes_what_systemd_would_read() {
        let text = unit(Unit::Robot, &["--label", "100% $HOME"]);
        assert!(
            text.contains("robot --data /var/lib/baton/server --url https://baton.example:8765")
        );
        assert!(text.contains("RestartPreventExitStatus=6\n"));
        assert!(text.contains("--label \"100%% $$HOME\""));
    }
}
