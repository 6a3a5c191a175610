//! Events as programs really write them: what a field cannot hold is made to fit or left out, and said.

use baton_core::run::LogLevel;
use baton_core::state::State;
use jiff::Timestamp;
use serde_json::{Map, Value, json};

/// The kinds of event.
const KINDS: [&str; 5] = ["task", "progress", "output", "log", "error"];

/// The event with every field as [`super::Event`] reads it; the error is a sentence.
pub(super) fn event(value: Value, notes: &mut Vec<String>) -> Result<Value, String> {
    let Value::Object(mut event) = value else {
        return Err("a line must hold one JSON object".into());
    };
    let Some(given) = event.get("type").cloned() else {
        return Err(format!("it has no \"type\"; {}", known()));
    };
    let kind = given
        .as_str()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    if !KINDS.contains(&kind.as_str()) {
        return Err(format!("the kind {given} is not known; {}", known()));
    }
    event.insert("type".into(), Value::from(kind.as_str()));
    // What is null is not there.
    event.retain(|name, value| !value.is_null() || name == "value");
    let mut fields = Fields { event, notes };
    match kind.as_str() {
        "task" => fields.task(),
        "progress" => fields.progress(),
        "output" => fields.output()?,
        "log" => fields.log(),
        _ => fields.error(),
    }
    Ok(Value::Object(fields.event))
}

fn known() -> String {
    format!("known are {}", KINDS.join(", "))
}

struct Fields<'a> {
    event: Map<String, Value>,
    notes: &'a mut Vec<String>,
}

impl Fields<'_> {
    fn task(&mut self) {
        for name in ["key", "name"] {
            self.text(name);
        }
        if let Some(given) = self.event.get("state").cloned() {
            match given.as_str().and_then(state) {
                Some(state) => self.event.insert("state".into(), json!(state)),
                None => self.leave_out("state", &given, "it is no state of a task"),
            };
        }
        if let Some(given) = self.event.get("after").cloned() {
            let one = |v: &Value| v.as_str().map_or_else(|| v.to_string(), str::to_owned);
            let keys = match &given {
                Value::Array(keys) => keys.iter().map(one).collect(),
                key => vec![one(key)],
            };
            self.event.insert("after".into(), json!(keys));
        }
        if let Some(given) = self.event.get("tries").cloned()
            && given.as_u64().is_none_or(|n| u32::try_from(n).is_err())
        {
            self.leave_out("tries", &given, "it is no number of tries");
        }
        for name in ["started_at", "ended_at"] {
            if let Some(given) = self.event.get(name).cloned()
                && serde_json::from_value::<Timestamp>(given.clone()).is_err()
            {
                match seconds(&given) {
                    Some(at) => self.event.insert(name.into(), json!(at)),
                    None => self.leave_out(
                        name,
                        &given,
                        "it is no instant such as 2030-01-31T12:00:00Z",
                    ),
                };
            }
        }
    }

    fn progress(&mut self) {
        if let Some(given) = self.event.get("percent").cloned()
            && !given.is_number()
        {
            let text = given.as_str().unwrap_or_default();
            let number = text.trim().trim_end_matches('%').trim_end().parse::<f64>();
            match number.ok().filter(|n| n.is_finite()) {
                Some(number) => self.event.insert("percent".into(), json!(number)),
                None => self.leave_out("percent", &given, "it is no number from 0 to 100"),
            };
        }
        for name in ["message", "task"] {
            self.text(name);
        }
    }

    fn output(&mut self) -> Result<(), String> {
        if self.event.get("name").is_none() {
            return Err("an output needs a \"name\"".into());
        }
        self.text("name");
        Ok(())
    }

    fn log(&mut self) {
        if let Some(given) = self.event.get("level").cloned() {
            let word = given
                .as_str()
                .map_or_else(|| given.to_string(), str::to_owned);
            let level = LogLevel::from_word(&word);
            if level.is_none() {
                self.notes.push(format!(
                    "the level {given} is not known; the line is kept as info"
                ));
            }
            self.event
                .insert("level".into(), json!(level.unwrap_or_default()));
        }
        self.event
            .entry("message")
            .or_insert_with(|| Value::from(""));
        for name in ["message", "task"] {
            self.text(name);
        }
    }

    fn error(&mut self) {
        if let Some(given) = self.event.get("kind").cloned()
            && serde_json::from_value::<baton_core::error::ErrorKind>(given.clone()).is_err()
        {
            let lower = json!(given.as_str().unwrap_or_default().to_ascii_lowercase());
            if serde_json::from_value::<baton_core::error::ErrorKind>(lower.clone()).is_ok() {
                self.event.insert("kind".into(), lower);
            } else {
                self.leave_out("kind", &given, "it is no kind of error");
            }
        }
        self.event
            .entry("message")
            .or_insert_with(|| Value::from("the flow gave no message"));
        for name in ["message", "task"] {
            self.text(name);
        }
    }

    /// Makes a text of whatever stands in this field.
    fn text(&mut self, name: &str) {
        if let Some(value) = self.event.get_mut(name)
            && !value.is_string()
        {
            *value = Value::from(value.to_string());
        }
    }

    fn leave_out(&mut self, name: &str, given: &Value, why: &str) -> Option<Value> {
        let shown: String = given.to_string().chars().take(60).collect();
        self.notes
            .push(format!("{name} {shown} is left out: {why}"));
        self.event.remove(name)
    }
}

/// The state of a task that a program means by this word.
fn state(word: &str) -> Option<State> {
    let word = word.trim().to_ascii_lowercase();
    Some(match word.as_str() {
        "pending" | "waiting" | "scheduled" => State::Pending,
        "running" | "started" | "start" | "in_progress" => State::Running,
        "completed" | "complete" | "success" | "succeeded" | "successful" | "done" | "finished"
        | "ok" | "pass" | "passed" => State::Completed,
        "failed" | "fail" | "failure" | "error" => State::Failed,
        "skipped" => State::Cancelled,
        // With one l or two.
        _ if word.starts_with("cancel") => State::Cancelled,
        _ => return None,
    })
}

/// An instant in seconds since 1970, as many programs count.
fn seconds(given: &Value) -> Option<Timestamp> {
    let seconds = given.as_f64().filter(|s| s.abs() < 1e11)?;
    let duration = jiff::SignedDuration::try_from_secs_f64(seconds).ok()?;
    Timestamp::from_duration(duration).ok()
}

#[cfg(test)]
mod tests {
    use super::super::{Event, read};
    use super::*;

    fn mended(line: &str) -> (Event, usize) {
        let (event, notes) = read(line.as_bytes()).unwrap_or_else(|e| panic!("{line}: {e}"));
        (event, notes.len())
    }

    #[test]
    fn levels_as_loggers_write_them_are_taken_and_an_unknown_one_keeps_its_line() {
        for (word, expected, said) in [
            ("\"INFO\"", LogLevel::Info, 0),
            ("\"warn\"", LogLevel::Warning, 0),
            ("\"Fatal\"", LogLevel::Critical, 0),
            ("40", LogLevel::Error, 0),
            ("null", LogLevel::Info, 0),
            ("\"loud\"", LogLevel::Info, 1),
        ] {
            let line = format!(r#"{{"type":"log","level":{word},"message":"m"}}"#);
            let (event, notes) = mended(&line);
            assert!(
                matches!(event, Event::Log { level, .. } if level == expected),
                "{line}"
            );
            assert_eq!(notes, said, "{line}");
        }
    }

    #[test]
    fn a_field_that_cannot_be_read_costs_itself_and_not_its_line() {
        for (line, said) in [
            (
                r#"{"type":"task","key":7,"state":"SUCCESS","after":"a"}"#,
                0,
            ),
            (r#"{"type":"task","key":"a","state":"dancing"}"#, 1),
            (
                r#"{"type":"task","key":"a","tries":-1,"started_at":"noon","ended_at":1900000000.5}"#,
                2,
            ),
            (r#"{"type":"progress","percent":"45 %"}"#, 0),
            (r#"{"type":"progress","percent":"much"}"#, 1),
            (r#"{"type":"progress","percent":NaN}"#, 2),
            (r#"{"type":"error","kind":"Business","message":"no"}"#, 0),
            (r#"{"type":"error","kind":"odd"}"#, 1),
            (r#"{"type":"Output","name":"n","value":1e999}"#, 1),
            ("\u{feff}{\"type\":\"log\",\"message\":{\"a\":1}}", 0),
        ] {
            assert_eq!(mended(line).1, said, "{line}");
        }
        for none in [
            "[1]",
            "7",
            r#"{"a":1}"#,
            r#"{"type":7}"#,
            r#"{"type":"output","value":1}"#,
        ] {
            assert!(read(none.as_bytes()).is_err(), "{none}");
        }
    }
}
