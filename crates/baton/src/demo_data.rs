//! `baton demo-data`: a server with a lived-in world of its own, for trying out the dashboard before anything is deployed.
//!
//! The world is made in a folder of its own, by the store's ordinary operations at past instants; then a server
//! starts on it, and simulated robots connect to it by the robot protocol and go on working. Nothing of a real
//! installation is read or changed, and nothing is ever executed.

mod catalog;
mod dice;
mod fleet;
mod folder;
mod history;
mod live;
mod package;
mod picture;
mod plan;
mod samples;
mod script;
mod standing;
mod world;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use baton_store::Store;
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize as _;

use crate::cli::Global;
use crate::cli::serve::Listen;
use crate::cli::upkeep::DemoData;
use crate::commands::Session;
use crate::exit::Exit;
use crate::failure::Done;
use crate::output;
use crate::serve::server::{self, Running};
use crate::serve::{self, StopRequests};
use crate::settings::Target;
use crate::units;

/// Seconds in a day.
const DAY: f64 = 86_400.0;

/// This many seconds later (or earlier), to the microsecond as stores keep it.
fn later(at: Timestamp, seconds: f64) -> Timestamp {
    let micros = SignedDuration::from_micros((seconds * 1e6) as i64);
    let at = Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at);
    at.saturating_add(micros).unwrap_or(at)
}

/// Does it.
pub(crate) fn demo_data(global: &Global, args: &DemoData) -> Done<Exit> {
    serve::log(global.verbose, "warn");
    serve::runtime()?.block_on(async {
        let fresh = folder::claim(&args.data)?;
        if fresh {
            let began = Instant::now();
            // To the other stream: what is told at the end is for programs too.
            output::note(&format!(
                "making the history of {}; this takes about a second for each",
                units::count(args.days, "day")
            ));
            let (runs, keys) = fill(args).await?;
            if !global.json {
                output::line(&format!(
                    "made {runs} runs of {} in {:.1} s",
                    units::count(args.days, "day"),
                    began.elapsed().as_secs_f64()
                ));
            }
            folder::done(&args.data, &keys)?;
        }
        if args.fill_only {
            return Ok(Exit::Ok);
        }
        live(global, args).await
    })
}

/// Fills a fresh folder, and says with how many runs and which keys.
async fn fill(args: &DemoData) -> Done<(usize, BTreeMap<String, String>)> {
    let data = server::data_folder(&args.data)?;
    let store = serve::open_database(&data.join(serve::DATABASE))?;
    serve::private::close_new(&data);
    let made = make(&store, args, &data).await;
    store.close().await;
    made
}

async fn make(
    store: &Arc<dyn Store>,
    args: &DemoData,
    data: &Path,
) -> Done<(usize, BTreeMap<String, String>)> {
    let until = later(Timestamp::now(), -1.0);
    let from = later(until, -DAY * f64::from(args.days));
    let mut dice = dice::Dice::new(args.seed);
    let world = world::World::found(Arc::clone(store), (from, until), dice.fork(), data).await?;
    let wanted = plan::runs(&world.deployments, from, until, &mut dice);
    let mut historian = history::Historian::of(world).await?;
    output::note(&format!("writing {} runs", wanted.len()));
    historian.write(&wanted).await?;
    output::note("writing what stands now, and figures of the past");
    standing::make(&mut historian).await?;
    samples::write(&historian).await?;
    historian.world.settle().await?;
    Ok((wanted.len(), historian.world.keys))
}

/// Starts the server, and robots that seem to work.
async fn live(global: &Global, args: &DemoData) -> Done<Exit> {
    let listen = Listen {
        host: args.host.clone(),
        insecure_http: args.insecure_http,
        port: Some(args.port),
        data: Some(args.data.clone()),
        ..Listen::default()
    };
    let keys = folder::keys(&args.data)?;
    let running = server::start_apart(&listen).await?;
    let mut dice = dice::Dice::new(args.seed ^ Timestamp::now().as_second().cast_unsigned());
    let mut stops = StopRequests::listen()?;
    let robots = live::robots(running.handle.addr, &keys, &mut dice);
    let people = people(&running, &keys, dice)?;
    tokio::select! {
        shown = show(global, &running, people) => shown?,
        () = stops.next() => {}
    }
    output::note("stopping");
    let stopping = async {
        robots.hand_over().await;
        running.handle.stop().await;
    };
    Ok(stops.stop_gracefully(stopping).await)
}

fn people(
    running: &Running,
    keys: &BTreeMap<String, String>,
    dice: dice::Dice,
) -> Done<live::People> {
    let target = Target {
        key: keys.get(fleet::PEOPLES_KEY).cloned(),
        ..running.target()
    };
    let client = Session::with(target, false)?.client;
    Ok(live::People { client, dice })
}

/// Waits for a first sight of work, says where it is, and goes on until it is stopped.
async fn show(global: &Global, running: &Running, mut people: live::People) -> Done {
    people.begin().await;
    let link = apart(&running.sign_in_link().await?);
    if global.json {
        output::json(&serde_json::json!({
            "url": running.handle.url, "link": link, "data": running.data.to_string_lossy(), "key_file": running.admin.path.to_string_lossy(),
        }));
    } else {
        output::facts(&[
            ("  server", running.handle.url.clone()),
            ("  data", running.data.display().to_string()),
        ]);
        output::line(&format!(
            "\n{} {link}",
            "dashboard, signing in once:".bold()
        ));
        output::line("Ctrl-C stops; delete the folder and nothing is left");
    }
    people.go_on().await;
    Ok(())
}

/// The link under another name of this machine: browsers keep cookies by name, not by port, and signing in to the
/// demo must not sign anybody out of the real server.
fn apart(link: &str) -> String {
    link.replacen("//127.0.0.1:", "//localhost:", 1)
}
