//! A server's configuration, put together from flags, environment and `baton.toml`, and refused where unsafe.

use std::net::{IpAddr, SocketAddr, ToSocketAddrs as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use baton_core::zone;
use baton_server::config::{Config, TlsFiles};
use baton_server::outside::{self, PublicUrl};
use baton_server::zones::ZoneFolders;
use baton_store::stats::Retention;

use super::{environment, file};
use crate::cli::serve::Listen;
use crate::exit::Exit;
use crate::failure::{Done, Failure};

/// What is said in the environment about databases and mirrors.
#[derive(Clone, Debug, Default)]
pub(crate) struct Surroundings {
    /// `SUPABASE_URL`
    pub(crate) supabase_url: Option<String>,
    /// `DATABASE_URL`
    pub(crate) database_url: Option<String>,
}

impl Surroundings {
    /// Reads the environment of this process.
    pub(crate) fn here() -> Done<Self> {
        Ok(Self {
            supabase_url: environment::text("SUPABASE_URL")?,
            database_url: environment::text("DATABASE_URL")?,
        })
    }
}

/// The configuration, and what the person should see about it.
pub(crate) fn configure(
    flags: &Listen,
    file: &file::Server,
    around: &Surroundings,
) -> Done<(Config, Vec<String>)> {
    let mut warnings = judge(around)?;
    let folders = ZoneFolders::of_machine(
        flags.zoneinfo.clone().or_else(|| file.zoneinfo.clone()),
        flags.zoneinfo_only || file.zoneinfo_only,
    );
    super::zones::install_from(&folders)?;
    let in_use = zone::current();
    warnings.extend(folders.remark(&in_use));
    warnings.extend(baton_server::zones::warning(
        &in_use,
        jiff::Timestamp::now(),
    ));
    let host = flags.host.as_deref().or(file.host.as_deref());
    let defaults = Config::default();
    let port = flags.port.or(file.port).unwrap_or(defaults.listen.port());
    let ip = host.map_or(Ok(defaults.listen.ip()), address)?;
    let tls = tls(flags, file)?;
    let insecure_http = flags.insecure_http || file.insecure_http;
    if !ip.is_loopback() && tls.is_none() && !insecure_http {
        return Err(Failure::new(
            Exit::Refused,
            "insecure_listen",
            format!("{ip} is reachable from other machines, and there is no certificate: keys would travel in the clear"),
        )
        .fix("add --tls-cert FILE --tls-key FILE, or --insecure-http behind a proxy that encrypts, or listen on 127.0.0.1"));
    }
    let timezone = match flags.timezone.as_ref().or(file.timezone.as_ref()) {
        Some(name) => {
            super::zones::named(name)?;
            zone::spelling(name)
        }
        None => super::zones::here_name(),
    };
    let mut allowed_hosts = file.allowed_hosts.clone();
    allowed_hosts.extend(flags.allowed_host.iter().cloned());
    let (public_url, base_path, trusted_proxies) = outside(flags, file)?;
    let config = Config {
        listen: SocketAddr::new(ip, port),
        tls,
        insecure_http,
        allowed_hosts,
        public_url,
        base_path,
        trusted_proxies,
        data: data(flags.data.clone(), file),
        default_timeout_seconds: flags
            .default_timeout
            .or(file.default_timeout)
            .unwrap_or(defaults.default_timeout_seconds),
        tick: tick(flags.tick.or(file.tick), defaults.tick)?,
        timezone,
        zones: Arc::new(folders),
        cancel_pending: flags.cancel_pending || file.cancel_pending,
        retention: Retention {
            runs_days: file.keep_days.or(defaults.retention.runs_days),
            ..defaults.retention
        },
        ..defaults
    };
    Ok((config, warnings))
}

/// What stands in front of the server.
fn outside(
    flags: &Listen,
    file: &file::Server,
) -> Done<(Option<PublicUrl>, String, Vec<outside::Network>)> {
    let refuse = |flag: &str, why: String| {
        let text = format!("{flag}: {why}");
        Failure::new(Exit::Usage, "bad_public_address", text).fix(
            "docs/operating/reverse-proxy.md has the lines for nginx, Apache, HAProxy and Caddy",
        )
    };
    let public = flags.public_url.as_ref().or(file.public_url.as_ref());
    let public = public.map(|text| text.parse::<PublicUrl>()).transpose();
    let public = public.map_err(|why| refuse("--public-url", why))?;
    let base = flags.base_path.as_ref().or(file.base_path.as_ref());
    let base = match base {
        Some(text) => outside::base_path(text).map_err(|why| {
            refuse(
                "--base-path",
                format!("{text:?} {why}; it looks like /baton"),
            )
        })?,
        None => String::new(),
    };
    let of_public = public.as_ref().map_or("", PublicUrl::path);
    if !base.is_empty() && public.is_some() && base != of_public {
        let why = format!("{base} is another path than that of --public-url, {of_public:?}");
        return Err(refuse("--base-path", why));
    }
    let proxies = file.trusted_proxies.iter().chain(&flags.trusted_proxy);
    let proxies: Result<Vec<_>, _> = proxies.map(|text| outside::network(text)).collect();
    let proxies = proxies.map_err(|why| refuse("--trusted-proxy", why))?;
    Ok((public, base, proxies))
}

/// The server's data folder.
pub(crate) fn data(flag: Option<PathBuf>, file: &file::Server) -> PathBuf {
    flag.or_else(|| file.data.clone())
        .unwrap_or_else(|| Config::default().data)
}

fn judge(around: &Surroundings) -> Done<Vec<String>> {
    if let Some(url) = &around.database_url
        && !url.starts_with("sqlite:")
    {
        return Err(Failure::new(
            Exit::Refused,
            "postgres_not_yet",
            "DATABASE_URL names a database server, and this version of Baton keeps its data in SQLite only",
        )
        .fix("unset DATABASE_URL to use SQLite in the data folder (--data)"));
    }
    let mut warnings = Vec::new();
    if around.supabase_url.is_some() {
        warnings.push(
            "SUPABASE_URL is set, but this version of Baton does not mirror to Supabase yet: nothing is sent there"
                .to_owned(),
        );
    }
    Ok(warnings)
}

pub(super) fn address(host: &str) -> Done<IpAddr> {
    if let Ok(ip) = host.trim_matches(['[', ']']).parse() {
        return Ok(ip);
    }
    let found = (host, 0)
        .to_socket_addrs()
        .ok()
        .and_then(|mut all| all.next());
    found.map(|a| a.ip()).ok_or_else(|| {
        Failure::new(
            Exit::Refused,
            "bad_host",
            format!("{host:?} is neither an address nor a name of this machine"),
        )
        .fix("use 127.0.0.1, 0.0.0.0 or a name that resolves")
    })
}

fn tls(flags: &Listen, file: &file::Server) -> Done<Option<TlsFiles>> {
    let cert = flags.tls_cert.clone().or_else(|| file.tls_cert.clone());
    let key = flags.tls_key.clone().or_else(|| file.tls_key.clone());
    match (cert, key) {
        (Some(cert), Some(key)) => Ok(Some(TlsFiles { cert, key })),
        (None, None) => Ok(None),
        _ => Err(Failure::usage(
            "tls_cert and tls_key belong together: give both",
        )),
    }
}

fn tick(given: Option<f64>, default: Duration) -> Done<Duration> {
    // Slower than an hour would make the safety net useless; faster than 10 ms is a busy loop.
    match given {
        None => Ok(default),
        Some(seconds) if (0.01..=3_600.0).contains(&seconds) => {
            Ok(Duration::from_secs_f64(seconds))
        }
        Some(seconds) => Err(Failure::usage(format!(
            "the safety tick (DISPATCH_INTERVAL) lies between 0.01 and 3600 seconds, not {seconds}"
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(host: &str) -> Listen {
        Listen {
            host: Some(host.into()),
            ..Listen::default()
        }
    }

    fn refused(flags: &Listen, around: &Surroundings) -> Failure {
        configure(flags, &file::Server::default(), around).expect_err("it is refused")
    }

    #[test]
    fn listening_beyond_this_machine_without_tls_is_refused_and_the_fix_is_named() {
        let error = refused(&with("0.0.0.0"), &Surroundings::default());
        assert_eq!(error.code, "insecure_listen");
        assert!(error.fix.contains("--tls-cert"));
        assert!(error.fix.contains("--insecure-http"));
        let open = Listen {
            insecure_http: true,
            ..with("0.0.0.0")
        };
        let (config, _) = configure(&open, &file::Server::default(), &Surroundings::default())
            .expect("it was asked for");
        assert!(config.insecure_http);
    }

    #[test]
    fn flags_beat_the_file_and_the_file_beats_defaults() {
        let file = file::Server {
            port: Some(9001),
            host: Some("127.0.0.2".into()),
            default_timeout: Some(60),
            keep_days: Some(7),
            ..file::Server::default()
        };
        let flags = Listen {
            port: Some(9000),
            ..Listen::default()
        };
        let (config, _) = configure(&flags, &file, &Surroundings::default()).expect("it is fine");
        assert_eq!(config.listen.to_string(), "127.0.0.2:9000");
        assert_eq!(config.default_timeout_seconds, 60);
        assert_eq!(config.retention.runs_days, Some(7));
    }

    #[test]
    fn what_this_version_cannot_do_is_said_and_not_passed_over() {
        let around = Surroundings {
            supabase_url: Some("https://x.supabase.co".into()),
            database_url: None,
        };
        let (_, warnings) = configure(&Listen::default(), &file::Server::default(), &around)
            .expect("a warning is enough");
        assert!(warnings[0].contains("SUPABASE_URL"));
        let around = Surroundings {
            supabase_url: None,
            database_url: Some("postgres://db".into()),
        };
        assert_eq!(
            refused(&Listen::default(), &around).code,
            "postgres_not_yet"
        );
    }

    #[test]
    fn unknown_zones_and_senseless_ticks_are_refused() {
        let zone = Listen {
            timezone: Some("Mars/Olympus".into()),
            ..Listen::default()
        };
        assert_eq!(
            refused(&zone, &Surroundings::default()).code,
            "unknown_zone"
        );
        let tick = Listen {
            tick: Some(0.0),
            ..Listen::default()
        };
        assert_eq!(refused(&tick, &Surroundings::default()).exit, Exit::Usage);
    }
}
