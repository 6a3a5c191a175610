//! Servers with certificates of their own: logging in, enrolling by hand, and the one-line install.

use std::io::{BufRead as _, BufReader, Read as _};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use nix::sys::signal::Signal;
use rcgen::{BasicConstraints, CertificateParams, IsCa, Issuer, KeyPair};
use serde_json::Value;

use crate::home::{Home, Said, Up, signal};

/// Starts a server whose certificate was signed by an authority of its own; its PEM file is `ca.pem`.
fn up_with_certificate(home: &Home) -> Up {
    let ca_key = KeyPair::generate().expect("a key");
    let mut ca = CertificateParams::new(Vec::<String>::new()).expect("no names");
    ca.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    home.write("ca.pem", &ca.self_signed(&ca_key).expect("signed").pem());
    let key = KeyPair::generate().expect("a key");
    let leaf = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("a name");
    let issuer = Issuer::new(ca, ca_key);
    home.write(
        "cert.pem",
        &leaf.signed_by(&key, &issuer).expect("signed").pem(),
    );
    home.write("key.pem", &key.serialize_pem());
    home.up_with(&[
        "--no-examples",
        "--tls-cert",
        "cert.pem",
        "--tls-key",
        "key.pem",
    ])
}

/// The fingerprint of the server's certificate, as its admin is told it.
fn fingerprint(home: &Home) -> String {
    let told = home.baton(&["robots", "enroll", "--json"]).ok().json();
    told["fingerprint"].as_str().expect("it has one").to_owned()
}

#[track_caller]
fn refused(said: &Said, code: i32, parts: &[&str]) {
    assert_eq!(said.code, code, "{}", said.err);
    for part in parts {
        assert!(said.err.contains(part), "{part}: {}", said.err);
    }
}

#[test]
fn a_login_over_tls_trusts_a_fingerprint_or_an_authority_and_remembers_which() {
    let server = Home::new();
    let up = up_with_certificate(&server);
    let key = server.baton(&["keys", "create", "me", "-q"]).ok().out;
    let key = key.trim();
    let hex = fingerprint(&server);
    let ca = server.path("ca.pem");
    let ca = ca.to_str().expect("text");
    let login = |home: &Home, more: &[&str]| {
        let words = ["login", "--url", &up.url, "--api-key", key, "--save"];
        home.baton(&[&words[..], more].concat())
    };
    let stranger = Home::new();
    let advice = ["[untrusted_certificate]", "--fingerprint", "--tls-ca"];
    refused(&login(&stranger, &[]), 5, &advice);
    let wrong = "0".repeat(64);
    let mismatch = [
        "[untrusted_certificate]",
        hex.as_str(),
        "somebody else answers",
    ];
    refused(&login(&stranger, &["--fingerprint", &wrong]), 5, &mismatch);
    let nonsense = login(&stranger, &["--fingerprint", "00ff"]);
    refused(&nonsense, 2, &["[usage]", "64 hex digits"]);
    let no_file = login(&stranger, &["--tls-ca", "absent.pem"]);
    refused(&no_file, 2, &["[usage]", "absent.pem"]);
    refused(&stranger.baton(&["runs", "ls"]), 5, &["127.0.0.1:8765"]);

    for trust in [["--fingerprint", hex.as_str()], ["--tls-ca", ca]] {
        let home = Home::new();
        let said = login(&home, &trust).ok();
        assert!(said.out.contains("/sign-in#"), "{}", said.out);
        // Later commands need to be told nothing.
        home.baton(&["runs", "ls"]).ok();
    }
    // Without a record, every command takes them, also from the environment.
    let home = Home::new();
    let listed = home
        .command(&["runs", "ls", "--url", &up.url, "--api-key", key])
        .env("BATON_FINGERPRINT", format!("sha256:{hex}"))
        .status()
        .expect("it starts");
    assert!(listed.success());
}

#[test]
fn a_robot_trusts_an_authority_and_remembers_it() {
    let home = Home::new();
    let up = up_with_certificate(&home);
    let told = home.baton(&["robots", "enroll", "second", "--json"]);
    let told = told.ok().json();
    let token = told["token"].as_str().expect("a token");
    let server = ["--server", &up.url, "--token", token, "--name", "second"];
    for flags in [&[&server[..], &["--tls-ca", "ca.pem"]].concat()[..], &[]] {
        let words = [&["robot", "--data", "second"], flags].concat();
        let mut robot = Robot::start(home.command(&words));
        robot.wait_for_line("baton robot serves");
        home.write("job.py", "print('hello')\n");
        home.baton(&["deploy", "job.py", "--robot", "second"]).ok();
        home.baton(&["run", "job", "--watch"]).ok();
        assert_eq!(robot.stop(), 0);
    }
}

/// A robot, or the shell that becomes one; killed when the test ends.
struct Robot {
    child: Child,
    out: BufReader<std::process::ChildStdout>,
}

impl Robot {
    fn start(mut command: Command) -> Self {
        let mut child = command
            .process_group(0)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("it starts");
        let out = BufReader::new(child.stdout.take().expect("it is piped"));
        Self { child, out }
    }

    /// Reads until a line has this in it, and gives all that was read.
    #[track_caller]
    fn wait_for_line(&mut self, part: &str) -> String {
        let mut seen = String::new();
        loop {
            let before = seen.len();
            if self.out.read_line(&mut seen).expect("text") == 0 {
                panic!("it ended before {part:?}: {seen}");
            }
            if seen[before..].contains(part) {
                return seen;
            }
        }
    }

    /// Asks it to stop, and gives its exit code.
    fn stop(mut self) -> i32 {
        signal(&self.child, Signal::SIGTERM);
        self.child.wait().expect("it ends").code().unwrap_or(-1)
    }

    /// Presses Ctrl-C in its terminal, where a shell waits for it, and reads on until all have gone.
    fn interrupt(mut self) -> String {
        self.signal_all(Signal::SIGINT);
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).expect("text");
        rest
    }

    fn signal_all(&self, signal: Signal) {
        let group = i32::try_from(self.child.id()).expect("process ids are small");
        let _ = nix::sys::signal::killpg(nix::unistd::Pid::from_raw(group), signal);
    }
}

impl Drop for Robot {
    fn drop(&mut self) {
        self.signal_all(Signal::SIGKILL);
        let _ = self.child.wait();
    }
}

/// Another machine: a home of its own whose owner is not root, whoever runs the tests.
fn shell(home: &Home, line: &str) -> Command {
    let programs = home.path("programs");
    if !programs.exists() {
        let id = home.write("programs/id", "#!/bin/sh\necho 1000\n");
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&id, std::fs::Permissions::from_mode(0o755)).expect("set");
    }
    let path = std::env::var("PATH").unwrap_or_default();
    let mut command = home.program(Path::new("sh"), &["-c", line]);
    command
        .env("PATH", format!("{}:{path}", programs.display()))
        .env_remove("XDG_DATA_HOME")
        .env_remove("BATON_HOME");
    command
}

fn said(mut command: Command) -> Said {
    Said::of(command.output().expect("it starts"))
}

/// The line to paste, for a robot of this name.
fn install_line(home: &Home, name: &str) -> String {
    let told = home.baton(&["robots", "enroll", name, "--json"]);
    let told: Value = told.ok().json();
    told["command"].as_str().expect("a command").to_owned()
}

#[test]
fn the_install_line_makes_a_machine_a_robot_that_runs_flows_and_keeps_its_place() {
    let server = Home::new();
    let _up = up_with_certificate(&server);
    let machine = Home::new();
    let line = install_line(&server, "second");
    let mut robot = Robot::start(shell(&machine, &format!("{line} --slots 3 --label sap")));
    let seen = robot.wait_for_line("baton robot serves");
    let folder = machine.folder();
    let installed: PathBuf = folder.join(".local/bin/baton");
    assert!(installed.is_file(), "{seen}");
    assert!(seen.contains("service install robot --user"), "{seen}");
    server.write("job.py", "print('hello from afar')\n");
    server
        .baton(&["deploy", "job.py", "--robot", "second"])
        .ok();
    let run = server.baton(&["run", "job", "--watch"]).ok();
    assert!(run.out.contains("hello from afar"), "{}", run.out);
    let shown = server.baton(&["robots", "show", "second", "--json"]);
    let shown = shown.ok().json();
    assert_eq!(shown["offer"]["max_concurrent_jobs"], 3, "{shown:#}");
    assert_eq!(shown["offer"]["labels"], serde_json::json!(["sap"]));
    robot.interrupt();
    // The place is the one where a service looks for it; no token is needed any more.
    let unit = machine.program(
        &installed,
        &["service", "install", "robot", "--user", "--dry-run"],
    );
    let unit = said(unit).ok().out;
    let data = folder.join(".local/share/baton/robot");
    assert!(
        unit.contains(&format!("robot --data {}", data.display())),
        "{unit}"
    );
    assert!(!unit.contains("--url"), "it knows its server: {unit}");
    let data = data.to_str().expect("text").to_owned();
    let mut again = Robot::start(machine.program(&installed, &["robot", "--data", &data]));
    again.wait_for_line("as second");
    server.baton(&["run", "job", "--watch"]).ok();
    assert_eq!(again.stop(), 0);
}

#[test]
fn an_install_that_was_tampered_with_executes_nothing() {
    let server = Home::new();
    let up = up_with_certificate(&server);
    let line = install_line(&server, "second");
    // Somebody else's script under the same address: its sum is not the one in the line.
    let machine = Home::new();
    let sum = line
        .split('\'')
        .nth(1)
        .and_then(|text| text.split_whitespace().next())
        .expect("the line has the script's sum");
    let forged = line.replace(sum, &"0".repeat(64));
    let refused = said(shell(&machine, &forged));
    assert_ne!(refused.code, 0);
    assert!(refused.err.contains("did NOT match"), "{}", refused.err);
    assert!(!machine.folder().join(".local").exists());

    // Another executable than the one the script vouches for.
    let fetch = format!("curl -fsSLk {}/install.sh -o install.sh", up.url);
    said(shell(&machine, &fetch)).ok();
    let script = std::fs::read_to_string(machine.path("install.sh")).expect("fetched");
    let token = line.rsplit(' ').nth(1).expect("the line has a token");
    let sum_of = |name: &str| {
        let (_, rest) = script.split_once(&format!("{name}='")).expect(name);
        rest.split_once('\'').expect("quoted").0.to_owned()
    };
    machine.write("other.sh", &script.replace(&sum_of("sum"), &"0".repeat(64)));
    let swapped = said(shell(&machine, &format!("sh other.sh {token} second")));
    assert_eq!(swapped.code, 1, "{}", swapped.err);
    assert!(
        swapped.err.contains("nothing was installed"),
        "{}",
        swapped.err
    );
    let left = std::fs::read_dir(machine.folder().join(".local/bin")).expect("made");
    assert_eq!(left.count(), 0, "nothing stays");

    // A server with another certificate than the one the script names: the token is not shown to it.
    machine.write(
        "wrong.sh",
        &script.replace(&sum_of("fingerprint"), &"0".repeat(64)),
    );
    let wrong = said(shell(&machine, &format!("sh wrong.sh {token} second")));
    assert_eq!(wrong.code, 5, "{}", wrong.err);
    assert!(
        wrong.err.contains("[untrusted_certificate]"),
        "{}",
        wrong.err
    );
    let robots = server.baton(&["robots", "ls", "--json"]).ok().json();
    assert_eq!(robots.as_array().expect("a list").len(), 1, "{robots:#}");
    let mut robot = Robot::start(shell(&machine, &format!("sh install.sh {token} second")));
    robot.wait_for_line("as second");
}
