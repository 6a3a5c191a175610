//! What else is set of a deployment: every condition of where its runs go and how they are treated.

use baton_core::flow::DeploymentSettings;
use baton_core::lease::usual_lost_after;

use crate::{output, units};

/// The conditions that are set, beside queue, timeout, retries, parameters, tags, labels and capabilities. What is
/// as it is when nobody says anything is left out.
pub(super) fn of(
    settings: &DeploymentSettings,
    robot: Option<String>,
) -> Vec<(&'static str, String)> {
    let standard = DeploymentSettings::on(settings.queue_id);
    let span = |seconds: u32| units::span(f64::from(seconds));
    let mut facts = Vec::new();
    let mut add = |name, value: Option<String>| facts.extend(value.map(|value| (name, value)));
    add("environment", settings.environment.clone());
    add("robot", robot.map(|robot| format!("only {robot}")));
    let desktop = "each run occupies a desktop session of its own";
    add("desktop", settings.desktop.then(|| desktop.to_owned()));
    let limit = settings.concurrency_limit.map(|limit| match limit {
        0 => "0: it holds all".to_owned(),
        n => format!("at most {} live at once", units::count(n, "run")),
    });
    add("concurrency", limit);
    let other = |differs: bool, value: String| differs.then_some(value);
    add(
        "priority",
        other(
            settings.priority != standard.priority,
            settings.priority.as_str().to_owned(),
        ),
    );
    add(
        "cancel grace",
        other(
            settings.cancel_grace_seconds != standard.cancel_grace_seconds,
            span(settings.cancel_grace_seconds),
        ),
    );
    add(
        "robot lost",
        other(
            settings.on_lost != standard.on_lost,
            output::spelt(&settings.on_lost),
        ),
    );
    // Said even where nobody chose it: it is how long a dead robot's run still shows as running.
    let lost_after = settings
        .lost_after_seconds
        .unwrap_or_else(|| usual_lost_after(settings.on_lost, &settings.retry));
    add("lost after", Some(format!("{} unheard", span(lost_after))));
    let within = settings.start_within_seconds.map(span);
    add(
        "starts within",
        within.map(|w| format!("{w} of its time, or ends as timed out")),
    );
    let kinds: Vec<String> = settings
        .retry
        .retryable_errors
        .iter()
        .map(output::spelt)
        .collect();
    add("retried are", other(!kinds.is_empty(), kinds.join(", ")));
    let held = "its schedules are held; `baton deployments resume` lets them go on";
    add("paused", other(settings.paused, held.to_owned()));
    facts
}
