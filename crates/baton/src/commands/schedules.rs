//! `baton schedules`: when deployments run by themselves.

use baton_api::client::ClientError;
use baton_api::rest::{
    CreateSchedule, LocalTime, PreviewRequest, PreviewSlot, Schedule, ScheduleInput,
    SchedulePreview, ScheduleQuery, UpdateSchedule,
};
use baton_core::schedule::{Missed, Overlap, Rule};
use jiff::Timestamp;
use owo_colors::OwoColorize as _;

use super::clock::Clock;
use super::{Session, choose, policy, run, sure, when};
use crate::cli::or_none::or_none;
use crate::cli::schedules::{Rules, Schedules, SchedulesAdd, SchedulesEdit, SchedulesPreview};
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look, table};
use crate::{settings, units};

mod zones;

/// Does it.
pub(crate) async fn schedules(session: &Session, command: Schedules) -> Done {
    match command {
        Schedules::Ls { flow } => ls(session, flow, None).await,
        Schedules::Show { schedule } => show(session, &schedule).await,
        Schedules::Next { limit } => ls(session, None, Some(limit)).await,
        Schedules::Preview(args) => preview(session, &args).await,
        Schedules::CheckZones(args) => zones::check(session, &args).await,
        Schedules::Add(args) => add(session, &args).await,
        Schedules::Edit(args) => edit(session, &args).await,
        Schedules::Pause { schedule } => turn(session, &schedule, true).await,
        Schedules::Resume { schedule } => turn(session, &schedule, false).await,
        Schedules::Rm {
            schedule,
            sure: asked,
        } => {
            let found = choose::schedule(session, &schedule).await?;
            let name = full_name(&found);
            if asked.dry_run {
                let shown = format!("the schedule {name}, {}", found.description);
                output::gone(session.json, "deleted", &shown, false);
            } else if sure(
                asked.yes,
                &format!("Delete the schedule {name} ({})?", found.description),
            )? {
                session.client.delete_schedule(found.id).await?;
                output::gone(session.json, "deleted", &name, true);
            }
            Ok(())
        }
    }
}

pub(super) fn full_name(schedule: &Schedule) -> String {
    format!(
        "{}/{}/{}",
        schedule.flow_name, schedule.deployment_name, schedule.name
    )
}

/// Whether it fires.
fn look(schedule: &Schedule) -> Look {
    if schedule.over {
        return Look::over();
    }
    Look::of_pause(schedule.paused || schedule.deployment_paused)
}

/// Lists schedules; with `next`, only those that fire, soonest first.
async fn ls(session: &Session, flow: Option<String>, next: Option<u32>) -> Done {
    let query = ScheduleQuery::default();
    let mut all = session.client.all_schedules(&query).await?.items;
    if let Some(flow) = flow {
        all.retain(|s| s.flow_name == flow || s.flow_id.to_string() == flow);
    }
    if let Some(limit) = next {
        all.retain(|s| s.next_at.is_some());
        all.sort_by_key(|s| s.next_at);
        all.truncate(limit as usize);
    }
    if session.json {
        output::json(&all);
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = table::table(&["schedule", "state", "next", "", "rule", "zone"]);
    for schedule in &all {
        table.add_row(vec![
            table::cell(full_name(schedule)),
            look(schedule).cell(),
            table::cell(output::or_dash(schedule.next_local.as_ref())),
            table::cell(
                schedule
                    .next_at
                    .map_or(String::new(), |at| output::ago(at, now)),
            ),
            table::cell(without_zone(
                &schedule.description,
                &schedule.settings.timezone,
            )),
            table::cell(&schedule.settings.timezone),
        ]);
    }
    table::print(
        &mut table,
        "no schedules; add one with `baton schedules add`",
    );
    Ok(())
}

async fn preview(session: &Session, args: &SchedulesPreview) -> Done {
    let when = &args.when;
    let zone = when
        .timezone
        .clone()
        .unwrap_or_else(settings::zones::here_name);
    let rule = when::rule(when, &Clock::of(session, &zone).or_here()).await?;
    let mut settings = match (&args.schedule, rule) {
        (Some(_), Some(_)) => {
            return Err(Failure::usage("name a schedule or give a rule, not both"));
        }
        (None, None) => {
            return Err(Failure::usage("name a schedule, or give a rule").fix(
                "for example: baton schedules preview --cron '30 2 * * *' --timezone Europe/Berlin",
            ));
        }
        (None, Some(rule)) => ScheduleInput::new(rule),
        (Some(named), None) => input(&choose::schedule(session, named).await?),
    };
    if settings.timezone.is_none() || when.timezone.is_some() {
        settings.timezone = Some(zone);
    }
    let zone = settings.timezone.clone().unwrap_or_default();
    // A stored zone is not judged again.
    if args.schedule.is_none() || when.timezone.is_some() {
        settings::zones::named(&zone)?;
    }
    let from = match &args.from {
        Some(text) => Some(Clock::of(session, &zone).or_here().instant(text).await?),
        None => None,
    };
    let request = PreviewRequest {
        settings,
        from,
        count: Some(args.count),
    };
    let preview = match session.client.preview_schedule(&request).await {
        Err(ClientError::Unreachable { .. }) if args.schedule.is_none() => here(&request)?,
        answer => answer?,
    };
    if session.json {
        output::json(&preview);
    } else {
        print(&preview);
    }
    Ok(())
}

/// The preview of a rule without a server: nothing of it needs one but the rules of zones, which are this
/// machine's then.
fn here(request: &PreviewRequest) -> Done<SchedulePreview> {
    let given = request.settings.clone().given("UTC");
    if given.timezone != "UTC" {
        output::note(&format!(
            "no server answers: computed here, with this machine's rules of {}",
            given.timezone
        ));
    }
    let from = request.from.unwrap_or_else(Timestamp::now);
    let count = request.count.unwrap_or(1);
    let zone_data = baton_server::zones::view(Timestamp::now());
    SchedulePreview::of(given, from, count, zone_data).map_err(|error| {
        let what = format!("{}: {}", error.setting(), error.message);
        Failure::new(Exit::Refused, error.code, what)
    })
}

/// What a stored schedule says, as a request says it. An interval without an anchor is one of an earlier
/// version, which counted from 1970 whatever its start.
fn input(schedule: &Schedule) -> ScheduleInput {
    let mut settings = schedule.settings.clone();
    if let Rule::Interval {
        anchor,
        wall_clock: false,
        ..
    } = &mut settings.rule
    {
        anchor.get_or_insert(Timestamp::UNIX_EPOCH);
    }
    ScheduleInput {
        rule: settings.rule,
        timezone: Some(settings.timezone),
        starts_at: settings.starts_at,
        ends_at: settings.ends_at,
        jitter_seconds: settings.jitter_seconds,
        missed: settings.missed,
        overlap: settings.overlap,
        parameters: settings.parameters,
        robot_id: settings.robot_id,
        priority: settings.priority,
    }
}

/// The server's words without the zone, which they name where it matters; it is shown apart.
pub(crate) fn without_zone<'a>(words: &'a str, zone: &str) -> &'a str {
    words
        .strip_suffix(zone)
        .map_or(words, |w| w.trim_end_matches(", "))
}

fn print(preview: &SchedulePreview) {
    let words = without_zone(&preview.description, &preview.timezone);
    output::line(&format!("{}, {}", words.bold(), preview.timezone));
    let now = Timestamp::now();
    let mut table = table::table(&["local", "utc", "", "clock change"]);
    for slot in &preview.slots {
        let PreviewSlot {
            at, local, edge, ..
        } = slot;
        table.add_row(vec![
            table::cell(local),
            table::cell(at),
            table::cell(output::ago(*at, now)),
            table::cell(edge.clone().unwrap_or_default()),
        ]);
    }
    table::print(&mut table, "it never fires again");
    output::note(&format!(
        "time zone data: {}",
        preview.zone_data.description
    ));
    if let Some(warning) = &preview.zone_data.warning {
        output::warn(warning);
    }
}

async fn add(session: &Session, args: &SchedulesAdd) -> Done {
    let deployment = choose::deployment(session, &args.deployment).await?;
    let zone = args
        .when
        .timezone
        .clone()
        .unwrap_or_else(settings::zones::here_name);
    let rule = when::rule(&args.when, &Clock::of(session, &zone)).await?;
    let rule = rule.ok_or_else(|| {
        Failure::usage("no rule was given").fix("add --cron, --every, --daily or another rule")
    })?;
    let mut settings = ScheduleInput::new(rule);
    settings.timezone = Some(zone.clone());
    let changes = changes(session, &args.rules, &zone).await?;
    settings.starts_at = changes.starts_at.flatten();
    settings.ends_at = changes.ends_at.flatten();
    settings.jitter_seconds = changes.jitter_seconds.unwrap_or(0);
    settings.missed = missed(&args.rules, Missed::default())?.unwrap_or_default();
    settings.overlap = changes.overlap.unwrap_or_default();
    settings.robot_id = changes.robot_id.flatten();
    settings.priority = changes.priority.flatten();
    settings.parameters = run::parameters(session, &deployment, &args.rules.parameters).await?;
    let request = CreateSchedule {
        deployment: deployment.id.to_string(),
        name: args.name.clone(),
        settings,
        paused: false,
    };
    let made = session.client.create_schedule(&request).await?;
    shown(session, &made);
    Ok(())
}

async fn edit(session: &Session, args: &SchedulesEdit) -> Done {
    let before = choose::schedule(session, &args.schedule).await?;
    let zone = args
        .when
        .timezone
        .clone()
        .unwrap_or_else(|| before.settings.timezone.clone());
    let mut update = changes(session, &args.rules, &zone).await?;
    update.name.clone_from(&args.name);
    update.rule = when::rule(&args.when, &Clock::of(session, &zone)).await?;
    // Another length of an interval keeps the beat's beginning, unless a start or an anchor is said.
    if let (Some(Rule::Interval { anchor, .. }), Rule::Interval { anchor: old, .. }) =
        (&mut update.rule, &before.settings.rule)
        && args.rules.starts.is_none()
    {
        *anchor = anchor.or(*old);
    }
    update.timezone.clone_from(&args.when.timezone);
    update.missed = missed(&args.rules, before.settings.missed)?;
    if !args.rules.parameters.is_empty() || !args.unset.is_empty() {
        let deployment = session
            .client
            .deployment(&before.deployment_id.to_string())
            .await?;
        let mut parameters = before.settings.parameters.clone();
        parameters.retain(|name, _| !args.unset.contains(name));
        parameters.extend(run::parameters(session, &deployment, &args.rules.parameters).await?);
        update.parameters = Some(parameters);
    }
    if update == UpdateSchedule::default() {
        return Err(Failure::usage("nothing to change was named")
            .fix("`baton schedules edit --help` lists what can be changed"));
    }
    let after = session.client.update_schedule(before.id, &update).await?;
    shown(session, &after);
    Ok(())
}

/// What the flags change, beside rule, zone, missed slots and parameters.
async fn changes(session: &Session, rules: &Rules, zone: &str) -> Done<UpdateSchedule> {
    let clock = Clock::of(session, zone);
    let instant = async |text: &Option<String>| -> Done<Option<Option<Timestamp>>> {
        Ok(match text.as_deref().map(or_none) {
            None => None,
            Some(None) => Some(None),
            Some(Some(text)) => Some(Some(clock.instant(text).await?)),
        })
    };
    let robot_id = choose::target_robot(session, rules.robot.as_deref()).await?;
    Ok(UpdateSchedule {
        starts_at: instant(&rules.starts).await?,
        ends_at: instant(&rules.ends).await?,
        jitter_seconds: rules
            .jitter
            .as_deref()
            .map(|text| or_none(text).map_or(Ok(0), units::whole_seconds))
            .transpose()?,
        overlap: rules
            .overlap
            .as_deref()
            .map(|word| {
                let Some(word) = or_none(word) else {
                    return Ok(Overlap::default());
                };
                units::word(
                    word,
                    "overlap policy",
                    &["allow", "skip", "queue", "cancel_running"],
                )
            })
            .transpose()?,
        robot_id,
        priority: rules
            .priority
            .as_deref()
            .map(|word| {
                let word = or_none(word);
                word.map(|word| units::word(word, "priority", &policy::PRIORITIES))
                    .transpose()
            })
            .transpose()?,
        ..UpdateSchedule::default()
    })
}

/// What happens to missed slots, where the flags say something about it.
fn missed(rules: &Rules, before: Missed) -> Done<Option<Missed>> {
    if rules.missed.is_none() && rules.missed_window.is_none() {
        return Ok(None);
    }
    let mut missed = before;
    if let Some(word) = &rules.missed {
        missed.policy = match or_none(word) {
            Some(word) => units::word(word, "policy for missed slots", &["skip", "last", "all"])?,
            None => Missed::default().policy,
        };
    }
    if let Some(window) = &rules.missed_window {
        missed.window_seconds = match or_none(window) {
            Some(window) => units::whole_seconds(window)?,
            None => Missed::default().window_seconds,
        };
    }
    Ok(Some(missed))
}

/// Shows one schedule with all that is set of it.
async fn show(session: &Session, named: &str) -> Done {
    let schedule = choose::schedule(session, named).await?;
    shown(session, &schedule);
    if session.json {
        return Ok(());
    }
    let settings = &schedule.settings;
    let robot = match settings.robot_id {
        Some(id) => Some(match session.client.robot(&id.to_string()).await {
            Ok(robot) => robot.name,
            Err(_) => format!("{id}, which is not there any more"),
        }),
        None => None,
    };
    let mut facts = vec![("id", schedule.id.to_string())];
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    let on_clock = |at: &Option<LocalTime>| at.as_ref().map(ToString::to_string);
    add("starts", on_clock(&schedule.starts_local));
    add("ends", on_clock(&schedule.ends_local));
    let span = |seconds: u32| units::span(f64::from(seconds));
    let jitter = settings.jitter_seconds;
    add(
        "jitter",
        (jitter > 0).then(|| format!("up to {}", span(jitter))),
    );
    let missed = output::spelt(&settings.missed.policy);
    let window = span(settings.missed.window_seconds);
    add("missed", Some(format!("{missed}, of the last {window}")));
    add("overlap", Some(output::spelt(&settings.overlap)));
    let parameters = serde_json::Value::Object(settings.parameters.clone());
    add(
        "parameters",
        (!settings.parameters.is_empty()).then(|| parameters.to_string()),
    );
    add("robot", robot.map(|robot| format!("only {robot}")));
    add("priority", settings.priority.map(|p| p.as_str().to_owned()));
    let held = "its deployment is; `baton deployments resume` lets it go on";
    add(
        "paused",
        schedule.deployment_paused.then(|| held.to_owned()),
    );
    output::facts(&facts);
    Ok(())
}

async fn turn(session: &Session, named: &str, paused: bool) -> Done {
    let id = choose::schedule(session, named).await?.id;
    let schedule = if paused {
        session.client.pause_schedule(id).await?
    } else {
        session.client.resume_schedule(id).await?
    };
    shown(session, &schedule);
    Ok(())
}

fn shown(session: &Session, schedule: &Schedule) {
    if session.json {
        output::json(schedule);
        return;
    }
    output::line(&format!(
        "{} {}: {}, {}",
        look(schedule).painted(),
        full_name(schedule).bold(),
        without_zone(&schedule.description, &schedule.settings.timezone),
        schedule.settings.timezone
    ));
    if let (Some(next), Some(local)) = (schedule.next_at, &schedule.next_local) {
        output::line(&format!(
            "  next {local} ({})",
            output::ago(next, Timestamp::now())
        ));
    }
}
