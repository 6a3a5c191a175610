//! The `[[schedules]]` of a `baton.toml`, in the words of the command line.

use baton_api::rest::{DeploySchedule, ScheduleInput};
use baton_core::schedule::Missed;

use super::clock::Clock;
use super::{Session, policy, when};
use crate::cli::runs::When;
use crate::failure::{Done, Failure};
use crate::settings::file;
use crate::{settings, units};

/// Words for what happens when the run before still goes.
pub(crate) const OVERLAP: [&str; 4] = ["allow", "skip", "queue", "cancel_running"];
/// Words for which missed slots run.
pub(crate) const MISSED: [&str; 3] = ["skip", "last", "all"];

/// All schedules of the file, as a deploy asks for them.
pub(crate) async fn all(
    session: &Session,
    schedules: &[file::Schedule],
) -> Done<Vec<DeploySchedule>> {
    let mut asked = Vec::with_capacity(schedules.len());
    for given in schedules {
        let zone = zone_of(given);
        asked.push(one(given, &zone, &Clock::of(session, &zone)).await?);
    }
    Ok(asked)
}

fn zone_of(given: &file::Schedule) -> String {
    let zone = given.timezone.clone();
    zone.unwrap_or_else(settings::zones::here_name)
}

async fn one(given: &file::Schedule, zone: &str, clock: &Clock<'_>) -> Done<DeploySchedule> {
    let when = when_of(given)?;
    let rule = when::rule(&when, clock).await?.ok_or_else(|| {
        Failure::usage("a [[schedules]] of baton.toml has no rule")
            .fix("add cron, every, hourly, daily, weekly, monthly or once to it")
    })?;
    let instant = async |text: &Option<String>| -> Done<_> {
        Ok(match text {
            Some(text) => Some(clock.instant(text).await?),
            None => None,
        })
    };
    let name = given.name.clone().unwrap_or_else(|| rule.kind().to_owned());
    let mut input = ScheduleInput::new(rule);
    input.timezone = Some(zone.to_owned());
    input.starts_at = instant(&given.starts).await?;
    input.ends_at = instant(&given.ends).await?;
    if let Some(jitter) = &given.jitter {
        input.jitter_seconds = units::whole_seconds(jitter)?;
    }
    let mut missed = Missed::default();
    if let Some(word) = &given.missed {
        missed.policy = units::word(word, "policy for missed slots", &MISSED)?;
    }
    if let Some(window) = &given.missed_window {
        missed.window_seconds = units::whole_seconds(window)?;
    }
    input.missed = missed;
    if let Some(word) = &given.overlap {
        input.overlap = units::word(word, "overlap policy", &OVERLAP)?;
    }
    let priority = given.priority.as_ref();
    input.priority = priority
        .map(|word| units::word(word, "priority", &policy::PRIORITIES))
        .transpose()?;
    input.parameters = given.parameters.clone();
    Ok(DeploySchedule {
        name,
        settings: input,
        paused: given.paused,
    })
}

/// The rule as the command line would say it; exactly one may be given.
fn when_of(given: &file::Schedule) -> Done<When> {
    let rules = [
        given.cron.is_some(),
        given.every.is_some(),
        given.hourly.is_some(),
        given.daily.is_some(),
        given.weekly.is_some(),
        given.monthly.is_some(),
        given.once.is_some(),
    ];
    if rules.into_iter().filter(|given| *given).count() > 1 {
        return Err(
            Failure::usage("a [[schedules]] of baton.toml has more than one rule")
                .fix("write one [[schedules]] for each"),
        );
    }
    if given.every.is_none() && (given.anchor.is_some() || given.wall_clock) {
        return Err(Failure::usage(
            "anchor and wall_clock of a [[schedules]] say nothing without every",
        )
        .fix("add every, or leave them out"));
    }
    Ok(When {
        cron: given.cron.clone(),
        every: given.every.clone(),
        anchor: given.anchor.clone(),
        wall_clock: given.wall_clock,
        hourly: given.hourly,
        daily: given.daily.clone(),
        weekly: given.weekly.clone(),
        monthly: given.monthly.clone(),
        once: given.once.clone(),
        timezone: given.timezone.clone(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<file::Schedule> {
        let file: file::BatonToml = toml::from_str(text).expect("a good file");
        file.schedules
    }

    async fn asked(text: &str) -> Done<Vec<DeploySchedule>> {
        let mut asked = Vec::new();
        for given in read(text) {
            let zone = zone_of(&given);
            asked.push(one(&given, &zone, &Clock::without_server(&zone)).await?);
        }
        Ok(asked)
    }

    #[tokio::test]
    async fn the_file_says_what_the_command_line_says() {
        let given = asked(
            "[[schedules]]\ndaily = \"6:30\"\ntimezone = \"Europe/Berlin\"\nmissed = \"skip\"\n\
             [[schedules]]\nname = \"often\"\nevery = \"2d\"\nwall_clock = true\n\
             starts = \"2026-12-01T09:00\"\ntimezone = \"Europe/Berlin\"\nparameters = { region = \"EU\" }\n",
        );
        let asked = given.await.expect("said");
        assert_eq!(
            (asked[0].name.as_str(), asked[1].name.as_str()),
            ("daily", "often")
        );
        let when = When {
            daily: Some("06:30".into()),
            ..When::default()
        };
        let flag = when::rule(&when, &Clock::without_server("Europe/Berlin"))
            .await
            .expect("said")
            .expect("one");
        assert_eq!(asked[0].settings.rule.normal(), flag.normal());
        assert_eq!(asked[1].settings.parameters["region"], "EU");
        let start = "2026-12-01T08:00:00Z".parse().ok();
        assert_eq!(asked[1].settings.starts_at, start);
    }

    #[tokio::test]
    async fn a_schedule_with_no_rule_or_two_is_refused() {
        for text in [
            "[[schedules]]\nname = \"x\"\n",
            "[[schedules]]\ndaily = \"09:00\"\ncron = \"0 9 * * *\"\n",
            "[[schedules]]\ndaily = \"09:00\"\nanchor = \"2026-12-01\"\n",
        ] {
            assert!(asked(text).await.is_err(), "{text}");
        }
    }
}
