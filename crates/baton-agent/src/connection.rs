//! One WebSocket to the server: dialled with the robot's key, bounded, heartbeats before bulk.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use baton_api::client::{is_untrusted, tls_config};
use baton_api::robot::{MAX_FRAME, PATH};
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use http::{HeaderValue, Uri, header};
use rustls_pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::TlsConnector;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::config::AgentConfig;
use crate::http::KeyRefused;

/// How long dialling, TLS and the upgrade may take together.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// The library would set aside 128 KiB for each; frames to a robot are small.
const READ_BUFFER: usize = 8 << 10;

trait Duplex: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Duplex for T {}

type Socket = WebSocketStream<Box<dyn Duplex>>;

/// An open connection. Dropping it closes it.
pub(crate) struct Connection {
    urgent: mpsc::UnboundedSender<String>,
    bulk: mpsc::UnboundedSender<String>,
    incoming: SplitStream<Socket>,
    writer: tokio::task::JoinHandle<()>,
}

/// What comes in.
pub(crate) enum Incoming {
    /// A frame.
    Text(String),
    /// Nothing for the session: a ping, a pong.
    Other,
    /// The end, with the close code if the server gave one.
    Closed(Option<u16>, String),
}

impl Connection {
    /// Dials the server.
    pub(crate) async fn open(config: &AgentConfig) -> Result<Self> {
        let opened = tokio::time::timeout(CONNECT_WITHIN, dial(config)).await;
        let (sink, incoming) = opened
            .context("the server did not answer in time")??
            .split();
        // These are bounded by the session: it sends a few frames for each attempt before it waits for answers.
        let (urgent, urgent_out) = mpsc::unbounded_channel();
        let (bulk, bulk_out) = mpsc::unbounded_channel();
        let writer = tokio::spawn(write(sink, urgent_out, bulk_out));
        Ok(Self {
            urgent,
            bulk,
            incoming,
            writer,
        })
    }

    /// Sends before everything that waits in bulk.
    pub(crate) fn send(&self, text: String) {
        // A writer that is gone shows as the end of what comes in.
        let _ = self.urgent.send(text);
    }

    /// Sends when nothing urgent waits.
    pub(crate) fn send_bulk(&self, text: String) {
        let _ = self.bulk.send(text);
    }

    /// What comes in next. Cancel-safe.
    pub(crate) async fn next(&mut self) -> Incoming {
        match self.incoming.next().await {
            Some(Ok(Message::Text(text))) => Incoming::Text(text.as_str().to_owned()),
            Some(Ok(Message::Close(frame))) => match frame {
                Some(f) => Incoming::Closed(Some(f.code.into()), f.reason.as_str().to_owned()),
                None => Incoming::Closed(None, "without a reason".to_owned()),
            },
            Some(Ok(_)) => Incoming::Other,
            Some(Err(error)) => Incoming::Closed(None, error.to_string()),
            None => Incoming::Closed(None, "the connection ended".to_owned()),
        }
    }

    /// Says goodbye, if the server still listens.
    pub(crate) async fn close(self) {
        let Self {
            urgent,
            bulk,
            writer,
            ..
        } = self;
        drop((urgent, bulk));
        let _ = tokio::time::timeout(Duration::from_secs(1), writer).await;
    }
}

async fn write(
    mut sink: SplitSink<Socket, Message>,
    mut urgent: mpsc::UnboundedReceiver<String>,
    mut bulk: mpsc::UnboundedReceiver<String>,
) {
    loop {
        let next = tokio::select! {
            biased;
            next = urgent.recv() => next,
            next = bulk.recv() => next,
        };
        let Some(text) = next else { break };
        // What waits already goes out in the same system call.
        let more = !urgent.is_empty() || !bulk.is_empty();
        let sent = if more {
            sink.feed(Message::text(text)).await
        } else {
            sink.send(Message::text(text)).await
        };
        if sent.is_err() {
            return;
        }
    }
    let _ = sink.send(Message::Close(None)).await;
}

async fn dial(config: &AgentConfig) -> Result<Socket> {
    let base = config.server.trim_end_matches('/');
    let uri: Uri = base
        .parse()
        .with_context(|| format!("{base:?} is not a URL"))?;
    let secure = match uri.scheme_str() {
        Some("http") => false,
        Some("https") => true,
        _ => bail!("{base:?} must begin with http:// or https://"),
    };
    let host = uri
        .host()
        .with_context(|| format!("{base:?} names no host"))?;
    let host = host
        .trim_start_matches('[')
        .trim_end_matches(']')
        .to_owned();
    let port = uri.port_u16().unwrap_or(if secure { 443 } else { 80 });
    let tcp = TcpStream::connect((host.as_str(), port)).await;
    let tcp = tcp.with_context(|| format!("cannot reach {host}:{port}"))?;
    tcp.set_nodelay(true)?;
    let stream: Box<dyn Duplex> = if secure {
        let connector = TlsConnector::from(Arc::new(tls_config(&config.trust)?));
        let tls = connector.connect(ServerName::try_from(host)?, tcp).await;
        Box::new(tls.map_err(|error| {
            let what = if is_untrusted(&error) {
                "the server's certificate is not trusted here [untrusted_certificate]"
            } else {
                "the server does not speak TLS"
            };
            anyhow::Error::from(error).context(what)
        })?)
    } else {
        Box::new(tcp)
    };
    let url = format!("ws{}{PATH}", base.strip_prefix("http").unwrap_or(base));
    let mut request = url.into_client_request()?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {}", config.key.0))
        .context("the robot's key holds characters that no header can carry")?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(header::AUTHORIZATION, bearer);
    let limits = WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER)
        .write_buffer_size(READ_BUFFER)
        .max_message_size(Some(MAX_FRAME))
        .max_frame_size(Some(MAX_FRAME));
    let upgraded = tokio_tungstenite::client_async_with_config(request, stream, Some(limits)).await;
    match upgraded {
        Ok((socket, _)) => Ok(socket),
        Err(Error::Http(answer)) if matches!(answer.status().as_u16(), 401 | 403 | 409) => {
            Err(KeyRefused {
                code: String::new(),
                detail: format!("it answered {}", answer.status()),
            }
            .into())
        }
        Err(Error::Http(answer)) => bail!("the server answered {}", answer.status()),
        Err(error) => Err(error.into()),
    }
}

/// How long to wait before the next try: anything up to a bound that doubles, so that a fleet spreads out.
pub(crate) fn backoff(tries: u32, (shortest, longest): (Duration, Duration)) -> Duration {
    let bound = shortest.saturating_mul(1 << tries.min(16)).min(longest);
    let mut random = [0; 4];
    // Without randomness the whole bound is waited: slower, not wrong.
    let share = getrandom::fill(&mut random).map_or(1.0, |()| {
        f64::from(u32::from_le_bytes(random)) / f64::from(u32::MAX)
    });
    bound.mul_f64(share)
}

/// What comes in next; never, where there is no connection.
pub(crate) async fn incoming(connection: Option<&mut Connection>) -> Incoming {
    match connection {
        Some(connection) => connection.next().await,
        None => std::future::pending().await,
    }
}
