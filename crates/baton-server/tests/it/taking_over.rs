//! A flow belongs to the project that deployed it, and what no run could fit never becomes a version.

use baton_api::rest::DeployRequest;
use baton_core::flow::Entry;
use serde_json::json;

use crate::world::{World, deploy_request};

/// A deploy of the flow `main` from this project and folder, which runs this word.
fn from(project: &str, folder: &str, word: &str) -> DeployRequest {
    let mut request = deploy_request("main");
    let source = [("project", project), ("computer", "a"), ("path", folder)];
    request.source = source.map(|(k, v)| (k.to_owned(), v.to_owned())).into();
    words(&mut request, &["echo", word]);
    request
}

fn words(request: &mut DeployRequest, argv: &[&str]) {
    let Entry::Command { argv: words, .. } = &mut request.entry else {
        panic!("a command")
    };
    *words = argv.iter().map(|word| (*word).to_owned()).collect();
}

#[tokio::test]
async fn another_projects_deploy_takes_a_flow_over_only_when_it_says_so() {
    let world = World::new().await;
    let payroll = from("folder:a:/payroll", "/payroll/main.py", "payroll");
    world.client.deploy(&payroll).await.expect("deployed");
    let mut newsletter = from("folder:a:/news", "/news/main.py", "newsletter");
    let error = world
        .client
        .deploy(&newsletter)
        .await
        .expect_err("another project");
    assert_eq!(error.code(), "another_project");
    assert!(error.to_string().contains("/payroll/main.py"), "{error}");
    let versions = world.client.versions("main").await.expect("listed").items;
    assert_eq!(versions.len(), 1, "nothing was made");
    // The same files from elsewhere take nothing over; the same project goes on without a word.
    let copy = from("folder:b:/payroll", "/copy/main.py", "payroll");
    assert!(
        !world
            .client
            .deploy(&copy)
            .await
            .expect("the same files")
            .new_version
    );
    let next = from("folder:a:/payroll", "/payroll/main.py", "payroll, again");
    let next = world.client.deploy(&next).await.expect("the same project");
    assert!(next.new_version && next.warnings.iter().all(|w| !w.contains("/payroll")));
    newsletter.replace = true;
    let taken = world.client.deploy(&newsletter).await.expect("it says so");
    assert!(taken.new_version);
    assert!(
        taken
            .warnings
            .iter()
            .any(|w| w.contains("/payroll/main.py")),
        "{:?}",
        taken.warnings
    );
    let error = world
        .client
        .deploy(&payroll)
        .await
        .expect_err("the flow is the newsletter's now");
    assert_eq!(error.code(), "another_project");
}

#[tokio::test]
async fn what_no_run_could_fit_never_becomes_a_version() {
    let world = World::new().await;
    let refused = async |change: &dyn Fn(&mut DeployRequest)| {
        let mut request = deploy_request("never");
        change(&mut request);
        let error = world.client.deploy(&request).await.expect_err("refused");
        (error.code().to_owned(), error.to_string())
    };
    let schema = |schema: serde_json::Value| {
        move |r: &mut DeployRequest| r.parameter_schema = schema.clone()
    };
    let (code, why) = refused(&schema(
        json!({"properties": {"n": {"type": "integer", "default": "x"}}}),
    ))
    .await;
    assert_eq!(code, "bad_description");
    assert!(why.contains("parameter_schema.n"), "{why}");
    let (code, why) = refused(&schema(
        json!({"properties": {"cost-center": {}, "cost_center": {}}}),
    ))
    .await;
    assert_eq!(code, "bad_description");
    assert!(
        why.contains("cost-center") && why.contains("cost_center"),
        "{why}"
    );
    let (code, _) = refused(&|r| words(r, &["p", "{{mnoth}}"])).await;
    assert_eq!(code, "unknown_parameter");
    let (code, _) = refused(&|r| words(r, &["p", "{{baton.artefacts}}"])).await;
    assert_eq!(code, "unknown_parameter");
    let variable = |name: &'static str| {
        move |r: &mut DeployRequest| {
            let Entry::Command { env, .. } = &mut r.entry else {
                panic!("a command")
            };
            env.insert(name.to_owned(), "x".to_owned());
        }
    };
    for name in ["BATON_RUN_ID", "BATON_PARAM_MONTH", "", "A=B"] {
        assert_eq!(refused(&variable(name)).await.0, "bad_variable", "{name:?}");
    }
    let flows = world
        .client
        .flows(&Default::default())
        .await
        .expect("listed")
        .items;
    assert!(flows.iter().all(|flow| flow.name != "never"));
    let mut fine = deploy_request("docker");
    words(
        &mut fine,
        &[
            "docker",
            "ps",
            "--format",
            "{{.Names}}",
            "{{month}}",
            "{{{{x}}}}",
        ],
    );
    variable("BATON_API_KEY")(&mut fine);
    world.client.deploy(&fine).await.expect("deployed");
}

#[tokio::test]
async fn a_deployments_own_value_of_a_parameter_with_a_dot_is_checked_too() {
    let world = World::new().await;
    let mut request = deploy_request("dotted");
    request.parameter_schema = json!({"properties": {"a.b": {"type": "integer"}}});
    let parameters = json!({"a.b": "x"});
    request.settings.parameters = parameters.as_object().cloned();
    let error = world.client.deploy(&request).await.expect_err("no integer");
    assert_eq!(error.code(), "invalid_parameters");
}
