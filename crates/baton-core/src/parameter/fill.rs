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

/// Most places of a schema visited while filling in: a schema that refers to itself may have defaults
/// without end, doubling at every level.
const MAX_VISITS: usize = 10_000;

/// Fills in the defaults of one schema.
pub(super) struct Defaults<'a> {
    root: &'a Value,
    visits: usize,
}

impl<'a> Defaults<'a> {
    pub(super) const fn new(root: &'a Value) -> Self {
        Self { root, visits: 0 }
    }

    /// Adds the `default` of every property that `target` lacks, also inside objects it has. Answers
    /// whether it came to an end within its bounds.
    pub(super) fn fill(&mut self, target: &mut Map<String, Value>) -> bool {
        self.visit(self.root, target, 0)
    }

    fn visit(&mut self, schema: &Value, target: &mut Map<String, Value>, depth: usize) -> bool {
        self.visits += 1;
        if depth > MAX_DEPTH || self.visits > MAX_VISITS {
            return false;
        }
        let root = self.root;
        let Some(schema) = resolve(root, schema) else {
            return true;
        };
        if let Some(Value::Object(properties)) = schema.get("properties") {
            for (name, property) in properties {
                if !target.contains_key(name)
                    && let Some(default) = default_of(root, property)
                {
                    target.insert(name.clone(), default.clone());
                }
                if let Some(Value::Object(member)) = target.get_mut(name)
                    && !self.visit(property, member, depth + 1)
                {
                    return false;
                }
            }
        }
        // `allOf` holds in any case, so its defaults do; which of anyOf or oneOf holds is not known yet.
        match schema.get("allOf") {
            Some(Value::Array(parts)) => {
                parts.iter().all(|part| self.visit(part, target, depth + 1))
            }
            _ => true,
        }
    }
}

/// The default that stands beside a reference, or else in what it refers to.
fn default_of<'a>(root: &'a Value, property: &'a Value) -> Option<&'a Value> {
    property
        .get("default")
        .or_else(|| resolve(root, property)?.get("default"))
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
