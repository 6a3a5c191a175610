//! Turns `name=value` texts of a command line into typed values.

use serde_json::{Map, Value};

use super::MAX_DEPTH;
use super::fill::resolve;

/// Splits `name=value` at the first `=`; `None` when there is none or the name is empty.
pub fn parse_pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// Reads pairs without a schema: JSON where the text reads as JSON, else a string.
pub fn untyped(pairs: &[(String, String)]) -> Map<String, Value> {
    coerce(&Value::Null, pairs)
}

pub(super) fn coerce(schema: &Value, pairs: &[(String, String)]) -> Map<String, Value> {
    let mut values = Map::new();
    for (name, text) in pairs {
        let whole = property(schema, schema, name);
        let path: Vec<&str> = name.split('.').collect();
        // Only where the schema says that the first part is an object is a dot more than a dot.
        if whole.is_none() && path.len() > 1 && is_object(schema, path[0]) {
            set(&mut values, schema, &path, text);
        } else {
            values.insert(name.clone(), typed(schema, whole, text));
        }
    }
    values
}

/// Sets a member of a nested object, making the objects on the way.
fn set(values: &mut Map<String, Value>, schema: &Value, path: &[&str], text: &str) {
    let (last, way) = path.split_last().expect("a path has a part");
    let mut holder = values;
    let mut place = Some(schema);
    for part in way.iter().take(MAX_DEPTH) {
        place = place.and_then(|place| property(schema, place, part));
        let member = holder
            .entry((*part).to_owned())
            .or_insert_with(|| Value::Object(Map::new()));
        if !member.is_object() {
            *member = Value::Object(Map::new());
        }
        holder = member
            .as_object_mut()
            .expect("it was made an object just now");
    }
    let wanted = place.and_then(|place| property(schema, place, last));
    holder.insert((*last).to_owned(), typed(schema, wanted, text));
}

/// The schema of a property, looked up through references and `allOf`.
fn property<'a>(root: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    let schema = resolve(root, schema)?;
    let own = schema.get("properties").and_then(|p| p.get(name));
    own.or_else(|| {
        let parts = schema.get("allOf")?.as_array()?;
        parts
            .iter()
            .find_map(|part| resolve(root, part)?.get("properties")?.get(name))
    })
}

fn is_object(schema: &Value, name: &str) -> bool {
    property(schema, schema, name)
        .is_some_and(|property| types(schema, property).contains(&"object"))
}

/// The value that `text` stands for under the schema of its parameter.
fn typed(root: &Value, schema: Option<&Value>, text: &str) -> Value {
    let string = || Value::String(text.to_owned());
    let Some(schema) = schema else {
        return serde_json::from_str(text).unwrap_or_else(|_| string());
    };
    let types = types(root, schema);
    let json: Option<Value> = serde_json::from_str(text).ok();
    // Of several types a string is the last to be taken, except that it beats nothing at all.
    let fits = json.filter(|json| {
        types.is_empty()
            || types
                .iter()
                .any(|wanted| *wanted != "string" && is(json, wanted))
    });
    match fits {
        Some(json) => json,
        None => word(&types, text).unwrap_or_else(string),
    }
}

/// `yes`, `no`, `on` and `off` in any case, where the schema wants a boolean.
fn word(types: &[&str], text: &str) -> Option<Value> {
    if !types.contains(&"boolean") || types.contains(&"string") {
        return None;
    }
    match text.to_ascii_lowercase().as_str() {
        "true" | "yes" | "on" => Some(Value::Bool(true)),
        "false" | "no" | "off" => Some(Value::Bool(false)),
        _ => None,
    }
}

fn is(value: &Value, wanted: &str) -> bool {
    match wanted {
        "null" => value.is_null(),
        "boolean" => value.is_boolean(),
        "integer" | "number" => value.is_number(),
        "array" => value.is_array(),
        "object" => value.is_object(),
        _ => false,
    }
}

/// The types that a schema allows, as far as they can be seen; empty means any.
fn types<'a>(root: &'a Value, schema: &'a Value) -> Vec<&'a str> {
    let Some(schema) = resolve(root, schema) else {
        return Vec::new();
    };
    match schema.get("type") {
        Some(Value::String(one)) => return vec![one],
        Some(Value::Array(many)) => return many.iter().filter_map(Value::as_str).collect(),
        _ => {}
    }
    if let Some(Value::Array(options)) = schema.get("enum") {
        let mut names: Vec<&str> = options.iter().map(type_of).collect();
        names.dedup();
        return names;
    }
    if let Some(option) = schema.get("const") {
        return vec![type_of(option)];
    }
    let alternatives = schema.get("anyOf").or_else(|| schema.get("oneOf"));
    if let Some(Value::Array(parts)) = alternatives {
        // One level is enough: optional values are written so (`anyOf: [string, null]`).
        let of = |part: &'a Value| resolve(root, part)?.get("type")?.as_str();
        return parts.iter().filter_map(of).collect();
    }
    if schema.get("properties").is_some() {
        return vec!["object"];
    }
    Vec::new()
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(_) => "number",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}
