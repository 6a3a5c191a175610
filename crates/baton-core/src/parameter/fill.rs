//! Fills in what the caller did not give.

use serde_json::{Map, Value};

use super::MAX_DEPTH;

/// Adds to `target` what only `defaults` has, member by member in objects that both have.
pub(super) fn merge(target: &mut Map<String, Value>, defaults: &Map<String, Value>) {
    for (name, default) in defaults {
        match (target.get_mut(name), default) {
            (None, _) => {
                target.insert(name.clone(), default.clone());
            }
            (Some(Value::Object(target)), Value::Object(default)) => merge(target, default),
            _ => {}
        }
    }
}

/// Adds the `default` of every property that `target` lacks, also inside objects it has.
pub(super) fn defaults(
    root: &Value,
    schema: &Value,
    target: &mut Map<String, Value>,
    depth: usize,
) {
    if depth > MAX_DEPTH {
        return;
    }
    let Some(schema) = resolve(root, schema) else {
        return;
    };
    if let Some(Value::Object(properties)) = schema.get("properties") {
        for (name, property) in properties {
            let resolved = resolve(root, property);
            let default = property
                .get("default")
                .or_else(|| resolved.and_then(|schema| schema.get("default")));
            if !target.contains_key(name)
                && let Some(default) = default
            {
                target.insert(name.clone(), default.clone());
            }
            if let Some(Value::Object(member)) = target.get_mut(name) {
                defaults(root, property, member, depth + 1);
            }
        }
    }
    // `allOf` holds in any case, so its defaults do; which of anyOf or oneOf holds is not known yet.
    if let Some(Value::Array(parts)) = schema.get("allOf") {
        for part in parts {
            defaults(root, part, target, depth + 1);
        }
    }
}

/// The schema itself, or the one its `$ref` points to inside `root`.
pub(super) fn resolve<'a>(root: &'a Value, schema: &'a Value) -> Option<&'a Value> {
    let mut schema = schema;
    for _ in 0..MAX_DEPTH {
        // Beside other keywords a reference only adds to them; the properties are here already.
        match schema.get("$ref").and_then(Value::as_str) {
            Some(target) if schema.get("properties").is_none() => {
                schema = root.pointer(target.strip_prefix('#')?)?;
            }
            _ => return Some(schema),
        }
    }
    None
}
