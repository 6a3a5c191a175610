//! What a command and its parameters become.

use baton_api::robot::{Claim, Workflow};
use baton_core::id::{Fence, FlowId, RunId, VersionId};
use serde_json::json;
use uuid::Uuid;

use super::*;

fn job(argv: &[&str], python: Option<Python>, variables: Value) -> JobAssignment {
    let id = Uuid::from_u128(5);
    let claim = Claim {
        job_id: RunId(id),
        attempt: 2,
        fence: Fence(3),
    };
    JobAssignment {
        job_id: claim.job_id,
        claim,
        run_name: "brisk-otter".into(),
        workflow: Workflow {
            flow_id: FlowId(id),
            name: "report".into(),
            version_id: VersionId(id),
            version: 1,
            package: None,
            entry: Entry::Command {
                argv: argv.iter().map(|a| (*a).to_owned()).collect(),
                env: [("MODE".to_owned(), "fast".to_owned())].into(),
                workdir: String::new(),
                python,
            },
        },
        variables: variables.as_object().cloned().unwrap_or_default(),
        timeout_seconds: None,
        cancel_grace_seconds: 1,
        desktop: None,
        priority: 1,
        deployment: None,
        tags: Vec::new(),
    }
}

fn words(
    argv_in: &[&str],
    python: Option<Python>,
    variables: Value,
) -> Result<Vec<String>, String> {
    argv(
        &job(argv_in, python, variables),
        Path::new("/nowhere"),
        None,
    )
}

#[test]
fn parameters_are_filled_into_arguments_and_nothing_is_split() {
    let parameters = json!({"month": "2026 10", "n": 3, "none": null, "list": [1, 2]});
    let out = words(
        &[
            "prog",
            "--month={{month}}",
            "{{ n }}",
            "{{none}}",
            "{{list}}",
            "{{not a name}}",
            "{{",
        ],
        None,
        parameters,
    );
    assert_eq!(
        out.expect("fine"),
        [
            "prog",
            "--month=2026 10",
            "3",
            "",
            "[1,2]",
            "{{not a name}}",
            "{{"
        ]
    );
    let missing = words(&["prog", "{{x}}"], None, json!({})).expect_err("refused");
    assert!(missing.contains("\"x\""), "{missing}");
}

#[test]
fn a_parameter_that_looks_like_a_template_is_not_filled_again() {
    let out = words(&["p", "{{a}}"], None, json!({"a": "{{b}}", "b": "secret"}));
    assert_eq!(out.expect("fine")[1], "{{b}}");
}

#[test]
fn python_scripts_run_under_the_flows_python() {
    let named = || Some(Python::Interpreter("python3.11".into()));
    assert_eq!(
        words(&["main.py", "x"], None, json!({})).expect("fine"),
        ["python3", "main.py", "x"]
    );
    assert_eq!(
        words(&["main.py"], named(), json!({})).expect("fine"),
        ["python3.11", "main.py"]
    );
    assert_eq!(
        words(&["python", "-m", "x"], named(), json!({})).expect("fine"),
        ["python3.11", "-m", "x"]
    );
    let job = job(
        &["main.py"],
        Some(Python::Requirements("requirements.txt".into())),
        json!({}),
    );
    let out = argv(&job, Path::new("/nowhere"), Some(Path::new("/venv")));
    assert_eq!(out.expect("fine"), ["/venv/bin/python", "main.py"]);
}

#[test]
fn a_run_sees_its_parameters_and_none_of_the_agents_keys() {
    let job = job(
        &["p"],
        None,
        json!({"customer-name": "Ä", "big": "x".repeat(40_000), "nul": "a\0b"}),
    );
    let inherited = [
        ("PATH", "/bin"),
        ("BATON_API_KEY", "secret"),
        ("SUPABASE_KEY", "secret"),
    ];
    let inherited = inherited.iter().map(|(k, v)| ((*k).into(), (*v).into()));
    let places = Places::under(Path::new("/attempt"));
    let env: BTreeMap<String, String> = environment(inherited, &job, &places, "http://s", None)
        .into_iter()
        .map(|(k, v)| {
            (
                k.into_string().expect("UTF-8"),
                v.into_string().expect("UTF-8"),
            )
        })
        .collect();
    assert_eq!(env["PATH"], "/bin");
    assert_eq!(env["MODE"], "fast");
    assert_eq!(env["BATON_PARAM_CUSTOMER_NAME"], "Ä");
    assert_eq!(env["BATON_ATTEMPT"], "2");
    assert_eq!(env["BATON_PARAMETERS"], "/attempt/parameters.json");
    assert_eq!(env["BATON_IDEMPOTENCY_KEY"], env["BATON_RUN_ID"]);
    for absent in [
        "BATON_API_KEY",
        "SUPABASE_KEY",
        "BATON_PARAM_BIG",
        "BATON_PARAM_NUL",
    ] {
        assert!(!env.contains_key(absent), "{absent}");
    }
}

#[cfg(unix)]
#[test]
fn variables_and_folders_that_are_not_utf_8_are_passed_on_as_they_are() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt as _;

    use crate::guard::Plain;

    let odd = OsStr::from_bytes(b"caf\xe9");
    let inherited = [
        ("LEGACY".into(), odd.to_owned()),
        (odd.to_owned(), "v".into()),
    ];
    let places = Places::under(&Path::new("/work").join(odd));
    let job = job(&["p"], None, json!({}));
    let env = environment(inherited.into_iter(), &job, &places, "http://s", None);
    let find = |name: &OsStr| {
        env.iter()
            .find(|(k, _)| k == name)
            .map(|(_, v)| v.as_os_str())
    };
    assert_eq!(find(OsStr::new("LEGACY")), Some(odd));
    assert_eq!(find(odd), Some(OsStr::new("v")));
    assert_eq!(
        find(OsStr::new("BATON_EVENTS")),
        Some(places.events.as_os_str())
    );
    for (name, value) in env {
        let sent: (Plain, Plain) = (name.clone().into(), value.clone().into());
        let text = serde_json::to_string(&sent).expect("it is JSON");
        let came: (Plain, Plain) = serde_json::from_str(&text).expect("it is read");
        assert_eq!(
            (OsString::from(came.0), OsString::from(came.1)),
            (name, value)
        );
    }
}
