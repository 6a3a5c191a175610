//! A person's home for one test: folders of its own, and the real executable called from it.

use std::io::{BufRead as _, BufReader, Read as _};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd as _;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, ChildStdout, Command, Output, Stdio};

use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use serde_json::Value;

/// The executable under test.
pub(crate) const BATON: &str = env!("CARGO_BIN_EXE_baton");

/// Variables of the machine that runs the tests, which must not leak into them.
const LEAKS: [&str; 17] = [
    "BATON_URL",
    "BATON_API_KEY",
    "BATON_DATA",
    "BATON_FINGERPRINT",
    "BATON_TLS_CA",
    "XDG_DATA_HOME",
    "BATON_EVENTS",
    "BATON_ROBOT_DATA",
    "ORCHESTRATOR_HOST",
    "ORCHESTRATOR_PORT",
    "DEFAULT_JOB_TIMEOUT",
    "DISPATCH_INTERVAL",
    "SUPABASE_URL",
    "SUPABASE_KEY",
    "DATABASE_URL",
    "RUST_LOG",
    "CLICOLOR_FORCE",
];

/// A home and a working folder.
pub(crate) struct Home {
    folder: tempfile::TempDir,
}

/// What a command ended with and said.
#[derive(Debug)]
pub(crate) struct Said {
    /// The exit code.
    pub(crate) code: i32,
    /// Standard output.
    pub(crate) out: String,
    /// Standard error.
    pub(crate) err: String,
}

impl Said {
    /// What an ended process said.
    pub(crate) fn of(output: Output) -> Self {
        Self {
            code: output.status.code().unwrap_or(-1),
            out: String::from_utf8_lossy(&output.stdout).into_owned(),
            err: String::from_utf8_lossy(&output.stderr).into_owned(),
        }
    }

    /// Standard output as JSON.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.out)
            .unwrap_or_else(|e| panic!("{e}\nout: {}\nerr: {}", self.out, self.err))
    }

    /// The same, and it must have gone well.
    #[track_caller]
    pub(crate) fn ok(self) -> Self {
        assert_eq!(self.code, 0, "out: {}\nerr: {}", self.out, self.err);
        self
    }
}

impl Home {
    /// An empty home.
    pub(crate) fn new() -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder");
        std::fs::create_dir(folder.path().join("work")).expect("made");
        Self { folder }
    }

    /// The home folder itself.
    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the working folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("work").join(name)
    }

    /// Writes a file in the working folder.
    pub(crate) fn write(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path(name);
        std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("made");
        std::fs::write(&path, text).expect("written");
        path
    }

    /// A command of the executable, from this home.
    pub(crate) fn command(&self, words: &[&str]) -> Command {
        self.program(Path::new(BATON), words)
    }

    /// Another program, from this home.
    pub(crate) fn program(&self, program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        let home = self.folder.path();
        command
            .args(words)
            .current_dir(home.join("work"))
            .env("HOME", home)
            .env("XDG_CONFIG_HOME", home.join("config"))
            .env("XDG_STATE_HOME", home.join("state"))
            .env("NO_COLOR", "1")
            .env("TZ", "UTC")
            .stdin(Stdio::null());
        for name in LEAKS {
            command.env_remove(name);
        }
        command
    }

    /// Runs the executable and waits for its end.
    pub(crate) fn baton(&self, words: &[&str]) -> Said {
        Said::of(self.command(words).output().expect("it starts"))
    }

    /// Runs the executable under its other name.
    pub(crate) fn runrpa(&self, words: &[&str]) -> Said {
        let program = self.program(&self.runrpa_path(), words).output();
        Said::of(program.expect("it starts"))
    }

    /// The executable under its other name.
    pub(crate) fn runrpa_path(&self) -> PathBuf {
        let link = self.folder.path().join("runRPA");
        if !link.exists() {
            std::os::unix::fs::symlink(BATON, &link).expect("linked");
        }
        link
    }

    /// Starts `baton up` on a free port, without examples, and waits until it serves.
    pub(crate) fn up(&self) -> Up {
        self.up_with(&["--no-examples"])
    }

    /// Starts `baton up` with these flags, and waits until it serves.
    pub(crate) fn up_with(&self, flags: &[&str]) -> Up {
        self.serve("up", flags)
    }

    /// Starts `baton up` or `baton server` on a free port, and waits until it serves.
    pub(crate) fn serve(&self, command: &str, flags: &[&str]) -> Up {
        let mut words = vec![command, "--json", "--port", "0"];
        words.extend(flags);
        self.serving(&words)
    }

    /// Starts a command that serves and tells so in JSON, and waits until it does.
    pub(crate) fn serving(&self, words: &[&str]) -> Up {
        self.serving_as(self.command(words))
    }

    /// The same, of a command that was put together elsewhere.
    pub(crate) fn serving_as(&self, mut command: Command) -> Up {
        let mut child = command
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("it starts");
        let mut out = BufReader::new(child.stdout.take().expect("it is piped"));
        let mut text = String::new();
        while !text.ends_with("\n}\n") {
            let read = out.read_line(&mut text).expect("readable");
            if read == 0 {
                let said = Said::of(child.wait_with_output().expect("it ended"));
                panic!("{command:?} ended: {said:?}");
            }
        }
        let told: Value = serde_json::from_str(&text).expect("it tells JSON");
        Up {
            url: told["url"].as_str().expect("it tells its URL").to_owned(),
            told,
            err: BufReader::new(child.stderr.take().expect("it is piped")),
            child,
            _out: out,
        }
    }
}

/// A running `baton up`; killed when the test ends.
pub(crate) struct Up {
    /// Where it serves.
    pub(crate) url: String,
    /// What it told when it was ready.
    pub(crate) told: Value,
    child: Child,
    err: BufReader<ChildStderr>,
    _out: BufReader<ChildStdout>,
}

impl Up {
    /// Kills it without a warning, as a power cut would.
    pub(crate) fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("gone");
    }

    /// Sends it a signal.
    pub(crate) fn signal(&self, which: nix::sys::signal::Signal) {
        signal(&self.child, which);
    }

    /// Reads what it says on standard error until a line has this in it.
    #[track_caller]
    pub(crate) fn wait_for_note(&mut self, part: &str) {
        let mut seen = String::new();
        while !seen.lines().last().unwrap_or("").contains(part) {
            if self.err.read_line(&mut seen).expect("text") == 0 {
                panic!("it ended before {part:?}: {seen}");
            }
        }
    }

    /// Its process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits for its end, and gives its exit code.
    pub(crate) fn ended(mut self) -> i32 {
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }

    /// Asks it to stop, as Ctrl-C does, and gives its exit code.
    pub(crate) fn stop(mut self) -> i32 {
        signal(&self.child, nix::sys::signal::Signal::SIGINT);
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }
}

impl Drop for Up {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// How long a test waits for what must come before it says that it does not: a busy machine gets there.
const AT_LAST: Duration = Duration::from_secs(120);

/// The next who comes to this door. Whoever waits for ever is told nothing, so that it ends.
#[track_caller]
pub(crate) fn visitor(door: &TcpListener) -> TcpStream {
    let patience = PollTimeout::try_from(AT_LAST).expect("two minutes fit");
    let mut doors = [PollFd::new(door.as_fd(), PollFlags::POLLIN)];
    let came = poll(&mut doors, patience).expect("it can be waited for");
    assert!(came > 0, "nobody came to the door in {AT_LAST:?}");
    let (visitor, _) = door.accept().expect("somebody is there");
    visitor.set_read_timeout(Some(AT_LAST)).expect("set");
    visitor
}

/// Waits until the other side of a connection is gone.
#[track_caller]
pub(crate) fn is_gone(mut visitor: TcpStream) {
    match visitor.read(&mut [0]) {
        Ok(0) => {}
        Err(error) if error.kind() == std::io::ErrorKind::ConnectionReset => {}
        other => panic!("it is still there: {other:?}"),
    }
}

/// Sends a signal to a process of the test.
pub(crate) fn signal(child: &Child, signal: nix::sys::signal::Signal) {
    let pid = i32::try_from(child.id()).expect("process ids are small");
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), signal).expect("sent");
}

/// The folder with the examples.
pub(crate) fn example(name: &str) -> String {
    format!("{}/../../examples/{name}", env!("CARGO_MANIFEST_DIR"))
}
