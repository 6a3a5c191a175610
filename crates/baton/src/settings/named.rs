//! The server that settings of servers name for commands too: a data folder, an address and a port.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::PathBuf;

use baton_server::config::Config;

use super::known::{self, Known, Recorded};
use super::{environment, file, serve};
use crate::exit::Exit;
use crate::failure::{Done, Failure};

/// The code of the refusal of a data folder from which nothing is served.
pub(crate) const NOT_SERVED: &str = "not_served";

/// Where a server with these settings would be, as far as they say so.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Place {
    data: Option<PathBuf>,
    host: Option<String>,
    port: Option<u16>,
}

impl Place {
    /// What `BATON_DATA`, `ORCHESTRATOR_HOST` and `ORCHESTRATOR_PORT` say.
    pub(super) fn of_environment() -> Done<Self> {
        let port = environment::text("ORCHESTRATOR_PORT")?.map(|text| {
            text.trim().parse().map_err(|_| {
                Failure::usage(format!("ORCHESTRATOR_PORT is {text:?}, which is no port"))
                    .fix("set it to a number from 0 to 65535, or unset it")
            })
        });
        Ok(Self {
            data: environment::path("BATON_DATA"),
            host: environment::text("ORCHESTRATOR_HOST")?,
            // Any free port is no place.
            port: port.transpose()?.filter(|port| *port != 0),
        })
    }

    /// What `[server]` in `baton.toml` says.
    pub(super) fn of_file(file: &file::Server) -> Self {
        Self {
            data: file.data.clone(),
            host: file.host.clone(),
            port: file.port.filter(|port| *port != 0),
        }
    }

    /// The server there. A folder from which none is served is an error: another server was not meant.
    pub(super) fn server(&self, recorded: &Recorded) -> Done<Option<Known>> {
        match (self.server_if_any(recorded)?, &self.data) {
            (None, Some(data)) => Err(Failure::new(
                Exit::Unreachable,
                NOT_SERVED,
                format!(
                    "BATON_DATA names {}, and no server runs on that folder",
                    data.display()
                ),
            )
            .fix(
                "start it with `baton up` or `baton server`, name a server with --url or BATON_URL, or unset \
                 BATON_DATA",
            )),
            (found, _) => Ok(found),
        }
    }

    /// The server there, if one can be told.
    pub(super) fn server_if_any(&self, recorded: &Recorded) -> Done<Option<Known>> {
        let of_folder = match &self.data {
            None => None,
            Some(data) => known::of_folder(data).map_err(|failure| {
                failure.fix("name the server with --url or BATON_URL, or unset BATON_DATA")
            })?,
        };
        match (of_folder, self.address()?) {
            (Some(known), Some(address)) if !is_at(&known.url, address) => Err(Failure::new(
                Exit::Refused,
                "two_servers",
                format!(
                    "the settings name two servers: the data folder that of {}, ORCHESTRATOR_HOST and \
                     ORCHESTRATOR_PORT (or [server] in baton.toml) that at {address}",
                    known.url
                ),
            )
            .fix("name the one that is meant with --url or BATON_URL")),
            (Some(known), _) => Ok(Some(known)),
            (None, Some(address)) => {
                let found = recorded.all().find(|known| is_at(&known.url, address));
                Ok(Some(found.cloned().unwrap_or_else(|| Known {
                    url: format!("http://{address}"),
                    api_key: None,
                    key_file: None,
                    fingerprint: None,
                    tls_ca: None,
                })))
            }
            (None, None) => Ok(None),
        }
    }

    /// Where it listens, as this machine reaches it; nothing when neither address nor port is said.
    fn address(&self) -> Done<Option<SocketAddr>> {
        if self.host.is_none() && self.port.is_none() {
            return Ok(None);
        }
        let default = Config::default().listen;
        let ip = match &self.host {
            None => default.ip(),
            Some(host) => serve::address(host)?,
        };
        let ip = if ip.is_unspecified() {
            IpAddr::V4(Ipv4Addr::LOCALHOST)
        } else {
            ip
        };
        Ok(Some(SocketAddr::new(
            ip,
            self.port.unwrap_or(default.port()),
        )))
    }
}

/// Whether a server's address is this one, with or without encryption.
fn is_at(url: &str, address: SocketAddr) -> bool {
    url == format!("http://{address}") || url == format!("https://{address}")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(url: &str) -> Known {
        Known {
            url: url.into(),
            api_key: Some("its key".into()),
            key_file: None,
            fingerprint: None,
            tls_ca: None,
        }
    }

    fn at(port: u16) -> Place {
        Place {
            port: Some(port),
            ..Place::default()
        }
    }

    #[test]
    fn nothing_said_names_no_server() {
        let place = Place::default();
        assert_eq!(place.server(&Recorded::default()).expect("fine"), None);
    }

    #[test]
    fn a_port_names_the_server_there_with_the_key_that_is_known_of_it() {
        let recorded = Recorded::default()
            .with(server("https://127.0.0.1:9001"), true)
            .with(server("http://127.0.0.1:9002"), true);
        let found = |port| at(port).server(&recorded).expect("fine").expect("named");
        assert_eq!(found(9001), server("https://127.0.0.1:9001"));
        assert_eq!(found(9003).url, "http://127.0.0.1:9003");
        assert_eq!(found(9003).key(), None, "another server's key stays here");
        let everywhere = Place {
            host: Some("0.0.0.0".into()),
            ..Place::default()
        };
        let found = everywhere.server(&recorded).expect("fine").expect("named");
        assert_eq!(found.url, "http://127.0.0.1:8765");
    }

    #[test]
    fn a_folder_names_the_server_that_runs_on_it_and_no_other() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let place = Place {
            data: Some(folder.path().to_owned()),
            ..Place::default()
        };
        let recorded = Recorded::default().with(server("http://127.0.0.1:9001"), true);
        let refused = place.server(&recorded).expect_err("none runs on it");
        assert_eq!(
            (refused.code.as_str(), refused.exit),
            (NOT_SERVED, Exit::Unreachable)
        );
        let own = server("http://127.0.0.1:9009");
        known::write_to_folder(folder.path(), &own).expect("written");
        assert_eq!(place.server(&recorded).expect("fine"), Some(own));
        let both = Place {
            port: Some(9001),
            ..place.clone()
        };
        assert_eq!(both.server(&recorded).expect_err("two").code, "two_servers");
        known::remove_from_folder(folder.path());
        assert!(place.server(&recorded).is_err());
    }
}
