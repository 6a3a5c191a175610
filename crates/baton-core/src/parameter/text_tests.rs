//! Texts from a command line keep what was written, and descriptions that cannot be right are found.

use serde_json::{Value, json};

use super::*;

fn of(schema: Value) -> ParameterSchema {
    ParameterSchema::compile(&schema).expect("a good schema")
}

fn read(schema: &ParameterSchema, text: &str) -> Value {
    schema.coerce(&[("x".to_owned(), text.to_owned())])["x"].clone()
}

#[test]
fn a_text_that_nobody_describes_becomes_a_value_only_if_the_same_text_comes_back() {
    let nothing = of(json!({}));
    let only_said = of(json!({"properties": {"x": {"description": "anything"}}}));
    for text in [
        "1.10",
        "12e5",
        "1e16",
        "1E5",
        "100.00",
        "007",
        "1_000",
        "+5",
        ".5",
        "1.",
        "0x1F",
        "-0",
        "5.0",
        " 5",
        "True",
        "null",
        "NaN",
        "\"quoted\"",
        "[1, 2]",
        "{\"a\": 1}",
        "[1.10]",
        "[9007199254740993]",
        "9007199254740993",
        "18446744073709551616",
        "123456789012345678901234567890",
        "0.12345678901234567890123",
        "1e400",
        "",
        "2026-10",
    ] {
        assert_eq!(read(&nothing, text), json!(text), "{text}");
        assert_eq!(read(&only_said, text), json!(text), "{text}");
        assert_eq!(
            untyped(&[("x".into(), text.into())])["x"],
            json!(text),
            "{text}"
        );
    }
    for (text, value) in [
        ("3", json!(3)),
        ("-3", json!(-3)),
        ("1.5", json!(1.5)),
        ("9007199254740991", json!(9_007_199_254_740_991_i64)),
        ("true", json!(true)),
        ("[1,2]", json!([1, 2])),
        ("{\"a\":{\"b\":null}}", json!({"a": {"b": null}})),
    ] {
        assert_eq!(read(&nothing, text), value, "{text}");
    }
}

#[test]
fn a_described_type_takes_what_fits_and_leaves_the_rest_as_it_was_written_to_be_refused() {
    let typed = |kind: Value| of(json!({"properties": {"x": {"type": kind}}}));
    let integer = typed(json!("integer"));
    for text in [
        "007",
        "1_000",
        "+5",
        "0x1F",
        "1.5",
        "18446744073709551616",
        "1e400",
        "true",
    ] {
        assert_eq!(read(&integer, text), json!(text), "{text}");
    }
    assert_eq!(
        read(&integer, "9007199254740993"),
        json!(9_007_199_254_740_993_i64)
    );
    assert_eq!(read(&typed(json!("number")), "100.00"), json!(100.0));
    assert_eq!(read(&typed(json!("boolean")), "True"), json!(true));
    assert_eq!(
        read(&typed(json!(["string", "integer"])), "1.10"),
        json!("1.10")
    );
    assert_eq!(read(&typed(json!(["string", "integer"])), "7"), json!(7));
    assert_eq!(read(&typed(json!(["string", "null"])), "null"), json!(null));
    for implied in [json!({"pattern": "^[0-9.]+$"}), json!({"maxLength": 9})] {
        assert_eq!(
            read(&of(json!({"properties": {"x": implied}})), "1.5"),
            json!("1.5")
        );
    }
    assert_eq!(
        read(
            &of(json!({"additionalProperties": {"type": "string"}})),
            "10"
        ),
        json!("10")
    );
}

#[test]
fn a_default_that_breaks_its_description_is_found_wherever_it_stands() {
    let found = |schema: Value| -> Vec<String> {
        let issues = of(schema).check_description();
        issues.iter().map(ToString::to_string).collect()
    };
    let wrong = |path: &str, why: &str| {
        vec![format!(
            "{path}: its default does not fit its description: {why}"
        )]
    };
    assert_eq!(
        found(
            json!({"properties": {"n": {"type": "integer", "default": "3"}, "must": {"type": "string"}}, "required": ["must"]})
        ),
        wrong("n", "\"3\" is a string, not an integer")
    );
    assert_eq!(
        found(
            json!({"properties": {"o": {"properties": {"a.b": {"maximum": 3, "default": 4}}, "required": ["c"]}}})
        ),
        wrong("o.a.b", "4 is greater than the maximum of 3")
    );
    assert_eq!(
        found(json!({"properties": {"o": {"type": "object", "default": {}, "required": ["c"]}}})),
        wrong("o.c", "is required and was not given")
    );
    assert_eq!(
        found(json!({"properties": {"d": {"$ref": "#/$defs/d"}}, "$defs": {"d": {"enum": ["a"], "default": "b"}}})).len(),
        1
    );
    assert!(
        found(
            json!({"properties": {"self": {"$ref": "#"}, "n": {"default": 1}}, "required": ["x"]})
        )
        .is_empty()
    );
}

#[test]
fn names_that_become_one_variable_or_none_are_found() {
    let found = |names: &[&str]| -> Vec<String> {
        let properties: Map<String, Value> =
            names.iter().map(|n| ((*n).to_owned(), json!({}))).collect();
        let issues = of(json!({"properties": properties})).check_description();
        issues.iter().map(ToString::to_string).collect()
    };
    for pair in [
        ["cost-center", "cost_center"],
        ["Month", "month"],
        ["größe", "grüße"],
        ["a.b", "a b"],
    ] {
        let issues = found(&pair);
        assert_eq!(issues.len(), 1, "{issues:?}");
        assert!(
            issues[0].contains(pair[0]) && issues[0].contains(pair[1]),
            "{issues:?}"
        );
    }
    assert_eq!(found(&[""]).len(), 1);
    assert_eq!(found(&["baton.artifacts"]).len(), 1);
    assert!(found(&["month", "months", "größe"]).is_empty());
}

#[test]
fn times_are_taken_with_and_without_an_offset() {
    let fits = |format: &str, text: &str| {
        let schema = of(json!({"properties": {"x": {"type": "string", "format": format}}}));
        let mut given = Map::new();
        given.insert("x".into(), json!(text));
        schema.fill_and_check(&given, &Map::new()).is_ok()
    };
    for text in [
        "07:30",
        "07:30:00",
        "23:59:60",
        "07:30:00.125Z",
        "07:30+02:00",
    ] {
        assert!(fits("time", text), "{text}");
    }
    for text in [
        "7:30",
        "24:00",
        "07:30:",
        "07:30:00.",
        "07:30 ",
        "07:30+2",
        "noon",
        "",
    ] {
        assert!(!fits("time", text), "{text}");
    }
    for text in [
        "2026-10-01T07:30:00Z",
        "2026-10-01T07:30:00",
        "2026-10-01 07:30",
        "2026-10-01t07:30:00-07:00",
    ] {
        assert!(fits("date-time", text), "{text}");
    }
    for text in [
        "2026-10-01",
        "2026-02-30T07:30:00Z",
        "2026-10-01T",
        "+026-10-01T07:30",
        "ä2026-10-1T07:30",
    ] {
        assert!(!fits("date-time", text), "{text}");
    }
}
