//! `baton run`: asks for a run of a deployment, and watches it if asked.

use baton_api::rest::{CreateRun, Deployment, LogQuery};
use jiff::{SignedDuration, Timestamp};
use owo_colors::OwoColorize as _;
use serde_json::{Map, Value, json};

use super::clock::Clock;
use super::{Session, choose, policy, watch};
use crate::cli::runs::Run;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::{output, units};

/// A run for a time that passed longer ago than this is a slip of the pen, not a wish to start now.
const LONG_PAST: SignedDuration = SignedDuration::from_hours(24);

/// Says that a time has passed, or refuses it when that is long ago.
fn passed(due_at: Timestamp, now: Timestamp) -> Done {
    let since = now.duration_since(due_at);
    if since > LONG_PAST {
        return Err(Failure::new(
            Exit::Refused,
            "in_the_past",
            format!(
                "{} is long past ({})",
                output::clock(due_at),
                output::ago(due_at, now)
            ),
        )
        .fix("choose a time to come with --at, or leave it out to run now"));
    }
    if since.is_positive() {
        output::note(&format!(
            "{} has passed ({}): it starts now",
            output::clock(due_at),
            output::ago(due_at, now)
        ));
    }
    Ok(())
}

/// Does it.
pub(crate) async fn run(session: &Session, args: &Run) -> Done<Exit> {
    let deployment = choose::deployment(session, &args.flow).await?;
    let schema = schema(session, &deployment).await?;
    let mut parameters = match &args.params_file {
        Some(file) => policy::parameters_in(file, &schema)?,
        None => Map::new(),
    };
    parameters.extend(policy::parameters(&args.parameters, &schema)?);
    let due_at = match &args.at {
        Some(text) => Some(Clock::of_here(session).instant(text).await?),
        None => None,
    };
    if let Some(due_at) = due_at {
        passed(due_at, Timestamp::now())?;
    }
    let priority = args
        .priority
        .as_ref()
        .map(|word| units::word(word, "priority", &policy::PRIORITIES))
        .transpose()?;
    let timeout_seconds = args
        .timeout
        .as_ref()
        .map(|text| units::whole_seconds(text))
        .transpose()?;
    let request = CreateRun {
        deployment: Some(deployment.id.to_string()),
        parameters,
        due_at,
        priority,
        tags: args.tag.iter().cloned().collect(),
        robot: args.robot.clone(),
        timeout_seconds,
        idempotency_key: args.idempotency_key.clone(),
        ..CreateRun::default()
    };
    let created = session.client.create_run(&request).await?;
    if args.watch {
        if !session.json {
            output::note(&format!(
                "{} of {}",
                created.name.bold(),
                deployment.full_name
            ));
            session.say_where();
        }
        return watch::watch(session, created.id, &created.name, &LogQuery::default()).await;
    }
    if session.json {
        output::json(&created);
    } else {
        output::line(&created.name);
        output::note(&format!(
            "watch it with `baton runs logs {} -f`, or ask why it waits with `baton runs explain {0}`",
            created.name
        ));
    }
    Ok(Exit::Ok)
}

/// Parameters typed by the schema of the version that would run.
pub(crate) async fn parameters(
    session: &Session,
    deployment: &Deployment,
    pairs: &[String],
) -> Done<Map<String, Value>> {
    if pairs.is_empty() {
        return Ok(Map::new());
    }
    policy::parameters(pairs, &schema(session, deployment).await?)
}

async fn schema(session: &Session, deployment: &Deployment) -> Done<Value> {
    Ok(match deployment.version_id {
        Some(id) => session.client.version(id).await?.parameter_schema,
        None => json!({}),
    })
}
