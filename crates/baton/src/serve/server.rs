//! `baton server`: a server without a robot, and what `baton up` shares with it.

use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use baton_api::client::{Client, ClientOptions};
use baton_core::access::Role;
use baton_core::id::OrgId;
use baton_server::auth::{self, KeyFile};
use baton_server::clock::SystemClock;
use baton_server::config::Config;
use baton_server::{ServerHandle, StartError};
use jiff::Timestamp;
use owo_colors::OwoColorize as _;

use super::{StopRequests, files, listener, private, store_failure};
use crate::cli::Global;
use crate::cli::serve::{Listen, Server};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use crate::settings::{self, file, known};

/// A server of this process.
pub(crate) struct Running {
    /// The server.
    pub(crate) handle: ServerHandle,
    /// The admin key and its file.
    pub(crate) admin: KeyFile,
    /// The data folder, as an absolute path.
    pub(crate) data: PathBuf,
    /// Whether later commands of this person go to it by themselves.
    pub(crate) in_use: bool,
}

impl Running {
    /// How commands of this person reach it.
    pub(crate) fn target(&self) -> settings::Target {
        settings::Target {
            url: self.handle.url.clone(),
            key: Some(self.admin.key.clone()),
            pinned: settings::Pinned {
                fingerprint: self.handle.tls_fingerprint.clone(),
                authority: None,
            },
            from: "the server in this process",
            named: true,
        }
    }

    /// A link that signs one browser in, once.
    pub(crate) async fn sign_in_link(&self) -> Done<String> {
        let link = auth::sign_in_link(
            &*self.handle.app.store,
            &self.handle.outer_url(),
            OrgId::DEFAULT,
            "dashboard",
            Role::Admin,
            self.admin.id,
            Timestamp::now(),
        )
        .await
        .map_err(store_failure)?;
        Ok(link.url)
    }
}

/// Opens the data, starts the server, and records it for later commands.
pub(crate) async fn start(global: &Global, listen: &Listen) -> Done<Running> {
    let file = file::load(global.config.as_deref())?;
    let around = settings::serve::Surroundings::here()?;
    let (config, warnings) = settings::serve::configure(listen, &file.server, &around)?;
    for warning in &warnings {
        output::warn(warning);
    }
    let mut running = open(config).await?;
    running.in_use = remember(&running).await;
    Ok(running)
}

/// Starts a server that stands beside the real one: neither files nor environment are asked, and later commands
/// do not find it by themselves.
pub(crate) async fn start_apart(listen: &Listen) -> Done<Running> {
    let around = settings::serve::Surroundings::default();
    let (config, _) = settings::serve::configure(listen, &file::Server::default(), &around)?;
    open(config).await
}

async fn open(mut config: Config) -> Done<Running> {
    files::for_server(&mut config);
    baton_server::check(&config).map_err(|error| not_started(&error))?;
    let fresh = !config.data.exists();
    let data = data_folder(&config.data)?;
    let config = Config {
        data: data.clone(),
        ..config
    };
    let database = data.join(super::DATABASE);
    private::close(&data);
    let is_new = !database.exists();
    let store = super::open_database(&database).inspect_err(|_| forget(&data, fresh))?;
    if is_new {
        private::close_new(&data);
    }
    // Bodies that were on their way when a server before was killed.
    let _ = std::fs::remove_dir_all(data.join("incoming"));
    let admin = auth::ensure_admin_key(&*store, &data, Timestamp::now())
        .await
        .map_err(store_failure)?;
    let handle = baton_server::start(config, Arc::clone(&store), Arc::new(SystemClock)).await;
    let handle = match handle {
        Ok(handle) => handle,
        Err(error) => {
            store.close().await;
            return Err(not_started(&error));
        }
    };
    Ok(Running {
        handle,
        admin,
        data,
        in_use: false,
    })
}

/// Removes a folder that was made for nothing. What is in one that was there before is never touched.
fn forget(data: &Path, fresh: bool) {
    if fresh {
        for suffix in ["", "-wal", "-shm", ".lock"] {
            let _ = std::fs::remove_file(data.join(format!("{}{suffix}", super::DATABASE)));
        }
        let _ = std::fs::remove_dir(data);
    }
}

/// Makes the data folder where there is none, for its owner alone, and gives its absolute path.
pub(crate) fn data_folder(path: &Path) -> Done<PathBuf> {
    let made = std::fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .and_then(|()| path.canonicalize());
    made.map_err(|error| {
        Failure::new(
            Exit::Refused,
            "data_unavailable",
            format!("cannot use {} as data folder: {error}", path.display()),
        )
        .fix("choose a folder that this user may write, with --data or BATON_DATA")
    })
}

/// How long the server that commands use may take to answer when another one starts beside it.
const ANSWERS_WITHIN: Duration = Duration::from_secs(2);

/// Records the server for later commands of this person, and says whether they go to it by themselves: they go on
/// to the one before as long as that one answers. A home that cannot be written is no reason not to serve.
async fn remember(running: &Running) -> bool {
    let own = known::Known {
        url: running.handle.url.clone(),
        api_key: None,
        key_file: Some(running.admin.path.clone()),
        fingerprint: running.handle.tls_fingerprint.clone(),
        tls_ca: None,
    };
    if let Err(failure) = known::write_to_folder(&running.data, &own) {
        output::warn(&format!(
            "commands will not find this server by BATON_DATA ({failure}); set BATON_URL for them"
        ));
    }
    let before = known::read().unwrap_or_default().current;
    let before = before.filter(|before| before.url != own.url && before.key_file != own.key_file);
    let stays = match &before {
        Some(before) => answers(before).await,
        None => false,
    };
    if let Err(failure) = known::write(&own, !stays) {
        output::warn(&format!(
            "later commands will not find this server by themselves ({failure}); set BATON_URL and BATON_API_KEY for them"
        ));
        return false;
    }
    match before {
        Some(before) if stays => output::warn(&format!(
            "later commands still go to {}, which answers; for this server set BATON_URL={} or give --url",
            before.url, own.url
        )),
        Some(before) => output::note(&format!(
            "later commands go to {}; those before went to {}, which does not answer",
            own.url, before.url
        )),
        None => {}
    }
    !stays
}

/// Whether a server, whichever it is, answers at this address. No key is shown.
async fn answers(known: &known::Known) -> bool {
    let Ok(client) = Client::new(&ClientOptions {
        url: known.url.clone(),
        key: None,
        fingerprint: known.fingerprint.clone(),
        authority: known.tls_ca.clone(),
    }) else {
        return false;
    };
    let asked = tokio::time::timeout(ANSWERS_WITHIN, client.is_there()).await;
    asked.unwrap_or(false)
}

/// Why a server ends by itself: a service manager starts it again, and what was acknowledged is there.
pub(crate) fn disk_failed() -> Failure {
    Failure::new(
        Exit::DiskFailed,
        "disk_failed",
        "the disk failed to keep what was written (sync error); the server has ended, since nothing that it \
         would write after that could be believed",
    )
    .fix("look at the disk and the system's log, then start the server again: what was acknowledged is in the database")
}

fn not_started(error: &StartError) -> Failure {
    let failure = Failure::new(Exit::Refused, error.code(), error.to_string());
    match error {
        StartError::Listen { listen, error: why }
            if why.kind() == std::io::ErrorKind::AddrInUse =>
        {
            let who = listener::holder(listen.port()).unwrap_or_else(|| "another program".into());
            Failure::new(
                Exit::Refused,
                "port_in_use",
                format!("port {} is taken by {who}", listen.port()),
            )
            .fix("stop that one, or choose another port with --port or ORCHESTRATOR_PORT; 0 takes a free one")
        }
        StartError::Zones(fault) => settings::zones::unusable(fault),
        StartError::Tls(_) => failure
            .fix("--tls-cert takes the PEM file of the chain, --tls-key that of its private key"),
        _ => failure,
    }
}

/// `baton server`
pub(crate) fn server(global: &Global, args: &Server) -> Done<Exit> {
    super::log(global.verbose, "info");
    super::runtime()?.block_on(async {
        let mut stops = StopRequests::listen()?;
        let running = start(global, &args.listen).await?;
        let link = running.sign_in_link().await?;
        if global.json {
            output::json(&serde_json::json!({
                "url": running.handle.url, "link": link, "data": running.data.to_string_lossy(),
                "key_file": running.admin.path.to_string_lossy(), "fingerprint": running.handle.tls_fingerprint,
                "zone_data": baton_server::zones::view(Timestamp::now()),
            }));
        } else {
            output::line(&format!(
                "{} serves {} from {}",
                "baton".bold(),
                running.handle.url,
                running.data.display()
            ));
            output::line(&format!(
                "time zone data: {}",
                baton_core::zone::current().describe()
            ));
            if let Some(fingerprint) = &running.handle.tls_fingerprint {
                output::line(&format!(
                    "certificate, for robots: --fingerprint {fingerprint}"
                ));
            }
            output::line(&format!("dashboard, signing in once: {link}"));
        }
        tokio::select! {
            _ = stops.next() => {}
            () = running.handle.lost() => return Err(disk_failed()),
        }
        output::note("stopping; Ctrl-C again stops at once");
        let data = running.data.clone();
        let exit = stops.stop_gracefully(running.handle.stop()).await;
        known::remove_from_folder(&data);
        Ok(exit)
    })
}
