//! `baton robots`: the fleet, its logs, drain and enrolment.

use baton_api::rest::{
    BroadcastRequest, CreateEnrolment, DrainRequest, LostRequest, Robot, RobotLogQuery,
};
use jiff::Timestamp;
use owo_colors::OwoColorize as _;
use serde_json::Value;

use super::{Session, sure};
use crate::cli::catalog::Sure;
use crate::cli::robots::Robots;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output::{self, state::Look, table};
use crate::units;

/// How often a robot is asked whether its work is done, while a drain is waited for.
const LOOK_AGAIN: std::time::Duration = std::time::Duration::from_millis(500);

/// Does it.
pub(crate) async fn robots(session: &Session, command: Robots) -> Done {
    let client = &session.client;
    match command {
        Robots::Ls => ls(session).await,
        Robots::Show { robot } => {
            let robot = client.robot(&robot).await?;
            if session.json {
                output::json(&robot);
            } else {
                show(&robot);
            }
            Ok(())
        }
        Robots::Logs { robot, limit } => logs(session, &robot, limit).await,
        Robots::Drain {
            robot,
            comment,
            wait,
        } => drain(session, &robot, comment, wait).await,
        Robots::Lost {
            robot,
            comment,
            sure,
        } => lost(session, &robot, comment, sure).await,
        Robots::Resume { robot } => {
            let robot = client.resume_robot(&robot).await?;
            changed(session, &robot);
            Ok(())
        }
        Robots::Broadcast { event, data } => broadcast(session, event, data).await,
        Robots::Enroll { name, expires } => enroll(session, name, &expires).await,
        Robots::Rm { robot, sure: asked } => {
            let found = client.robot(&robot).await?;
            let question = format!(
                "Forget the robot {} ({} on it)? Its key stops working.",
                found.name,
                units::count(found.live, "run")
            );
            if asked.dry_run {
                output::gone(session.json, "forgotten", &found.name, false);
            } else if sure(asked.yes, &question)? {
                client.delete_robot(&robot).await?;
                output::gone(session.json, "forgotten", &found.name, true);
            }
            Ok(())
        }
    }
}

async fn ls(session: &Session) -> Done {
    let all = session.client.robots().await?.items;
    if session.json {
        output::json(&all);
        return Ok(());
    }
    let now = Timestamp::now();
    let mut table = table::table(&[
        "robot",
        "status",
        "runs",
        "seen",
        "computer",
        "queues",
        "labels",
        "environment",
    ]);
    for robot in &all {
        table.add_row(vec![
            table::cell(&robot.name),
            look(robot).cell(),
            table::cell(format!(
                "{} of {}",
                robot.live, robot.offer.max_concurrent_jobs
            )),
            table::cell(
                robot
                    .last_seen
                    .map_or("never".to_owned(), |at| output::ago(at, now)),
            ),
            table::cell(&robot.offer.computer),
            table::cell(output::words(&robot.offer.queues)),
            table::cell(output::words(&robot.offer.labels)),
            table::cell(output::or_dash(robot.offer.environment.as_ref())),
        ]);
    }
    table::print(&mut table, "no robots; add one with `baton robots enroll`");
    Ok(())
}

/// A robot that takes nothing new is drained once nothing runs on it.
fn look(robot: &Robot) -> Look {
    if robot.draining && robot.live == 0 {
        Look::drained()
    } else {
        Look::of_robot(robot.status)
    }
}

fn show(robot: &Robot) {
    let now = Timestamp::now();
    output::line(&format!("{} {}", look(robot).painted(), robot.name.bold()));
    let seen = robot
        .last_seen
        .map_or("never".to_owned(), |at| output::ago(at, now));
    let mut facts = vec![
        ("id", robot.id.to_string()),
        ("seen", seen),
        ("computer", robot.offer.computer.clone()),
        ("platform", robot.offer.platform.clone()),
        ("version", robot.offer.version.clone()),
        (
            "runs",
            format!("{} of {}", robot.live, robot.offer.max_concurrent_jobs),
        ),
        ("queues", output::words(&robot.offer.queues)),
        ("labels", output::words(&robot.offer.labels)),
        ("capabilities", output::words(&robot.offer.capabilities)),
        (
            "environment",
            output::or_dash(robot.offer.environment.as_ref()),
        ),
        ("desktops", output::words(&robot.offer.desktops)),
        ("cpu", format!("{:.0} %", robot.metrics.cpu_percent)),
        ("memory", format!("{:.0} %", robot.metrics.memory_percent)),
        ("disk", format!("{:.0} %", robot.metrics.disk_percent)),
    ];
    if robot.draining && !robot.drain_comment.is_empty() {
        facts.insert(1, ("drained for", robot.drain_comment.clone()));
    }
    if let Some(trouble) = &robot.metrics.trouble {
        let mut said = format!(
            "{}, since {}",
            trouble.reason,
            output::ago(trouble.since, now)
        );
        if trouble.rests_until > now {
            let rests = trouble.rests_until.duration_since(now).as_secs();
            said.push_str(&format!("; takes no work for another {rests} s"));
        }
        facts.insert(1, ("in trouble", said));
    }
    output::facts(&facts);
    if !robot.current_runs.is_empty() {
        output::heading("Runs now");
        for run in &robot.current_runs {
            let unheard = run.unheard.map_or_else(String::new, |unheard| {
                format!("; {}", output::unheard(&unheard, now))
            });
            output::line(&format!(
                "{} {} attempt {}, {}{unheard}",
                Look::of(run.state, false).painted(),
                run.run_name.bold(),
                run.attempt,
                output::ago(run.started_at.unwrap_or(run.assigned_at), now)
            ));
        }
    }
}

async fn logs(session: &Session, robot: &str, limit: u32) -> Done {
    let query = RobotLogQuery {
        limit: Some(limit),
        ..RobotLogQuery::default()
    };
    let lines = session.client.robot_logs(robot, &query).await?.items;
    if session.json {
        output::json(&lines);
        return Ok(());
    }
    for line in lines {
        output::line(&format!(
            "{} {:8} {}",
            output::clock(line.at).dimmed(),
            output::spelt(&line.level),
            line.message
        ));
    }
    Ok(())
}

async fn drain(session: &Session, robot: &str, comment: String, wait: bool) -> Done {
    let mut robot = session
        .client
        .drain_robot(robot, &DrainRequest { comment })
        .await?;
    if wait && robot.live > 0 && !session.json {
        output::note(&format!("waiting for {}", units::count(robot.live, "run")));
    }
    while wait && robot.live > 0 {
        tokio::time::sleep(LOOK_AGAIN).await;
        robot = session.client.robot(&robot.id.to_string()).await?;
    }
    changed(session, &robot);
    Ok(())
}

async fn lost(session: &Session, robot: &str, comment: String, asked: Sure) -> Done {
    let found = session.client.robot(robot).await?;
    let seen = found
        .last_seen
        .map_or("never".to_owned(), |at| output::ago(at, Timestamp::now()));
    let held = units::count(found.live, "run");
    if asked.dry_run {
        output::gone(session.json, "taken as gone", &found.name, false);
        return Ok(());
    }
    let question = format!(
        "Is {} gone for good, with all that runs on it ({held}; seen {seen})? If it is not, a run may be executed twice.",
        found.name
    );
    if !sure(asked.yes, &question)? {
        return Ok(());
    }
    let result = session
        .client
        .robot_lost(&found.id.to_string(), &LostRequest { comment })
        .await?;
    if session.json {
        output::json(&result);
        return Ok(());
    }
    let ended = result.runs.len();
    output::line(&format!(
        "{} is taken as gone; {} it had:",
        found.name.bold(),
        units::count(u32::try_from(ended).unwrap_or(u32::MAX), "run")
    ));
    for run in &result.runs {
        let look = Look::of(run.state, false);
        output::line(&format!("{} {}", look.painted(), run.run_name.bold()));
    }
    Ok(())
}

fn changed(session: &Session, robot: &Robot) {
    if session.json {
        output::json(robot);
        return;
    }
    let busy = if robot.live > 0 {
        format!(", {} on it", units::count(robot.live, "run"))
    } else {
        String::new()
    };
    let busy = if robot.draining && robot.live == 0 {
        ": drained, nothing runs: safe to restart".to_owned()
    } else {
        busy
    };
    output::line(&format!(
        "{} {}{busy}",
        look(robot).painted(),
        robot.name.bold()
    ));
}

async fn broadcast(session: &Session, event: String, data: Option<String>) -> Done {
    let data = match data {
        None => Value::Null,
        Some(text) => serde_json::from_str(&text).map_err(|e| {
            Failure::usage(format!("--data is not JSON: {e}"))
                .fix("write for example --data '{\"at\": \"18:00\"}'")
        })?,
    };
    let result = session
        .client
        .broadcast(&BroadcastRequest { event, data })
        .await?;
    if session.json {
        output::json(&result);
    } else {
        output::line(&format!("told {}", units::count(result.sent, "robot")));
    }
    Ok(())
}

async fn enroll(session: &Session, name: Option<String>, expires: &str) -> Done {
    let seconds = units::whole_seconds(expires)?;
    if seconds == 0 {
        return Err(Failure::new(
            Exit::Usage,
            "usage",
            "a token that expires at once is of no use",
        ));
    }
    let enrolment = session
        .client
        .create_enrolment(&CreateEnrolment {
            robot_name: name,
            expires_in_seconds: Some(seconds),
        })
        .await?;
    if session.json {
        output::json(&enrolment);
        return Ok(());
    }
    output::note(&format!(
        "on the new machine, once, before {}:",
        output::clock(enrolment.expires_at)
    ));
    output::line(&enrolment.command);
    if ["://127.0.0.1", "://localhost", "://[::1]"]
        .iter()
        .any(|here| enrolment.command.contains(here))
    {
        output::warn(
            "this line works on this machine alone, because the server listens on nothing else; for other \
             machines start it with --host 0.0.0.0 --tls-cert FILE --tls-key FILE",
        );
    }
    Ok(())
}
