//! Turns the words of a schedule on the command line into a rule.

use baton_core::schedule::Rule;

use crate::cli::runs::When;
use crate::failure::{Done, Failure};
use crate::units;

/// The rule that was given, if one was. clap has seen to it that there is at most one.
pub(crate) fn rule(when: &When) -> Done<Option<Rule>> {
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
            anchor: None,
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
        let days = days
            .iter()
            .map(|day| match day.as_str() {
                "last" => Ok(-1),
                number => number.parse().map_err(|_| {
                    Failure::usage(format!("{number:?} is no day of the month"))
                        .fix("write 1 to 31, or last")
                }),
            })
            .collect::<Done<Vec<i8>>>()?;
        Rule::Monthly { days, time }
    } else if let Some(at) = &when.once {
        Rule::Once { at: at.clone() }
    } else {
        return Ok(None);
    };
    Ok(Some(rule))
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
        rule(&when)
    }

    #[test]
    fn every_kind_of_rule_can_be_said() {
        assert_eq!(given(|_| ()).expect("nothing is fine"), None);
        let every = given(|w| w.every = Some("15m".into())).expect("said");
        assert_eq!(
            every,
            Some(Rule::Interval {
                every_seconds: 900,
                anchor: None
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
        let monthly = given(|w| w.monthly = Some("1,last@18:00".into())).expect("said");
        assert_eq!(
            monthly,
            Some(Rule::Monthly {
                days: vec![1, -1],
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
