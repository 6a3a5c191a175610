//! The parameters of a flow: from the friendly form in `baton.toml`, or a schema in `parameters.json`.

use std::path::Path;

use baton_core::parameter::{ParameterSchema, inexact_number};
use serde_json::{Map, Value, json};

use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::settings::file::{self, BatonToml};

/// The file that holds a whole JSON Schema, for flows that need more than the friendly form says.
const SCHEMA_FILE: &str = "parameters.json";

/// Words of the friendly form that a JSON Schema knows under the same name.
const SAME: [&str; 14] = [
    "title",
    "description",
    "default",
    "examples",
    "pattern",
    "minimum",
    "maximum",
    "multipleOf",
    "minLength",
    "maxLength",
    "minItems",
    "maxItems",
    "items",
    "properties",
];

/// The JSON Schema of a source's parameters; `{}` accepts any.
pub(crate) fn schema(path: &Path, settings: &BatonToml) -> Done<Value> {
    let beside = path.join(SCHEMA_FILE);
    let schema = match (
        path.is_dir() && beside.is_file(),
        settings.parameters.is_empty(),
    ) {
        (false, true) => return Ok(json!({})),
        (false, false) => friendly(&settings.parameters, &path.join(file::NAME))?,
        (true, true) => {
            let text =
                std::fs::read_to_string(&beside).map_err(|e| Failure::file(&beside, "read", &e))?;
            let schema = serde_json::from_str(&text)
                .map_err(|e| wrong(&beside, &format!("it is not JSON: {e}")))?;
            if let Some(number) = inexact_number(&text) {
                let why = format!("the number {number} has more digits than are kept; write fewer");
                return Err(wrong(&beside, &why));
            }
            schema
        }
        (true, false) => {
            return Err(wrong(
                &beside,
                "parameters are described twice, there and in baton.toml",
            )
            .fix("keep one of the two"));
        }
    };
    let from = if beside.is_file() {
        beside
    } else {
        path.join(file::NAME)
    };
    let compiled = ParameterSchema::compile(&schema).map_err(|e| wrong(&from, &e.message))?;
    match &compiled.check_description()[..] {
        [] => Ok(schema),
        issues => {
            let all: Vec<String> = issues.iter().map(|i| format!("parameter {i}")).collect();
            Err(wrong(&from, &all.join("; ")))
        }
    }
}

fn wrong(path: &Path, why: &str) -> Failure {
    Failure::new(
        Exit::Refused,
        "bad_parameters",
        format!("{}: {why}", path.display()),
    )
}

/// Turns `[parameters]` into a JSON Schema. A parameter is a table, or just its default value.
fn friendly(parameters: &Map<String, Value>, file: &Path) -> Done<Value> {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for (name, said) in parameters {
        let (property, needed) = match said {
            Value::Object(table) => one(name, table, file)?,
            default => (
                json!({ "type": type_of(default), "default": default }),
                false,
            ),
        };
        if needed {
            required.push(Value::String(name.clone()));
        }
        properties.insert(name.clone(), property);
    }
    let mut schema = json!({
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
    });
    if !required.is_empty() {
        schema["required"] = Value::Array(required);
    }
    Ok(schema)
}

/// One parameter's schema, and whether a run must give it.
fn one(name: &str, table: &Map<String, Value>, file: &Path) -> Done<(Value, bool)> {
    let wrong = |why: String| wrong(file, &format!("parameter {name}: {why}"));
    let mut property = Map::new();
    let mut required = None;
    for (key, value) in table {
        match (key.as_str(), value) {
            ("type", Value::String(kind)) => {
                let (kind, format) = kind_of(kind).ok_or_else(|| {
                    wrong(format!("there is no type {kind:?}; use string, integer, number, boolean, array, object, date, time or datetime"))
                })?;
                property.insert("type".into(), kind.into());
                if let Some(format) = format {
                    property.insert("format".into(), format.into());
                }
            }
            ("choices", Value::Array(choices)) if !choices.is_empty() => {
                property.insert("enum".into(), Value::Array(choices.clone()));
            }
            ("required", Value::Bool(needed)) => required = Some(*needed),
            (key, value) if SAME.contains(&key) => {
                property.insert(key.into(), value.clone());
            }
            (key, _) => {
                return Err(wrong(format!(
                    "{key:?} is not understood; use type, default, required, choices, {}",
                    SAME.join(", ")
                )));
            }
        }
    }
    if !property.contains_key("type")
        && !property.contains_key("enum")
        && let Some(default) = property.get("default").cloned()
    {
        property.insert("type".into(), type_of(&default).into());
    }
    // A parameter without a default must be given, unless it says that it need not be.
    let needed = required.unwrap_or(!property.contains_key("default"));
    Ok((Value::Object(property), needed))
}

/// The JSON Schema type and format of a friendly type.
fn kind_of(kind: &str) -> Option<(&'static str, Option<&'static str>)> {
    Some(match kind {
        "string" | "text" => ("string", None),
        "integer" | "int" => ("integer", None),
        "number" | "float" => ("number", None),
        "boolean" | "bool" => ("boolean", None),
        "array" | "list" => ("array", None),
        "object" => ("object", None),
        "date" => ("string", Some("date")),
        "time" => ("string", Some("time")),
        "datetime" => ("string", Some("date-time")),
        _ => return None,
    })
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(n) if n.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
