//! The server under test: this executable or another one, on a folder and a port of its own.

use std::net::{SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use super::http::Connection;
use super::measure::Usage;
use crate::serve::server::data_folder;

/// How long the server may take to become ready.
const READY_WITHIN: Duration = Duration::from_secs(60);

/// A running server and how to reach it.
pub(crate) struct BenchServer {
    program: PathBuf,
    child: Child,
    folder: PathBuf,
    pub(crate) address: SocketAddr,
    pub(crate) key: String,
    /// From start to ready.
    pub(crate) ready_ms: f64,
}

impl BenchServer {
    /// Starts a server on an empty folder below the system's folder for temporary files.
    pub(crate) async fn start(program: &Path) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("baton-bench-{}", std::process::id()));
        let folder = data_folder(&folder)?;
        let address = free_address()?;
        let began = Instant::now();
        let child = spawn(program, &folder, address)?;
        let mut server = Self {
            program: program.to_owned(),
            child,
            folder,
            address,
            key: String::new(),
            ready_ms: 0.0,
        };
        server.await_ready(began).await?;
        server.ready_ms = began.elapsed().as_secs_f64() * 1_000.0;
        server.key = admin_key(&server.folder)?;
        Ok(server)
    }

    async fn await_ready(&mut self, began: Instant) -> Result<()> {
        while began.elapsed() < READY_WITHIN {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server under test ended: {status}");
            }
            if let Ok(mut api) = Connection::open(self.address, "").await
                && api
                    .call("GET", "/readyz", b"")
                    .await
                    .is_ok_and(|a| a.status == 200)
            {
                return Ok(());
            }
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        bail!("the server under test was not ready within {READY_WITHIN:?}")
    }

    /// A connection with the admin key. The server closes those that are silent for long, so whoever
    /// was busy elsewhere takes a new one.
    pub(crate) async fn connect(&self) -> Result<Connection> {
        Connection::open(self.address, &self.key).await
    }

    /// What it has used so far.
    pub(crate) fn usage(&self) -> Result<Usage> {
        super::measure::usage(self.child.id())
    }

    /// Stops it in good order and starts it again on the same folder; answers how many milliseconds
    /// passed from the start until it was ready.
    pub(crate) async fn restart(&mut self) -> Result<f64> {
        self.halt().await?;
        let began = Instant::now();
        self.child = spawn(&self.program, &self.folder, self.address)?;
        self.await_ready(began).await?;
        Ok(began.elapsed().as_secs_f64() * 1_000.0)
    }

    /// Stops it and removes its folder.
    pub(crate) async fn stop(mut self) -> Result<()> {
        self.halt().await
    }

    async fn halt(&mut self) -> Result<()> {
        let pid = nix::unistd::Pid::from_raw(i32::try_from(self.child.id())?);
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).ok();
        let began = Instant::now();
        while self.child.try_wait()?.is_none() {
            if began.elapsed() > Duration::from_secs(15) {
                self.child.kill()?;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        Ok(())
    }
}

impl Drop for BenchServer {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
        std::fs::remove_dir_all(&self.folder).ok();
    }
}

fn spawn(program: &Path, folder: &Path, address: SocketAddr) -> Result<Child> {
    Command::new(program)
        .args(["server", "--port", &address.port().to_string(), "--data"])
        .arg(folder)
        .env("XDG_CONFIG_HOME", folder.join("config"))
        .env("RUST_LOG", "warn")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .spawn()
        .with_context(|| format!("starting {} as the server under test", program.display()))
}

/// An address on loopback that was free a moment ago.
fn free_address() -> Result<SocketAddr> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?)
}

/// The admin key that the server left beside its data.
fn admin_key(folder: &Path) -> Result<String> {
    let path = folder.join("admin.key");
    let text =
        std::fs::read_to_string(&path).with_context(|| format!("reading {}", path.display()))?;
    Ok(text.trim().to_owned())
}
