//! Which braces are names, and what becomes of the others.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::*;
use crate::flow::Entry;
use crate::parameter::ParameterSchema;

fn filled(word: &str) -> Result<String, &str> {
    fill(word, |name| {
        (name == "month" || own(name).is_some()).then(|| format!("<{name}>"))
    })
}

#[test]
fn braces_of_other_programs_stay_as_they_are() {
    for word in [
        "{{.Names}}",
        "{{ json . }}",
        "{{.ID}}: {{.Names}}",
        "{{- range .Items }}",
        "{{ month | upper }}",
        "{{#if month}}",
        "{{{month}}}",
        "{{{{",
        "}}}}",
        "{{",
        "{{}}",
        "{% if x %}",
        "{month}",
        "${{ github.sha",
        "{{a..b}}",
        "{{month.}}",
        "{{{{.Names}}}}",
    ] {
        assert_eq!(filled(word).as_deref(), Ok(word), "{word}");
    }
}

#[test]
fn a_name_is_filled_in_and_doubled_braces_write_it() {
    for (word, wanted) in [
        ("{{month}}", "<month>"),
        ("--m={{ month }}-{{month}}!", "--m=<month>-<month>!"),
        ("{\"m\":{{month}}}", "{\"m\":<month>}"),
        ("{{.Names}} {{month}}", "{{.Names}} <month>"),
        ("{{{{month}}}}", "{{month}}"),
        ("{{{{ name }}}} {{month}}", "{{ name }} <month>"),
        ("{{baton.artifacts}}/x", "<baton.artifacts>/x"),
        ("{{BATON_RUN_NAME}}", "<BATON_RUN_NAME>"),
    ] {
        assert_eq!(filled(word).as_deref(), Ok(wanted), "{word}");
    }
    assert_eq!(filled("{{mnth}}"), Err("mnth"));
    assert_eq!(filled("{{baton.artefacts}}"), Err("baton.artefacts"));
}

fn entry(word: &str, variable: &str) -> Entry {
    Entry::Command {
        argv: vec!["p".into(), word.into()],
        env: BTreeMap::from([("A".into(), variable.into())]),
        workdir: String::new(),
        python: None,
    }
}

#[test]
fn a_name_that_a_closed_description_does_not_know_is_refused_and_an_open_one_warns() {
    let of = |schema: Value| ParameterSchema::compile(&schema).expect("a good schema");
    let closed = of(json!({"properties": {"month": {}}, "additionalProperties": false}));
    let open = of(json!({"properties": {"month": {}}}));
    let nothing = of(json!({}));
    for (word, variable) in [("{{mnth}}", ""), ("", "{{mnth}}")] {
        let why = entry(word, variable)
            .check_names(&closed)
            .expect_err("it is not described");
        assert!(
            why.contains("\"mnth\"") && why.contains("{{{{mnth}}}}"),
            "{why}"
        );
        assert_eq!(
            entry(word, variable)
                .check_names(&open)
                .expect("it may come")
                .len(),
            1
        );
        assert_eq!(entry(word, variable).check_names(&nothing), Ok(Vec::new()));
    }
    for schema in [&closed, &open, &nothing] {
        let fine = entry(
            "{{month}} {{.Names}} {{baton.attempt}}",
            "{{baton.artifacts}}",
        );
        assert_eq!(fine.check_names(schema), Ok(Vec::new()));
        let why = entry("{{baton.atempt}}", "")
            .check_names(schema)
            .expect_err("no such word");
        assert!(why.contains("baton.attempt"), "{why}");
    }
}
