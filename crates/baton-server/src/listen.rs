//! The listening loop: bounded connections, each served until it ends or the server stops.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::ConnectInfo;
use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt;

use crate::tls::{Tls, is_noise};

/// Connections at once: 10,000 robots, and as many again for everybody else. Beyond this a new one waits.
const MAX_CONNECTIONS: usize = 20_480;
/// A client that has not sent its headers after this long is cut, and so is one that keeps a
/// connection open without a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// A client that has not finished its handshake after this long is cut.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of headers that are read at most.
const MAX_HEADERS: usize = 64 << 10;
/// After the system refused a new connection (too many open files) it gets time to recover.
const BREATH: Duration = Duration::from_millis(100);

/// Accepts connections until `stop`; those that are open then finish what they are doing.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    router: Router,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
    let acceptor = tls.map(|tls| tls.acceptor);
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => accepted,
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(BREATH).await;
                continue;
            }
        };
        let (router, stop, acceptor) = (router.clone(), stop.clone(), acceptor.clone());
        connections.spawn(async move {
            let _place = place;
            // A small answer must not wait for the acknowledgement of the one before.
            _ = stream.set_nodelay(true);
            match acceptor {
                None => http1(stream, peer, router, stop).await,
                Some(acceptor) => {
                    let handshake = tokio::time::timeout(HANDSHAKE_WITHIN, acceptor.accept(stream));
                    match handshake.await {
                        Ok(Ok(stream)) => http1(stream, peer, router, stop).await,
                        Ok(Err(error)) if !is_noise(&error) => {
                            tracing::debug!(%peer, %error, "a TLS handshake failed");
                        }
                        _ => {}
                    }
                }
            }
        });
    }
}

async fn accept(
    listener: &TcpListener,
    places: &Arc<Semaphore>,
) -> io::Result<(TcpStream, SocketAddr, OwnedSemaphorePermit)> {
    let place = Arc::clone(places)
        .acquire_owned()
        .await
        .expect("the semaphore is never closed");
    let (stream, peer) = listener.accept().await?;
    Ok((stream, peer, place))
}

async fn http1<S>(stream: S, peer: SocketAddr, router: Router, stop: CancellationToken)
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        router.clone().oneshot(request)
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN)
        .max_buf_size(MAX_HEADERS)
        .serve_connection(TokioIo::new(stream), service)
        .with_upgrades();
    tokio::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended
        && !error.is_incomplete_message()
        && !error.is_timeout()
    {
        tracing::debug!(%peer, %error, "a connection ended badly");
    }
}
