//! Values of `baton.toml` as JSON: dates and times as their text, and no number that JSON has no word for.

use serde::de::{Deserialize, Deserializer, Error};
use serde_json::{Map, Number, Value};
use toml::Value as Toml;

/// A table of values, each as JSON.
pub(super) fn map<'de, D: Deserializer<'de>>(from: D) -> Result<Map<String, Value>, D::Error> {
    let table = toml::Table::deserialize(from)?;
    table
        .into_iter()
        .map(|(name, value)| {
            let read = json(value).map_err(|why| D::Error::custom(format!("{name}: {why}")))?;
            Ok((name, read))
        })
        .collect()
}

fn json(value: Toml) -> Result<Value, String> {
    Ok(match value {
        Toml::String(text) => Value::String(text),
        Toml::Integer(number) => number.into(),
        Toml::Float(number) => Number::from_f64(number).map(Value::Number).ok_or_else(|| {
            format!("{number} is no number that a run can be given; leave it out, or write it as text in quotes")
        })?,
        Toml::Boolean(yes) => yes.into(),
        Toml::Datetime(at) => Value::String(at.to_string()),
        Toml::Array(items) => Value::Array(items.into_iter().map(json).collect::<Result<_, _>>()?),
        Toml::Table(members) => Value::Object(
            (members.into_iter())
                .map(|(name, member)| Ok((name, json(member)?)))
                .collect::<Result<_, String>>()?,
        ),
    })
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use serde_json::json;

    use super::super::file::parse;
    use super::*;

    #[test]
    fn every_type_of_a_value_arrives_as_it_was_written() {
        let text = r#"
[parameters]
at = 2026-10-01T07:30:00+02:00
utc = 2026-10-01T07:30:00Z
local = 2026-10-01T07:30:00
day = 2026-10-01
clock = 07:30:00
large = 9007199254740993
real = 1.5
whole = 2.0
yes = true
list = [2026-10-01, ["a", 07:30:00]]
"#;
        let file = parse(text, Path::new("baton.toml")).expect("well-formed");
        let wanted = json!({
            "at": "2026-10-01T07:30:00+02:00", "utc": "2026-10-01T07:30:00Z", "local": "2026-10-01T07:30:00",
            "day": "2026-10-01", "clock": "07:30:00", "large": 9_007_199_254_740_993_i64, "real": 1.5, "whole": 2.0,
            "yes": true, "list": ["2026-10-01", ["a", "07:30:00"]],
        });
        assert_eq!(Value::Object(file.parameters), wanted);
        let text = "[deployment]\nparameters = { day = 2026-10-01, deep = { at = [07:30:00] } }\n";
        let file = parse(text, Path::new("baton.toml")).expect("well-formed");
        let schedule = format!("[[schedules]]{}", text.trim_start_matches("[deployment]"));
        let schedules = parse(&schedule, Path::new("baton.toml")).expect("well-formed");
        assert_eq!(
            schedules.schedules[0].parameters,
            file.deployment.parameters
        );
        assert_eq!(
            Value::Object(file.deployment.parameters),
            json!({"day": "2026-10-01", "deep": {"at": ["07:30:00"]}})
        );
    }

    #[test]
    fn a_number_that_json_has_no_word_for_is_refused_by_name_and_line() {
        for word in ["inf", "-inf", "nan", "[1.0, nan]"] {
            let text = format!("[flow]\n[parameters]\nrate = {word}\n");
            let error = parse(&text, Path::new("baton.toml")).expect_err(word);
            assert!(error.what.starts_with("baton.toml:"), "{}", error.what);
            assert!(error.what.contains("rate"), "{}", error.what);
        }
    }
}
