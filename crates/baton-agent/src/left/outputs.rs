//! What a script hands back in its outputs file: kept as far as it can be, and said where it cannot.

use std::fs;
use std::io::Read as _;
use std::path::Path;

use baton_api::robot::MAX_OUTPUTS;
use baton_core::error::clip;
use serde_json::{Map, Value};

use super::files;
use crate::loose;

/// The output under which a file that holds no object is kept.
const UNNAMED: &str = "value";
/// Longest outputs file that is read, in bytes: of one that holds too much, what fits is taken.
const MAX_READ: usize = 8 * MAX_OUTPUTS;

/// What came of reading an outputs file.
#[derive(Debug, Default, PartialEq)]
pub struct Handed {
    /// What was not as it should be, a sentence each.
    pub warnings: Vec<String>,
    /// The file holds more than could be taken: it should be kept as it is.
    pub keep_file: bool,
}

impl Handed {
    fn partly(why: String) -> Self {
        Self {
            warnings: vec![why],
            keep_file: true,
        }
    }
}

/// Adds what the script wrote into its outputs file, which lies in this work folder. A run that has done its
/// work is never failed for it.
pub fn read_outputs(file: &Path, work: &Path, outputs: &mut Map<String, Value>) -> Handed {
    let path = match files::plain(file, work) {
        Ok(Some((path, _))) => path,
        Ok(None) => return Handed::default(),
        Err(why) => {
            let why = format!("outputs: the outputs file {why}; it is not read");
            return Handed {
                warnings: vec![why],
                keep_file: false,
            };
        }
    };
    let mut bytes = Vec::new();
    let read =
        fs::File::open(path).and_then(|f| f.take(MAX_READ as u64 + 1).read_to_end(&mut bytes));
    if let Err(error) = read {
        return Handed::partly(format!("outputs: the outputs file cannot be read: {error}"));
    }
    if bytes.len() > MAX_READ {
        return Handed::partly(format!(
            "outputs: the outputs file has more than the {MAX_READ} bytes that are read; it is kept as an artifact instead"
        ));
    }
    if bytes.trim_ascii().is_empty() {
        return Handed::default();
    }
    match loose::read(&bytes) {
        Ok(loose) => take(loose, outputs),
        Err(why) => Handed::partly(format!(
            "outputs: the outputs file is not understood, {why}; it is kept as an artifact instead"
        )),
    }
}

fn take(loose: loose::Loose, outputs: &mut Map<String, Value>) -> Handed {
    let mut handed = Handed {
        warnings: loose
            .notes
            .iter()
            .map(|note| format!("outputs: {note}"))
            .collect(),
        keep_file: false,
    };
    let object = match loose.value {
        Value::Object(object) => object,
        Value::Null => Map::new(),
        other => {
            let shape = match other {
                Value::Array(_) => "a list",
                Value::String(_) => "a text",
                Value::Number(_) => "a number",
                _ => "a truth value",
            };
            handed.warnings.push(format!(
                "outputs: the outputs file holds {shape} and not an object with names; it is kept as the output {UNNAMED:?}"
            ));
            Map::from_iter([(UNNAMED.to_owned(), other)])
        }
    };
    let mut size = size_of(outputs);
    let mut dropped = Vec::new();
    for (name, value) in object {
        let more = name.len() + value.to_string().len() + 4;
        if size + more > MAX_OUTPUTS {
            dropped.push(name);
            continue;
        }
        size += more;
        outputs.insert(name, value);
    }
    if let Some(first) = dropped.first() {
        let (first, many) = (clip(first.clone(), 100), dropped.len());
        handed.warnings.push(format!(
            "outputs: all together exceed {MAX_OUTPUTS} bytes; {many} of them, {first:?} among these, are in the file only, which is kept as an artifact"
        ));
        handed.keep_file = true;
    }
    handed
}

fn size_of(outputs: &Map<String, Value>) -> usize {
    serde_json::to_vec(outputs).map_or(0, |v| v.len())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn given(bytes: &[u8]) -> (Value, Handed) {
        let work = tempfile::tempdir().expect("folder");
        let file = work.path().join("outputs.json");
        fs::write(&file, bytes).expect("written");
        let mut outputs = Map::from_iter([("before".to_owned(), json!(1))]);
        let handed = read_outputs(&file, work.path(), &mut outputs);
        outputs.remove("before").expect("what events said stays");
        (Value::Object(outputs), handed)
    }

    #[test]
    fn an_object_is_taken_without_a_word_and_nothing_at_all_is_nothing() {
        assert_eq!(given(br#"{"n": 1}"#), (json!({"n": 1}), Handed::default()));
        for none in [&b""[..], b" \r\n", b"null", b"{}"] {
            assert_eq!(given(none), (json!({}), Handed::default()));
        }
    }

    #[test]
    fn other_shapes_are_kept_under_a_name_and_said() {
        for (text, kept) in [
            ("[1, 2]", json!({"value": [1, 2]})),
            ("3.5", json!({"value": 3.5})),
            ("\"done\"", json!({"value": "done"})),
            ("{\"n\": NaN}", json!({"n": "NaN"})),
        ] {
            let (outputs, handed) = given(text.as_bytes());
            assert_eq!(outputs, kept, "{text}");
            assert_eq!(
                (handed.warnings.len(), handed.keep_file),
                (1, false),
                "{text}"
            );
        }
    }

    #[test]
    fn what_cannot_be_taken_is_said_and_the_file_is_kept() {
        let huge = format!("{{\"a\": \"{}\"}}", "x".repeat(MAX_OUTPUTS));
        for text in ["{'n': 1}", "n = 1", huge.as_str()] {
            let (outputs, handed) = given(text.as_bytes());
            assert_eq!(outputs, json!({}));
            assert_eq!((handed.warnings.len(), handed.keep_file), (1, true));
        }
        let many: Map<String, Value> = (0..3)
            .map(|n| (format!("n{n}"), json!("x".repeat(400_000))))
            .collect();
        let (outputs, handed) = given(json!(many).to_string().as_bytes());
        assert_eq!(
            outputs.as_object().map(Map::len),
            Some(2),
            "what fits is kept"
        );
        assert!(handed.keep_file && handed.warnings[0].contains("\"n2\""));
    }
}
