//! Parameters of runs: checked against a JSON schema, filled with defaults, read from the command line.
//!
//! A value is taken from the first place that has it: what the caller gave, the deployment's defaults,
//! the schema's `default`. Objects are merged member by member down to any depth; every other value is
//! taken as a whole.

mod coerce;
mod describe;
mod exact;
mod fill;
mod format;
mod issue;

use jsonschema::{PatternOptions, Validator};
use serde_json::{Map, Value};

pub use coerce::{parse_pair, untyped};
pub use describe::{VARIABLE_PREFIX, sharing, variable};
pub use exact::{inexact_in_request, inexact_number};
pub use issue::ParameterIssue;

/// Most bytes that the parameters of one run may take as JSON. Files travel as artifacts, not as
/// parameters.
pub const MAX_PARAMETERS_BYTES: usize = 1_048_576;

/// Most bytes that a parameter schema may take as JSON.
pub const MAX_SCHEMA_BYTES: usize = 262_144;

/// Deepest nesting of a schema and of parameters; deeper ones are a mistake or an attack on the stack.
pub const MAX_DEPTH: usize = 64;

/// Most issues reported at once; more would not be read.
pub const MAX_ISSUES: usize = 50;

/// How much work a regular expression of a schema may cause before it is given up.
const MAX_BACKTRACKS: usize = 100_000;

/// Most bytes a compiled regular expression of a schema may take.
const MAX_PATTERN_BYTES: usize = 1_048_576;

/// Why a parameter schema was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ParameterError {
    /// Stable snake_case code: `schema_too_large`, `schema_too_deep`, `schema_not_object`,
    /// `remote_reference` or `bad_schema`.
    pub code: &'static str,
    /// Where in the schema, as a JSON pointer; empty for the whole.
    pub path: String,
    /// One sentence that says what is wrong and what to do.
    pub message: String,
}

impl ParameterError {
    fn new(code: &'static str, path: impl Into<String>, message: impl Into<String>) -> Self {
        Self {
            code,
            path: path.into(),
            message: message.into(),
        }
    }
}

/// A parameter schema, compiled once and used for many runs.
#[derive(Debug)]
pub struct ParameterSchema {
    schema: Value,
    validator: Validator,
}

impl ParameterSchema {
    /// Compiles a schema. `null` and `{}` allow everything. References must stay inside the schema:
    /// nothing is ever fetched.
    pub fn compile(schema: &Value) -> Result<Self, ParameterError> {
        let schema = match schema {
            Value::Null => Value::Object(Map::new()),
            Value::Object(_) => schema.clone(),
            _ => {
                return Err(ParameterError::new(
                    "schema_not_object",
                    "",
                    "the parameter schema is not a JSON object; write {\"type\": \"object\", \"properties\": {…}}",
                ));
            }
        };
        let size = json_size(&schema);
        if size > MAX_SCHEMA_BYTES {
            return Err(ParameterError::new(
                "schema_too_large",
                "",
                format!(
                    "the parameter schema takes {size} bytes; at most {MAX_SCHEMA_BYTES} are allowed"
                ),
            ));
        }
        if depth_exceeds(&schema, MAX_DEPTH) {
            return Err(ParameterError::new(
                "schema_too_deep",
                "",
                format!("the parameter schema is nested more than {MAX_DEPTH} levels deep"),
            ));
        }
        refuse_remote(&schema, "")?;
        let validator = jsonschema::options()
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(true)
            // The standard's own want an offset, which neither people nor baton.toml give a time of day.
            .with_format("time", format::is_time)
            .with_format("date-time", format::is_date_time)
            .with_pattern_options(
                PatternOptions::fancy_regex()
                    .backtrack_limit(MAX_BACKTRACKS)
                    .size_limit(MAX_PATTERN_BYTES),
            )
            .build(&schema)
            .map_err(|error| {
                let path = error.instance_path().to_string();
                let message = issue::message(&error);
                ParameterError::new(
                    "bad_schema",
                    path.clone(),
                    format!("the parameter schema is wrong at \"{path}\": {message}"),
                )
            })?;
        Ok(Self { schema, validator })
    }

    /// The schema as it was given.
    pub const fn schema(&self) -> &Value {
        &self.schema
    }

    /// The parameters of a run: `given` over `defaults` (the deployment's) over the schema's defaults,
    /// checked. Fails with every issue found, at most [`MAX_ISSUES`].
    pub fn fill_and_check(
        &self,
        given: &Map<String, Value>,
        defaults: &Map<String, Value>,
    ) -> Result<Map<String, Value>, Vec<ParameterIssue>> {
        if let Some(issue) = [given, defaults].into_iter().find_map(issue::too_big) {
            return Err(vec![issue]);
        }
        let mut filled = given.clone();
        fill::merge(&mut filled, defaults);
        if !fill::Defaults::new(&self.schema).fill(&mut filled) {
            return Err(vec![ParameterIssue {
                path: String::new(),
                message:
                    "the defaults of the schema go on without end, because it refers to itself; \
                          remove a default from the circle"
                        .to_owned(),
            }]);
        }
        if let Some(issue) = issue::too_big(&filled) {
            return Err(vec![issue]);
        }
        let instance = Value::Object(filled);
        let issues: Vec<ParameterIssue> = self
            .validator
            .iter_errors(&instance)
            .flat_map(|error| issue::issues(&error, &self.schema))
            .take(MAX_ISSUES)
            .collect();
        match instance {
            Value::Object(filled) if issues.is_empty() => Ok(filled),
            _ => Err(issues),
        }
    }

    /// Reads `name=value` pairs from a command line into typed values. Where the schema wants a string
    /// the text stays as it is; where it wants another type the text is JSON if that fits; where it says
    /// nothing the text is JSON only if the same text comes back from it. `a.b=1` sets the member `b` of the
    /// object `a` where the schema knows no parameter called `a.b`. A name given twice keeps its last value.
    pub fn coerce(&self, pairs: &[(String, String)]) -> Map<String, Value> {
        coerce::coerce(&self.schema, pairs)
    }
}

/// Bytes that `value` takes as JSON.
fn json_size(value: &Value) -> usize {
    struct Count(usize);
    impl std::io::Write for Count {
        fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
            self.0 += bytes.len();
            Ok(bytes.len())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let mut count = Count(0);
    serde_json::to_writer(&mut count, value).expect("counting bytes cannot fail");
    count.0
}

/// Whether `value` is nested more than `limit` levels deep.
fn depth_exceeds(value: &Value, limit: usize) -> bool {
    match value {
        Value::Array(items) => {
            limit == 0 || items.iter().any(|item| depth_exceeds(item, limit - 1))
        }
        Value::Object(members) => {
            limit == 0
                || members
                    .values()
                    .any(|member| depth_exceeds(member, limit - 1))
        }
        _ => false,
    }
}

/// Refuses a reference that leaves the schema: `{"$ref": "https://…"}`.
fn refuse_remote(schema: &Value, path: &str) -> Result<(), ParameterError> {
    match schema {
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| refuse_remote(item, &format!("{path}/{index}"))),
        Value::Object(members) => members.iter().try_for_each(|(name, member)| {
            let path = format!("{path}/{name}");
            match member {
                // Values, not schemas: a reference in them is only text.
                _ if matches!(name.as_str(), "default" | "const" | "enum" | "examples") => Ok(()),
                Value::String(target)
                    if matches!(name.as_str(), "$ref" | "$dynamicRef" | "$recursiveRef")
                        && !target.starts_with('#') =>
                {
                    let shown: String = target.chars().take(200).collect();
                    Err(ParameterError::new(
                        "remote_reference",
                        path.clone(),
                        format!(
                            "\"{shown}\" at \"{path}\" lies outside the schema, and nothing is fetched; \
                             copy it into $defs and refer to #/$defs/…"
                        ),
                    ))
                }
                _ => refuse_remote(member, &path),
            }
        }),
        _ => Ok(()),
    }
}

#[cfg(test)]
#[path = "parameter_tests.rs"]
mod tests;

#[cfg(test)]
#[path = "parameter/text_tests.rs"]
mod text_tests;
