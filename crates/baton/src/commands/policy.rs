//! How a deployment treats its runs: what `baton.toml` says, and over it what the command line says.

use baton_api::rest::DeploymentPatch;
use baton_core::error::ErrorKind;
use baton_core::parameter::{ParameterSchema, parse_pair};
use baton_core::retry::RetryPolicy;
use serde_json::{Map, Value};

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
    let said = |flag: &Vec<String>, file: &Option<Vec<String>>| {
        (!flag.is_empty())
            .then(|| flag.clone())
            .or_else(|| file.clone())
            .map(|words| words.into_iter().collect())
    };
    let duration = |flag: &Option<String>, file: &Option<String>| {
        flag.as_ref()
            .or(file.as_ref())
            .map(|text| units::whole_seconds(text))
            .transpose()
    };
    let priority = flags.priority.as_ref().or(file.priority.as_ref());
    let on_lost = flags.on_lost.as_ref().or(file.on_lost.as_ref());
    // 0 takes a limit away.
    let concurrency = flags.concurrency.or(file.concurrency);
    let start_within = duration(&flags.start_within, &file.start_within)?;
    let environment = flags.environment.as_ref().or(file.environment.as_ref());
    Ok(DeploymentPatch {
        queue: flags.queue.clone().or_else(|| file.queue.clone()),
        description: flags
            .description
            .clone()
            .or_else(|| file.description.clone()),
        tags: said(&flags.tag, &file.tags),
        priority: priority
            .map(|p| units::word(p, "priority", &PRIORITIES))
            .transpose()?,
        labels: said(&flags.label, &file.labels),
        capabilities: said(&flags.capability, &file.capabilities),
        environment: environment.map(|e| Some(e.clone()).filter(|e| !e.is_empty())),
        desktop: if flags.desktop {
            Some(true)
        } else {
            file.desktop
        },
        concurrency_limit: concurrency.map(|n| Some(n).filter(|n| *n > 0)),
        timeout_seconds: duration(&flags.timeout, &file.timeout)?,
        cancel_grace_seconds: duration(&flags.cancel_grace, &file.cancel_grace)?,
        retry: retry(flags, file.retry.as_ref())?,
        on_lost: on_lost
            .map(|p| units::word(p, "policy for a lost robot", &ON_LOST))
            .transpose()?,
        start_within_seconds: start_within.map(|n| Some(n).filter(|n| *n > 0)),
        ..DeploymentPatch::default()
    })
}

/// The retry policy, if anything is said about it. The flags change what the file says.
fn retry(flags: &Policy, file: Option<&file::Retry>) -> Done<Option<RetryPolicy>> {
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
    // A policy that is mentioned without a number means the standard three.
    let mut policy = RetryPolicy::times(flags.retries.or(file.max_retries).unwrap_or(3));
    let seconds = |flag: &Option<String>, file: &Option<String>| {
        flag.as_ref()
            .or(file.as_ref())
            .map(|text| units::seconds(text))
            .transpose()
    };
    if let Some(delay) = seconds(&flags.retry_delay, &file.initial_delay)? {
        policy.initial_delay = delay;
        policy.max_delay = policy.max_delay.max(delay);
    }
    if let Some(delay) = seconds(&flags.retry_max_delay, &file.max_delay)? {
        policy.max_delay = delay;
    }
    if let Some(factor) = flags.retry_backoff.or(file.backoff_factor) {
        policy.backoff_factor = factor;
    }
    let kinds = if flags.retry_on.is_empty() {
        &file.retryable_errors
    } else {
        &flags.retry_on
    };
    let known: Vec<String> = ErrorKind::ALL.iter().map(crate::output::spelt).collect();
    let known: Vec<&str> = known.iter().map(String::as_str).collect();
    policy.retryable_errors = kinds
        .iter()
        .map(|kind| units::word(kind, "kind of error", &known))
        .collect::<Done<_>>()?;
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
            queue: Some("file".into()),
            concurrency: Some(2),
            retry: Some(file::Retry {
                max_retries: Some(5),
                initial_delay: Some("2s".into()),
                ..file::Retry::default()
            }),
            ..file::Deployment::default()
        };
        let flags = Policy {
            timeout: Some("0".into()),
            retries: Some(1),
            concurrency: Some(0),
            ..Policy::default()
        };
        let patch = patch(&flags, &file).expect("said");
        assert_eq!(patch.timeout_seconds, Some(0));
        assert_eq!(patch.queue.as_deref(), Some("file"));
        assert_eq!(patch.concurrency_limit, Some(None));
        let retry = patch.retry.expect("said");
        assert_eq!((retry.max_retries, retry.initial_delay), (1, 2.0));
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
            retry_on: vec!["bad_luck".into()],
            ..Policy::default()
        };
        assert!(patch(&flags, &file::Deployment::default()).is_err());
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
