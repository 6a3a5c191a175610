//! How a deployment treats its runs: what `baton.toml` says, and over it what the command line says.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use baton_api::rest::DeploymentPatch;
use baton_core::error::ErrorKind;
use baton_core::lease::check_lost_after;
use baton_core::parameter::{self, MAX_PARAMETERS_BYTES, ParameterSchema, parse_pair};
use baton_core::retry::RetryPolicy;
use baton_core::stop_signal::StopSignal;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use crate::cli::or_none::{NONE, OrNone, clears, or_none};
use crate::cli::runs::Policy;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::settings::file;
use crate::units;

/// Words for priorities.
pub(crate) const PRIORITIES: [&str; 4] = ["low", "normal", "high", "critical"];
/// Words for what happens when a robot is lost.
const ON_LOST: [&str; 4] = ["fail", "retry", "park", "resume"];

/// What is said of a deployment; what nobody mentions stays as it is. The robot is named, not yet known.
pub(crate) fn patch(flags: &Policy, file: &file::Deployment) -> Done<DeploymentPatch> {
    patch_over(flags, file, None)
}

/// The same over the retry policy that the deployment has.
pub(crate) fn patch_over(
    flags: &Policy,
    file: &file::Deployment,
    before: Option<&RetryPolicy>,
) -> Done<DeploymentPatch> {
    let priority = flags.priority.as_ref().or(file.priority.as_ref());
    let on_lost = flags.on_lost.as_ref().or(file.on_lost.as_ref());
    let concurrency = flags.concurrency.or(file.concurrency);
    if concurrency == Some(OrNone(Some(0))) {
        crate::output::warn(
            "a concurrency of 0 holds every run until it is raised; `none` is without limit",
        );
    }
    let seconds = |flag, file| duration(flag, file, 0);
    let start_within = seconds(&flags.start_within, &file.start_within)?;
    let environment = flags.environment.as_ref().or(file.environment.as_ref());
    let queue = flags.queue.as_ref().or(file.queue.as_ref());
    let description = flags.description.as_ref().or(file.description.as_ref());
    Ok(DeploymentPatch {
        queue: queue.map(|queue| or_none(queue).unwrap_or(DEFAULT_QUEUE).to_owned()),
        description: description.map(|text| or_none(text).unwrap_or_default().to_owned()),
        tags: words("--tag", &flags.tag, file.tags.as_ref())?,
        priority: priority
            .map(|p| units::word(or_none(p).unwrap_or("normal"), "priority", &PRIORITIES))
            .transpose()?,
        labels: words("--label", &flags.label, file.labels.as_ref())?,
        capabilities: words(
            "--capability",
            &flags.capability,
            file.capabilities.as_ref(),
        )?,
        environment: environment.map(|e| or_none(e).map(str::to_owned)),
        desktop: desktop(flags)?.or(file.desktop),
        concurrency_limit: concurrency.map(|limit| limit.0),
        timeout_seconds: seconds(&flags.timeout, &file.timeout)?,
        cancel_grace_seconds: duration(&flags.cancel_grace, &file.cancel_grace, DEFAULT_GRACE)?,
        stop_signal: stop_signal(flags.stop_signal.as_ref().or(file.stop_signal.as_ref()))?,
        retry: retry(flags, file.retry.as_ref(), before)?,
        on_lost: on_lost
            .map(|p| {
                let word = or_none(p).unwrap_or("fail");
                units::word(word, "policy for a lost robot", &ON_LOST)
            })
            .transpose()?,
        lost_after_seconds: lost_after(flags.lost_after.as_ref().or(file.lost_after.as_ref()))?,
        start_within_seconds: start_within.map(|n| Some(n).filter(|n| *n > 0)),
        ..DeploymentPatch::default()
    })
}

/// The work queue of a deployment of which nobody says another.
const DEFAULT_QUEUE: &str = "default";
/// The grace of a deployment of which nobody says another, in seconds.
const DEFAULT_GRACE: u32 = 30;

/// Words of a flag that may be given several times, else those of the file; `none` alone is no words at all.
fn words(
    flag: &str,
    said: &[String],
    file: Option<&Vec<String>>,
) -> Done<Option<BTreeSet<String>>> {
    if said.iter().any(|word| clears(word)) {
        if said.len() > 1 {
            return Err(Failure::usage(format!(
                "{flag} {NONE} takes all of them away, and stands alone"
            )));
        }
        return Ok(Some(BTreeSet::new()));
    }
    let words = if said.is_empty() {
        file.map(Vec::as_slice)
    } else {
        Some(said)
    };
    Ok(words.map(|words| words.iter().cloned().collect()))
}

fn desktop(flags: &Policy) -> Done<Option<bool>> {
    match flags.desktop.as_deref() {
        _ if flags.no_desktop => Ok(Some(false)),
        None => Ok(None),
        Some("true") => Ok(Some(true)),
        Some(word) if word == "false" || clears(word) => Ok(Some(false)),
        Some(other) => Err(Failure::usage(format!("--desktop={other:?} says nothing"))
            .fix("write --desktop, or --desktop=none to take it back")),
    }
}

/// A duration of a flag, else of the file; `none` is what a deployment has of which nobody says it.
fn duration(flag: &Option<String>, file: &Option<String>, none: u32) -> Done<Option<u32>> {
    flag.as_deref()
        .or(file.as_deref())
        .map(|text| or_none(text).map_or(Ok(none), units::whole_seconds))
        .transpose()
}

/// How long a run may go on unheard; `none` is what fits its policy for a lost robot.
fn lost_after(text: Option<&String>) -> Done<Option<Option<u32>>> {
    let meant = |text: &String| match or_none(text) {
        None => Ok(None),
        Some(text) => {
            let seconds = units::whole_seconds(text)?;
            check_lost_after(seconds).map_err(Failure::usage)?;
            Ok(Some(seconds))
        }
    };
    text.map(meant).transpose()
}

/// The signal that a person means by `int` or `SIGINT`; `none` is the one that is usual.
fn stop_signal(text: Option<&String>) -> Done<Option<StopSignal>> {
    let words = StopSignal::ALL.map(StopSignal::word);
    let meant = |text: &String| match StopSignal::from_word(or_none(text).unwrap_or("term")) {
        Some(signal) => Ok(signal),
        None => units::word(text, "signal to ask a run to end with", &words),
    };
    text.map(meant).transpose()
}

/// The retry policy, if anything is said about it. The flags change what the file says, or else what there is.
fn retry(
    flags: &Policy,
    file: Option<&file::Retry>,
    before: Option<&RetryPolicy>,
) -> Done<Option<RetryPolicy>> {
    let no_flag = flags.retries.is_none()
        && flags.retry_delay.is_none()
        && flags.retry_backoff.is_none()
        && flags.retry_max_delay.is_none()
        && flags.retry_on.is_empty();
    if no_flag && file.is_none() {
        return Ok(None);
    }
    let none = file::Retry::default();
    let file = file.unwrap_or(&none);
    // A policy that is mentioned without a number means the standard three, unless there is one already.
    let standard = RetryPolicy::times(3);
    let mut policy = before
        .filter(|before| before.max_retries > 0)
        .unwrap_or(&standard)
        .clone();
    let retries = flags.retries.map(|retries| retries.0.unwrap_or(0));
    if let Some(retries) = retries.or(file.max_retries) {
        policy.max_retries = retries;
    }
    let seconds = |flag: &Option<String>, file: &Option<String>, standard: f64| {
        let text = flag.as_deref().or(file.as_deref());
        text.map(|text| or_none(text).map_or(Ok(standard), units::seconds))
            .transpose()
    };
    if let Some(delay) = seconds(
        &flags.retry_delay,
        &file.initial_delay,
        standard.initial_delay,
    )? {
        policy.initial_delay = delay;
        policy.max_delay = policy.max_delay.max(delay);
    }
    if let Some(delay) = seconds(&flags.retry_max_delay, &file.max_delay, standard.max_delay)? {
        policy.max_delay = delay;
    }
    if let Some(factor) = flags.retry_backoff.or(file.backoff_factor) {
        policy.backoff_factor = factor;
    }
    let kinds = words("--retry-on", &flags.retry_on, Some(&file.retryable_errors))?;
    let kinds = kinds.unwrap_or_default();
    if !flags.retry_on.is_empty() || before.is_none() {
        let known: Vec<String> = ErrorKind::ALL.iter().map(crate::output::spelt).collect();
        let known: Vec<&str> = known.iter().map(String::as_str).collect();
        policy.retryable_errors = kinds
            .iter()
            .map(|kind| units::word(kind, "kind of error", &known))
            .collect::<Done<_>>()?;
    }
    policy
        .check()
        .map_err(|why| Failure::usage(format!("the retry policy: {why}")))?;
    Ok(Some(policy))
}

/// Parameters from `name=value` words, typed by the schema where there is one.
pub(crate) fn parameters(pairs: &[String], schema: &Value) -> Done<Map<String, Value>> {
    let pairs = pairs
        .iter()
        .map(|text| {
            parse_pair(text).ok_or_else(|| {
                Failure::usage(format!("{text:?} is no parameter")).fix("write -p name=value")
            })
        })
        .collect::<Done<Vec<_>>>()?;
    let compiled = ParameterSchema::compile(schema)
        .map_err(|e| Failure::new(Exit::Refused, e.code, e.message))?;
    Ok(compiled.coerce(&pairs))
}

/// Parameters from a file with one JSON object. A number in it is read as the same text on the command line would
/// be, so that `1.10` stays `1.10` where nobody wants a number.
pub(crate) fn parameters_in(file: &Path, schema: &Value) -> Done<Map<String, Value>> {
    let refused = |why: String| {
        Failure::new(
            Exit::Refused,
            "bad_parameters",
            format!("{}: {why}", file.display()),
        )
        .fix("write one object, as in: {\"month\": \"2026-10\"}")
    };
    let size = std::fs::metadata(file)
        .map_err(|e| Failure::file(file, "read", &e))?
        .len();
    if size > MAX_PARAMETERS_BYTES as u64 {
        return Err(refused(format!(
            "it has {size} bytes; parameters have at most {MAX_PARAMETERS_BYTES}"
        )));
    }
    let text = std::fs::read_to_string(file).map_err(|e| Failure::file(file, "read", &e))?;
    let text = text.trim_start_matches('\u{feff}');
    let members: BTreeMap<String, Box<RawValue>> =
        serde_json::from_str(text).map_err(|e| refused(format!("it is no object in JSON: {e}")))?;
    let compiled = ParameterSchema::compile(schema)
        .map_err(|e| Failure::new(Exit::Refused, e.code, e.message))?;
    let mut all = Map::new();
    for (name, raw) in members {
        let raw = raw.get();
        if raw.starts_with(|c: char| c == '-' || c.is_ascii_digit()) {
            all.extend(compiled.coerce(&[(name, raw.to_owned())]));
        } else {
            if let Some(number) = parameter::inexact_number(raw) {
                return Err(refused(format!(
                    "{name}: the number {number} has more digits than are kept; write it as text in quotes"
                )));
            }
            let value = serde_json::from_str(raw).map_err(|e| refused(format!("{name}: {e}")))?;
            all.insert(name, value);
        }
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_nobody_mentions_is_left_alone() {
        let patch = patch(&Policy::default(), &file::Deployment::default()).expect("nothing said");
        assert_eq!(patch, DeploymentPatch::default());
    }

    #[test]
    fn flags_beat_the_file() {
        let file = file::Deployment {
            timeout: Some("10m".into()),
            stop_signal: Some("hup".into()),
            queue: Some("file".into()),
            concurrency: Some(OrNone(Some(2))),
            retry: Some(file::Retry {
                max_retries: Some(5),
                initial_delay: Some("2s".into()),
                ..file::Retry::default()
            }),
            ..file::Deployment::default()
        };
        let flags = Policy {
            timeout: Some("0".into()),
            stop_signal: Some("SIGINT".into()),
            retries: Some(OrNone(Some(1))),
            concurrency: Some(OrNone(None)),
            ..Policy::default()
        };
        let patch = patch(&flags, &file).expect("said");
        assert_eq!(patch.timeout_seconds, Some(0));
        assert_eq!(patch.stop_signal, Some(StopSignal::Int));
        assert_eq!(patch.queue.as_deref(), Some("file"));
        assert_eq!(patch.concurrency_limit, Some(None));
        let retry = patch.retry.expect("said");
        assert_eq!((retry.max_retries, retry.initial_delay), (1, 2.0));
    }

    #[test]
    fn everything_that_can_be_set_can_be_taken_back() {
        let none = || Some("none".to_owned());
        let flags = Policy {
            queue: none(),
            label: vec!["none".into()],
            capability: vec![String::new()],
            environment: none(),
            desktop: none(),
            tag: vec!["None".into()],
            priority: none(),
            timeout: none(),
            cancel_grace: none(),
            retries: Some(OrNone(None)),
            retry_on: vec!["none".into()],
            concurrency: Some(OrNone(None)),
            on_lost: none(),
            start_within: none(),
            description: none(),
            ..Policy::default()
        };
        let patch = patch(&flags, &file::Deployment::default()).expect("said");
        let queue = baton_core::id::QueueId(uuid::Uuid::nil());
        let settings = baton_core::flow::DeploymentSettings::on(queue);
        assert_eq!(patch.queue.as_deref(), Some("default"));
        assert_eq!(patch.labels, Some(BTreeSet::new()));
        assert_eq!(patch.capabilities, Some(BTreeSet::new()));
        assert_eq!(patch.tags, Some(BTreeSet::new()));
        assert_eq!(patch.environment, Some(None));
        assert_eq!(patch.desktop, Some(false));
        assert_eq!(patch.priority, Some(settings.priority));
        assert_eq!(
            patch.cancel_grace_seconds,
            Some(settings.cancel_grace_seconds)
        );
        assert_eq!(patch.on_lost, Some(settings.on_lost));
        assert_eq!(patch.concurrency_limit, Some(None));
        assert_eq!(patch.start_within_seconds, Some(None));
        assert_eq!(patch.timeout_seconds, Some(0));
        assert_eq!(patch.retry.expect("said").max_retries, 0);
        assert_eq!(patch.description.as_deref(), Some(""));
        let both = Policy {
            label: vec!["none".into(), "sap".into()],
            ..Policy::default()
        };
        assert!(super::patch(&both, &file::Deployment::default()).is_err());
    }

    #[test]
    fn a_limit_of_nothing_holds_all_as_it_does_on_a_tag() {
        let flags = Policy {
            concurrency: Some(OrNone(Some(0))),
            ..Policy::default()
        };
        let patch = patch(&flags, &file::Deployment::default()).expect("said");
        assert_eq!(patch.concurrency_limit, Some(Some(0)));
    }

    #[test]
    fn one_part_of_a_retry_policy_leaves_the_others_as_they_are() {
        let mut before = RetryPolicy::times(7);
        before.backoff_factor = 1.5;
        let flags = Policy {
            retry_delay: Some("4s".into()),
            ..Policy::default()
        };
        let patch = patch_over(&flags, &file::Deployment::default(), Some(&before));
        let retry = patch.expect("said").retry.expect("said");
        assert_eq!((retry.max_retries, retry.initial_delay), (7, 4.0));
        assert!((retry.backoff_factor - 1.5).abs() < 1e-9);
    }

    #[test]
    fn wrong_words_are_refused_with_the_right_ones() {
        let flags = Policy {
            priority: Some("urgent".into()),
            ..Policy::default()
        };
        let error = patch(&flags, &file::Deployment::default()).expect_err("no such priority");
        assert!(error.fix.contains("critical"));
        let flags = Policy {
            stop_signal: Some("SIGKILL".into()),
            ..Policy::default()
        };
        let error = patch(&flags, &file::Deployment::default()).expect_err("nobody hears it");
        assert!(error.fix.contains("term, int, hup"), "{}", error.fix);
        let flags = Policy {
            retry_on: vec!["bad_luck".into()],
            ..Policy::default()
        };
        assert!(patch(&flags, &file::Deployment::default()).is_err());
    }

    #[test]
    fn a_file_of_parameters_keeps_what_is_written_in_it() {
        let schema = serde_json::json!({ "properties": { "n": { "type": "number" }, "s": { "type": "string" } } });
        let folder = tempfile::tempdir().expect("a folder");
        let file = folder.path().join("p.json");
        let text =
            r#"{"version": 1.10, "commit": 12e5, "n": 1.10, "s": 007, "list": [1, 2], "no": null}"#;
        std::fs::write(&file, text.replace("007", "7")).expect("written");
        let got = Value::Object(parameters_in(&file, &schema).expect("fine"));
        let wanted = serde_json::json!({
            "version": "1.10", "commit": "12e5", "n": 1.1, "s": "7", "list": [1, 2], "no": null
        });
        assert_eq!(got, wanted);
        for bad in [text, "[1]", "{"] {
            std::fs::write(&file, bad).expect("written");
            let error = parameters_in(&file, &schema).expect_err(bad);
            assert_eq!(error.code, "bad_parameters");
        }
    }

    #[test]
    fn parameters_are_typed_by_the_schema() {
        let schema = serde_json::json!({
            "type": "object",
            "properties": { "n": { "type": "integer" }, "s": { "type": "string" } }
        });
        let got = parameters(&["n=3".into(), "s=3".into()], &schema).expect("well-formed");
        assert_eq!(got["n"], 3);
        assert_eq!(got["s"], "3");
        assert!(parameters(&["novalue".into()], &schema).is_err());
    }
}
