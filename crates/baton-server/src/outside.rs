//! How this server is seen from outside: its public address, the proxies whose word is taken, and whose pages
//! may call it.

use std::net::IpAddr;
use std::str::FromStr;

use axum::http::header::{FORWARDED, HOST, ORIGIN};
use axum::http::{HeaderMap, HeaderName, Uri};

/// Where people and robots reach this server: scheme, host and path, as they type it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: String,
    /// Lower case, without the port that the scheme implies.
    host: String,
    path: String,
}

impl PublicUrl {
    /// The path below which everything lies, without a slash at its end; empty where there is none.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl std::fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}{}", self.scheme, self.host, self.path)
    }
}

impl FromStr for PublicUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let bad = |why: &str| format!("{text:?} {why}; it looks like https://rpa.example/baton");
        let uri: Uri = text.parse().map_err(|_| bad("is not a URL"))?;
        let (Some(scheme), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(bad("has no scheme or no host"));
        };
        if !matches!(scheme, "http" | "https") {
            return Err(bad("is neither http nor https"));
        }
        if uri.query().is_some() || text.contains(['#', '@']) {
            return Err(bad("has more than scheme, host and path"));
        }
        Ok(Self {
            scheme: scheme.to_owned(),
            host: without_port_of(scheme, authority.as_str()),
            path: base_path(uri.path()).map_err(|why| bad(&why))?,
        })
    }
}

/// A path below which everything lies: `/baton`, without a slash at its end; empty for none.
pub fn base_path(text: &str) -> Result<String, String> {
    let path = text.trim_end_matches('/');
    let is_part = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.' | '~');
        !matches!(part, "" | "." | "..") && part.chars().all(plain)
    };
    match path.strip_prefix('/') {
        _ if path.is_empty() => Ok(String::new()),
        Some(parts) if parts.split('/').all(is_part) => Ok(path.to_owned()),
        _ => Err(
            "has a path of other than letters, digits, `-`, `_`, `.` and `~` after slashes".into(),
        ),
    }
}

/// The addresses of a proxy, or of many.
pub use ipnet::IpNet as Network;

/// A network, or one address.
pub fn network(text: &str) -> Result<Network, String> {
    let one = text.parse::<IpAddr>().map(Network::from);
    one.or_else(|_| text.parse())
        .map_err(|_| format!("{text:?} is neither an address nor a network such as 10.0.0.0/8"))
}

/// What is known of this server's outside.
#[derive(Clone, Debug, Default)]
pub struct Outside {
    /// Its address, where it was told.
    pub public: Option<PublicUrl>,
    /// The path below which everything lies.
    pub base: String,
    /// Further names; one with a port holds for that port.
    pub allowed_hosts: Vec<String>,
    /// Proxies whose word is taken for who asks, and under which name.
    pub trusted: Vec<Network>,
    /// Whether this server speaks TLS itself.
    pub tls: bool,
}

/// How one request came: under which address, and from whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seen {
    /// `Host`, or what a trusted proxy says it was; lower case, as it came.
    pub host: String,
    /// The address of this server for whoever asks, without a slash at its end.
    pub url: String,
    /// Whether the way to whoever asks is encrypted, as far as is known.
    pub is_https: bool,
    /// Whose pages the request says it comes from, where that is not this server.
    pub stranger: Option<String>,
    /// Who asks.
    pub peer: Option<IpAddr>,
}

impl Outside {
    /// What the headers of a request from this peer say.
    pub fn seen(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Seen {
        let told = self.told(headers, peer);
        let host = told
            .host
            .unwrap_or_else(|| text(headers, HOST))
            .to_lowercase();
        let origin = headers.get(ORIGIN).map(|_| text(headers, ORIGIN));
        let own = origin
            .as_deref()
            .is_some_and(|origin| self.is_own(origin, &host));
        let scheme = match (&self.public, &told.scheme, &origin) {
            (Some(public), ..) => public.scheme.as_str(),
            (_, Some(scheme), _) => scheme.as_str(),
            (.., Some(origin)) if own && origin.starts_with("https:") => "https",
            _ if self.tls => "https",
            _ => "http",
        };
        let url = match (&self.public, &origin) {
            (Some(public), _) => public.to_string(),
            (None, Some(origin)) if own => format!("{}{}", origin.to_lowercase(), self.base),
            _ => format!("{scheme}://{host}{}", self.base),
        };
        Seen {
            is_https: scheme == "https",
            stranger: origin.filter(|_| !own),
            peer: told.peer.or(peer),
            host,
            url,
        }
    }

    /// Whether this is a name of this server. A name that another site's owner controls could point here (DNS
    /// rebinding); an address cannot.
    pub fn knows(&self, host: &str) -> bool {
        let name = name_of(host);
        let is_address = name.trim_matches(['[', ']']).parse::<IpAddr>().is_ok();
        let is_local = name == "localhost" || name.ends_with(".localhost");
        let public = self.public.iter().map(|public| public.host.as_str());
        let mut known = public.chain(self.allowed_hosts.iter().map(String::as_str));
        is_address || is_local || known.any(|known| name_of(known).eq_ignore_ascii_case(name))
    }

    /// The names that requests may come under, in words.
    pub fn names(&self) -> String {
        let public = self.public.iter().map(|public| public.host.clone());
        let mut names = vec!["localhost".to_owned(), "any IP address".to_owned()];
        names.extend(public.chain(self.allowed_hosts.iter().cloned()));
        names.join(", ")
    }

    /// Whether a page with this origin is one of this server's, called under this host.
    fn is_own(&self, origin: &str, host: &str) -> bool {
        let Some((scheme, at)) = origin.split_once("://") else {
            return false;
        };
        if !matches!(scheme, "http" | "https") || at.is_empty() {
            return false;
        }
        let at = without_port_of(scheme, at);
        let public = self.public.as_ref();
        at == without_port_of(scheme, host)
            || public.is_some_and(|public| public.scheme == scheme && public.host == at)
            || (self.allowed_hosts.iter()).any(|name| without_port_of(scheme, name) == at)
    }

    /// What a trusted proxy says. Its own word stands last in each list; what stands before came from outside.
    fn told(&self, headers: &HeaderMap, peer: Option<IpAddr>) -> Told {
        let trusts = |ip: IpAddr| {
            self.trusted
                .iter()
                .any(|net| net.contains(&ip.to_canonical()))
        };
        if !peer.is_some_and(trusts) {
            return Told::default();
        }
        let last = |name: &'static str| {
            let all = list(headers, HeaderName::from_static(name));
            all.last().cloned().filter(|value| !value.is_empty())
        };
        let forwarded = list(headers, FORWARDED);
        let part = |name: &str| forwarded.last().and_then(|last| parameter(last, name));
        let addresses: Vec<IpAddr> = match headers.contains_key("x-forwarded-for") {
            true => list(headers, HeaderName::from_static("x-forwarded-for")),
            false => forwarded
                .iter()
                .filter_map(|one| parameter(one, "for"))
                .collect(),
        }
        .iter()
        .map_while(|text| address(text))
        .collect();
        let scheme = last("x-forwarded-proto").or_else(|| part("proto"));
        let is_host = |text: &String| {
            let plain =
                |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | ':' | '[' | ']');
            text.chars().all(plain)
        };
        Told {
            host: last("x-forwarded-host")
                .or_else(|| part("host"))
                .filter(is_host),
            scheme: scheme.filter(|scheme| matches!(scheme.as_str(), "http" | "https")),
            // The nearest that is no proxy of ours.
            peer: addresses.into_iter().rev().find(|ip| !trusts(*ip)),
        }
    }
}

/// What a proxy says of a request.
#[derive(Debug, Default)]
struct Told {
    host: Option<String>,
    scheme: Option<String>,
    peer: Option<IpAddr>,
}

fn text(headers: &HeaderMap, name: HeaderName) -> String {
    let value = headers.get(name).and_then(|value| value.to_str().ok());
    let allowed =
        |c: &char| !c.is_whitespace() && !matches!(c, '"' | '\'' | '<' | '>' | '`' | '\\');
    value.unwrap_or("").chars().filter(allowed).collect()
}

/// All values of a header that is a list, in order.
fn list(headers: &HeaderMap, name: HeaderName) -> Vec<String> {
    let lines = headers.get_all(name).iter().filter_map(|v| v.to_str().ok());
    lines
        .flat_map(|line| line.split(','))
        .map(|value| value.trim().to_owned())
        .collect()
}

/// A parameter of one element of `Forwarded`.
fn parameter(element: &str, name: &str) -> Option<String> {
    let mut pairs = element
        .split(';')
        .filter_map(|pair| pair.trim().split_once('='));
    let (_, value) = pairs.find(|(key, _)| key.trim().eq_ignore_ascii_case(name))?;
    Some(value.trim().trim_matches('"').to_owned())
}

fn address(text: &str) -> Option<IpAddr> {
    let plain = |text: &str| text.trim_matches(['[', ']']).parse().ok();
    plain(text).or_else(|| plain(name_of(text)))
}

/// `Host` without its port.
fn name_of(host: &str) -> &str {
    match host.rfind(':') {
        Some(at) if !host[at..].contains(']') => &host[..at],
        _ => host,
    }
}

/// A host in lower case, without the port that its scheme implies.
fn without_port_of(scheme: &str, host: &str) -> String {
    let port = if scheme == "https" { ":443" } else { ":80" };
    let host = host.to_ascii_lowercase();
    host.strip_suffix(port).map(str::to_owned).unwrap_or(host)
}

#[cfg(test)]
#[path = "outside_tests.rs"]
mod tests;
