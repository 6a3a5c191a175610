//! A robot over a real WebSocket that says and hears exactly what a test makes it.

use baton_api::robot::{
    Accept, Ack, Claim, Frame, Heartbeat, HeartbeatAck, Held, JobAssignment, JobResult, Message,
    PROTOCOL, Phase, Register, RobotRegistered, Start,
};
use baton_core::id::{KeyId, RobotId};
use baton_core::robot::RobotOffer;
use baton_core::state::State;
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::Message as Raw;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::Response;
use tokio_tungstenite::{MaybeTlsStream, WebSocketStream};
use uuid::Uuid;

use super::{PATIENCE, no_outputs};

/// A robot that may connect.
#[derive(Clone, Debug)]
pub(crate) struct Enrolled {
    pub(crate) id: RobotId,
    pub(crate) key: KeyId,
    pub(crate) name: String,
    pub(crate) text: String,
    pub(crate) url: String,
}

impl Enrolled {
    /// The same robot, calling another server.
    pub(crate) fn at(&self, url: &str) -> Self {
        Self {
            url: url.replacen("http", "ws", 1) + baton_api::robot::PATH,
            ..self.clone()
        }
    }

    /// What it says first.
    pub(crate) fn register(&self) -> Register {
        Register {
            protocol: PROTOCOL,
            robot_name: self.name.clone(),
            offer: RobotOffer {
                computer: format!("pc-{}", self.name),
                max_concurrent_jobs: 1,
                ..RobotOffer::default()
            },
            holds: Vec::new(),
        }
    }
}

/// A connected robot.
pub(crate) struct Script {
    pub(crate) robot: Enrolled,
    pub(crate) registered: RobotRegistered,
    socket: WebSocketStream<MaybeTlsStream<TcpStream>>,
}

impl Script {
    /// Connects and registers with one slot, holding nothing.
    pub(crate) async fn connect(robot: &Enrolled) -> Self {
        Self::connect_with(robot, |_| {}).await
    }

    /// Connects and registers.
    pub(crate) async fn connect_with(robot: &Enrolled, change: impl FnOnce(&mut Register)) -> Self {
        let mut register = robot.register();
        change(&mut register);
        let socket = dial(robot).await.expect("the key is right");
        let mut script = Self {
            robot: robot.clone(),
            registered: RobotRegistered {
                robot_id: robot.id,
                name: String::new(),
                session: 0,
                heartbeat_seconds: 0.0,
                lease_seconds: 0.0,
                start_within_seconds: 0.0,
                draining: false,
                verdicts: Vec::new(),
                server_version: String::new(),
            },
            socket,
        };
        script.say(&register).await;
        script.registered = script.hear().await;
        script
    }

    /// Connects and says this first, whatever it is.
    pub(crate) async fn connect_saying(robot: &Enrolled, first: &impl Message) -> Self {
        let mut script = Self {
            robot: robot.clone(),
            registered: serde_json::from_value(serde_json::json!({
                "robot_id": robot.id, "name": "", "session": 0, "heartbeat_seconds": 0.0,
                "lease_seconds": 0.0, "start_within_seconds": 0.0, "server_version": ""
            }))
            .expect("plain"),
            socket: dial(robot).await.expect("the key is right"),
        };
        script.say(first).await;
        script
    }

    /// Connects again, holding these.
    pub(crate) async fn reconnect(self, holds: &[(Claim, Phase)]) -> Self {
        let robot = self.robot.clone();
        drop(self);
        Self::connect_holding(&robot, holds).await
    }

    /// Connects, holding these.
    pub(crate) async fn connect_holding(robot: &Enrolled, holds: &[(Claim, Phase)]) -> Self {
        Self::connect_with(robot, |register| register.holds = held(holds)).await
    }

    /// Says something.
    pub(crate) async fn say(&mut self, message: &impl Message) {
        let text = message.frame(Uuid::from_u128(1), Timestamp::UNIX_EPOCH, None);
        self.say_text(text).await;
    }

    /// Says anything.
    pub(crate) async fn say_text(&mut self, text: String) {
        let sent = self.socket.send(Raw::Text(text.into())).await;
        sent.expect("the server listens");
    }

    /// Says anything, whether or not it gets through.
    pub(crate) async fn try_to_say(&mut self, text: String) {
        _ = self.socket.send(Raw::Text(text.into())).await;
    }

    /// Waits until the connection is over, however it ends.
    pub(crate) async fn hear_the_end(&mut self) {
        let waiting = async { while let Some(Ok(_)) = self.socket.next().await {} };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the connection ends");
    }

    /// The next message, which must be of this kind.
    pub(crate) async fn hear<T: Message>(&mut self) -> T {
        let text = match tokio::time::timeout(PATIENCE, self.socket.next()).await {
            Ok(Some(Ok(Raw::Text(text)))) => text,
            Ok(other) => panic!("expected {}, got {other:?}", T::KIND),
            Err(_) => panic!("waited for {}", T::KIND),
        };
        let frame: Frame<'_> = serde_json::from_str(&text).expect("a frame");
        assert_eq!(frame.kind, T::KIND, "{text}");
        T::read(&frame).expect("a message")
    }

    /// The kind of the next message, whatever it is.
    pub(crate) async fn hear_any(&mut self) -> String {
        match tokio::time::timeout(PATIENCE, self.socket.next()).await {
            Ok(Some(Ok(Raw::Text(text)))) => {
                let frame: Frame<'_> = serde_json::from_str(&text).expect("a frame");
                frame.kind.to_owned()
            }
            other => panic!("expected a message, got {other:?}"),
        }
    }

    /// Accepts and is told to start, whatever else comes in between.
    pub(crate) async fn accept_skipping_acks(&mut self, claim: Claim) {
        self.say(&Accept { claim }).await;
        while self.hear_any().await != Start::KIND {}
    }

    /// The code and reason with which the server closes the connection.
    pub(crate) async fn hear_close(&mut self) -> (u16, String) {
        let waiting = async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Raw::Close(Some(frame)))) => {
                        return (frame.code.into(), frame.reason.to_string());
                    }
                    Some(Ok(_)) => {}
                    other => panic!("the connection ended without a word: {other:?}"),
                }
            }
        };
        tokio::time::timeout(PATIENCE, waiting)
            .await
            .expect("the server closes")
    }

    /// Nothing was said to the robot before it says this and is answered.
    pub(crate) async fn hears_nothing_yet(&mut self) {
        let ack = self.beat(&[]).await;
        assert!(ack.superseded.is_empty());
    }

    /// Says that it is there, holding these; answers what the server says.
    pub(crate) async fn beat(&mut self, active: &[(Claim, Phase)]) -> HeartbeatAck {
        let beat = Heartbeat {
            active: held(active),
            ..Heartbeat::default()
        };
        self.say(&beat).await;
        self.hear().await
    }

    /// Says that it is there, holding these, and is answered, whatever else comes in between.
    pub(crate) async fn beat_skipping_others(&mut self, active: &[(Claim, Phase)]) {
        let beat = Heartbeat {
            active: held(active),
            ..Heartbeat::default()
        };
        self.say(&beat).await;
        while self.hear_any().await != HeartbeatAck::KIND {}
    }

    /// Takes the assignment that comes next and is told to start.
    pub(crate) async fn take(&mut self) -> JobAssignment {
        let assignment: JobAssignment = self.hear().await;
        self.accept(assignment.claim).await;
        assignment
    }

    /// Accepts and is told to start.
    pub(crate) async fn accept(&mut self, claim: Claim) {
        self.say(&Accept { claim }).await;
        let start: Start = self.hear().await;
        assert_eq!(start.claim, claim);
    }

    /// Hands over a result; answers whether it was superseded.
    pub(crate) async fn finish(&mut self, claim: Claim, state: State) -> bool {
        self.say(&result(claim, state)).await;
        match self.hear().await {
            Ack::Result {
                claim: acked,
                superseded,
            } => {
                assert_eq!(acked, claim);
                superseded
            }
            other => panic!("expected the acknowledgement of a result, got {other:?}"),
        }
    }
}

/// A result.
pub(crate) fn result(claim: Claim, state: State) -> JobResult {
    JobResult {
        claim,
        status: state.job_status().into(),
        state,
        error: None,
        exit_code: Some(i32::from(state != State::Completed)),
        outputs: no_outputs(),
        execution_time: Some(1.5),
        handed_back: false,
    }
}

fn held(holds: &[(Claim, Phase)]) -> Vec<Held> {
    let held = holds.iter().map(|(claim, phase)| Held::new(*claim, *phase));
    held.collect()
}

/// Dials; what the server answers instead of an upgrade is the error.
pub(crate) async fn dial(
    robot: &Enrolled,
) -> Result<WebSocketStream<MaybeTlsStream<TcpStream>>, Box<Response<Option<Vec<u8>>>>> {
    let mut request = robot.url.as_str().into_client_request().expect("a url");
    let value = format!("Bearer {}", robot.text).parse().expect("a header");
    request.headers_mut().insert("authorization", value);
    match tokio_tungstenite::connect_async(request).await {
        Ok((socket, _)) => Ok(socket),
        Err(tokio_tungstenite::tungstenite::Error::Http(response)) => Err(response),
        Err(error) => panic!("cannot dial: {error}"),
    }
}
