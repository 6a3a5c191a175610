//! A robot's connection without a robot: dials, registers and speaks the protocol, for load tests and demos.

use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, Result, bail};
use baton_api::robot::{Frame, Message, PATH, PROTOCOL, Register, RobotRegistered};
use baton_core::robot::RobotOffer;
use futures_util::{SinkExt, StreamExt};
use jiff::Timestamp;
use tokio::net::TcpStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::{WebSocketStream, tungstenite};
use uuid::Uuid;

/// A registered connection.
pub(crate) type Socket = WebSocketStream<TcpStream>;

/// Connects to a server on this machine with a robot's key, and registers with this offer.
pub(crate) async fn connect(
    to: SocketAddr,
    name: &str,
    key: &str,
    offer: RobotOffer,
) -> Result<Socket> {
    let stream = TcpStream::connect(to).await?;
    stream.set_nodelay(true)?;
    let mut request = format!("ws://{to}{PATH}").into_client_request()?;
    request.headers_mut().insert(
        "authorization",
        format!("Bearer {key}").parse().context("key")?,
    );
    let config = WebSocketConfig::default()
        .read_buffer_size(4 << 10)
        .write_buffer_size(4 << 10);
    let (mut socket, _) =
        tokio_tungstenite::client_async_with_config(request, stream, Some(config)).await?;
    let register = Register {
        protocol: PROTOCOL,
        robot_name: name.to_owned(),
        offer,
        holds: Vec::new(),
    };
    send(&mut socket, &register).await?;
    loop {
        let Some(message) = socket.next().await else {
            bail!("the server closed the connection of {name}")
        };
        if let tungstenite::Message::Text(text) = message? {
            let frame: Frame<'_> = serde_json::from_str(&text)?;
            match frame.kind {
                RobotRegistered::KIND => return Ok(socket),
                other => bail!("{other} instead of robot_registered: {text}"),
            }
        }
    }
}

/// Sends a message.
pub(crate) async fn send<M: Message>(socket: &mut Socket, message: &M) -> Result<()> {
    socket
        .send(tungstenite::Message::Text(frame(message).into()))
        .await?;
    Ok(())
}

/// A message as the text of its frame.
pub(crate) fn frame<M: Message>(message: &M) -> String {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    let id = Uuid::from_u64_pair(0xbe4c, NEXT.fetch_add(1, Ordering::Relaxed));
    message.frame(id, Timestamp::now(), None)
}
