//! What git says of a deployed folder: repository, commit, branch, and whether it was changed since.
//!
//! Only questions are asked, none that runs a hook, a monitor or a program that the repository's settings name, and
//! each has a few seconds. Where there is no git or no repository, nothing is known.

use std::io::Read as _;
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// How long git may take for one answer: the state of a very large working copy is not worth a longer wait.
const WITHIN: Duration = Duration::from_secs(5);
/// Most of an answer that is read, in bytes.
const MAX_ANSWER: u64 = 64 << 10;
/// Longest subject that is kept, in characters.
const MAX_SUBJECT: usize = 200;

/// Variables by which a hook or a script that calls us would lead git to another repository.
const MISLEADING: [&str; 6] = [
    "GIT_DIR",
    "GIT_WORK_TREE",
    "GIT_INDEX_FILE",
    "GIT_OBJECT_DIRECTORY",
    "GIT_COMMON_DIR",
    "GIT_NAMESPACE",
];

/// What is known of a working copy.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Git {
    /// The remote repository, without scheme, user and password.
    pub(crate) repository: Option<String>,
    /// Where the folder lies in it.
    pub(crate) prefix: String,
    /// The commit.
    pub(crate) revision: Option<String>,
    /// The branch, unless a commit itself is checked out.
    pub(crate) branch: Option<String>,
    /// Whether what is deployed differs from the commit; unknown where git does not trust the folder.
    pub(crate) dirty: Option<bool>,
    /// First line of the commit's message.
    pub(crate) subject: Option<String>,
}

/// Asks git about a folder, or about one file in it.
pub(crate) fn look(path: &Path) -> Option<Git> {
    let (folder, what) = match path.is_dir() {
        true => (path, "."),
        false => (path.parent()?, path.file_name()?.to_str()?),
    };
    // These read files only, so that a folder of another owner (a checkout in a container) may be asked too.
    let ask = |words: &[&str]| ask(folder, &[&["-c", "safe.directory=*"], words].concat());
    let prefix = ask(&["rev-parse", "--show-prefix"])?;
    let remote = ask(&["config", "--get", "remote.origin.url"]).or_else(|| {
        let remotes = ask(&["remote"])?;
        let first = remotes.lines().next()?.to_owned();
        ask(&["config", "--get", &format!("remote.{first}.url")])
    });
    let commit = ask(&["log", "-1", "--no-show-signature", "--format=%H%n%s"]);
    let mut lines = commit.as_deref().unwrap_or_default().lines();
    let line = |text: Option<&str>| {
        let text: String = text?.chars().take(MAX_SUBJECT).collect();
        (!text.is_empty()).then_some(text)
    };
    Some(Git {
        repository: remote.as_deref().and_then(without_secrets),
        prefix: prefix.trim_end_matches('/').to_owned(),
        revision: line(lines.next()),
        subject: line(lines.next()),
        branch: ask(&["symbolic-ref", "--short", "-q", "HEAD"]),
        // The state may run filters that the repository names, so git's own trust decides.
        dirty: self::ask(
            folder,
            &[
                "status",
                "--porcelain",
                "--untracked-files=normal",
                "--",
                what,
            ],
        )
        .map(|changes| !changes.is_empty()),
    })
}

/// One answer of git, without the line's end; nothing where it fails or takes too long.
fn ask(folder: &Path, words: &[&str]) -> Option<String> {
    let mut command = Command::new("git");
    command.args([
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
    ]);
    command.args(words).current_dir(folder);
    for name in MISLEADING {
        command.env_remove(name);
    }
    command
        .env("GIT_OPTIONAL_LOCKS", "0")
        .env("GIT_TERMINAL_PROMPT", "0")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut child = command.spawn().ok()?;
    let out = child.stdout.take()?;
    let (tell, told) = mpsc::channel();
    std::thread::spawn(move || {
        let mut answer = Vec::new();
        let read = out.take(MAX_ANSWER).read_to_end(&mut answer);
        let _ = tell.send(read.map(|_| answer));
    });
    let answer = told.recv_timeout(WITHIN);
    if answer.is_err() {
        let _ = child.kill();
    }
    // Whoever wrote more than is read has been told by the closed pipe.
    let ended = child.wait().ok()?;
    let answer = String::from_utf8_lossy(&answer.ok()?.ok()?)
        .trim_end()
        .to_owned();
    (ended.success() || answer.len() as u64 >= MAX_ANSWER / 2).then_some(answer)
}

/// A remote's address as `host/owner/repository`: the same however it was cloned, and without what lets one in.
fn without_secrets(url: &str) -> Option<String> {
    let url = url.trim();
    let (rest, scheme) = match url.split_once("://") {
        Some((_, rest)) => (rest, true),
        None => (url, false),
    };
    let (place, path) = match (scheme, rest.split_once('/'), rest.split_once(':')) {
        (true, Some((place, path)), _) => (place, path),
        // As scp writes it: user@host:path.
        (false, _, Some((place, path))) if !place.contains('/') => (place, path),
        _ => ("", rest),
    };
    let host = place.rsplit('@').next().unwrap_or(place);
    let host = host.split(':').next().unwrap_or(host).to_ascii_lowercase();
    let path = path.trim_end_matches('/');
    let path = path.strip_suffix(".git").unwrap_or(path);
    let path = if host.is_empty() {
        path
    } else {
        path.trim_start_matches('/')
    };
    let whole = if host.is_empty() {
        path.to_owned()
    } else {
        format!("{host}/{path}")
    };
    (!path.is_empty()).then_some(whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_has_one_name_and_no_password_in_it() {
        for url in [
            "https://github.com/acme/robots.git",
            "https://anna:s3cret@GitHub.com/acme/robots",
            "git@github.com:acme/robots.git",
            "ssh://git@github.com:22/acme/robots.git/",
        ] {
            assert_eq!(
                without_secrets(url).as_deref(),
                Some("github.com/acme/robots"),
                "{url}"
            );
        }
        assert_eq!(
            without_secrets("/srv/git/robots.git").as_deref(),
            Some("/srv/git/robots")
        );
        assert_eq!(without_secrets(""), None);
    }

    fn run(folder: &Path, words: &[&str]) {
        let mut git = Command::new("git");
        git.args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.com",
            "-c",
            "commit.gpgsign=false",
        ]);
        let done = git
            .args(words)
            .current_dir(folder)
            .output()
            .expect("git is needed");
        assert!(
            done.status.success(),
            "{}",
            String::from_utf8_lossy(&done.stderr)
        );
    }

    #[test]
    fn commit_branch_changes_and_subject_are_known_and_no_program_of_the_repository_runs() {
        let folder = tempfile::tempdir().expect("a folder");
        let top = folder.path();
        assert_eq!(look(top), None, "there is no repository");
        std::fs::create_dir(top.join("flow")).expect("made");
        std::fs::write(top.join("flow/main.py"), "").expect("written");
        run(top, &["init", "-q", "-b", "trunk"]);
        run(
            top,
            &[
                "remote",
                "add",
                "origin",
                "https://u:p@example.com/acme/robots.git",
            ],
        );
        run(top, &["add", "."]);
        run(top, &["commit", "-q", "-m", "first words\n\nmore"]);
        let ran = top.join("ran");
        run(
            top,
            &[
                "config",
                "core.fsmonitor",
                &format!("touch {}; false", ran.display()),
            ],
        );
        let git = look(&top.join("flow")).expect("a repository");
        assert_eq!(git.repository.as_deref(), Some("example.com/acme/robots"));
        assert_eq!(
            (git.prefix.as_str(), git.branch.as_deref()),
            ("flow", Some("trunk"))
        );
        assert_eq!(
            (git.subject.as_deref(), git.dirty),
            (Some("first words"), Some(false))
        );
        assert_eq!(git.revision.map(|r| r.len()), Some(40));
        // What lies beside the deployed folder does not count, a new file in it does.
        std::fs::write(top.join("other"), "").expect("written");
        assert_eq!(
            look(&top.join("flow")).expect("a repository").dirty,
            Some(false)
        );
        std::fs::write(top.join("flow/new.py"), "").expect("written");
        assert_eq!(
            look(&top.join("flow")).expect("a repository").dirty,
            Some(true)
        );
        assert_eq!(
            look(&top.join("flow/main.py")).expect("a repository").dirty,
            Some(false)
        );
        assert!(!ran.exists(), "a program that the repository names was run");
    }
}
