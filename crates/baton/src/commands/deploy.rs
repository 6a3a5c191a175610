//! `baton deploy`: packs what is at a path, uploads it where it is new, and makes flow, version, deployment, schedule.

use std::collections::BTreeMap;

use baton_api::package::pack_with;
use baton_api::rest::{
    DeployRequest, DeployResponse, DeploySchedule, Deployment, DeploymentPatch, NextQuery,
    ScheduleInput,
};
use baton_core::flow::Entry;
use baton_core::origin::described;
use baton_core::text::{shell_name, shell_word};
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use serde_json::{Map, Value};

use super::clock::Clock;
use super::{Session, choose, contents, policy, schedules_file, when};
use crate::cli::runs::{Deploy, When};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::source::origin::By;
use crate::source::{self, Source, Wish};
use crate::{output, settings, units};

/// How many coming slots are shown.
const SHOWN_SLOTS: u32 = 3;

/// Does it.
pub(crate) async fn deploy(session: &Session, args: &Deploy) -> Done {
    let wish = Wish {
        flow: args.flow.clone(),
        argv: args.argv.clone(),
        python: args.python.clone(),
        requirements: args.requirements.clone(),
    };
    let source = source::look(&args.path, &wish)?;
    warn_of_siblings(&source);
    let mut patch = policy::patch(&args.policy, &source.settings.deployment)?;
    patch.robot_id = choose::target_robot(session, args.policy.robot.as_deref()).await?;
    let given = policy::parameters(&args.parameters, &source.schema)?;
    patch.parameters = merged(&source.settings.deployment.parameters, given);
    let name = args
        .name
        .clone()
        .or_else(|| source.settings.deployment.name.clone())
        .unwrap_or_else(|| "default".to_owned());
    let mut request = request(&source, name, patch);
    let message = args.message.as_deref();
    source::origin::add(&mut request.source, &source, message, By::Deploy);
    request.replace = args.replace;
    request.folder = args.folder.clone().or(request.folder);
    request.schedule = schedule(session, &args.when).await?;
    request.schedules = schedules_file::all(session, &source.settings.schedules).await?;
    let made = send(session, &source, request).await?;
    if session.json {
        output::json(&made);
    } else {
        show(session, &made).await;
    }
    Ok(())
}

/// A script is packed alone; whoever deploys one that uses its neighbours means their folder.
pub(crate) fn warn_of_siblings(source: &Source) {
    let mut left = source::siblings::left_behind(&source.path);
    // A list that means other files cannot go along alone.
    let lists = source.path.with_file_name(source::requirements::NAME);
    let is_python = source.path.extension().is_some_and(|e| e == "py");
    if is_python && source.path.is_file() && lists.is_file() && source.carried.is_empty() {
        left.push(source::requirements::NAME.to_owned());
    }
    let (Some(folder), Some(script)) = (source.path.parent(), source.path.file_name()) else {
        return;
    };
    if left.is_empty() {
        return;
    }
    output::warn(&format!(
        "{script} is deployed alone, without {left} beside it; to have them along, deploy the folder: \
         baton deploy {folder} --flow {flow} -- {program}",
        script = script.to_string_lossy(),
        program = words(source),
        left = left.join(", "),
        folder = shell_word(&folder.display().to_string()),
        flow = shell_word(&source.flow),
    ));
}

/// The words that run a script, as a shell takes them.
fn words(source: &Source) -> String {
    let Entry::Command { argv, python, .. } = &source.entry else {
        return String::new();
    };
    let python = python.as_ref().map(|_| "python3".to_owned());
    let all: Vec<String> = python.into_iter().chain(argv.iter().cloned()).collect();
    all.join(" ")
}

/// Parameters of the file, and over them those of the command line; nothing when nobody says anything.
fn merged(file: &Map<String, Value>, flags: Map<String, Value>) -> Option<Map<String, Value>> {
    let mut all = file.clone();
    all.extend(flags);
    (!all.is_empty()).then_some(all)
}

/// What is asked of the server for a source, without its package.
pub(crate) fn request(
    source: &Source,
    deployment: String,
    patch: DeploymentPatch,
) -> DeployRequest {
    let flow = &source.settings.flow;
    let mut from = BTreeMap::from([
        ("path".to_owned(), source.path.display().to_string()),
        ("computer".to_owned(), settings::computer()),
    ]);
    if let Some(user) = std::env::var_os("USER") {
        from.insert("user".to_owned(), user.to_string_lossy().into_owned());
    }
    DeployRequest {
        flow: source.flow.clone(),
        description: flow.description.clone(),
        folder: flow.folder.clone(),
        flow_tags: flow.tags.clone().map(|tags| tags.into_iter().collect()),
        package: None,
        entry: source.entry.clone(),
        parameter_schema: source.schema.clone(),
        source: from,
        replace: false,
        deployment,
        settings: patch,
        schedule: None,
        schedules: Vec::new(),
    }
}

/// Packs the source, uploads it unless the server has it, and deploys.
pub(crate) async fn send(
    session: &Session,
    source: &Source,
    mut request: DeployRequest,
) -> Done<DeployResponse> {
    let packed = pack_with(&source.path, &source.carried).map_err(|e| {
        Failure::new(
            Exit::Refused,
            e.code,
            format!("cannot pack {}: {e}", source.path.display()),
        )
    })?;
    contents::say(source, &packed)?;
    let package = session.client.put_package(packed.archive).await?;
    request.package = Some(package.hash);
    match session.client.deploy(&request).await {
        Err(error) if error.code() == "another_project" => {
            take_over(session, source, request, error.into()).await
        }
        done => Ok(done?),
    }
}

/// What another project deployed under this name is replaced only if it moved here, or if a person says so.
async fn take_over(
    session: &Session,
    source: &Source,
    mut request: DeployRequest,
    refused: Failure,
) -> Done<DeployResponse> {
    let versions = session.client.versions(&request.flow).await?.items;
    let Some(known) = versions.into_iter().max_by_key(|version| version.number) else {
        return Err(refused);
    };
    let from = described(&known.source);
    if source::origin::moved(&known.source, &request.source, &source.path) {
        output::note(&format!(
            "it was deployed from {from}, which is gone: it moved here"
        ));
    } else {
        use std::io::IsTerminal as _;
        let somebody = std::io::stdin().is_terminal() && std::io::stderr().is_terminal();
        let question = source::origin::question(&request.flow, &known.source);
        if session.json || !somebody || !super::sure(false, &question)? {
            return Err(refused.fix(
                "choose another name with --flow NAME, or replace that flow with --replace; \
                 `project` under [flow] in baton.toml says what belongs together",
            ));
        }
    }
    request.replace = true;
    Ok(session.client.deploy(&request).await?)
}

/// The schedule on the command line. Its zone is this machine's unless one is given.
async fn schedule(session: &Session, when: &When) -> Done<Option<DeploySchedule>> {
    let zone = when
        .timezone
        .clone()
        .unwrap_or_else(settings::zones::here_name);
    let Some(rule) = when::rule(when, &Clock::of(session, &zone)).await? else {
        if when.timezone.is_some() {
            return Err(Failure::usage("--timezone says nothing without a schedule")
                .fix("add --cron, --daily or another rule"));
        }
        return Ok(None);
    };
    let mut settings = ScheduleInput::new(rule);
    settings.timezone = Some(zone);
    Ok(Some(DeploySchedule {
        name: "default".to_owned(),
        settings,
        paused: None,
    }))
}

/// Says what was made.
pub(crate) async fn show(session: &Session, made: &DeployResponse) {
    let word = |new: bool| if new { "new" } else { "unchanged" };
    output::line(&format!(
        "{} {}, version {} ({}), deployment {} ({})",
        "deployed".green(),
        made.deployment.full_name.bold(),
        made.version.number,
        word(made.new_version),
        made.deployment.name,
        if made.new_deployment {
            "new"
        } else {
            "updated"
        },
    ));
    output::facts(&facts(&made.deployment));
    schedules(session, &made.deployment).await;
    for warning in &made.warnings {
        output::warn(warning);
    }
    let name = &made.deployment.full_name;
    output::note(&format!(
        "run it now with `baton run --watch {}`",
        shell_name(name)
    ));
}

/// What people want to see of a deployment.
pub(crate) fn facts(deployment: &Deployment) -> Vec<(&'static str, String)> {
    let settings = &deployment.settings;
    let timeout = match settings.timeout_seconds {
        0 => "without limit".to_owned(),
        n => units::span(f64::from(n)),
    };
    let retries = match settings.retry.max_retries {
        0 => "none".to_owned(),
        n => format!(
            "{n}, after {} and then {} times as long, at most {}",
            units::span(settings.retry.initial_delay),
            settings.retry.backoff_factor,
            units::span(settings.retry.max_delay)
        ),
    };
    let mut facts = vec![
        ("work queue", deployment.queue_name.clone()),
        ("run timeout", timeout),
        ("retries", retries),
    ];
    if !settings.parameters.is_empty() {
        let parameters = Value::Object(settings.parameters.clone());
        facts.push(("parameters", parameters.to_string()));
    }
    for (name, words) in [
        ("tags", &settings.tags),
        ("labels", &settings.labels),
        ("capabilities", &settings.capabilities),
    ] {
        if !words.is_empty() {
            facts.push((name, output::words(words)));
        }
    }
    facts
}

/// Shows each schedule in words, with its zone and the next runs.
pub(crate) async fn schedules(session: &Session, deployment: &Deployment) {
    for schedule in &deployment.schedules {
        let paused = schedule.paused || schedule.deployment_paused;
        let state = if paused { " (paused)" } else { "" };
        output::line(&format!(
            "{}  {}: {}, {}{state}",
            "schedule".dimmed(),
            schedule.name,
            super::schedules::without_zone(&schedule.description, &schedule.settings.timezone),
            schedule.settings.timezone.cyan(),
        ));
        if paused {
            continue; // What will not fire has no next run.
        }
        let now = Timestamp::now();
        let query = NextQuery {
            count: Some(SHOWN_SLOTS),
        };
        // What was done is done, whether or not this can be shown.
        let coming = session.client.next_slots(schedule.id, &query).await;
        for slot in coming.map_or(Vec::new(), |coming| coming.slots) {
            let note = (slot.edge.as_ref()).map_or(String::new(), |note| format!("  {note}"));
            output::line(&format!(
                "  {}  {}{note}",
                slot.on_clock(),
                output::ago(slot.at, now).dimmed()
            ));
        }
    }
}
