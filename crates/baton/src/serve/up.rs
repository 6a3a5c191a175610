//! `baton up`: server, scheduler and one robot in this process, the examples, and a first run to look at.

use std::time::Duration;

use baton_agent::AgentHandle;
use baton_api::rest::{CreateRun, LogQuery};
use owo_colors::OwoColorize as _;

use super::server::{self, Running};
use super::{StopRequests, local_robot, offer, samples};
use crate::cli::Global;
use crate::cli::serve::Up;
use crate::commands::{Session, login, watch};
use crate::exit::Exit;
use crate::failure::Done;
use crate::output;
use crate::settings::known;

/// How long running work may go on after the first Ctrl-C.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the local robot may take to register before the first run is asked for all the same.
const REGISTER_WITHIN: Duration = Duration::from_secs(5);

/// Does it.
pub(crate) fn up(global: &Global, args: &Up) -> Done<Exit> {
    super::log(global.verbose, "warn");
    offer::check(&args.offer)?;
    super::runtime()?.block_on(async {
        // Before anything else: what comes while it starts is answered when it has.
        let mut stops = StopRequests::listen()?;
        let running = server::start(global, &args.listen).await?;
        let session = Session::with(running.target(), global.json)?;
        let mut agent = local_robot::start(&running, &session, args).await?;
        tokio::select! {
            shown = show(global, args, &running, &session, &agent) => shown?,
            () = stops.next() => return Ok(stop(running, agent, &mut stops).await),
        }
        let asked = async {
            tokio::select! {
                () = stops.next() => {}
                _ = agent.wait() => {
                    output::warn("the local robot has stopped; runs wait until a robot comes");
                    stops.next().await;
                }
            }
        };
        tokio::select! {
            () = asked => {}
            // What runs is ended with the agent: its guard sees to that.
            () = running.handle.lost() => return Err(server::disk_failed()),
        }
        Ok(stop(running, agent, &mut stops).await)
    })
}

/// Running work first, then the server, which takes its results.
async fn stop(running: Running, agent: AgentHandle, stops: &mut StopRequests) -> Exit {
    let live = agent.status().borrow().live;
    if live > 0 {
        output::note(&format!(
            "stopping: {live} {} may go on for {} s; Ctrl-C again stops at once",
            if live == 1 { "run" } else { "runs" },
            PATIENCE.as_secs()
        ));
    } else {
        output::note("stopping");
    }
    let data = running.data.clone();
    let stopping = async {
        agent.stop(PATIENCE).await;
        running.handle.stop().await;
    };
    let exit = stops.stop_gracefully(stopping).await;
    known::remove_from_folder(&data);
    exit
}

/// Shows what there is: addresses, examples, one run from beginning to end, and the way in.
async fn show(
    global: &Global,
    args: &Up,
    running: &Running,
    session: &Session,
    agent: &AgentHandle,
) -> Done {
    if !global.json {
        output::line(&format!(
            "{} {}",
            "baton".bold(),
            env!("CARGO_PKG_VERSION").dimmed()
        ));
        output::facts(&[
            ("  server", running.handle.url.clone()),
            ("  data", running.data.display().to_string()),
            ("  time zones", baton_core::zone::current().describe()),
        ]);
    }
    // Later starts run nothing unasked: their figures are those of real work.
    if !args.no_examples && examples(session, running, global.json).await? {
        registered(agent).await;
        first_run(session, global.json).await?;
    }
    let link = running.sign_in_link().await?;
    if global.json {
        output::json(&serde_json::json!({
            "url": running.handle.url, "link": link, "data": running.data.to_string_lossy(),
            "key_file": running.admin.path.to_string_lossy(),
            "zone_data": baton_server::zones::view(jiff::Timestamp::now()),
        }));
        return Ok(());
    }
    output::line(&format!(
        "\n{} {link}",
        "dashboard, signing in once:".bold()
    ));
    let first = if running.in_use {
        String::new()
    } else {
        format!("export BATON_URL={}, then ", running.handle.url)
    };
    output::line(&format!(
        "Ctrl-C stops. In another terminal: {first}baton runs ls, baton deploy PATH, baton login"
    ));
    if !args.no_browser && output::is_terminal() && has_display() {
        login::open_browser(&link);
    }
    Ok(())
}

/// Whether there is a screen on which a browser could open.
fn has_display() -> bool {
    cfg!(target_os = "macos")
        || ["DISPLAY", "WAYLAND_DISPLAY"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|v| !v.is_empty()))
}

/// Deploys the examples on the first start; whether it was the first.
async fn examples(session: &Session, running: &Running, json: bool) -> Done<bool> {
    let done = running.data.join(super::EXAMPLES_DONE);
    if done.exists() {
        return Ok(false);
    }
    let names = samples::deploy_all(session, &running.data).await?;
    if !json {
        output::facts(&[("  examples", names.join(", "))]);
    }
    known::write_private(&done, b"")?;
    Ok(true)
}

/// Waits until the server knows the local robot. A robot that is late only makes the run wait.
async fn registered(agent: &AgentHandle) {
    let mut status = agent.status();
    let known = status.wait_for(|status| status.registered);
    let _ = tokio::time::timeout(REGISTER_WITHIN, known).await;
}

/// Runs one example and shows its log as it comes. Somebody may have removed the example: then nothing runs.
async fn first_run(session: &Session, json: bool) -> Done {
    let named = format!("{}/default", samples::SHOWN);
    match session.client.deployment(&named).await {
        // Somebody has put something of their own in its place: nothing of theirs runs unasked.
        Ok(deployment) if deployment.version != Some(1) => return Ok(()),
        Err(error) if error.is_not_found() => return Ok(()),
        found => found?,
    };
    let request = CreateRun {
        deployment: Some(named),
        ..CreateRun::default()
    };
    let created = match session.client.create_run(&request).await {
        Ok(created) => created,
        Err(error) if error.is_not_found() => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if json {
        return Ok(());
    }
    output::line(&format!(
        "\nrunning {} as {}",
        samples::SHOWN,
        created.name.bold()
    ));
    let (query, style) = (LogQuery::default(), watch::Style::default());
    let followed = watch::follow(session, created.id, &query, style).await?;
    if let watch::Followed::Ended(run) = followed {
        output::line(&watch::ending(&run));
    }
    Ok(())
}
