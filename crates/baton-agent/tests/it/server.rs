//! A server that follows a script: one port, WebSockets for the test to speak on, a few files over HTTP.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use baton_api::package;
use baton_api::robot::{
    Ack, Claim, Frame, HeartbeatAck, Held, JobAssignment, JobResult, LogBatch, Message, Register,
    RobotLog, RobotRegistered, Start, StatusUpdate, TaskReport, TaskUpdate, Verdict,
};
use baton_core::id::RobotId;
use baton_core::robot::RobotOffer;
use baton_core::run::{LogLine, LogStream, Progress};
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::mpsc;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message as WsMessage;
use uuid::Uuid;

/// How long a test waits for anything: far longer than it takes, even on a machine under load.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);

/// The shortest lease and heartbeat, in seconds, under which a test lets a robot work: a robot gives a connection
/// up after three silent heartbeats, and the machine may keep the test itself waiting nearly as long.
pub(crate) const SHORT: (f64, f64) = (5.0, 1.5);

pub(crate) trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

#[derive(Default)]
pub(crate) struct Files {
    pub(crate) packages: HashMap<String, Vec<u8>>,
    pub(crate) downloads: usize,
    pub(crate) artifacts: Vec<(String, Vec<u8>)>,
    /// The code with which robots are refused at the door, and how often that was.
    pub(crate) refusal: Option<&'static str>,
    pub(crate) refused: usize,
    /// Requests with this method are not answered for now; how many came and wait or waited.
    pub(crate) stall: Option<&'static str>,
    pub(crate) stalled: usize,
    /// It refuses no more often than this.
    pub(crate) refuse_at_most: Option<usize>,
}

pub(crate) struct Server {
    pub(crate) url: String,
    pub(crate) files: Arc<Mutex<Files>>,
    links: mpsc::UnboundedReceiver<Link>,
}

impl Server {
    pub(crate) async fn start() -> Self {
        Self::with_tls(None).await
    }

    pub(crate) async fn with_tls(tls: Option<tokio_rustls::TlsAcceptor>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let port = listener.local_addr().expect("bound").port();
        let scheme = if tls.is_some() { "https" } else { "http" };
        let files = Arc::new(Mutex::new(Files::default()));
        let (links, links_out) = mpsc::unbounded_channel();
        let shared = Arc::clone(&files);
        tokio::spawn(async move {
            while let Ok((tcp, _)) = listener.accept().await {
                tcp.set_nodelay(true).expect("a socket");
                let (tls, links, files) = (tls.clone(), links.clone(), Arc::clone(&shared));
                tokio::spawn(async move {
                    match tls {
                        Some(tls) => {
                            if let Ok(stream) = tls.accept(tcp).await {
                                upgrade(Box::new(stream), &links).await;
                            }
                        }
                        None => serve(tcp, &links, &files).await,
                    }
                });
            }
        });
        Self {
            url: format!("{scheme}://127.0.0.1:{port}"),
            files,
            links: links_out,
        }
    }

    /// The next robot that connects.
    pub(crate) async fn link(&mut self) -> Link {
        let link = tokio::time::timeout(PATIENCE, self.links.recv()).await;
        link.expect("a robot connects in time")
            .expect("the server runs")
    }

    /// The next robot that connects, registered under ordinary terms.
    pub(crate) async fn robot(&mut self) -> Link {
        let mut link = self.link().await;
        link.register(|_| true).await;
        link
    }

    pub(crate) fn add_package(&self, folder: &std::path::Path) -> String {
        let bytes = package::pack(folder).expect("packs");
        let hash = package::hash(&bytes);
        self.files
            .lock()
            .expect("not poisoned")
            .packages
            .insert(hash.clone(), bytes);
        hash
    }
}

async fn serve(tcp: TcpStream, links: &mpsc::UnboundedSender<Link>, files: &Mutex<Files>) {
    let Some(start) = crate::support::first_bytes(&tcp).await else {
        return;
    };
    let refusal = files.lock().expect("not poisoned").refusal;
    if &start == b"GET /ws/robot" && refusal.is_none() {
        upgrade(Box::new(tcp), links).await;
    } else {
        // A request that breaks off is the robot's business.
        let _ = answer(tcp, files).await;
    }
}

async fn upgrade(stream: Box<dyn Duplex>, links: &mpsc::UnboundedSender<Link>) {
    if let Ok(socket) = tokio_tungstenite::accept_async(stream).await {
        let _ = links.send(Link::new(socket));
    }
}

/// One HTTP exchange, as little of it as the agent needs.
async fn answer(mut tcp: TcpStream, files: &Mutex<Files>) -> std::io::Result<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(tcp.read_u8().await?);
    }
    let head = String::from_utf8(head).expect("ASCII");
    let mut words = head.split_whitespace();
    let (method, path) = (words.next().expect("method"), words.next().expect("path"));
    assert!(head.contains("Bearer secret-key"), "no key in {head}");
    let length = head.lines().find_map(|l| {
        l.to_ascii_lowercase()
            .strip_prefix("content-length: ")
            .map(str::to_owned)
    });
    let mut body = vec![0; length.map_or(0, |l| l.trim().parse().expect("a number"))];
    tcp.read_exact(&mut body).await?;
    let stalls = || files.lock().expect("not poisoned").stall == Some(method);
    if stalls() {
        files.lock().expect("not poisoned").stalled += 1;
    }
    crate::support::eventually("requests are answered again", || !stalls()).await;
    let (status, reply) = {
        let mut files = files.lock().expect("not poisoned");
        match (method, path.strip_prefix("/api/v1/packages/")) {
            ("GET", Some(hash)) => {
                files.downloads += 1;
                files
                    .packages
                    .get(hash)
                    .map_or(("404 Not Found", Vec::new()), |p| ("200 OK", p.clone()))
            }
            ("GET", None) if path == baton_api::robot::PATH => {
                let code = files.refusal.unwrap_or("not_a_websocket");
                files.refused += 1;
                if files
                    .refuse_at_most
                    .is_some_and(|most| files.refused >= most)
                {
                    files.refusal = None;
                }
                let problem = format!(
                    r#"{{"type":"","title":"","status":401,"code":"{code}","detail":"not you"}}"#
                );
                ("401 Unauthorized", problem.into_bytes())
            }
            ("PUT", _) => {
                files.artifacts.push((path.to_owned(), body));
                ("201 Created", Vec::new())
            }
            _ => ("404 Not Found", Vec::new()),
        }
    };
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        reply.len()
    );
    tcp.write_all(head.as_bytes()).await?;
    tcp.write_all(&reply).await?;
    tcp.shutdown().await
}

/// One connection of a robot.
pub(crate) struct Link {
    socket: WebSocketStream<Box<dyn Duplex>>,
    pub(crate) lease: f64,
    pub(crate) heartbeat: f64,
    pub(crate) answer_heartbeats: bool,
    pub(crate) ack: bool,
    pub(crate) lines: Vec<(Claim, LogLine)>,
    pub(crate) tasks: Vec<TaskReport>,
    pub(crate) progress: Vec<Progress>,
    pub(crate) holds: Vec<Held>,
    pub(crate) offer: RobotOffer,
    seen: Vec<String>,
}

impl Link {
    fn new(socket: WebSocketStream<Box<dyn Duplex>>) -> Self {
        Self {
            socket,
            lease: 60.0,
            heartbeat: 5.0,
            answer_heartbeats: true,
            ack: true,
            lines: Vec::new(),
            tasks: Vec::new(),
            progress: Vec::new(),
            holds: Vec::new(),
            offer: RobotOffer::default(),
            seen: Vec::new(),
        }
    }

    pub(crate) async fn register(&mut self, keep: impl Fn(&Held) -> bool) {
        let register: Register = self.until().await;
        self.holds = register.holds;
        self.offer = register.offer;
        let verdict = |h: &Held| Verdict {
            claim: h.claim,
            keep: keep(h),
        };
        let registered = RobotRegistered {
            robot_id: RobotId(Uuid::from_u128(1)),
            name: register.robot_name,
            session: 1,
            heartbeat_seconds: self.heartbeat,
            lease_seconds: self.lease,
            start_within_seconds: 10.0,
            draining: false,
            verdicts: self.holds.iter().map(verdict).collect(),
            server_version: "test".into(),
        };
        self.say(&registered).await;
    }

    pub(crate) async fn say(&mut self, message: &impl Message) {
        let text = message.frame(Uuid::nil(), Timestamp::now(), None);
        self.socket
            .send(WsMessage::text(text))
            .await
            .expect("the robot listens");
    }

    /// Closes the connection with this code.
    pub(crate) async fn close(mut self, code: u16, reason: &str) {
        let frame = tokio_tungstenite::tungstenite::protocol::CloseFrame {
            code: code.into(),
            reason: reason.into(),
        };
        let closed = self.socket.close(Some(frame)).await;
        closed.expect("the robot listens");
        // The robot says goodbye in turn.
        while let Some(Ok(_)) = self.socket.next().await {}
    }

    /// Waits for a message of this kind, answering what comes before it.
    pub(crate) async fn until<M: Message>(&mut self) -> M {
        let waiting = async {
            loop {
                let text = self.read().await;
                let frame: Frame<'_> = serde_json::from_str(&text).expect("a frame");
                self.seen.push(frame.kind.to_owned());
                self.answer(&frame).await;
                if frame.kind == M::KIND {
                    return M::read(&frame).expect("its payload");
                }
            }
        };
        match tokio::time::timeout(PATIENCE, waiting).await {
            Ok(message) => message,
            Err(_) => panic!("no {:?} came; what came: {:?}", M::KIND, self.seen),
        }
    }

    /// Waits for something else, answering the robot meanwhile.
    pub(crate) async fn during<T>(&mut self, other: impl Future<Output = T>) -> T {
        let mut other = std::pin::pin!(other);
        loop {
            tokio::select! {
                done = &mut other => return done,
                _ = self.until::<baton_api::robot::Heartbeat>() => {}
            }
        }
    }

    /// Whether the next heartbeat names an attempt that has ended.
    pub(crate) async fn holds_finished(&mut self) -> bool {
        let beat: baton_api::robot::Heartbeat = self.until().await;
        beat.active
            .iter()
            .any(|h| h.phase == baton_api::robot::Phase::Finished)
    }

    /// Cuts the connection; what came on it stays readable.
    pub(crate) async fn hang_up(&mut self) {
        let _ = self.socket.close(None).await;
    }

    async fn read(&mut self) -> String {
        loop {
            match self.socket.next().await {
                Some(Ok(WsMessage::Text(text))) => return text.as_str().to_owned(),
                Some(Ok(_)) => {}
                other => panic!("the robot is gone: {other:?}; what came: {:?}", self.seen),
            }
        }
    }

    async fn answer(&mut self, frame: &Frame<'_>) {
        match frame.kind {
            "heartbeat" if self.answer_heartbeats => {
                let beat = baton_api::robot::Heartbeat::read(frame).expect("payload");
                self.say(&HeartbeatAck {
                    sent_at: Some(beat.sent_at),
                    superseded: Vec::new(),
                })
                .await;
            }
            "log_batch" => {
                let LogBatch { claim, lines } = LogBatch::read(frame).expect("payload");
                let seq = lines.last().expect("lines").seq;
                self.lines.extend(lines.into_iter().map(|l| (claim, l)));
                if self.ack {
                    self.say(&Ack::Log { claim, seq }).await;
                }
            }
            "task_update" => {
                let TaskUpdate { claim, seq, tasks } = TaskUpdate::read(frame).expect("payload");
                self.tasks.extend(tasks);
                if self.ack {
                    self.say(&Ack::Tasks { claim, seq }).await;
                }
            }
            "robot_log" => {
                let seq = RobotLog::read(frame)
                    .expect("payload")
                    .lines
                    .last()
                    .expect("lines")
                    .seq;
                self.say(&Ack::RobotLog { seq }).await;
            }
            "status_update" => {
                self.progress
                    .push(StatusUpdate::read(frame).expect("payload").progress);
            }
            _ => {}
        }
    }

    /// Assigns a job and starts it when it is accepted.
    pub(crate) async fn start(&mut self, job: &JobAssignment) {
        self.say(job).await;
        let accept: baton_api::robot::Accept = self.until().await;
        assert_eq!(accept.claim, job.claim);
        self.say(&Start { claim: job.claim }).await;
    }

    /// Waits for the next result and acknowledges it.
    pub(crate) async fn result(&mut self) -> JobResult {
        let result: JobResult = self.until().await;
        self.say(&Ack::Result {
            claim: result.claim,
            superseded: false,
        })
        .await;
        result
    }

    pub(crate) async fn run(&mut self, job: &JobAssignment) -> JobResult {
        self.start(job).await;
        self.result().await
    }

    /// Waits until a log line contains this text.
    pub(crate) async fn until_line(&mut self, text: &str) {
        while !self.lines.iter().any(|(_, l)| l.message.contains(text)) {
            let _: LogBatch = self.until().await;
        }
    }

    /// Messages of one stream.
    pub(crate) fn messages(&self, stream: LogStream) -> Vec<&str> {
        let of = |(_, l): &&(Claim, LogLine)| l.stream == stream;
        self.lines
            .iter()
            .filter(of)
            .map(|(_, l)| l.message.as_str())
            .collect()
    }
}
