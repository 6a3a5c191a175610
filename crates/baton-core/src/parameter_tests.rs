//! Tests of parameters: defaults, messages, bounds and texts from the command line.

use serde_json::json;

use super::*;

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        other => panic!("{other} is not an object"),
    }
}

fn report() -> ParameterSchema {
    let schema = json!({
        "type": "object",
        "properties": {
            "month": {"type": "integer", "minimum": 1, "maximum": 12},
            "name": {"type": "string", "minLength": 2, "default": "report"},
            "mode": {"enum": ["fast", "full"]},
            "to": {"type": "array", "items": {"type": "string", "format": "email"}},
            "options": {
                "type": "object",
                "properties": {
                    "retries": {"type": "integer", "default": 3},
                    "verbose": {"type": "boolean", "default": false},
                },
                "additionalProperties": false,
            },
        },
        "required": ["month"],
        "additionalProperties": false,
    });
    ParameterSchema::compile(&schema).expect("a good schema")
}

fn issues(schema: &ParameterSchema, given: Value) -> Vec<String> {
    schema
        .fill_and_check(&object(given), &Map::new())
        .expect_err("it does not fit")
        .iter()
        .map(ToString::to_string)
        .collect()
}

#[test]
fn given_beats_the_deployment_and_the_deployment_beats_the_schema() {
    let defaults = object(json!({"month": 4, "options": {"retries": 5, "verbose": true}}));
    let given = object(json!({"month": 6, "options": {"retries": 9}}));
    let filled = report().fill_and_check(&given, &defaults).expect("it fits");
    assert_eq!(
        Value::Object(filled),
        json!({"month": 6, "name": "report", "options": {"retries": 9, "verbose": true}})
    );
    let given = object(json!({"month": 6, "options": {}}));
    let filled = report()
        .fill_and_check(&given, &Map::new())
        .expect("it fits");
    assert_eq!(filled["options"], json!({"retries": 3, "verbose": false}));
}

#[test]
fn defaults_are_found_through_references() {
    let schema = ParameterSchema::compile(&json!({
        "properties": {"place": {"$ref": "#/$defs/place"}, "self": {"$ref": "#"}},
        "$defs": {"place": {"type": "object", "default": {}, "properties": {"x": {"default": 1}}}},
    }))
    .expect("a good schema");
    let filled = schema
        .fill_and_check(&object(json!({"self": {}})), &Map::new())
        .expect("it fits");
    assert_eq!(
        Value::Object(filled),
        json!({"self": {"place": {"x": 1}}, "place": {"x": 1}})
    );
}

#[test]
fn messages_name_the_parameter_the_value_and_what_is_allowed() {
    let all = [
        json!({"month": 13}),
        json!({"month": 0}),
        json!({"month": "June"}),
        json!({"month": 1.5}),
        json!({"month": 1, "name": "x"}),
        json!({"month": 1, "mode": "slow"}),
        json!({"month": 1, "to": ["a@example.com", "nobody"]}),
        json!({"month": 1, "options": {"retries": true, "retrys": 1}}),
        json!({"month": null}),
        json!({"monht": 1}),
        json!({"month": 1, "colour": "red"}),
    ];
    let shown: Vec<_> = all
        .into_iter()
        .map(|given| (given.to_string(), issues(&report(), given)))
        .collect();
    insta::assert_debug_snapshot!(shown);
}

#[test]
fn a_schema_that_cannot_be_used_is_refused_with_its_reason() {
    let mut deep = json!({"type": "string"});
    for _ in 0..MAX_DEPTH {
        deep = json!({"items": deep});
    }
    let all = [
        json!(["type"]),
        json!({"properties": {"n": {"type": "integr"}}}),
        json!({"properties": {"n": {"pattern": "("}}}),
        json!({"$ref": "https://example.com/schema.json"}),
        json!({"properties": {"n": {"$ref": "file:///etc/passwd"}}}),
        json!({"properties": {"n": {"$ref": "#/$defs/nothing"}}}),
        deep,
        json!({"description": "x".repeat(MAX_SCHEMA_BYTES)}),
    ];
    let shown: Vec<_> = all
        .iter()
        .map(|schema| {
            let error = ParameterSchema::compile(schema).expect_err("a bad schema");
            (error.code, error.message)
        })
        .collect();
    insta::assert_debug_snapshot!(shown);
}

#[test]
fn parameters_that_are_too_large_or_too_deep_are_refused_before_anything_else() {
    let any = ParameterSchema::compile(&Value::Null).expect("no schema allows all");
    assert_eq!(
        issues(&any, json!({"text": "x".repeat(MAX_PARAMETERS_BYTES)})),
        [format!(
            "the parameters take {} bytes; at most 1048576 are allowed. \
             Pass the place of a file instead of its content",
            MAX_PARAMETERS_BYTES + 12
        )]
    );
    let deep = (0..=MAX_DEPTH).fold(json!(1), |inner, _| json!([inner]));
    assert_eq!(
        issues(&any, json!({"list": deep})),
        ["the parameters are nested more than 64 levels deep"]
    );
}

#[test]
fn a_pattern_that_explodes_is_given_up() {
    let schema = json!({"properties": {"s": {"pattern": "^(a|a?)+(?=b)$"}}});
    let schema = ParameterSchema::compile(&schema).expect("a good schema");
    assert_eq!(issues(&schema, json!({"s": "a".repeat(40)})).len(), 1);
}

#[test]
fn texts_become_what_the_schema_wants() {
    let schema = ParameterSchema::compile(&json!({"properties": {
        "month": {"type": "string"},
        "n": {"type": "integer"},
        "flag": {"type": "boolean"},
        "list": {"type": "array"},
        "maybe": {"anyOf": [{"type": "integer"}, {"type": "null"}]},
        "either": {"type": ["string", "integer"]},
        "mode": {"enum": ["1", "2"]},
        "options": {"type": "object", "properties": {"retries": {"type": "integer"}, "tag": {"type": "string"}}},
    }}))
    .expect("a good schema");
    let pairs = [
        "month=2026-10",
        "n=3",
        "flag=yes",
        "list=[1,2]",
        "maybe=null",
        "either=7",
        "mode=2",
        "options.retries=4",
        "options.tag=12",
        "free=1.5",
        "text=hello",
        "a.b=1",
        "n=5",
    ];
    let pairs: Vec<_> = pairs.iter().filter_map(|pair| parse_pair(pair)).collect();
    assert_eq!(
        Value::Object(schema.coerce(&pairs)),
        json!({
            "month": "2026-10", "n": 5, "flag": true, "list": [1, 2], "maybe": null, "either": 7,
            "mode": "2", "options": {"retries": 4, "tag": "12"}, "free": 1.5, "text": "hello", "a.b": 1,
        })
    );
    let month = ParameterSchema::compile(&json!({"properties": {"month": {"type": "string"}}}));
    let pairs = [("month".to_owned(), "10".to_owned())];
    assert_eq!(
        month.expect("a good schema").coerce(&pairs)["month"],
        json!("10")
    );
    assert_eq!(untyped(&pairs)["month"], json!(10));
}

#[test]
fn a_text_that_does_not_fit_stays_as_it_is_so_that_the_check_can_say_why() {
    let given = report().coerce(&[("month".into(), "June".into())]);
    assert_eq!(
        issues(&report(), Value::Object(given)),
        ["month: \"June\" is a string, not an integer"]
    );
}

#[test]
fn a_pair_needs_a_name_and_an_equals_sign() {
    assert_eq!(parse_pair("a=b=c"), Some(("a".into(), "b=c".into())));
    assert_eq!(parse_pair("=b"), None);
    assert_eq!(parse_pair("ab"), None);
}

#[test]
fn a_schema_that_refers_to_itself_neither_hangs_nor_crashes() {
    let circles = [
        json!({"properties": {"a": {"$ref": "#", "default": {}}, "b": {"$ref": "#", "default": {}}}}),
        json!({"allOf": [{"$ref": "#"}, {"$ref": "#"}]}),
        json!({"$ref": "#"}),
        json!({"properties": {"a": {"$ref": "#/properties/b"}, "b": {"$ref": "#/properties/a"}}}),
        json!({"anyOf": [{"$ref": "#"}]}),
        json!({"not": {"$ref": "#"}}),
    ];
    let given = object(json!({"a": {"b": {}}}));
    let outcome = |schema| match ParameterSchema::compile(&schema) {
        Err(error) => error.message,
        Ok(schema) => match schema.fill_and_check(&given, &Map::new()) {
            Ok(filled) => Value::Object(filled).to_string(),
            Err(issues) => issues[0].to_string(),
        },
    };
    let outcomes: Vec<String> = circles.map(outcome).into();
    insta::assert_debug_snapshot!(outcomes);
}

#[test]
fn a_schema_of_an_unknown_dialect_is_refused_and_known_ones_are_kept() {
    let of = |dialect: &str| ParameterSchema::compile(&json!({"$schema": dialect}));
    let error = of("https://example.com/mine").expect_err("nothing is fetched");
    assert_eq!(error.code, "bad_schema", "{}", error.message);
    assert!(of("http://json-schema.org/draft-07/schema#").is_ok());
    assert!(of("https://json-schema.org/draft/2020-12/schema").is_ok());
}
