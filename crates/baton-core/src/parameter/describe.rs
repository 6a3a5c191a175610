//! What is wrong with a description itself: defaults that break it, names that become one variable.

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::fill::resolve;
use super::{MAX_DEPTH, MAX_ISSUES, ParameterIssue, ParameterSchema, issue};
use crate::template;

/// How the variables begin in which a run finds its parameters.
pub const VARIABLE_PREFIX: &str = "BATON_PARAM_";

/// Most properties that are looked at for defaults: a schema that refers to itself has no end.
const MAX_VISITS: usize = 10_000;

/// The environment variable in which a run finds a parameter.
pub fn variable(name: &str) -> String {
    let letter = |c: char| {
        if c.is_ascii_alphanumeric() {
            c.to_ascii_uppercase()
        } else {
            '_'
        }
    };
    let letters = name.chars().map(letter);
    VARIABLE_PREFIX.chars().chain(letters).collect()
}

/// Names that become one variable, in the order in which they are given; the last one is what it holds.
pub fn sharing<'a>(names: impl Iterator<Item = &'a str>) -> Vec<(String, Vec<&'a str>)> {
    let mut by_variable: BTreeMap<String, Vec<&str>> = BTreeMap::new();
    for name in names {
        by_variable.entry(variable(name)).or_default().push(name);
    }
    let shared = by_variable.into_iter().filter(|(_, names)| names.len() > 1);
    shared.collect()
}

impl ParameterSchema {
    /// Everything that no run could make good: names that lose one of two values, and defaults that break
    /// their own description.
    pub fn check_description(&self) -> Vec<ParameterIssue> {
        let mut issues = self.check_names();
        issues.extend(self.check_defaults());
        issues.truncate(MAX_ISSUES);
        issues
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        let properties = resolve(&self.schema, &self.schema).and_then(|s| s.get("properties"));
        let properties = properties.and_then(Value::as_object);
        properties
            .into_iter()
            .flat_map(Map::keys)
            .map(String::as_str)
    }

    fn check_names(&self) -> Vec<ParameterIssue> {
        let mut issues = Vec::new();
        let mut wrong = |name: &str, message: String| {
            issues.push(ParameterIssue {
                path: name.to_owned(),
                message,
            });
        };
        for name in self.names() {
            if name.trim().is_empty() {
                wrong("\"\"", "a parameter needs a name".to_owned());
            } else if template::is_own(name) {
                wrong(
                    name,
                    "names that begin with baton. are kept for what Baton tells a run; rename it"
                        .to_owned(),
                );
            }
        }
        for (variable, names) in sharing(self.names()) {
            let others = names[1..].join(" and ");
            let message = format!(
                "becomes the variable {variable}, and so does {others}: one of the values would be lost; rename one"
            );
            wrong(names[0], message);
        }
        issues
    }

    /// The issues of the defaults alone: what a run must bring itself is not missed.
    fn check_defaults(&self) -> Vec<ParameterIssue> {
        let mut places = Vec::new();
        let mut visits = 0;
        let Some(filled) =
            only_defaults(&self.schema, &self.schema, "", &mut places, &mut visits, 0)
        else {
            return Vec::new();
        };
        let instance = Value::Object(filled);
        let inside = |issue: &ParameterIssue| places.iter().any(|place| issue.is_of(place));
        self.validator
            .iter_errors(&instance)
            .flat_map(|error| issue::issues(&error, &self.schema))
            .filter(inside)
            .map(|issue| ParameterIssue {
                message: format!(
                    "its default does not fit its description: {}",
                    issue.message
                ),
                ..issue
            })
            .take(MAX_ISSUES)
            .collect()
    }

    /// Whether a parameter of this name is described.
    pub fn describes(&self, name: &str) -> bool {
        super::coerce::property(&self.schema, &self.schema, name).is_some()
    }

    /// Whether any parameter is described.
    pub fn describes_any(&self) -> bool {
        self.names().next().is_some()
    }

    /// Whether no other parameters than the described ones are taken.
    pub fn is_closed(&self) -> bool {
        let schema = resolve(&self.schema, &self.schema);
        schema.and_then(|s| s.get("additionalProperties")) == Some(&Value::Bool(false))
    }
}

/// An object of nothing but defaults, and where each of them stands; `None` where a schema has none.
fn only_defaults(
    root: &Value,
    schema: &Value,
    at: &str,
    places: &mut Vec<String>,
    visits: &mut usize,
    depth: usize,
) -> Option<Map<String, Value>> {
    *visits += 1;
    if depth > MAX_DEPTH || *visits > MAX_VISITS {
        return None;
    }
    let properties = resolve(root, schema)?.get("properties")?.as_object()?;
    let mut all = Map::new();
    for (name, property) in properties {
        let place = if at.is_empty() {
            name.clone()
        } else {
            format!("{at}.{name}")
        };
        let default = (property.get("default"))
            .or_else(|| resolve(root, property)?.get("default"))
            .cloned();
        let value = match default {
            Some(default) => {
                places.push(place);
                Some(default)
            }
            None => {
                only_defaults(root, property, &place, places, visits, depth + 1).map(Value::Object)
            }
        };
        if let Some(value) = value {
            all.insert(name.clone(), value);
        }
    }
    (!all.is_empty()).then_some(all)
}
