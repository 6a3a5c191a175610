//! `baton deployments` and `baton flows`.

use baton_api::rest::{
    DeletePreview, Deployment, DeploymentQuery, FlowQuery, RunQuery, UpdateFlow, Version,
};
use baton_core::text::shell_name;
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use serde_json::json;

use super::{Session, choose, conditions, deploy, policy, runs, sure};
use crate::cli::catalog::{Deployments, DeploymentsEdit, Flows, KeptName, Sure};
use crate::cli::or_none::{clears, or_none};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look, table};
use crate::settings::file;
use crate::units;

/// How many latest runs are shown with a deployment.
const LATEST_RUNS: u32 = 5;
/// Characters of a commit that are shown.
const SHOWN_HASH: usize = 10;
/// Rows fetched at once.
const PAGE: u32 = 1_000;

/// `baton deployments`
pub(crate) async fn deployments(session: &Session, command: Deployments) -> Done {
    match command {
        Deployments::Ls { flow, search } => ls(session, flow, search).await,
        Deployments::Show { deployment } => show(session, &deployment).await,
        Deployments::Edit(args) => edit(session, &args).await,
        Deployments::Pause { deployment } => turn(session, &deployment, true).await,
        Deployments::Resume { deployment } => turn(session, &deployment, false).await,
        Deployments::Rm { deployment, sure } => rm_deployment(session, &deployment, sure).await,
    }
}

async fn ls(session: &Session, flow: Option<String>, search: Option<String>) -> Done {
    let mut query = DeploymentQuery {
        flow,
        limit: Some(PAGE),
        ..DeploymentQuery::default()
    };
    let mut all: Vec<Deployment> = Vec::new();
    loop {
        let page = session.client.deployments(&query).await?;
        all.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    if let Some(search) = search {
        let search = search.to_lowercase();
        all.retain(|d| d.full_name.to_lowercase().contains(&search));
    }
    if session.json {
        output::json(&all);
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = table::table(&[
        "deployment",
        "schedules",
        "queue",
        "version",
        "next",
        "schedule",
    ]);
    for deployment in &all {
        // Descriptions hold commas and name their zone where it matters.
        let words: Vec<_> = (deployment.schedules.iter())
            .map(|s| s.description.as_str())
            .collect();
        let state = if deployment.schedules.is_empty() {
            table::cell("–")
        } else {
            let all_paused = deployment.schedules.iter().all(|s| s.paused);
            Look::of_pause(deployment.settings.paused || all_paused).cell()
        };
        table.add_row(vec![
            table::cell(&deployment.full_name),
            state,
            table::cell(&deployment.queue_name),
            table::cell(output::or_dash(deployment.version)),
            table::cell(output::or_dash(
                deployment.next_at.map(|at| output::ago(at, now)),
            )),
            table::cell(output::or_dash(
                (!words.is_empty()).then(|| words.join("; ")),
            )),
        ]);
    }
    table::print(
        &mut table,
        "no deployments; make one with `baton deploy PATH`",
    );
    Ok(())
}

async fn show(session: &Session, named: &str) -> Done {
    let deployment = choose::deployment(session, named).await?;
    let latest = session
        .client
        .runs(&RunQuery {
            deployment: Some(deployment.id.to_string()),
            limit: Some(LATEST_RUNS),
            ..RunQuery::default()
        })
        .await?
        .items;
    if session.json {
        output::json(&json!({ "deployment": deployment, "latest_runs": latest }));
        return Ok(());
    }
    print(session, &deployment).await;
    if let Some(id) = deployment.version_id
        && let Some(commit) = commit(&session.client.version(id).await?)
    {
        output::facts(&[("commit", commit)]);
    }
    output::heading("Latest runs");
    runs::print(&latest, "none yet");
    Ok(())
}

/// Prints a deployment with all that is set of it; `robot` is the name of the one that its runs may use.
async fn print(session: &Session, deployment: &Deployment) {
    let robot = match deployment.settings.robot_id {
        Some(id) => match session.client.robot(&id.to_string()).await {
            Ok(robot) => Some(robot.name),
            Err(_) => Some(format!("{id}, which is not there any more")),
        },
        None => None,
    };
    let pinned = if deployment.settings.version_id.is_some() {
        "pinned"
    } else {
        "latest"
    };
    output::line(&format!(
        "{}  version {} ({pinned})",
        deployment.full_name.bold(),
        output::or_dash(deployment.version)
    ));
    if !deployment.settings.description.is_empty() {
        output::line(&deployment.settings.description);
    }
    let mut facts = deploy::facts(deployment);
    facts.extend(conditions::of(&deployment.settings, robot));
    output::facts(&facts);
    deploy::schedules(session, deployment).await;
}

/// Refuses another name: deploys, schedules, scripts and finished runs know a thing by the one it has.
pub(crate) fn keeps(kept: &KeptName, what: &str, instead: &str) -> Done {
    if kept.name.is_none() {
        return Ok(());
    }
    let why = format!(
        "a {what} keeps its name: deploys, schedules, scripts and finished runs know it by it"
    );
    Err(Failure::new(Exit::Refused, "name_is_kept", why).fix(instead))
}

async fn edit(session: &Session, args: &DeploymentsEdit) -> Done {
    keeps(
        &args.kept,
        "deployment",
        "deploy the flow with `--name NEW`, and then `baton deployments rm` the old one",
    )?;
    let before = choose::deployment(session, &args.deployment).await?;
    let none = file::Deployment::default();
    let mut patch = policy::patch_over(&args.policy, &none, Some(&before.settings.retry))?;
    patch.robot_id = choose::target_robot(session, args.policy.robot.as_deref()).await?;
    if let Some(version) = &args.version {
        patch.version_id = Some(version_id(session, &before, version).await?);
    }
    if !args.parameters.is_empty() || !args.unset.is_empty() {
        let mut parameters = before.settings.parameters.clone();
        for name in &args.unset {
            parameters.shift_remove(name);
        }
        parameters.extend(super::run::parameters(session, &before, &args.parameters).await?);
        patch.parameters = Some(parameters);
    }
    if patch == baton_api::rest::DeploymentPatch::default() {
        return Err(Failure::usage("nothing to change was named")
            .fix("`baton deployments edit --help` lists what can be changed"));
    }
    let after = session
        .client
        .update_deployment(&before.id.to_string(), &patch)
        .await?;
    if session.json {
        output::json(&after);
    } else {
        print(session, &after).await;
    }
    Ok(())
}

/// The id of a flow's version by its number; `latest` follows the newest.
async fn version_id(
    session: &Session,
    deployment: &Deployment,
    named: &str,
) -> Done<Option<baton_core::id::VersionId>> {
    if named == "latest" || clears(named) {
        return Ok(None);
    }
    let versions = session
        .client
        .versions(&deployment.flow_id.to_string())
        .await?
        .items;
    let found = versions.iter().find(|v| v.number.to_string() == named);
    found.map(|v| Some(v.id)).ok_or_else(|| {
        Failure::new(
            Exit::NotFound,
            "version_not_found",
            format!("{} has no version {named:?}", deployment.flow_name),
        )
        .fix(format!(
            "`baton flows show {}` lists them",
            shell_name(&deployment.flow_name)
        ))
    })
}

async fn turn(session: &Session, named: &str, paused: bool) -> Done {
    let id = choose::deployment(session, named).await?.id.to_string();
    let deployment = if paused {
        session.client.pause_deployment(&id).await?
    } else {
        session.client.resume_deployment(&id).await?
    };
    if session.json {
        output::json(&deployment);
    } else {
        output::line(&format!(
            "{} {}",
            Look::of_pause(deployment.settings.paused).painted(),
            deployment.full_name.bold()
        ));
    }
    Ok(())
}

async fn rm_deployment(session: &Session, named: &str, asked: Sure) -> Done {
    let deployment = choose::deployment(session, named).await?;
    let id = deployment.id.to_string();
    let preview = session.client.preview_delete_deployment(&id).await?;
    if !agreed(
        session,
        "deployment",
        &deployment.full_name,
        &preview,
        asked,
    )? {
        return Ok(());
    }
    session.client.delete_deployment(&id).await?;
    output::gone(session.json, "deleted", &deployment.full_name, true);
    Ok(())
}

/// Shows what goes, and asks.
fn agreed(
    session: &Session,
    what: &str,
    name: &str,
    preview: &DeletePreview,
    asked: Sure,
) -> Done<bool> {
    if session.json && asked.dry_run {
        output::json(preview);
        return Ok(false);
    }
    let parts: Vec<String> = [
        (preview.versions, "version"),
        (preview.deployments, "deployment"),
        (preview.schedules, "schedule"),
        (preview.runs, "ended run"),
    ]
    .iter()
    // A deployment does not go with itself.
    .filter(|(count, part)| *count > 0 && !part.starts_with(what))
    .map(|(count, what)| units::count(*count, what))
    .collect();
    let with = if parts.is_empty() {
        String::new()
    } else {
        format!(" with {}", parts.join(", "))
    };
    let open = units::count(preview.open_runs, "run");
    if preview.open_runs > 0 && !asked.dry_run {
        // The server would say so as well: nobody is asked whether to do what cannot be done.
        return Err(Failure::new(
            Exit::Refused,
            format!("{what}_in_use"),
            format!("the {what} {name} was not deleted: it has {open} that did not end yet"),
        )
        .fix(format!(
            "wait, or cancel them: `baton runs ls --flow {}` lists them",
            baton_api::rest::shell_word(name.split('/').next().unwrap_or(name))
        )));
    }
    if preview.open_runs > 0 {
        output::warn(&format!(
            "{open} of it that did not end yet would stand in the way"
        ));
    }
    if asked.dry_run {
        output::line(&format!("would delete the {what} {name}{with}"));
        return Ok(false);
    }
    let agreed = sure(asked.yes, &format!("Delete the {what} {name}{with}?"))?;
    if !agreed {
        output::note("nothing was deleted");
    }
    Ok(agreed)
}

/// `baton flows`
pub(crate) async fn flows(session: &Session, command: Flows) -> Done {
    match command {
        Flows::Ls { search } => ls_flows(session, search).await,
        Flows::Show { flow } => show_flow(session, &flow).await,
        Flows::Edit {
            flow,
            description,
            folder,
            tag,
            kept,
        } => {
            keeps(
                &kept,
                "flow",
                "deploy it under the new one (`name` in baton.toml, or --flow), and then `baton flows rm` the old one",
            )?;
            let text = |text: Option<String>| {
                text.map(|text| or_none(&text).unwrap_or_default().to_owned())
            };
            let tags = tag
                .iter()
                .filter_map(|word| or_none(word))
                .map(str::to_owned);
            let update = UpdateFlow {
                description: text(description),
                folder: text(folder),
                tags: (!tag.is_empty()).then(|| tags.collect()),
            };
            edit_flow(session, &flow, &update).await
        }
        Flows::Rm { flow, sure } => {
            let found = session.client.flow(&flow).await?;
            let id = found.id.to_string();
            let preview = session.client.preview_delete_flow(&id).await?;
            if agreed(session, "flow", &found.name, &preview, sure)? {
                session.client.delete_flow(&id).await?;
                output::gone(session.json, "deleted", &found.name, true);
            }
            Ok(())
        }
    }
}

/// Changes what people say of a flow, and shows it.
async fn edit_flow(session: &Session, named: &str, update: &UpdateFlow) -> Done {
    if *update == UpdateFlow::default() {
        return Err(Failure::usage("nothing to change was named")
            .fix("add --description, --folder or --tag"));
    }
    let flow = session.client.update_flow(named, update).await?;
    if session.json {
        output::json(&flow);
        return Ok(());
    }
    output::line(&flow.name.bold().to_string());
    output::facts(&[
        ("  description", flow.description),
        ("  folder", flow.folder),
        ("  tags", output::words(&flow.tags)),
    ]);
    Ok(())
}

async fn ls_flows(session: &Session, search: Option<String>) -> Done {
    let mut query = FlowQuery {
        search,
        limit: Some(PAGE),
        ..FlowQuery::default()
    };
    let mut all = Vec::new();
    loop {
        let page = session.client.flows(&query).await?;
        all.extend(page.items);
        query.cursor = page.next;
        if query.cursor.is_none() {
            break;
        }
    }
    if session.json {
        output::json(&all);
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = table::table(&[
        "flow",
        "folder",
        "version",
        "changed",
        "tags",
        "description",
    ]);
    for flow in &all {
        table.add_row(vec![
            table::cell(&flow.name),
            table::cell(&flow.folder),
            table::cell(output::or_dash(flow.latest_version)),
            table::cell(output::ago(flow.updated_at, now)),
            table::cell(output::words(&flow.tags)),
            table::cell(&flow.description),
        ]);
    }
    table::print(&mut table, "no flows; make one with `baton deploy PATH`");
    Ok(())
}

/// Commit, branch and first words of a version, as far as it says them.
fn commit(version: &Version) -> Option<String> {
    let source = &version.source;
    let mut words = Vec::new();
    if let Some(revision) = source.get("revision") {
        words.push(revision.get(..SHOWN_HASH).unwrap_or(revision).to_owned());
    }
    if let Some(branch) = source.get("branch") {
        words.push(format!("on {branch}"));
    }
    if source.get("dirty").is_some_and(|dirty| dirty == "yes") {
        words.push("with changes".to_owned());
    }
    if let Some(said) = source.get("message").or_else(|| source.get("subject")) {
        words.push(format!("\u{201c}{said}\u{201d}"));
    }
    (!words.is_empty()).then(|| words.join(" "))
}

async fn show_flow(session: &Session, named: &str) -> Done {
    let flow = session.client.flow(named).await?;
    let id = flow.id.to_string();
    let versions = session.client.versions(&id).await?.items;
    let deployments = session
        .client
        .deployments(&DeploymentQuery {
            flow: Some(id),
            limit: Some(PAGE),
            ..DeploymentQuery::default()
        })
        .await?
        .items;
    if session.json {
        output::json(&json!({ "flow": flow, "versions": versions, "deployments": deployments }));
        return Ok(());
    }
    output::line(&flow.name.bold().to_string());
    if !flow.description.is_empty() {
        output::line(&flow.description);
    }
    output::heading("Versions");
    let mut table = table::table(&["version", "status", "made", "package", "commit", "from"]);
    for version in &versions {
        let package = version
            .package
            .as_deref()
            .map(|hash| hash.get(..12).unwrap_or(hash));
        table.add_row(vec![
            table::cell(version.number),
            table::cell(output::spelt(&version.status)),
            table::cell(output::clock(version.created_at)),
            table::cell(output::or_dash(package)),
            table::cell(output::or_dash(commit(version))),
            table::cell(output::or_dash(version.source.get("path"))),
        ]);
    }
    table::print(&mut table, "none: only its own process runs it");
    output::heading("Deployments");
    for deployment in &deployments {
        output::line(&deployment.full_name);
        deploy::schedules(session, deployment).await;
    }
    if deployments.is_empty() {
        output::note("none");
    }
    Ok(())
}
