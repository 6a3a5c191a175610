//! An installation of its own for one test: a folder, a port, a server and agents as real processes.

use std::collections::BTreeMap;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use baton_api::client::{Client, ClientOptions};
use baton_api::rest::{CreateEnrolment, CreateRun, DeployRequest, DeploymentPatch};
use baton_core::flow::Entry;
use baton_core::retry::RetryPolicy;
use baton_core::state::OnLost;
use serde_json::json;

use super::wire::Wire;
use crate::support::wait_for;

/// How long anything that must happen may take on a busy machine.
pub(crate) const SOON: Duration = Duration::from_secs(60);

/// Writes down, in one file for all attempts, when it began and ended, and numbers its log lines.
const EVIDENCE: &str = r#"#!/bin/sh
echo "start $BATON_RUN_ID $BATON_ATTEMPT $(cut -d' ' -f1 /proc/uptime)" >> "$1"
for i in 1 2 3 4 5 6 7 8 9 10; do echo "line $i"; done
sleep "$2"
echo "end $BATON_RUN_ID $BATON_ATTEMPT $(cut -d' ' -f1 /proc/uptime)" >> "$1"
"#;

/// An installation.
pub(crate) struct Install {
    folder: tempfile::TempDir,
    port: u16,
    server: Option<Child>,
    client: Option<Client>,
}

impl Install {
    pub(crate) fn new() -> Self {
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|l| l.local_addr())
            .expect("a free port")
            .port();
        Self {
            folder: tempfile::tempdir().expect("a folder"),
            port,
            server: None,
            client: None,
        }
    }

    pub(crate) fn path(&self) -> &Path {
        self.folder.path()
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    fn url(&self) -> String {
        format!("http://127.0.0.1:{}", self.port)
    }

    fn command(&self, words: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_baton"));
        command
            .args(words)
            .env("XDG_CONFIG_HOME", self.path().join("config"))
            .env("HOME", self.path())
            .env_remove("BATON_URL")
            .env_remove("BATON_API_KEY")
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    fn log_file(&self, name: &str) -> Stdio {
        let path = self.path().join(format!("{name}.log"));
        let file = std::fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path);
        Stdio::from(file.expect("a log file"))
    }

    /// Starts the server and waits until it is ready.
    pub(crate) async fn start(&mut self) {
        let data = self.path().join("data");
        let port = self.port.to_string();
        let child = self
            .command(&["server", "--port", &port, "--data"])
            .arg(&data)
            .stderr(self.log_file("server"))
            .spawn()
            .expect("the server starts");
        self.server = Some(child);
        let ready = asks_ready(&self.url());
        wait_for("the server to be ready", SOON, async || ready().await).await;
        if self.client.is_none() {
            let key = std::fs::read_to_string(data.join("admin.key")).expect("the admin key");
            let options = ClientOptions {
                url: self.url(),
                key: Some(key.trim().to_owned()),
                ..ClientOptions::default()
            };
            self.client = Some(Client::new(&options).expect("a client"));
        }
    }

    /// Kills the server as a power cut to the process would.
    pub(crate) fn kill(&mut self) {
        let mut server = self.server.take().expect("the server runs");
        server.kill().expect("killed");
        server.wait().expect("reaped");
    }

    /// Ends the server politely.
    pub(crate) async fn stop(&mut self) {
        let mut server = self.server.take().expect("the server runs");
        signal(server.id(), nix::sys::signal::Signal::SIGTERM);
        let mut ended = false;
        wait_for("the server to stop", SOON, async || {
            ended = server.try_wait().expect("waited").is_some();
            ended
        })
        .await;
    }

    pub(crate) fn client(&self) -> &Client {
        self.client.as_ref().expect("started before")
    }

    /// Lets some time pass between faults: not to wait for anything, but to hit different moments.
    pub(crate) async fn pause(&self, time: Duration) {
        tokio::time::timeout(time, std::future::pending::<()>())
            .await
            .ok();
    }

    pub(crate) fn evidence_file(&self) -> PathBuf {
        self.path().join("evidence")
    }

    /// Deploys the script that leaves evidence.
    pub(crate) async fn deploy_evidence(&self) {
        let script = self.path().join("evidence.sh");
        std::fs::write(&script, EVIDENCE).expect("script");
        let archive = baton_api::package::pack(&script).expect("packed");
        let package = self.client().put_package(archive).await.expect("uploaded");
        let file = self.evidence_file().display().to_string();
        let request = DeployRequest {
            flow: "evidence".into(),
            package: Some(package.hash),
            entry: Entry::Command {
                argv: vec![
                    "sh".into(),
                    "evidence.sh".into(),
                    file,
                    "{{seconds}}".into(),
                ],
                env: BTreeMap::new(),
                workdir: String::new(),
                python: None,
            },
            parameter_schema: json!({"type": "object", "properties": {"seconds": {"type": "string", "default": "0.02"}}}),
            settings: DeploymentPatch {
                retry: Some(RetryPolicy {
                    initial_delay: 0.1,
                    ..RetryPolicy::times(2)
                }),
                on_lost: Some(OnLost::Fail),
                lost_after_seconds: Some(Some(60)),
                ..DeploymentPatch::default()
            },
            description: None,
            folder: None,
            flow_tags: None,
            source: BTreeMap::new(),
            replace: false,
            deployment: "default".into(),
            schedule: None,
            schedules: Vec::new(),
        };
        self.client().deploy(&request).await.expect("deployed");
    }

    /// A run that takes this many seconds.
    pub(crate) async fn run_for(&self, seconds: &str) -> String {
        let body = CreateRun {
            parameters: json!({"seconds": seconds})
                .as_object()
                .cloned()
                .expect("an object"),
            ..CreateRun::default()
        };
        let made = self
            .client()
            .run_deployment("evidence/default", &body)
            .await
            .expect("created");
        made.id.to_string()
    }

    /// Enrols an agent and starts it.
    pub(crate) async fn agent(&self, name: &str) -> Agent {
        let token = self.token().await;
        self.start_agent(name, self.port, &["--token", &token])
            .await
    }

    /// The same, on a wire that can be cut.
    pub(crate) async fn agent_through(&self, wire: &Wire, name: &str) -> Agent {
        let token = self.token().await;
        self.start_agent(name, wire.port, &["--token", &token])
            .await
    }

    async fn token(&self) -> String {
        let ask = CreateEnrolment::default();
        self.client()
            .create_enrolment(&ask)
            .await
            .expect("token")
            .token
    }

    /// Starts an agent that was enrolled before.
    pub(crate) async fn agent_again(&self, name: &str) -> Agent {
        self.start_agent(name, self.port, &[]).await
    }

    async fn start_agent(&self, name: &str, port: u16, more: &[&str]) -> Agent {
        let url = format!("http://127.0.0.1:{port}");
        let child = self
            .command(&[
                "robot", "--name", name, "--slots", "4", "--url", &url, "--data",
            ])
            .arg(self.path().join(name))
            .args(more)
            .stderr(self.log_file(name))
            .spawn()
            .expect("the agent starts");
        let agent = Agent {
            name: name.into(),
            child,
        };
        agent.is_connected(self).await;
        agent
    }

    /// Waits until the evidence has a line of this run that begins with `word`.
    pub(crate) async fn await_line(&self, run: &str, word: &str) {
        let begin = format!("{word} {run} ");
        wait_for(&begin, SOON, async || {
            std::fs::read_to_string(self.evidence_file())
                .is_ok_and(|t| t.lines().any(|l| l.starts_with(&begin)))
        })
        .await;
    }

    /// Waits until the run is in this state.
    pub(crate) async fn await_state(&self, run: &str, state: &str, within: Duration) {
        wait_for(&format!("{run} to be {state}"), within, async || {
            self.client()
                .run(run)
                .await
                .is_ok_and(|r| r.state.as_str() == state)
        })
        .await;
    }

    /// How many runs are in this state.
    pub(crate) async fn count(&self, state: &str) -> u64 {
        let counts = self.client().state_counts().await.expect("counted");
        counts
            .items
            .iter()
            .find(|c| c.state.as_str() == state)
            .map_or(0, |c| c.count)
    }

    /// The server's own checker finds nothing.
    pub(crate) async fn verify_is_clean(&self) {
        let found = self.client().verify().await.expect("verified");
        assert!(found.breaches.is_empty(), "{:#?}", found.breaches);
        assert!(found.transitions > 0, "void: nothing to verify");
    }
}

impl Drop for Install {
    fn drop(&mut self) {
        if let Some(mut server) = self.server.take() {
            server.kill().ok();
            server.wait().ok();
        }
        if std::thread::panicking() {
            for name in ["server", "crash-1", "mortal-1", "frozen"] {
                let log = std::fs::read_to_string(self.path().join(format!("{name}.log")))
                    .unwrap_or_default();
                let tail: Vec<&str> = log.lines().rev().take(30).collect();
                eprintln!(
                    "--- {name}\n{}",
                    tail.into_iter().rev().collect::<Vec<_>>().join("\n")
                );
            }
        }
    }
}

/// Asks `/readyz` until it says yes.
fn asks_ready(
    url: &str,
) -> impl Fn() -> std::pin::Pin<Box<dyn Future<Output = bool> + Send>> + use<> {
    baton_api::client::install_provider();
    let http = reqwest::Client::builder()
        .no_proxy()
        .build()
        .expect("a client");
    let url = format!("{url}/readyz");
    move || {
        let request = http.get(&url).timeout(Duration::from_secs(5)).send();
        Box::pin(async move { request.await.is_ok_and(|r| r.status().is_success()) })
    }
}

fn signal(pid: u32, signal: nix::sys::signal::Signal) {
    let pid = nix::unistd::Pid::from_raw(i32::try_from(pid).expect("a pid"));
    nix::sys::signal::kill(pid, signal).expect("signalled");
}

/// An agent as a real process.
pub(crate) struct Agent {
    pub(crate) name: String,
    child: Child,
}

impl Agent {
    /// Waits until the server says that it is connected.
    pub(crate) async fn is_connected(&self, install: &Install) {
        wait_for(&format!("{} to connect", self.name), SOON, async || {
            install
                .client()
                .robot(&self.name)
                .await
                .is_ok_and(|r| r.connected)
        })
        .await;
    }

    /// Kills the agent and nothing else.
    pub(crate) fn kill(&mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("reaped");
    }

    pub(crate) fn freeze(&self) {
        signal(self.child.id(), nix::sys::signal::Signal::SIGSTOP);
    }

    pub(crate) fn thaw(&self) {
        signal(self.child.id(), nix::sys::signal::Signal::SIGCONT);
    }

    /// The processes of flows that this agent runs: everything below it but its guards.
    pub(crate) fn flow_processes(&self) -> Vec<u32> {
        descendants(self.child.id())
            .into_iter()
            .filter(|pid| command_line(*pid).is_some_and(|c| !c.contains("guard") && !c.is_empty()))
            .collect()
    }

    pub(crate) fn is_alive(pid: u32) -> bool {
        std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| {
            !stat
                .rsplit(')')
                .next()
                .unwrap_or_default()
                .trim_start()
                .starts_with('Z')
        })
    }

    /// Waits until nothing of what its flows started is left: found by the evidence path in their
    /// command lines, since their parent is gone.
    pub(crate) async fn tree_is_gone(&self) {
        let began = Instant::now();
        let mark = format!("/{}/", self.name);
        wait_for("the killed agent's processes to end", SOON, async || {
            !all_processes()
                .into_iter()
                .any(|pid| working_folder(pid).is_some_and(|c| c.contains(&mark)))
        })
        .await;
        // The bound is the design's; the wait above is generous for a busy machine.
        assert!(began.elapsed() < Duration::from_secs(30));
    }
}

impl Drop for Agent {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn all_processes() -> Vec<u32> {
    std::fs::read_dir("/proc")
        .expect("/proc")
        .flatten()
        .filter_map(|e| e.file_name().to_str()?.parse().ok())
        .collect()
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')')
        .next()?
        .split_whitespace()
        .nth(1)?
        .parse()
        .ok()
}

fn descendants(of: u32) -> Vec<u32> {
    let mut found = vec![of];
    let all = all_processes();
    loop {
        let more: Vec<u32> = all
            .iter()
            .copied()
            .filter(|pid| !found.contains(pid) && parent(*pid).is_some_and(|p| found.contains(&p)))
            .collect();
        if more.is_empty() {
            found.remove(0);
            return found;
        }
        found.extend(more);
    }
}

fn command_line(pid: u32) -> Option<String> {
    let bytes = std::fs::read(format!("/proc/{pid}/cmdline")).ok()?;
    Some(String::from_utf8_lossy(&bytes).replace('\0', " "))
}

fn working_folder(pid: u32) -> Option<String> {
    Some(
        std::fs::read_link(format!("/proc/{pid}/cwd"))
            .ok()?
            .display()
            .to_string()
            + "/",
    )
}
