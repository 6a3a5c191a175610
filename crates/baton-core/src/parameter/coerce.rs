//! Turns `name=value` texts of a command line into typed values.

use serde_json::{Map, Value};

use super::MAX_DEPTH;
use super::exact::inexact_number;
use super::fill::resolve;

/// Splits `name=value` at the first `=`; `None` when there is none or the name is empty.
pub fn parse_pair(text: &str) -> Option<(String, String)> {
    let (name, value) = text.split_once('=')?;
    let name = name.trim();
    (!name.is_empty()).then(|| (name.to_owned(), value.to_owned()))
}

/// Largest whole number that every reader of JSON keeps: browsers hold numbers as doubles.
const MAX_EXACT: u64 = (1 << 53) - 1;

/// Reads pairs without a schema: JSON where the same text comes back from it, else the text as it was written.
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
pub(super) fn property<'a>(root: &'a Value, schema: &'a Value, name: &str) -> Option<&'a Value> {
    let schema = resolve(root, schema)?;
    let own = schema.get("properties").and_then(|p| p.get(name));
    own.or_else(|| {
        let parts = schema.get("allOf")?.as_array()?;
        parts
            .iter()
            .find_map(|part| resolve(root, part)?.get("properties")?.get(name))
    })
    .or_else(|| {
        // What is said of all names that are not described is a description too.
        let others = schema.get("additionalProperties")?;
        others.is_object().then_some(others)
    })
}

fn is_object(schema: &Value, name: &str) -> bool {
    property(schema, schema, name)
        .is_some_and(|property| types(schema, property).contains(&"object"))
}

/// The value that `text` stands for under the schema of its parameter.
fn typed(root: &Value, schema: Option<&Value>, text: &str) -> Value {
    let string = || Value::String(text.to_owned());
    let types = schema.map_or_else(Vec::new, |schema| types(root, schema));
    // Where text may stand, nothing else is made of it than what is written as this very text. Null is
    // the exception: it stands beside another type only where a value may be left out.
    if types.is_empty() || types.contains(&"string") {
        let same = unchanged(text)
            .filter(|json| types.is_empty() || types.iter().any(|wanted| is(json, wanted)));
        let none = || (text == "null" && types.contains(&"null")).then_some(Value::Null);
        return same.or_else(none).unwrap_or_else(string);
    }
    let json = (serde_json::from_str(text).ok()).filter(|json| {
        inexact_number(text).is_none() && types.iter().any(|wanted| is(json, wanted))
    });
    json.or_else(|| word(&types, text)).unwrap_or_else(string)
}

/// What `text` reads as, if it is a value of JSON other than text that is written in just this way, by a
/// browser too: `1.5` is, and `1.10`, `12e5`, `007`, `5.0`, `[1, 2]` and `null` are not.
fn unchanged(text: &str) -> Option<Value> {
    let value: Value = serde_json::from_str(text).ok()?;
    let again = value.to_string();
    (!matches!(value, Value::Null | Value::String(_)) && kept(&value) && again == text)
        .then_some(value)
}

/// Whether every number in a value is written alike by all readers of JSON.
fn kept(value: &Value) -> bool {
    match value {
        Value::Number(number) => match (number.as_i64(), number.as_f64()) {
            (Some(whole), _) => whole.unsigned_abs() <= MAX_EXACT,
            (None, Some(real)) => real.fract() != 0.0 && !number.to_string().contains('e'),
            _ => false,
        },
        Value::Array(items) => items.iter().all(kept),
        Value::Object(members) => members.values().all(kept),
        _ => true,
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
        "number" => value.is_number(),
        "integer" => {
            value.is_i64() || value.is_u64() || value.as_f64().is_some_and(|n| n.fract() == 0.0)
        }
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
    IMPLIED
        .iter()
        .find(|(word, _)| schema.get(word).is_some())
        .map(|(_, kind)| vec![*kind])
        .unwrap_or_default()
}

/// Words of a schema that speak of one type only: who writes them without `type` means that type.
const IMPLIED: [(&str, &str); 14] = [
    ("properties", "object"),
    ("items", "array"),
    ("minItems", "array"),
    ("maxItems", "array"),
    ("pattern", "string"),
    ("format", "string"),
    ("minLength", "string"),
    ("maxLength", "string"),
    ("minimum", "number"),
    ("maximum", "number"),
    ("exclusiveMinimum", "number"),
    ("exclusiveMaximum", "number"),
    ("multipleOf", "number"),
    ("required", "object"),
];

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
