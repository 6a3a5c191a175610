//! Says in plain words why parameters do not fit their schema.

use jsonschema::ValidationError;
use jsonschema::error::{TypeKind, ValidationErrorKind};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::{MAX_DEPTH, MAX_PARAMETERS_BYTES, depth_exceeds, json_size};
use crate::error::clip;
use crate::nearest::nearest;

/// Longest value repeated in a message, in bytes.
const MAX_SHOWN: usize = 80;

/// One reason why parameters do not fit.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct ParameterIssue {
    /// Which parameter: `month`, `options.retries`, `files[2]`; empty for all of them together.
    pub path: String,
    /// What is wrong with it: `13 is greater than the maximum of 12`.
    pub message: String,
}

impl std::fmt::Display for ParameterIssue {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.path.is_empty() {
            f.write_str(&self.message)
        } else {
            write!(f, "{}: {}", self.path, self.message)
        }
    }
}

impl ParameterIssue {
    /// Whether it is about the parameter at this path, or about something in it.
    pub fn is_of(&self, place: &str) -> bool {
        let rest = self.path.strip_prefix(place);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with(['.', '[']))
    }
}

/// The issue of parameters that are too large or too deep to be looked at.
pub(super) fn too_big(parameters: &Map<String, Value>) -> Option<ParameterIssue> {
    // Cloning to a `Value` would double the memory, so members are measured one by one.
    if parameters
        .values()
        .any(|value| depth_exceeds(value, MAX_DEPTH))
    {
        return Some(ParameterIssue {
            path: String::new(),
            message: format!("the parameters are nested more than {MAX_DEPTH} levels deep"),
        });
    }
    let size: usize = 2 + parameters
        .iter()
        .map(|(name, value)| name.len() + 4 + json_size(value))
        .sum::<usize>();
    (size > MAX_PARAMETERS_BYTES).then(|| ParameterIssue {
        path: String::new(),
        message: format!(
            "the parameters take {size} bytes; at most {MAX_PARAMETERS_BYTES} are allowed. \
             Pass the place of a file instead of its content"
        ),
    })
}

/// The issues that one error of the validator stands for: one per missing or unknown parameter.
pub(super) fn issues(error: &ValidationError<'_>, schema: &Value) -> Vec<ParameterIssue> {
    let path = path(error.instance_path().as_str());
    let inside = |name: &str| {
        if path.is_empty() {
            name.to_owned()
        } else {
            format!("{path}.{name}")
        }
    };
    match error.kind() {
        ValidationErrorKind::Required { property } => vec![ParameterIssue {
            path: inside(property.as_str().unwrap_or_default()),
            message: "is required and was not given".to_owned(),
        }],
        ValidationErrorKind::AdditionalProperties { unexpected }
        | ValidationErrorKind::UnevaluatedProperties { unexpected } => unexpected
            .iter()
            .map(|name| ParameterIssue {
                path: inside(name),
                message: unknown(name, error, schema),
            })
            .collect(),
        _ => vec![ParameterIssue {
            path,
            message: message(error),
        }],
    }
}

/// `is not a known parameter` with what was probably meant, or what there is.
fn unknown(name: &str, error: &ValidationError<'_>, schema: &Value) -> String {
    let holder = error.schema_path().as_str().rsplit_once('/');
    let properties = holder
        .and_then(|(holder, _)| schema.pointer(holder))
        .and_then(|holder| holder.get("properties"))
        .and_then(Value::as_object);
    let names: Vec<&str> = properties
        .map(|properties| properties.keys().map(String::as_str).collect())
        .unwrap_or_default();
    match nearest(name, names.iter().copied()) {
        Some(meant) => format!("is not a known parameter, did you mean {meant}?"),
        None if names.is_empty() => "is not a known parameter; none are allowed".to_owned(),
        None => format!(
            "is not a known parameter; known are {}",
            clip(names.join(", "), 200)
        ),
    }
}

/// What is wrong with the value, without its path.
pub(super) fn message(error: &ValidationError<'_>) -> String {
    let shown = clip(error.instance().to_string(), MAX_SHOWN);
    match error.kind() {
        ValidationErrorKind::Maximum { limit } => {
            format!("{shown} is greater than the maximum of {limit}")
        }
        ValidationErrorKind::Minimum { limit } => {
            format!("{shown} is less than the minimum of {limit}")
        }
        ValidationErrorKind::ExclusiveMaximum { limit } => {
            format!("{shown} is not less than {limit}")
        }
        ValidationErrorKind::ExclusiveMinimum { limit } => {
            format!("{shown} is not greater than {limit}")
        }
        ValidationErrorKind::Type { kind } => {
            let wanted = match kind {
                TypeKind::Single(one) => one.to_string(),
                TypeKind::Multiple(many) => {
                    let names: Vec<String> = many.iter().map(|one| one.to_string()).collect();
                    names.join(" or ")
                }
            };
            if error.instance().is_null() {
                return format!("null is not {}", with_article(&wanted));
            }
            format!(
                "{shown} is {}, not {}",
                named(error.instance()),
                with_article(&wanted)
            )
        }
        ValidationErrorKind::Enum { options } => {
            let options = clip(list(options), 200);
            format!("{shown} is not one of {options}")
        }
        ValidationErrorKind::Constant { expected_value } => {
            format!("{shown} is not {expected_value}")
        }
        ValidationErrorKind::MinLength { limit } => {
            format!("{shown} is shorter than {}", counted(*limit, "character"))
        }
        ValidationErrorKind::MaxLength { limit } => {
            format!("{shown} is longer than {}", counted(*limit, "character"))
        }
        ValidationErrorKind::MinItems { limit } => {
            format!("{shown} has fewer than {}", counted(*limit, "item"))
        }
        ValidationErrorKind::MaxItems { limit } => {
            format!("{shown} has more than {}", counted(*limit, "item"))
        }
        ValidationErrorKind::Pattern { pattern } => {
            format!(
                "{shown} does not match the pattern {}",
                clip(pattern.clone(), 200)
            )
        }
        ValidationErrorKind::Format { format } => format!("{shown} is not a valid {format}"),
        ValidationErrorKind::FalseSchema => "is not allowed".to_owned(),
        ValidationErrorKind::AnyOf { context } | ValidationErrorKind::OneOfNotValid { context } => {
            alternatives(&shown, context)
        }
        ValidationErrorKind::OneOfMultipleValid { .. } => {
            format!("{shown} fits more than one of the alternatives; exactly one must fit")
        }
        _ => clip(error.to_string(), 400),
    }
}

/// Why each alternative was not taken; a person reads at most three.
fn alternatives(shown: &str, context: &[Vec<ValidationError<'static>>]) -> String {
    let reasons: Vec<String> = context
        .iter()
        .filter_map(|errors| errors.first())
        .take(3)
        .map(|error| clip(message(error), 120))
        .collect();
    format!(
        "{shown} fits none of the alternatives: {}",
        reasons.join("; ")
    )
}

fn list(options: &Value) -> String {
    match options {
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(ToString::to_string).collect();
            items.join(", ")
        }
        other => other.to_string(),
    }
}

fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        format!("1 {noun}")
    } else {
        format!("{count} {noun}s")
    }
}

fn named(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

fn with_article(names: &str) -> String {
    match names.chars().next() {
        Some('a' | 'e' | 'i' | 'o' | 'u') => format!("an {names}"),
        _ if names.starts_with("null") => names.to_owned(),
        _ => format!("a {names}"),
    }
}

/// `/options/files/2` as people write it: `options.files[2]`.
fn path(pointer: &str) -> String {
    let mut path = String::new();
    for part in pointer.split('/').skip(1) {
        let part = part.replace("~1", "/").replace("~0", "~");
        if !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()) {
            path.push_str(&format!("[{part}]"));
        } else {
            if !path.is_empty() {
                path.push('.');
            }
            path.push_str(&part);
        }
    }
    path
}
