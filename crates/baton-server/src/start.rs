//! The life of a server: checked, opened, serving, and stopped in a fixed order.
//!
//! The order of a graceful stop: the scheduler stops, runs that wait are kept (or cancelled, when asked
//! for), robots are told to reconnect, open requests finish, the store closes. Nothing that was
//! acknowledged depends on it: a server that is killed loses nothing either.

use std::net::SocketAddr;
use std::sync::Arc;

use baton_api::robot::CLOSE_RESTART;
use baton_core::zone;
use baton_store::Store;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::app::App;
use crate::clock::Clock;
use crate::config::Config;
use crate::{http, listen, operations, services, tls};

/// Why a server does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Listening beyond this machine without encryption, unasked.
    #[error(
        "refusing to listen on {listen} without TLS: keys would cross the network in the clear; give \
         --tls-cert and --tls-key, or --insecure-http if something in front encrypts, or listen on 127.0.0.1"
    )]
    InsecureListen {
        /// The address.
        listen: SocketAddr,
    },
    /// The port is taken, or may not be used.
    #[error(
        "cannot listen on {listen}: {error}; another server may be running there, choose another with --port"
    )]
    Listen {
        /// The address.
        listen: SocketAddr,
        /// What the system said.
        error: std::io::Error,
    },
    /// Certificate or key are of no use.
    #[error(transparent)]
    Tls(#[from] tls::TlsError),
    /// The folder with time zone data is of no use.
    #[error(transparent)]
    Zones(#[from] crate::zones::ZoneFault),
    /// The zone is unknown.
    #[error("the timezone {zone:?} is unknown; give an IANA name such as Europe/Berlin")]
    Timezone {
        /// The name.
        zone: String,
    },
}

impl StartError {
    /// Stable, snake_case.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::InsecureListen { .. } => "insecure_listen",
            Self::Listen { .. } => "cannot_listen",
            Self::Tls { .. } => "bad_tls",
            Self::Zones(_) => "bad_zoneinfo",
            Self::Timezone { .. } => "bad_timezone",
        }
    }
}

/// A running server.
pub struct ServerHandle {
    /// Where it listens.
    pub addr: SocketAddr,
    /// Its address for clients on this machine.
    pub url: String,
    /// SHA-256 of its certificate in lower-case hex, when it speaks TLS.
    pub tls_fingerprint: Option<String>,
    /// What its parts share.
    pub app: Arc<App>,
    scheduling: CancellationToken,
    deciding: CancellationToken,
    listening: CancellationToken,
    services: TaskTracker,
    connections: TaskTracker,
}

/// Refuses what [`start`] would refuse, before anything is made: no data folder is left behind by a server
/// that cannot serve. The port may still be taken in between; then the start itself refuses.
pub fn check(config: &Config) -> Result<(), StartError> {
    judge(config)?;
    let listen = config.listen;
    match std::net::TcpListener::bind(listen) {
        Ok(_) => Ok(()),
        Err(error) => Err(StartError::Listen { listen, error }),
    }
}

/// The certificate, when nothing of the configuration stands against a start.
fn judge(config: &Config) -> Result<Option<tls::Tls>, StartError> {
    zone::install(config.zones.newest()?);
    if zone::get(&config.timezone).is_none() {
        return Err(StartError::Timezone {
            zone: config.timezone.clone(),
        });
    }
    let listen = config.listen;
    if !listen.ip().is_loopback() && config.tls.is_none() && !config.insecure_http {
        return Err(StartError::InsecureListen { listen });
    }
    Ok(config.tls.as_ref().map(tls::load).transpose()?)
}

/// Starts a server on an open store. It serves when this returns.
pub async fn start(
    config: Config,
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
) -> Result<ServerHandle, StartError> {
    let tls = judge(&config)?;
    let listen = config.listen;
    let refused = |error| StartError::Listen { listen, error };
    let listener = TcpListener::bind(listen).await.map_err(refused)?;
    let addr = listener.local_addr().map_err(refused)?;
    let places = config.connections.max(1);
    let tls_fingerprint = tls.as_ref().map(|tls| tls.fingerprint.clone());
    let scheme = if tls.is_some() { "https" } else { "http" };
    let app = App::new(config, store, clock);
    let handle = ServerHandle {
        addr,
        url: format!("{scheme}://{}", local(addr)),
        tls_fingerprint,
        app: Arc::clone(&app),
        scheduling: CancellationToken::new(),
        deciding: CancellationToken::new(),
        listening: CancellationToken::new(),
        services: TaskTracker::new(),
        connections: TaskTracker::new(),
    };
    services::start(&app, &handle.services, &handle.scheduling, &handle.deciding);
    handle.connections.spawn(listen::serve(
        listener,
        tls,
        places,
        http::router(app),
        handle.connections.clone(),
        handle.listening.clone(),
    ));
    tracing::info!(url = handle.url, "serving");
    Ok(handle)
}

/// The address by which this machine reaches a listener on all addresses.
fn local(addr: SocketAddr) -> SocketAddr {
    if addr.ip().is_unspecified() {
        SocketAddr::new(std::net::Ipv4Addr::LOCALHOST.into(), addr.port())
    } else {
        addr
    }
}

impl ServerHandle {
    /// Its address for people: the public one, where it was told.
    pub fn outer_url(&self) -> String {
        let outside = self.app.config.outside();
        match outside.public {
            Some(public) => public.to_string(),
            None => format!("{}{}", self.url, outside.base),
        }
    }

    /// Stops gracefully, in the order that the module describes.
    pub async fn stop(self) {
        let app = &self.app;
        self.scheduling.cancel();
        if app.config.cancel_pending {
            self.cancel_pending().await;
        }
        self.deciding.cancel();
        app.stopping.cancel();
        for connection in app.robots.all() {
            connection.close(CLOSE_RESTART, "the server is going down; reconnect");
        }
        self.listening.cancel();
        self.connections.close();
        self.services.close();
        let grace = app.config.shutdown_grace;
        let finished = async {
            self.services.wait().await;
            self.connections.wait().await;
            // Upgraded connections are tasks of their own.
            app.robots.all_ended().await;
        };
        if tokio::time::timeout(grace, finished).await.is_err() {
            tracing::warn!(?grace, "some requests did not finish in time and are cut");
        }
        app.store.close().await;
        tracing::info!("stopped");
    }

    /// Ends when the store can take no write any more: the process should end then, and be started anew.
    /// Whoever was answered last has the answer by then.
    pub async fn lost(&self) {
        /// Answers that are on their way take milliseconds.
        const LAST_ANSWERS: std::time::Duration = std::time::Duration::from_millis(500);
        self.app.store.lost().await;
        tokio::time::sleep(LAST_ANSWERS).await;
    }

    /// Stops at once, as a crash would: the store stays as it is and open.
    pub fn abandon(self) {
        self.scheduling.cancel();
        self.deciding.cancel();
        self.listening.cancel();
        self.app.stopping.cancel();
        for connection in self.app.robots.all() {
            connection.close(CLOSE_RESTART, "the server is gone");
        }
    }

    async fn cancel_pending(&self) {
        let orgs = match operations::orgs(&self.app).await {
            Ok(orgs) => orgs,
            Err(error) => return tracing::error!(%error, "cannot cancel the runs that wait"),
        };
        for org in orgs {
            match operations::cancel_waiting(&self.app, org, "server stop").await {
                Ok(cancelled) => tracing::info!(cancelled, "cancelled the runs that waited"),
                Err(error) => tracing::error!(%error, "cannot cancel the runs that wait"),
            }
        }
    }
}
