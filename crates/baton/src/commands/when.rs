//! Turns the words of a schedule on the command line into a rule.

use baton_core::schedule::Rule;

use super::clock::Clock;
use crate::cli::runs::When;
use crate::failure::{Done, Failure};
use crate::units;

/// The rule that was given, if one was; an anchor is meant on this clock. clap has seen to it that there is
/// at most one.
pub(crate) async fn rule(when: &When, clock: &Clock<'_>) -> Done<Option<Rule>> {
    let rule = if let Some(expression) = &when.cron {
        Rule::Cron {
            expression: expression.clone(),
        }
    } else if let Some(every) = &when.every {
        let seconds = units::seconds(every)?;
        if seconds < 1.0 || seconds.fract() != 0.0 {
            return Err(Failure::usage(format!(
                "an interval has whole seconds and at least one, not {every}"
            )));
        }
        Rule::Interval {
            every_seconds: seconds as u32,
            anchor: match &when.anchor {
                Some(anchor) => Some(clock.instant(anchor).await?),
                None => None,
            },
            wall_clock: when.wall_clock,
        }
    } else if let Some(minute) = when.hourly {
        Rule::Hourly { minute }
    } else if let Some(time) = &when.daily {
        Rule::Daily { time: time.clone() }
    } else if let Some(weekly) = &when.weekly {
        let (days, time) = days_and_time(weekly, "mon,wed@06:30")?;
        Rule::Weekly {
            days: days.iter().map(|d| d.to_lowercase()).collect(),
            time,
        }
    } else if let Some(monthly) = &when.monthly {
        let (days, time) = days_and_time(monthly, "1,15@06:30 or last@18:00")?;
        let days: Vec<Vec<i8>> = days
            .iter()
            .map(|day| month_days(day))
            .collect::<Done<_>>()?;
        Rule::Monthly {
            days: days.concat(),
            time,
        }
    } else if let Some(at) = &when.once {
        Rule::Once { at: at.clone() }
    } else {
        return Ok(None);
    };
    Ok(Some(rule))
}

/// The days of the month that one word names: `15`, `1-5` or `last`.
fn month_days(word: &str) -> Done<Vec<i8>> {
    let wrong = |word: &str| {
        Failure::usage(format!("{word:?} is no day of the month"))
            .fix("write 1 to 31, a range such as 1-5, or last")
    };
    let day = |text: &str| text.parse::<i8>().ok().filter(|day| (1..=31).contains(day));
    match (word, word.split_once('-')) {
        ("last", _) => Ok(vec![-1]),
        (_, Some((from, to))) => match (day(from), day(to)) {
            (Some(from), Some(to)) if from <= to => Ok((from..=to).collect()),
            _ => Err(wrong(word)),
        },
        _ => day(word).map(|day| vec![day]).ok_or_else(|| wrong(word)),
    }
}

fn days_and_time(text: &str, example: &str) -> Done<(Vec<String>, String)> {
    let wrong = || {
        Failure::usage(format!("{text:?} does not say days and a time"))
            .fix(format!("write for example {example}"))
    };
    let (days, time) = text.split_once('@').ok_or_else(wrong)?;
    let days: Vec<String> = days
        .split(',')
        .map(|day| day.trim().to_owned())
        .filter(|day| !day.is_empty())
        .collect();
    if days.is_empty() || time.trim().is_empty() {
        return Err(wrong());
    }
    Ok((days, time.trim().to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(change: impl FnOnce(&mut When)) -> Done<Option<Rule>> {
        let mut when = When::default();
        change(&mut when);
        let clock = Clock::without_server("Europe/Berlin");
        let waiting = tokio::runtime::Builder::new_current_thread().build();
        waiting.expect("a runtime").block_on(rule(&when, &clock))
    }

    #[test]
    fn every_kind_of_rule_can_be_said() {
        assert_eq!(given(|_| ()).expect("nothing is fine"), None);
        let every = given(|w| w.every = Some("15m".into())).expect("said");
        assert_eq!(
            every,
            Some(Rule::Interval {
                every_seconds: 900,
                anchor: None,
                wall_clock: false,
            })
        );
        let days = given(|w| {
            w.every = Some("7d".into());
            w.anchor = Some("2026-12-01T09:00".into());
            w.wall_clock = true;
        });
        assert_eq!(
            days.expect("said"),
            Some(Rule::Interval {
                every_seconds: 604_800,
                anchor: Some("2026-12-01T08:00:00Z".parse().expect("an instant")),
                wall_clock: true,
            })
        );
        let weekly = given(|w| w.weekly = Some("Mon, fri@06:30".into())).expect("said");
        assert_eq!(
            weekly,
            Some(Rule::Weekly {
                days: vec!["mon".into(), "fri".into()],
                time: "06:30".into()
            })
        );
        let monthly = given(|w| w.monthly = Some("1-3,15,last@18:00".into())).expect("said");
        assert_eq!(
            monthly,
            Some(Rule::Monthly {
                days: vec![1, 2, 3, 15, -1],
                time: "18:00".into()
            })
        );
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_an_example() {
        for bad in ["mon", "@06:30", "mon@", ""] {
            assert!(given(|w| w.weekly = Some(bad.into())).is_err(), "{bad}");
        }
        assert!(given(|w| w.every = Some("500ms".into())).is_err());
        assert!(given(|w| w.monthly = Some("first@06:30".into())).is_err());
    }
}
