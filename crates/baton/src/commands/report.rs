//! `baton report`: what a script says of itself while it runs, one JSON line at a time.

use std::path::PathBuf;

use baton_agent::events::{self, Event, TaskEvent};
use baton_core::state::State;
use serde_json::{Value, json};

use crate::cli::upkeep::Report;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::units;

/// The variable that names the file to write to.
const FILE: &str = "BATON_EVENTS";
/// What a task can be.
const STATES: [&str; 5] = ["pending", "running", "completed", "failed", "cancelled"];

/// Does it.
pub(crate) fn report(command: Report) -> Done {
    let file = std::env::var_os(FILE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from)
        .ok_or_else(|| {
            Failure::new(
                Exit::Refused,
                "not_in_a_run",
                format!("{FILE} is not set: nobody listens"),
            )
            .fix("call this from inside a run; robots set it for what they start")
        })?;
    let event = event(command)?;
    events::append(&file, &event).map_err(|e| Failure::file(&file, "write", &e))
}

fn event(command: Report) -> Done<Event> {
    Ok(match command {
        Report::Task {
            key,
            state,
            name,
            after,
            error,
            business,
        } => {
            let state: State = units::word(&state, "state of a task", &STATES)?;
            if !STATES.contains(&state.as_str()) {
                return Err(Failure::usage(format!("a task is never {state}"))
                    .fix(format!("write one of {}", STATES.join(", "))));
            }
            let error = error.map(|message| {
                if business {
                    json!({ "kind": "business", "message": message })
                } else {
                    Value::String(message)
                }
            });
            Event::Task(TaskEvent {
                key: Some(key),
                name,
                state: Some(state),
                after: (!after.is_empty()).then_some(after),
                error,
                ..TaskEvent::default()
            })
        }
        Report::Progress {
            percent,
            message,
            task,
        } => {
            if !(0.0..=100.0).contains(&percent) {
                return Err(Failure::usage(format!(
                    "progress lies between 0 and 100, not {percent}"
                )));
            }
            Event::Progress {
                percent: Some(percent),
                message,
                task,
            }
        }
        Report::Output { name, value, text } => {
            let value = match serde_json::from_str(&value) {
                // A number that would lose digits is kept as it was written.
                Ok(json) if !text => events::without_loss(&value, json),
                _ => Value::String(value),
            };
            Event::Output { name, value }
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn outputs_are_json_where_they_read_as_json() {
        let output = |value: &str, text: bool| {
            let command = Report::Output {
                name: "n".into(),
                value: value.into(),
                text,
            };
            match event(command).expect("well-formed") {
                Event::Output { value, .. } => value,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(output("[1, 2]", false), json!([1, 2]));
        assert_eq!(output("42", true), json!("42"));
        let long = "12345678901234567890123";
        assert_eq!(output(long, false), json!(long));
        assert_eq!(output("plain words", false), json!("plain words"));
    }

    #[test]
    fn only_states_of_tasks_are_taken() {
        let task = |state: &str| {
            event(Report::Task {
                key: "k".into(),
                state: state.into(),
                name: None,
                after: vec![],
                error: None,
                business: false,
            })
        };
        assert!(task("running").is_ok());
        assert!(task("crashed").is_err());
        assert!(task("done").is_err());
    }
}
