//! `baton.toml`: the one file for everything, read by servers, robots, the CLI and `baton deploy`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::{Map, Value};

use super::Pinned;
use crate::cli::or_none::OrNone;
use crate::exit::Exit;
use crate::failure::{Done, Failure};

/// Its name.
pub(crate) const NAME: &str = "baton.toml";
/// Largest settings file that is read, in bytes: settings, not data.
const MAX_BYTES: u64 = 1 << 20;

/// Everything a `baton.toml` may say. Every part may be absent.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct BatonToml {
    /// What a server is told.
    pub(crate) server: Server,
    /// Which server the CLI talks to.
    pub(crate) client: Client,
    /// Programs for scripts, by extension: `".xlsm" = ["optimus", "{{file}}"]`.
    pub(crate) runners: BTreeMap<String, Vec<String>>,
    /// The flow in this folder.
    pub(crate) flow: Flow,
    /// Its parameters, in the friendly form.
    #[serde(deserialize_with = "super::values::map")]
    pub(crate) parameters: Map<String, Value>,
    /// How it is deployed.
    pub(crate) deployment: Deployment,
    /// When it runs by itself.
    pub(crate) schedules: Vec<Schedule>,
}

/// `[server]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Server {
    /// Address to listen on.
    pub(crate) host: Option<String>,
    /// Port to listen on.
    pub(crate) port: Option<u16>,
    /// Folder for everything the server keeps.
    pub(crate) data: Option<PathBuf>,
    /// PEM file of the certificate chain.
    pub(crate) tls_cert: Option<PathBuf>,
    /// PEM file of the private key.
    pub(crate) tls_key: Option<PathBuf>,
    /// Listen beyond this machine without encryption.
    pub(crate) insecure_http: bool,
    /// Further names under which browsers may call.
    pub(crate) allowed_hosts: Vec<String>,
    /// Where people and robots reach this server through a proxy.
    pub(crate) public_url: Option<String>,
    /// The path below which everything lies.
    pub(crate) base_path: Option<String>,
    /// Proxies whose forwarded headers are believed: addresses or networks.
    pub(crate) trusted_proxies: Vec<String>,
    /// Run timeout of deployments that name none, in seconds.
    pub(crate) default_timeout: Option<u32>,
    /// Safety tick, in seconds.
    pub(crate) tick: Option<f64>,
    /// Zone that says when "today" begins.
    pub(crate) timezone: Option<String>,
    /// Folder with time zone data.
    pub(crate) zoneinfo: Option<PathBuf>,
    /// Use that folder however old its data is.
    pub(crate) zoneinfo_only: bool,
    /// Cancel runs that have not started when the server stops.
    pub(crate) cancel_pending: bool,
    /// Days that ended runs are kept.
    pub(crate) keep_days: Option<u32>,
}

/// `[client]`
#[derive(Clone, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Client {
    /// The server.
    pub(crate) url: Option<String>,
    /// File with the key in it.
    pub(crate) key_file: Option<PathBuf>,
    /// SHA-256 of the server's certificate.
    pub(crate) fingerprint: Option<String>,
    /// PEM file of the authorities that may vouch for the server.
    pub(crate) tls_ca: Option<PathBuf>,
}

impl Client {
    /// Whom it says to trust.
    pub(crate) fn pinned(&self) -> Pinned {
        Pinned {
            fingerprint: self.fingerprint.clone(),
            authority: self.tls_ca.clone(),
        }
    }
}

/// `[flow]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Flow {
    /// Name; the folder's unless given.
    pub(crate) name: Option<String>,
    /// A few words for people.
    pub(crate) description: Option<String>,
    /// Where it stands in the tree.
    pub(crate) folder: Option<String>,
    /// Words to find it by.
    pub(crate) tags: Option<Vec<String>>,
    /// Program and arguments.
    pub(crate) command: Option<Vec<String>>,
    /// Folder inside the package to run in.
    pub(crate) workdir: Option<String>,
    /// Python interpreter.
    pub(crate) python: Option<String>,
    /// Requirements file to build an environment from; empty for none.
    pub(crate) requirements: Option<String>,
    /// Name of the project, which only its own deploys may replace; where it lies unless given.
    pub(crate) project: Option<String>,
    /// Environment variables.
    pub(crate) env: BTreeMap<String, String>,
}

/// `[[schedules]]`: the flags of `baton schedules add`.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Schedule {
    /// Unique within the deployment; the kind of its rule unless given.
    pub(crate) name: Option<String>,
    /// Cron expression.
    pub(crate) cron: Option<String>,
    /// Every so long.
    pub(crate) every: Option<String>,
    /// Where `every` is counted from.
    pub(crate) anchor: Option<String>,
    /// Whether whole days of `every` are counted by the calendar.
    pub(crate) wall_clock: bool,
    /// Every hour at this minute.
    pub(crate) hourly: Option<u8>,
    /// Every day at this time.
    pub(crate) daily: Option<String>,
    /// On weekdays at a time.
    pub(crate) weekly: Option<String>,
    /// On days of the month at a time.
    pub(crate) monthly: Option<String>,
    /// Once.
    pub(crate) once: Option<String>,
    /// Zone in which times are meant; that of the machine that deploys unless given.
    pub(crate) timezone: Option<String>,
    /// No slot before this time.
    pub(crate) starts: Option<String>,
    /// No slot after this time.
    pub(crate) ends: Option<String>,
    /// Each run is due up to so long after its slot.
    pub(crate) jitter: Option<String>,
    /// skip, last or all.
    pub(crate) missed: Option<String>,
    /// Slots missed longer ago than this are never made up for.
    pub(crate) missed_window: Option<String>,
    /// allow, skip, queue or cancel_running.
    pub(crate) overlap: Option<String>,
    /// Parameters of its runs.
    #[serde(deserialize_with = "super::values::map")]
    pub(crate) parameters: Map<String, Value>,
    /// low, normal, high or critical.
    pub(crate) priority: Option<String>,
    /// Whether it is paused; left as it is unless given.
    pub(crate) paused: Option<bool>,
}

/// `[deployment]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Deployment {
    /// Name; `default` unless given.
    pub(crate) name: Option<String>,
    /// Work queue.
    pub(crate) queue: Option<String>,
    /// A few words for people.
    pub(crate) description: Option<String>,
    /// Words to find its runs by.
    pub(crate) tags: Option<Vec<String>>,
    /// Parameters of its runs.
    #[serde(deserialize_with = "super::values::map")]
    pub(crate) parameters: Map<String, Value>,
    /// low, normal, high or critical.
    pub(crate) priority: Option<String>,
    /// Labels the robot must have.
    pub(crate) labels: Option<Vec<String>>,
    /// What the robot must be able to do.
    pub(crate) capabilities: Option<Vec<String>>,
    /// Environment the robot must belong to.
    pub(crate) environment: Option<String>,
    /// Whether each run occupies a desktop session.
    pub(crate) desktop: Option<bool>,
    /// How many runs may be live at once; 0 holds all, "none" is without limit.
    pub(crate) concurrency: Option<OrNone<u32>>,
    /// How long a run may take, such as "10m".
    pub(crate) timeout: Option<String>,
    /// How long a cancelled run may take to end by itself.
    pub(crate) cancel_grace: Option<String>,
    /// The signal that asks a run to end: term, int, hup, quit, usr1 or usr2.
    pub(crate) stop_signal: Option<String>,
    /// fail, retry or park.
    pub(crate) on_lost: Option<String>,
    /// How long a run may go on while its robot and the server do not hear each other, such as "4h".
    pub(crate) lost_after: Option<String>,
    /// A run that has not started this long after its time ends as timed out.
    pub(crate) start_within: Option<String>,
    /// When to try again.
    pub(crate) retry: Option<Retry>,
}

/// `[deployment.retry]`
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct Retry {
    /// How many further attempts.
    pub(crate) max_retries: Option<u32>,
    /// Wait before the second attempt, such as "2s".
    pub(crate) initial_delay: Option<String>,
    /// How many times longer each further wait is.
    pub(crate) backoff_factor: Option<f64>,
    /// No wait is longer.
    pub(crate) max_delay: Option<String>,
    /// Kinds of error that are tried again.
    pub(crate) retryable_errors: Vec<String>,
}

/// Reads the settings: the named file, or `./baton.toml` where there is one.
pub(crate) fn load(named: Option<&Path>) -> Done<BatonToml> {
    match named {
        Some(path) => read(path),
        None if Path::new(NAME).is_file() => read(Path::new(NAME)),
        None => Ok(BatonToml::default()),
    }
}

/// Reads one settings file.
pub(crate) fn read(path: &Path) -> Done<BatonToml> {
    let size = std::fs::metadata(path)
        .map_err(|e| Failure::file(path, "read", &e))?
        .len();
    if size > MAX_BYTES {
        return Err(Failure::new(
            Exit::Refused,
            "settings_too_large",
            format!(
                "{} has {size} bytes; settings have at most {MAX_BYTES}",
                path.display()
            ),
        ));
    }
    let text = std::fs::read_to_string(path).map_err(|e| Failure::file(path, "read", &e))?;
    parse(&text, path)
}

/// Understands the text of a settings file.
pub(crate) fn parse(text: &str, path: &Path) -> Done<BatonToml> {
    let refused = |at: Option<usize>, why: &str| {
        let place = at.map_or(String::new(), |at| {
            let line = text[..at.min(text.len())].matches('\n').count() + 1;
            format!(":{line}")
        });
        let what = format!("{}{place}: {why}", path.display());
        Failure::new(Exit::Refused, "bad_settings", what)
            .fix("correct that line, or take it away; docs/reference/baton-toml.md lists every key")
    };
    let file = toml::from_str(text)
        .map_err(|error| refused(error.span().map(|span| span.start), error.message()))?;
    if let Some(found) = super::exact::rounded(text) {
        let why = format!(
            "the number {} has more digits than are kept (17); write it as text in quotes",
            found.number
        );
        return Err(refused(Some(found.at), &why));
    }
    Ok(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_key_is_refused_with_its_line() {
        let error = parse(
            "[flow]\nname = \"a\"\ncomand = [\"x\"]\n",
            Path::new("baton.toml"),
        )
        .expect_err("the key is misspelt");
        assert!(
            error.what.starts_with("baton.toml:3: unknown field"),
            "{}",
            error.what
        );
        assert_eq!(error.exit, Exit::Refused);
    }

    #[test]
    fn every_part_may_be_absent() {
        let file = parse("", Path::new("baton.toml")).expect("nothing is needed");
        assert!(file.flow.name.is_none());
        assert!(file.runners.is_empty());
    }

    #[test]
    fn parameters_keep_the_order_of_the_file() {
        let text = "[parameters]\nzeta = 1\nalpha = \"x\"\nmid = { type = \"integer\" }\n";
        let file = parse(text, Path::new("baton.toml")).expect("it is well-formed");
        let names: Vec<&String> = file.parameters.keys().collect();
        assert_eq!(names, ["zeta", "alpha", "mid"]);
    }
}
