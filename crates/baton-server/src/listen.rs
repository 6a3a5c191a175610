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
use refusing::{Progress, Refusing};

mod refusing;

/// A client that has not sent its headers after this long is cut, and so is one that keeps a
/// connection open without a request.
const HEADERS_WITHIN: Duration = Duration::from_secs(30);
/// A client that has not finished its handshake after this long is cut.
const HANDSHAKE_WITHIN: Duration = Duration::from_secs(10);
/// Bytes of headers that are read at most.
const MAX_HEADERS: usize = 64 << 10;
/// After the system refused a new connection (too many open files) it gets time to recover, twice as long each time.
const BREATH: Duration = Duration::from_millis(100);
/// It is asked again at least this often.
const LONGEST_BREATH: Duration = Duration::from_secs(2);

/// Accepts connections until `stop`; those that are open then finish what they are doing.
pub(crate) async fn serve(
    listener: TcpListener,
    tls: Option<Tls>,
    places: usize,
    router: Router,
    connections: TaskTracker,
    stop: CancellationToken,
) {
    let places = Arc::new(Semaphore::new(places));
    let acceptor = tls.map(|tls| tls.acceptor);
    let mut patience = Patience::default();
    loop {
        let accepted = tokio::select! {
            accepted = accept(&listener, &places) => accepted,
            () = stop.cancelled() => return,
        };
        let (stream, peer, place) = match accepted {
            Ok(accepted) => {
                if let Some(refused) = patience.accepted() {
                    tracing::warn!(refused, "accepting connections again");
                }
                accepted
            }
            Err(error) => {
                let (wait, first) = patience.refused(&error);
                if first {
                    tracing::warn!(
                        %error,
                        "cannot accept connections; new ones wait. Are there enough open files for this process (ulimit -n)?"
                    );
                }
                tokio::select! {
                    () = tokio::time::sleep(wait) => continue,
                    () = stop.cancelled() => return,
                }
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

/// How often the system refused to accept in a row, so that it is asked less often and complained of once.
#[derive(Debug, Default)]
struct Patience {
    refused: u32,
}

impl Patience {
    /// How long to wait after a refusal, and whether it is the first of a row. A client that went away before
    /// it was accepted is no refusal of the system.
    fn refused(&mut self, error: &io::Error) -> (Duration, bool) {
        use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset, Interrupted};
        if let ConnectionAborted | ConnectionRefused | ConnectionReset | Interrupted = error.kind()
        {
            return (Duration::ZERO, false);
        }
        let doubled = BREATH.saturating_mul(1 << self.refused.min(10));
        self.refused = self.refused.saturating_add(1);
        (doubled.min(LONGEST_BREATH), self.refused == 1)
    }

    /// A connection was accepted: how often that was refused before, if it was.
    fn accepted(&mut self) -> Option<u32> {
        Some(std::mem::take(&mut self.refused)).filter(|refused| *refused > 0)
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
    let progress = Progress::default();
    let stream = Refusing::new(stream, progress.clone());
    let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(ConnectInfo(peer));
        progress.begin();
        let (answer, progress) = (router.clone().oneshot(request), progress.clone());
        async move {
            answer
                .await
                .map(|answer| answer.map(|body| progress.follow(body)))
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    fn too_many_files() -> io::Error {
        io::Error::from_raw_os_error(24)
    }

    #[test]
    fn a_row_of_refusals_is_complained_of_once_and_asked_about_ever_less() {
        let mut patience = Patience::default();
        assert_eq!(patience.accepted(), None);
        assert_eq!(patience.refused(&too_many_files()), (BREATH, true));
        assert_eq!(patience.refused(&too_many_files()), (BREATH * 2, false));
        for _ in 0..100 {
            assert!(!patience.refused(&too_many_files()).1);
        }
        assert_eq!(patience.refused(&too_many_files()), (LONGEST_BREATH, false));
        assert_eq!(patience.accepted(), Some(103));
        assert_eq!(patience.refused(&too_many_files()), (BREATH, true));
    }

    #[test]
    fn a_client_that_went_away_makes_nobody_wait() {
        let mut patience = Patience::default();
        let gone = io::Error::from(io::ErrorKind::ConnectionAborted);
        assert_eq!(patience.refused(&gone), (Duration::ZERO, false));
        assert_eq!(patience.accepted(), None);
    }
}
