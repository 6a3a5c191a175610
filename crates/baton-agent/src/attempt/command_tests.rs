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
        stop_signal: baton_core::stop_signal::StopSignal::default(),
        lost_after_seconds: None,
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
    let job = job(argv_in, python, variables);
    let own = told(&job);
    argv(&job, Path::new("/nowhere"), None, &own)
}

fn told(job: &JobAssignment) -> Own {
    own(job, &Places::under(Path::new("/attempt")), "http://s")
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
    let own = told(&job);
    let out = argv(&job, Path::new("/nowhere"), Some(Path::new("/venv")), &own);
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
    let env = environment(inherited, &job, &places, None, &told(&job)).expect("fine");
    let env: BTreeMap<String, String> = env
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
    let own = own(&job, &places, "http://s");
    let env = environment(inherited.into_iter(), &job, &places, None, &own).expect("fine");
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

#[test]
fn braces_of_another_program_reach_it_and_batons_own_words_are_filled_in() {
    let out = words(
        &[
            "docker",
            "ps",
            "--format",
            "{{.Names}}",
            "{{{{m}}}}",
            "{{baton.artifacts}}/x",
            "{{BATON_RUN_NAME}}",
            "{{baton.attempt}}",
        ],
        None,
        json!({"m": 1, "baton.attempt": "mine"}),
    );
    let wanted = [
        "docker",
        "ps",
        "--format",
        "{{.Names}}",
        "{{m}}",
        "/attempt/artifacts/x",
        "brisk-otter",
        "2",
    ];
    assert_eq!(out.expect("fine"), wanted);
    let why = words(&["p", "{{month}}"], None, json!({})).expect_err("not given");
    assert!(why.contains("{{{{month}}}}"), "{why}");
}

#[test]
fn variables_of_the_flow_are_filled_in_like_its_words() {
    let mut job = job(&["p"], None, json!({"month": "2026-10"}));
    let Entry::Command { env, .. } = &mut job.workflow.entry else {
        panic!("a command")
    };
    env.insert(
        "ROBOT_OPTIONS".into(),
        "--outputdir {{baton.artifacts}} -v M:{{month}}".into(),
    );
    let places = Places::under(Path::new("/attempt"));
    let all = environment(std::iter::empty(), &job, &places, None, &told(&job)).expect("fine");
    let wanted = "--outputdir /attempt/artifacts -v M:2026-10";
    assert!(
        all.contains(&("ROBOT_OPTIONS".into(), wanted.into())),
        "{all:?}"
    );
    let Entry::Command { env, .. } = &mut job.workflow.entry else {
        panic!("a command")
    };
    env.insert("BAD".into(), "{{mnth}}".into());
    assert!(environment(std::iter::empty(), &job, &places, None, &told(&job)).is_err());
}

#[test]
fn every_word_that_a_flow_may_write_is_told() {
    let job = job(&["p"], None, json!({}));
    let known: Vec<&str> = told(&job).into_keys().collect();
    assert_eq!(known, template::WORDS);
}

#[test]
fn parameters_that_share_a_variable_are_named_with_the_one_that_it_holds() {
    let job = job(
        &["p"],
        None,
        json!({"cost-center": 1, "cost_center": 2, "month": 3}),
    );
    let said = shared_variables(&job);
    assert_eq!(said.len(), 1, "{said:?}");
    for word in [
        "cost-center",
        "cost_center",
        "BATON_PARAM_COST_CENTER",
        "holds that of cost_center",
    ] {
        assert!(said[0].contains(word), "{said:?}");
    }
    let places = Places::under(Path::new("/attempt"));
    let env = environment(std::iter::empty(), &job, &places, None, &told(&job)).expect("fine");
    assert!(env.contains(&("BATON_PARAM_COST_CENTER".into(), "2".into())));
}
