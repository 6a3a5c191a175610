//! What is known of the tasks of an attempt, put together from what the script said bit by bit.

use std::collections::BTreeMap;

use baton_api::package::hex;
use baton_api::robot::TaskReport;
use baton_core::error::{ErrorInfo, ErrorKind, clip};
use baton_core::state::State;
use jiff::Timestamp;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::events::TaskEvent;

/// Most tasks of one attempt: beyond it a page could not show them.
pub(crate) const MAX_TASKS: usize = 10_000;
/// Longest key or name of a task, in bytes.
const MAX_TASK_NAME: usize = 256;
/// Most tasks that one waits for.
const MAX_AFTER: usize = 256;
/// Longest data of one task, as JSON, in bytes; larger things belong into an artifact.
const MAX_DATA: usize = 64 << 10;

/// The tasks of one attempt.
#[derive(Default)]
pub(crate) struct Tasks {
    known: BTreeMap<String, TaskReport>,
    /// What the script gave for its own failure, where it gave anything.
    pub(crate) last_failed: Option<String>,
    /// What of a task could not be kept as it was given, a sentence each, until somebody takes them.
    pub(crate) notes: Vec<String>,
}

impl Tasks {
    /// The task after this event, whole; or why the event cannot be taken.
    pub(crate) fn apply(
        &mut self,
        mut event: TaskEvent,
        now: Timestamp,
    ) -> Result<TaskReport, String> {
        let key = event
            .key
            .clone()
            .or_else(|| event.name.clone())
            .unwrap_or_default();
        let key = self.short(key);
        if key.is_empty() {
            return Err("a task needs a key or a name".into());
        }
        if let Some(state) = event.state
            && !matches!(
                state,
                State::Pending
                    | State::Running
                    | State::Completed
                    | State::Failed
                    | State::Cancelled
            )
        {
            return Err(format!("a task cannot be {state}"));
        }
        if !self.known.contains_key(&key) && self.known.len() >= MAX_TASKS {
            return Err(format!("more than {MAX_TASKS} tasks; this one is not kept"));
        }
        // The same long key is shortened to the same one wherever it stands.
        let after = event.after.take();
        event.after = after.map(|keys| keys.into_iter().map(|k| self.short(k)).collect());
        let task = self.known.entry(key.clone()).or_insert_with(|| fresh(&key));
        merge(task, event, now, &mut self.notes);
        if task.state == State::Failed {
            self.last_failed = Some(key);
        }
        Ok(task.clone())
    }

    /// A key that is not too long: two that differ only at their ends stay two.
    fn short(&mut self, key: String) -> String {
        if key.len() <= MAX_TASK_NAME {
            return key;
        }
        let digest = hex(&Sha256::digest(key.as_bytes()));
        let short = format!("{} {}", clip(key, MAX_TASK_NAME - 9), &digest[..8]);
        if !self.known.contains_key(&short) {
            self.notes.push(format!(
                "a task's key is longer than {MAX_TASK_NAME} bytes; it is kept as {short:?}"
            ));
        }
        short
    }

    /// Closes what is still open when the attempt ends; the tasks that this changed.
    pub(crate) fn close(&mut self, cancelled: bool, now: Timestamp) -> Vec<TaskReport> {
        let open = |t: &&mut TaskReport| !t.state.is_terminal();
        let mut changed = Vec::new();
        for task in self.known.values_mut().filter(open) {
            let was_running = task.state == State::Running;
            task.ended_at = Some(now);
            if cancelled || !was_running {
                task.state = State::Cancelled;
            } else {
                task.state = State::Failed;
                let message = "the run ended while this task was running";
                task.error
                    .get_or_insert_with(|| ErrorInfo::new(ErrorKind::Failed, message));
            }
            changed.push(task.clone());
        }
        changed
    }
}

fn fresh(key: &str) -> TaskReport {
    TaskReport {
        key: key.to_owned(),
        name: key.to_owned(),
        state: State::Pending,
        after: Vec::new(),
        tries: 0,
        started_at: None,
        ended_at: None,
        error: None,
        data: Value::Null,
    }
}

fn merge(task: &mut TaskReport, event: TaskEvent, now: Timestamp, notes: &mut Vec<String>) {
    if let Some(name) = event.name {
        let (was, length) = (std::mem::take(&mut task.name), name.len());
        task.name = clip(name, MAX_TASK_NAME);
        if length > MAX_TASK_NAME && was != task.name {
            notes.push(format!(
                "the name of task {:?} has {length} bytes; {MAX_TASK_NAME} are kept",
                task.key
            ));
        }
    }
    if let Some(after) = event.after {
        if after.len() > MAX_AFTER {
            let (key, given) = (&task.key, after.len());
            notes.push(format!(
                "task {key:?} waits for {given} tasks; {MAX_AFTER} are kept"
            ));
        }
        task.after = after.into_iter().take(MAX_AFTER).collect();
    }
    if let Some(data) = event.data {
        let size = data.to_string().len();
        task.data = if size > MAX_DATA {
            let key = &task.key;
            notes.push(format!("the data of task {key:?} have {size} bytes and are not kept; {MAX_DATA} are allowed"));
            Value::from(format!("[{size} bytes of data, not kept]"))
        } else {
            data
        };
    }
    let was = task.state;
    if let Some(state) = event.state {
        if state == State::Running && was != State::Running {
            // A task that starts again is another try of the same task.
            task.tries += 1;
            task.started_at = None;
            task.ended_at = None;
            task.error = None;
        }
        task.state = state;
    }
    task.tries = event.tries.unwrap_or(task.tries);
    if task.state != State::Pending {
        let start = event.started_at.or(task.started_at).unwrap_or(now);
        task.started_at = Some(start);
        task.tries = task.tries.max(1);
    }
    if task.state.is_terminal() {
        task.ended_at = event.ended_at.or(task.ended_at).or(Some(now));
    }
    if let Some(error) = event.error {
        task.error = Some(read_error(error));
    }
}

fn read_error(error: Value) -> ErrorInfo {
    match error {
        Value::String(message) => ErrorInfo::new(ErrorKind::Failed, message),
        other => serde_json::from_value::<ErrorInfo>(other.clone())
            .unwrap_or_else(|_| {
                let message = other.get("message").and_then(Value::as_str);
                let message = message.map_or_else(|| other.to_string(), str::to_owned);
                ErrorInfo::new(ErrorKind::Failed, message)
            })
            .bounded(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).expect("in range")
    }

    fn event(key: &str, state: State) -> TaskEvent {
        TaskEvent {
            key: Some(key.into()),
            state: Some(state),
            ..TaskEvent::default()
        }
    }

    #[test]
    fn a_task_gets_its_times_from_the_agent_and_keeps_what_was_said() {
        let mut tasks = Tasks::default();
        let mut first = event("a", State::Running);
        first.name = Some("Read the invoices".into());
        tasks.apply(first, at(1)).expect("taken");
        let done = tasks
            .apply(event("a", State::Completed), at(3))
            .expect("taken");
        assert_eq!(done.name, "Read the invoices");
        assert_eq!((done.started_at, done.ended_at), (Some(at(1)), Some(at(3))));
        assert_eq!(done.tries, 1);
    }

    #[test]
    fn a_task_that_starts_again_is_another_try() {
        let mut tasks = Tasks::default();
        tasks
            .apply(event("a", State::Running), at(1))
            .expect("taken");
        let mut failed = event("a", State::Failed);
        failed.error = Some(Value::from("no answer"));
        tasks.apply(failed, at(2)).expect("taken");
        let again = tasks
            .apply(event("a", State::Running), at(3))
            .expect("taken");
        assert_eq!((again.tries, again.error, again.ended_at), (2, None, None));
        assert_eq!(again.started_at, Some(at(3)));
    }

    #[test]
    fn what_is_open_at_the_end_is_closed() {
        let mut tasks = Tasks::default();
        tasks
            .apply(event("running", State::Running), at(1))
            .expect("taken");
        tasks
            .apply(event("waiting", State::Pending), at(1))
            .expect("taken");
        tasks
            .apply(event("done", State::Completed), at(1))
            .expect("taken");
        let closed = tasks.close(false, at(9));
        let states: Vec<_> = closed.iter().map(|t| (t.key.as_str(), t.state)).collect();
        assert_eq!(
            states,
            [("running", State::Failed), ("waiting", State::Cancelled)]
        );
    }

    #[test]
    fn long_keys_stay_different_and_what_is_shortened_is_said_once() {
        let mut tasks = Tasks::default();
        let long = "k".repeat(300);
        let keys: Vec<String> = ["a", "b", "a"]
            .iter()
            .map(|end| tasks.apply(event(&format!("{long}{end}"), State::Running), at(1)))
            .map(|task| task.expect("taken").key)
            .collect();
        assert!(keys[0] != keys[1] && keys[0] == keys[2] && keys[0].len() <= MAX_TASK_NAME);
        let mut next = event("next", State::Running);
        next.after = Some(vec![format!("{long}a")]);
        assert_eq!(tasks.apply(next, at(1)).expect("taken").after, keys[..1]);
        assert_eq!(tasks.notes.len(), 2, "{:?}", tasks.notes);
    }

    #[test]
    fn states_that_a_task_cannot_have_are_refused() {
        let mut tasks = Tasks::default();
        assert!(tasks.apply(event("a", State::Dispatched), at(1)).is_err());
        assert!(tasks.apply(TaskEvent::default(), at(1)).is_err());
    }
}
