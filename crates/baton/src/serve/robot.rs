//! `baton robot`: an agent that serves a server, enrolled once with a token.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_agent::{Agent, AgentConfig, Identity, Secret, Stopped, Trust};
use baton_api::client::{Client, ClientOptions};
use baton_api::rest::{EnrolRequest, Enrolled};
use baton_core::text::shell_name;
use owo_colors::OwoColorize as _;

use super::local_robot::failed;
use super::{StopRequests, files, offer, trust};
use crate::cli::Global;
use crate::cli::serve::{Offer, Robot};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use crate::settings::{self, Pinned};

/// How long running work may go on after the first Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(60);

/// Does it.
pub(crate) fn robot(global: &Global, args: &Robot) -> Done<Exit> {
    super::log(global.verbose, "info");
    offer::check(&args.offer)?;
    let folder = args
        .data
        .clone()
        .unwrap_or_else(|| PathBuf::from("./baton-robot"));
    super::runtime()?.block_on(async {
        let mut stops = StopRequests::listen()?;
        let pinned = trust::of(global, args.server.as_ref(), &folder)?;
        // One that makes no sense is refused before anything else.
        pinned.trust()?;
        let (identity, key) = tokio::select! {
            known = identify(global, args, &folder, &pinned) => known?,
            // Its server may not answer for long.
            () = stops.next() => return Ok(Exit::Ok),
        };
        let trust = trust::keep(&folder, &pinned)?;
        let offer = offer::of(&folder, &args.offer)?;
        let config = configure(&offer, &folder, &identity, key, trust);
        offer::say_whose_rights(&config, "its key and other runs' files");
        files::for_robot(config.offer.max_concurrent_jobs);
        let mut agent = Agent::start(config).await.map_err(failed)?;
        offer::keep(&folder, &args.offer)?;
        output::line(&format!(
            "{} serves {} as {}",
            "baton robot".bold(),
            identity.server,
            identity.name.bold()
        ));
        tokio::select! {
            () = stops.next() => {}
            stopped = agent.wait() => return Err(by_itself(stopped, &identity.name, &folder)),
        }
        output::note(&format!(
            "draining: running work may go on for {} s; Ctrl-C again stops at once",
            PATIENCE.as_secs()
        ));
        Ok(stops.stop_gracefully(agent.stop(PATIENCE)).await)
    })
}

/// Why the robot is not running any more although nobody asked it to stop.
fn by_itself(stopped: Stopped, name: &str, folder: &Path) -> Failure {
    match stopped {
        Stopped::Refused { code, message } => {
            let what = format!("the server will not have the robot {name}: {message}");
            Failure::new(Exit::NotAllowed, code, what).fix(format!(
                "remove {}, and enrol the robot anew: `baton robots enroll {}` on the server",
                folder.display(),
                shell_name(name)
            ))
        }
        Stopped::Asked | Stopped::Broken(_) => {
            Failure::new(Exit::Failed, "robot", "the robot stopped by itself")
                .fix("its log above says why; start it again")
        }
    }
}

/// Who this robot is: as enrolled before, or enrolled now with a token.
async fn identify(
    global: &Global,
    args: &Robot,
    folder: &Path,
    pinned: &Pinned,
) -> Done<(Identity, Secret)> {
    let present = Identity::load(folder).map_err(failed)?;
    match (present, &args.token) {
        (Some((mut identity, key)), _) => {
            if let Some(url) = args.server.as_ref().or(global.url.as_ref()) {
                // The server may have moved; the robot is the same.
                identity.server = url.trim_end_matches('/').to_owned();
            }
            if args
                .name
                .as_ref()
                .is_some_and(|name| *name != identity.name)
            {
                return Err(Failure::new(
                    Exit::Refused,
                    "already_enrolled",
                    format!(
                        "{} belongs to the robot {}",
                        folder.display(),
                        identity.name
                    ),
                )
                .fix("give the new robot a folder of its own with --data"));
            }
            Ok((identity, key))
        }
        (None, Some(token)) => {
            let server = match &args.server {
                Some(server) => server.trim_end_matches('/').to_owned(),
                None => settings::target(global)?.url,
            };
            let name = args.name.clone().unwrap_or_else(settings::computer);
            let enrolled = enrol(&server, pinned, token, &name).await?;
            let identity = Identity {
                id: enrolled.robot_id,
                name,
                server,
            };
            let key = Secret(enrolled.key);
            identity.save(folder, &key).map_err(failed)?;
            output::note(&format!("enrolled as {}", identity.name));
            Ok((identity, key))
        }
        (None, None) => Err(Failure::new(
            Exit::NotAllowed,
            "not_enrolled",
            format!("there is no robot in {}", folder.display()),
        )
        .fix(
            "run `baton robots enroll` on the server and start this with --url URL --token TOKEN",
        )),
    }
}

/// Turns a one-time token into a robot. A refusal keeps the server's own code.
async fn enrol(server: &str, pinned: &Pinned, token: &str, name: &str) -> Done<Enrolled> {
    let client = Client::new(&ClientOptions {
        url: server.to_owned(),
        key: None,
        fingerprint: pinned.fingerprint.clone(),
        authority: pinned.authority.clone(),
    })?;
    let asked = EnrolRequest {
        token: token.to_owned(),
        name: name.to_owned(),
        computer: settings::computer(),
    };
    client.enrol_robot(&asked).await.map_err(|error| {
        let failure = Failure::from(error);
        match failure.code.as_str() {
            "robot_exists" => failure
                .fix("name this one with --name, or delete the other with `baton robots rm NAME`"),
            "unknown_key" | "revoked_key" | "expired_key" => {
                failure.fix("a token works once: `baton robots enroll` on the server makes another")
            }
            _ => failure,
        }
    })
}

fn configure(
    offer: &Offer,
    folder: &Path,
    identity: &Identity,
    key: Secret,
    trust: Trust,
) -> AgentConfig {
    let mut config = AgentConfig::new(&identity.server, &identity.name, key.0, folder);
    config.trust = trust;
    config.guard = files::guard();
    offer::tell(offer, 1, offer::Unsaid::Own, &mut config);
    config
}
