//! What a server can be told. Flags over environment over `baton.toml` over these defaults.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use baton_store::stats::Retention;

use crate::outside::{Network, Outside, PublicUrl};
use crate::zones::{Carried, ZoneFiles};

/// A server's configuration.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address to listen on (`ORCHESTRATOR_HOST`, `ORCHESTRATOR_PORT`). Port 0 takes a free one.
    pub listen: SocketAddr,
    /// PEM files of certificate chain and private key; both or neither.
    pub tls: Option<TlsFiles>,
    /// Connections at once; beyond this a new one waits. Fewer where the process may not open as many files.
    pub connections: usize,
    /// Listen beyond loopback without TLS. Never the default.
    pub insecure_http: bool,
    /// Names (beside loopback and the listening address) under which browsers may call this server.
    pub allowed_hosts: Vec<String>,
    /// Where people and robots reach this server, when a proxy stands in front of it.
    pub public_url: Option<PublicUrl>,
    /// The path below which everything lies; that of the public address unless given.
    pub base_path: String,
    /// Proxies whose word is taken for who asks, and under which name.
    pub trusted_proxies: Vec<Network>,
    /// Folder for everything the server keeps (`BATON_DATA`).
    pub data: PathBuf,
    /// Run timeout of deployments that name none, in seconds (`DEFAULT_JOB_TIMEOUT`).
    pub default_timeout_seconds: u32,
    /// The safety tick of the deciding services (`DISPATCH_INTERVAL`); a lost wake-up costs one of these.
    pub tick: Duration,
    /// How often deadlines are checked as a safety net.
    pub timeout_check: Duration,
    /// How long things are kept.
    pub retention: Retention,
    /// The org's IANA zone: what "today" means on the dashboard.
    pub timezone: String,
    /// Where time zone data is found (`BATON_ZONEINFO`).
    pub zones: Arc<dyn ZoneFiles>,
    /// How long a graceful stop waits for open requests.
    pub shutdown_grace: Duration,
    /// Whether a graceful stop cancels runs that have not started; otherwise they are kept.
    pub cancel_pending: bool,
}

impl Config {
    /// How this server is seen from outside.
    pub fn outside(&self) -> Outside {
        let public = self.public_url.clone();
        let of_public = public.as_ref().map_or("", PublicUrl::path);
        Outside {
            base: if self.base_path.is_empty() {
                of_public
            } else {
                &self.base_path
            }
            .to_owned(),
            public,
            allowed_hosts: self.allowed_hosts.clone(),
            trusted: self.trusted_proxies.clone(),
            tls: self.tls.is_some(),
        }
    }
}

/// Where the server's certificate is.
#[derive(Clone, Debug)]
pub struct TlsFiles {
    /// PEM file of the certificate chain.
    pub cert: PathBuf,
    /// PEM file of the private key.
    pub key: PathBuf,
}

/// Connections at once at most: 10,000 robots, and as many again for everybody else.
pub const MAX_CONNECTIONS: usize = 20_480;
/// The port of the orchestrator reference.
pub const DEFAULT_PORT: u16 = 8765;

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), DEFAULT_PORT),
            tls: None,
            connections: MAX_CONNECTIONS,
            insecure_http: false,
            allowed_hosts: Vec::new(),
            public_url: None,
            base_path: String::new(),
            trusted_proxies: Vec::new(),
            data: PathBuf::from("./baton-data"),
            default_timeout_seconds: baton_core::flow::DEFAULT_TIMEOUT_SECONDS,
            tick: Duration::from_secs(5),
            timeout_check: Duration::from_secs(30),
            retention: Retention::default(),
            timezone: "UTC".into(),
            zones: Arc::new(Carried),
            shutdown_grace: Duration::from_secs(10),
            cancel_pending: false,
        }
    }
}
