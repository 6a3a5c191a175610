//! Why a run is ended from outside, in one sentence: who asked for it, and what they said.

use baton_core::id::OrgId;
use baton_core::run::{Run, RunEvent};
use baton_core::state::Event;
use baton_store::Result;

use crate::app::App;

/// Events by which a run is ended or stopped from outside.
const ENDING: [Event; 4] = [
    Event::Cancel,
    Event::RunDeadline,
    Event::StartDeadline,
    Event::Pause,
];

/// Why this run is ended, from its history. `None` where nobody asked for it.
pub(crate) async fn end_reason(app: &App, org: OrgId, run: &Run) -> Result<Option<String>> {
    let history = app.store.run_history(org, run.id).await?;
    Ok(reason(&history, run.spec.timeout_seconds))
}

/// The sentence for the last request; of several for the same end the first, which is the one that ended it.
fn reason(history: &[RunEvent], timeout_seconds: Option<u32>) -> Option<String> {
    let is_ending = |event: &RunEvent| ENDING.iter().any(|e| e.name() == event.event);
    let last = history.iter().rposition(is_ending)?;
    let repeats = history[..=last]
        .iter()
        .rev()
        .take_while(|event| event.event == history[last].event)
        .count();
    let event = &history[last + 1 - repeats];
    let mut text = match event.event.as_str() {
        "run_deadline" => match timeout_seconds {
            Some(limit) => format!("run timeout of {limit} s passed"),
            None => "its run timeout passed".to_owned(),
        },
        "start_deadline" => "it had not started in time".to_owned(),
        "pause" => format!("paused by {}", event.actor),
        _ => format!("cancelled by {}", event.actor),
    };
    if let Some(said) = event.message.as_deref().map(str::trim)
        && !said.is_empty()
    {
        text.push_str(": ");
        text.push_str(said);
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use baton_core::id::{Fence, RunId};
    use baton_core::state::State;
    use jiff::Timestamp;

    use super::*;

    fn event(name: &str, actor: &str, message: Option<&str>) -> RunEvent {
        RunEvent {
            seq: 0,
            run_id: RunId(uuid::Uuid::nil()),
            from: None,
            to: State::Running,
            attempt: 1,
            fence: Fence(1),
            at: Timestamp::UNIX_EPOCH,
            event: name.into(),
            actor: actor.into(),
            robot_id: None,
            message: message.map(str::to_owned),
        }
    }

    #[test]
    fn who_asked_for_an_end_and_why_is_one_sentence() {
        let begun = || vec![event("created", "ada", None), event("start", "r1", None)];
        let with = |more: Vec<RunEvent>| [begun(), more].concat();
        for (history, expected) in [
            (begun(), None),
            (
                with(vec![event("cancel", "admin", Some(" wrong month "))]),
                Some("cancelled by admin: wrong month"),
            ),
            (
                with(vec![event("cancel", "admin", Some(""))]),
                Some("cancelled by admin"),
            ),
            // A second click changes nothing about who ended it.
            (
                with(vec![
                    event("cancel", "ada", Some("wrong month")),
                    event("cancel", "bob", None),
                    event("finish_cancelled", "r1", None),
                ]),
                Some("cancelled by ada: wrong month"),
            ),
            (
                with(vec![event("run_deadline", "rescuer", None)]),
                Some("run timeout of 60 s passed"),
            ),
            // A run that was cancelled, retried and cancelled again.
            (
                with(vec![
                    event("cancel", "ada", None),
                    event("retry", "ada", None),
                    event("cancel", "bob", None),
                ]),
                Some("cancelled by bob"),
            ),
        ] {
            assert_eq!(reason(&history, Some(60)).as_deref(), expected);
        }
    }
}
