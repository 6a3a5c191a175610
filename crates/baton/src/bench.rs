//! `baton bench`: how fast this machine runs durable no-op work, end to end, over real HTTP and WebSocket.
//!
//! A server of its own is started on a folder of its own, so that nothing of an installation is
//! touched; load generator and robots run in this process and share the machine with it. A run
//! counts when its result is committed and acknowledged. No log lines are sent.

mod compare;
mod http;
mod measure;
mod robots;
mod server;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use serde_json::{Value, json};
use tokio::sync::watch;

use http::Connection;
use measure::Report;
use robots::{Board, Robot};
use server::BenchServer;

/// `baton bench`
#[derive(Clone, Debug, Args)]
#[command(after_help = "Examples:
  baton bench                               64 submitters, 8 robots, 10 seconds
  baton bench --queued 1000000              the same on top of a backlog, and how soon a restart is ready
  baton bench --robots 10000 --seconds 30   how much ten thousand connections cost
  baton bench --schedules 1000 --seconds 60 how punctual schedules are, with nothing else to do
  baton bench --submitters 0 --seconds 60   what an idle server uses
  baton bench --compare ./baton-before      this executable and another under the same load, in turns

Figures are of this machine under its present load: take the median of three on a quiet one.")]
pub(crate) struct Bench {
    /// Connections that submit one run at a time [default: 64, or 0 with --schedules]
    #[arg(long, value_name = "N")]
    pub(crate) submitters: Option<usize>,
    /// Simulated robots
    #[arg(long, default_value_t = 8, value_name = "N")]
    pub(crate) robots: usize,
    /// Runs that each robot takes at once
    #[arg(long, default_value_t = 32, value_name = "N")]
    pub(crate) slots: u32,
    /// How long the load lasts
    #[arg(long, default_value_t = 10, value_name = "SECONDS")]
    pub(crate) seconds: u64,
    /// Runs submitted one after the other on the idle server, to measure latency
    #[arg(long, default_value_t = 500, value_name = "N")]
    pub(crate) idle: usize,
    /// Runs queued before the load begins
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) queued: usize,
    /// Schedules, each firing once a minute, spread evenly; their punctuality is measured
    #[arg(long, default_value_t = 0, value_name = "N")]
    pub(crate) schedules: usize,
    /// Another executable that is measured in turns with this one, with ratios of the medians
    #[arg(long, value_name = "PATH")]
    pub(crate) compare: Option<PathBuf>,
    /// How often each is measured when two are compared
    #[arg(long, default_value_t = 5, value_name = "N", requires = "compare", value_parser = clap::value_parser!(u32).range(1..=100))]
    pub(crate) rounds: u32,
}

impl Bench {
    /// Connections that submit: punctuality is measured on a server that nobody floods, unless asked.
    fn submitters(&self) -> usize {
        self.submitters
            .unwrap_or(if self.schedules > 0 { 0 } else { 64 })
    }
}

/// Most runs in one request of the preload: what the API takes.
const BATCH: usize = 1_000;
/// Robots that enrol and connect at the same time: a herd, but one that a listen queue holds.
const CONNECTING: usize = 64;

/// Runs the benchmark and prints its report.
pub(crate) async fn run(args: Bench, json: bool) -> Result<()> {
    crate::serve::files::for_load(args.robots.saturating_add(args.submitters()));
    let this = std::env::current_exe()?;
    if let Some(other) = &args.compare {
        return compare::run(&args, &this, other, json).await;
    }
    let report = once(&args, &this).await?;
    if json {
        println!("{}", serde_json::to_string_pretty(&report.json())?);
    } else {
        print!("{}", report.text());
    }
    Ok(())
}

/// Measures the server of one executable once.
async fn once(args: &Bench, program: &Path) -> Result<Report> {
    let mut server = BenchServer::start(program).await?;
    let mut outcome = measure_all(args, &server).await;
    if let (Ok(report), 1..) = (&mut outcome, args.queued) {
        report.restart_ready_ms = Some(server.restart().await?);
    }
    let stopped = server.stop().await;
    let report = outcome?;
    stopped?;
    Ok(report)
}

async fn measure_all(args: &Bench, server: &BenchServer) -> Result<Report> {
    let mut report = Report::new(args);
    report.ready_ms = server.ready_ms;
    let mut api = server.connect().await?;
    let deployment = deploy(&mut api, "bench").await?;
    let path = format!("/api/v1/deployments/{deployment}/run");
    let board = Arc::new(Board::default());
    if args.queued > 0 {
        let began = Instant::now();
        preload(server, &deployment, args.queued).await?;
        report.preload_seconds = Some(began.elapsed().as_secs_f64());
        api = server.connect().await?;
    }
    if args.schedules > 0 {
        make_schedules(&mut api, &deployment, args.schedules).await?;
    }
    let (over, watch) = watch::channel(false);
    let began = Instant::now();
    let robots = enrol(server, args, &board).await?;
    let connected = connect(robots, &watch).await?;
    report.connect_seconds = began.elapsed().as_secs_f64();
    report.rss_connected_mb = server.usage()?.rss_mb;

    if args.queued == 0 {
        idle_latency(&mut api, &path, args.idle, &board).await?;
        report.idle = Some(measure::stages(board.take()));
    }
    let before = (server.usage()?, about(&mut api).await?);
    let committed_before = board.committed.load(Ordering::Relaxed);
    let began = Instant::now();
    let submitted = saturate(server.address, &server.key, &path, args, &board).await?;
    let elapsed = began.elapsed().as_secs_f64();
    let committed = board.committed.load(Ordering::Relaxed) - committed_before;
    api = server.connect().await?;
    let after = (server.usage()?, about(&mut api).await?);
    report.load(submitted, committed, elapsed, &before, &after);
    report.saturated = Some(measure::stages(board.take()));
    if args.schedules > 0 {
        report.punctuality = Some(punctuality(&mut api).await?);
    }
    if args.queued == 0 {
        drain(&board, committed_before + submitted).await?;
    }
    over.send(true).ok();
    for robot in connected {
        robot.await??;
    }
    report.rss_peak_mb = server.usage()?.rss_peak_mb;
    Ok(report)
}

/// Deploys a flow that no process ever executes: simulated robots finish it at once.
async fn deploy(api: &mut Connection, flow: &str) -> Result<String> {
    let body = json!({
        "flow": flow,
        "entry": {"kind": "command", "argv": ["true"]},
        "parameter_schema": {},
        "deployment": "default",
        "settings": {"timeout_seconds": 0},
    });
    let made: Value = api
        .call("POST", "/api/v1/deploy", body.to_string().as_bytes())
        .await?
        .json()?;
    let id = made["deployment"]["id"]
        .as_str()
        .context("the deploy's answer names no deployment")?;
    Ok(id.to_owned())
}

async fn preload(server: &BenchServer, deployment: &str, runs: usize) -> Result<()> {
    let one = json!({"deployment": deployment});
    let left = Arc::new(AtomicU64::new(runs as u64));
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let (left, one) = (Arc::clone(&left), one.clone());
        let mut api = Connection::open(server.address, &server.key).await?;
        tasks.spawn(async move {
            loop {
                let take = left
                    .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |n| {
                        Some(n.saturating_sub(BATCH as u64))
                    })
                    .unwrap_or(0)
                    .min(BATCH as u64);
                if take == 0 {
                    return anyhow::Ok(());
                }
                let body = json!({"runs": vec![one.clone(); usize::try_from(take)?]}).to_string();
                let answer = api
                    .call("POST", "/api/v1/runs/batch", body.as_bytes())
                    .await?;
                if answer.status >= 300 {
                    bail!(
                        "preload: HTTP {}: {}",
                        answer.status,
                        String::from_utf8_lossy(&answer.body)
                    );
                }
            }
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Ok(())
}

async fn make_schedules(api: &mut Connection, deployment: &str, n: usize) -> Result<()> {
    for i in 0..n {
        let anchor = jiff::Timestamp::UNIX_EPOCH
            .saturating_add(jiff::SignedDuration::from_millis((i * 60_000 / n) as i64))
            .context("an anchor within the first minute of 1970")?;
        let body = json!({
            "deployment": deployment,
            "name": format!("bench-{i}"),
            "settings": {"rule": {"frequency": "interval", "every_seconds": 60, "anchor": anchor}, "timezone": "UTC"},
        });
        api.call("POST", "/api/v1/schedules", body.to_string().as_bytes())
            .await?
            .json::<Value>()?;
    }
    Ok(())
}

async fn enrol(server: &BenchServer, args: &Bench, board: &Arc<Board>) -> Result<Vec<Robot>> {
    let next = Arc::new(AtomicUsize::new(0));
    let mut enrolling = tokio::task::JoinSet::new();
    for _ in 0..CONNECTING.min(args.robots) {
        let mut api = server.connect().await?;
        let (next, board) = (Arc::clone(&next), Arc::clone(board));
        let (address, slots, many) = (server.address, args.slots, args.robots);
        enrolling.spawn(async move {
            let mut robots = Vec::new();
            loop {
                let i = next.fetch_add(1, Ordering::Relaxed);
                if i >= many {
                    return anyhow::Ok(robots);
                }
                let name = format!("bench-{i:05}");
                robots.push(Robot {
                    address,
                    key: enrol_one(&mut api, &name).await?,
                    name,
                    slots,
                    queues: vec!["default".into()],
                    board: Arc::clone(&board),
                });
            }
        });
    }
    let mut robots = Vec::with_capacity(args.robots);
    while let Some(enrolled) = enrolling.join_next().await {
        robots.extend(enrolled??);
    }
    Ok(robots)
}

/// Makes a robot; answers its key.
async fn enrol_one(api: &mut Connection, name: &str) -> Result<String> {
    let token: Value = api
        .call("POST", "/api/v1/enrolments", b"{}")
        .await?
        .json()?;
    let body = json!({"token": token["token"], "name": name, "computer": "bench"}).to_string();
    let enrolled: Value = api
        .call("POST", "/api/v1/robots/enroll", body.as_bytes())
        .await?
        .json()?;
    let key = enrolled["key"].as_str();
    Ok(key.context("no key in the enrolment's answer")?.to_owned())
}

type Served = tokio::task::JoinHandle<Result<()>>;

async fn connect(robots: Vec<Robot>, over: &watch::Receiver<bool>) -> Result<Vec<Served>> {
    let gate = Arc::new(tokio::sync::Semaphore::new(CONNECTING));
    let mut connecting = tokio::task::JoinSet::new();
    for robot in robots {
        let gate = Arc::clone(&gate);
        connecting.spawn(async move {
            let _turn = gate.acquire_owned().await?;
            let socket = robot.connect().await?;
            anyhow::Ok((robot, socket))
        });
    }
    let mut served = Vec::new();
    while let Some(connected) = connecting.join_next().await {
        let (robot, socket) = connected??;
        let over = over.clone();
        served.push(tokio::spawn(async move { robot.serve(socket, over).await }));
    }
    Ok(served)
}

async fn submit(api: &mut Connection, path: &str, board: &Board) -> Result<()> {
    let submitted = Instant::now();
    let made: baton_api::rest::CreatedRun = api.call("POST", path, b"{}").await?.json()?;
    let accepted = Instant::now();
    board.note(made.id, |s| {
        s.submitted = Some(submitted);
        s.accepted = Some(accepted);
    });
    Ok(())
}

async fn idle_latency(api: &mut Connection, path: &str, n: usize, board: &Board) -> Result<()> {
    for _ in 0..n {
        let before = board.committed.load(Ordering::Relaxed);
        submit(api, path, board).await?;
        drain(board, before + 1).await?;
    }
    Ok(())
}

/// Waits until this many results are committed.
async fn drain(board: &Board, until: u64) -> Result<()> {
    let wait = async {
        loop {
            let more = board.progress.notified();
            tokio::pin!(more);
            more.as_mut().enable();
            if board.committed.load(Ordering::Relaxed) >= until {
                return;
            }
            more.await;
        }
    };
    tokio::time::timeout(Duration::from_secs(60), wait)
        .await
        .context("runs were accepted and did not end within a minute")
}

async fn saturate(
    to: SocketAddr,
    key: &str,
    path: &str,
    args: &Bench,
    board: &Arc<Board>,
) -> Result<u64> {
    let until = Instant::now() + Duration::from_secs(args.seconds);
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..args.submitters() {
        let mut api = Connection::open(to, key).await?;
        let (path, board) = (path.to_owned(), Arc::clone(board));
        tasks.spawn(async move {
            let mut n = 0;
            while Instant::now() < until {
                submit(&mut api, &path, &board).await?;
                n += 1;
            }
            anyhow::Ok(n)
        });
    }
    let mut submitted = 0;
    while let Some(task) = tasks.join_next().await {
        submitted += task??;
    }
    if args.submitters() == 0 {
        tokio::time::sleep_until(until.into()).await;
    }
    Ok(submitted)
}

async fn about(api: &mut Connection) -> Result<Value> {
    api.call("GET", "/api/v1/server/about", b"").await?.json()
}

/// How long after their slots scheduled runs started, in milliseconds, by the server's clock.
async fn punctuality(api: &mut Connection) -> Result<Value> {
    let mut errors = Vec::new();
    // The newest thousand, which is one page, are sample enough.
    let page: Value = api
        .call("GET", "/api/v1/runs?limit=1000&state=completed", b"")
        .await?
        .json()?;
    for run in page["items"].as_array().into_iter().flatten() {
        let Some(slot) = run["trigger"]["slot"].as_str() else {
            continue;
        };
        let Some(started) = run["started_at"].as_str() else {
            continue;
        };
        let wait = started
            .parse::<jiff::Timestamp>()?
            .duration_since(slot.parse()?);
        errors.push(wait.as_secs_f64() * 1_000.0);
    }
    errors.sort_by(f64::total_cmp);
    Ok(json!({
        "runs": errors.len(),
        "early": errors.iter().filter(|e| **e < 0.0).count(),
        "p50_ms": measure::percentile(&errors, 50.0),
        "p99_ms": measure::percentile(&errors, 99.0),
        "max_ms": errors.last(),
    }))
}
