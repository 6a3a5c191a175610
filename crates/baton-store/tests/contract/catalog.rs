//! Flows, versions and deployments: made as one, reused when nothing changed, deleted when unused.

use std::collections::BTreeSet;

use baton_core::flow::{DeploymentSettings, VersionStatus};
use baton_core::id::{DeploymentId, FlowId, OrgId, QueueId, ScheduleId, VersionId};
use baton_core::state::{Event, State};
use baton_store::PageRequest;
use baton_store::catalog::{DELETE_STEP, Deployed};
use baton_store::runs::RunFilter;
use jiff::Timestamp;
use serde_json::json;

use crate::harness::{Bench, ORG, at, command, completed, for_each_store, kind, step};
use crate::schedules::{daily, schedule};

for_each_store!(
    a_deploy_makes_everything_as_one,
    a_deploy_that_changes_nothing_reuses_the_version,
    a_deploy_that_changes_something_makes_the_next_version,
    another_project_takes_a_flow_over_only_where_it_says_so,
    a_redeploy_keeps_schedules_and_replaces_the_one_it_names,
    a_deploy_that_is_refused_makes_nothing,
    a_pinned_version_is_the_one_that_was_found,
    a_version_changes_its_status_only,
    flows_are_found_by_part_of_their_name,
    deployments_come_by_flow_then_by_name,
    a_flow_is_ensured_once_and_described,
    a_flow_in_use_is_not_deleted,
    a_flow_with_many_runs_goes_in_steps_that_can_be_left_and_taken_up,
    a_deployment_in_use_is_not_deleted_and_its_runs_stay,
    settings_of_a_deployment_are_replaced,
);

async fn a_deploy_makes_everything_as_one(b: &Bench) {
    b.blob("cafe", &[1, 2]).await;
    let mut deploy = b.deploy_of("invoices", "nightly").await;
    deploy.package = Some("cafe".into());
    deploy.description = Some("sends invoices".into());
    deploy.folder = Some("finance/out".into());
    deploy.flow_tags = Some(BTreeSet::from(["sap".into()]));
    deploy.parameter_schema = json!({"type": "object"});
    deploy.source.insert("revision".into(), "abc".into());
    deploy.settings.parameters.insert("n".into(), json!(3));
    deploy.schedules = vec![schedule(
        ScheduleId(b.uuid()),
        deploy.deployment_id,
        "daily",
    )];
    let made = b
        .store
        .deploy(deploy.clone(), at(7))
        .await
        .expect("deployed");
    assert!(made.new_version && made.new_deployment);
    let (flow, version, deployment) = (&made.flow, &made.version, &made.deployment);
    assert_eq!(
        (flow.id, flow.name.as_str(), flow.org),
        (deploy.flow_id, "invoices", ORG)
    );
    assert_eq!(
        (flow.description.as_str(), flow.folder.as_str()),
        ("sends invoices", "finance/out")
    );
    assert_eq!(
        (flow.latest_version, &flow.tags),
        (Some(version.id), &BTreeSet::from(["sap".into()]))
    );
    assert_eq!(
        (version.id, version.number, version.flow_id),
        (deploy.version_id, 1, flow.id)
    );
    assert_eq!(
        (version.status, &version.package),
        (VersionStatus::Active, &deploy.package)
    );
    assert_eq!(
        (&version.entry, &version.source),
        (&deploy.entry, &deploy.source)
    );
    assert_eq!(
        (&version.parameter_schema, version.created_at),
        (&deploy.parameter_schema, at(7))
    );
    assert_eq!(
        (deployment.id, deployment.name.as_str()),
        (deploy.deployment_id, "nightly")
    );
    assert_eq!(
        (&deployment.settings, deployment.flow_id),
        (&deploy.settings, flow.id)
    );
    assert_eq!(made.schedules.len(), 1);
    is_found(b, &made).await;
}

/// All that a deploy made is found, by id and by name.
async fn is_found(b: &Bench, made: &Deployed) {
    let (flow, version, deployment) = (&made.flow, &made.version, &made.deployment);
    assert_eq!(b.store.flow(ORG, flow.id).await.expect("found"), *flow);
    assert_eq!(
        b.store.flow_by_name(ORG, "invoices").await.expect("found"),
        *flow
    );
    assert_eq!(
        b.store.version(ORG, version.id).await.expect("found"),
        *version
    );
    assert_eq!(
        b.store.deployment(ORG, deployment.id).await.expect("found"),
        *deployment
    );
    let named = b.store.deployment_by_name(ORG, "invoices", "nightly").await;
    assert_eq!(named.expect("found"), *deployment);
    let held = b
        .store
        .schedule(ORG, made.schedules[0].id)
        .await
        .expect("found");
    assert_eq!(held, made.schedules[0]);
}

async fn a_deploy_that_changes_nothing_reuses_the_version(b: &Bench) {
    let first = b.deployed("f", "d").await;
    let mut again = b.deploy_of("f", "d").await;
    again.source.insert("user".into(), "another".into());
    let again = b.store.deploy(again, at(9)).await.expect("deployed");
    assert!(!again.new_version && !again.new_deployment);
    assert_eq!(again.version, first.version);
    assert_eq!(
        (again.flow.id, again.deployment.id),
        (first.flow.id, first.deployment.id)
    );
    assert_eq!(again.deployment.created_at, first.deployment.created_at);
    assert_eq!(again.deployment.updated_at, first.deployment.updated_at);
    assert!(!again.changed, "it changes nothing");
    let other = b.deployed("f", "other").await;
    assert!(!other.new_version && other.new_deployment);
    assert_eq!(
        b.store
            .versions(ORG, first.flow.id)
            .await
            .expect("read")
            .len(),
        1
    );
}

async fn a_deploy_that_changes_something_makes_the_next_version(b: &Bench) {
    let first = b.deployed("f", "d").await;
    let mut deploy = b.deploy_of("f", "d").await;
    deploy.entry = command(&["false"]);
    deploy.settings.timeout_seconds = 5;
    let second = b.deploy(deploy).await;
    assert!(second.new_version && !second.new_deployment);
    assert_eq!(
        (second.version.number, second.flow.latest_version),
        (2, Some(second.version.id))
    );
    assert_eq!(second.deployment.settings.timeout_seconds, 5);
    let mut deploy = b.deploy_of("f", "d").await;
    deploy.parameter_schema = json!({"required": ["n"]});
    let third = b.deploy(deploy).await;
    assert_eq!(
        third.version.number, 3,
        "the first entry again, but not the latest version"
    );
    let numbers: Vec<_> = b.store.versions(ORG, first.flow.id).await.expect("read");
    let numbers: Vec<_> = numbers.iter().map(|v| v.number).collect();
    assert_eq!(numbers, [3, 2, 1]);
    assert_eq!(
        b.store.version(ORG, first.version.id).await.expect("kept"),
        first.version
    );
}

async fn another_project_takes_a_flow_over_only_where_it_says_so(b: &Bench) {
    let of = async |project: &str, program: &str| {
        let mut deploy = b.deploy_of("f", "d").await;
        deploy.source = [("project".to_owned(), format!("id:{project}"))].into();
        deploy.entry = command(&[program]);
        deploy
    };
    let made = b.deploy(of("a", "one").await).await;
    // Two first deploys at once: both found no flow, and the second is refused in its own transaction.
    let other = of("b", "two").await;
    let refused = b.store.deploy(other.clone(), at(1)).await;
    assert_eq!(kind(&refused), "another_project");
    let flow = b.store.flow_by_name(ORG, "f").await.expect("found");
    assert_eq!(flow.latest_version, Some(made.version.id));
    // What is there already takes nothing over, and who says so may.
    let same = b.deploy(of("b", "one").await).await;
    assert!(!same.new_version);
    let mut said = other;
    said.replace = true;
    assert_eq!(b.deploy(said).await.version.number, 2);
}

async fn a_redeploy_keeps_schedules_and_replaces_the_one_it_names(b: &Bench) {
    let mut deploy = b.deploy_of("f", "d").await;
    let daily_id = ScheduleId(b.uuid());
    deploy.schedules = vec![schedule(daily_id, deploy.deployment_id, "daily")];
    let made = b.deploy(deploy).await;
    let other = schedule(ScheduleId(b.uuid()), made.deployment.id, "other");
    b.store
        .create_schedule(other.clone())
        .await
        .expect("created");

    let mut deploy = b.deploy_of("f", "d").await;
    let mut replaced = schedule(ScheduleId(b.uuid()), deploy.deployment_id, "daily");
    replaced.settings = daily("06:00");
    deploy.schedules = vec![replaced.clone()];
    let made = b.store.deploy(deploy, at(50)).await.expect("deployed");
    let names: Vec<_> = made.schedules.iter().map(|s| s.name.as_str()).collect();
    assert_eq!(names, ["daily", "other"]);
    assert_eq!(made.schedules[1], other, "what is not named stays");
    let now = &made.schedules[0];
    assert_eq!((now.id, now.deployment_id), (daily_id, made.deployment.id));
    assert_eq!(
        (&now.settings, now.next_at),
        (&replaced.settings, Some(at(22 * 3_600)))
    );
    assert_eq!((now.created_at, now.updated_at), (at(0), at(50)));
    assert_eq!(
        now.last_slot,
        Some(at(50)),
        "a new rule does not fire the past"
    );
    assert_eq!(made.schedules_changed, ["daily"]);
    let plain = b.deployed("f", "d").await;
    assert_eq!(plain.schedules, made.schedules);

    let mut deploy = b.deploy_of("f", "d").await;
    deploy.schedules = vec![replaced];
    let again = b.store.deploy(deploy, at(99)).await.expect("deployed");
    assert!(!again.changed && again.schedules_changed.is_empty());
    let same = |made: &Deployed| {
        let (flow, deployment) = (made.flow.clone(), made.deployment.clone());
        (flow, deployment, made.schedules.clone())
    };
    assert_eq!(same(&again), same(&made), "it changes nothing");
}

async fn a_deploy_that_is_refused_makes_nothing(b: &Bench) {
    let mut no_package = b.deploy_of("f", "d").await;
    no_package.package = Some("missing".into());
    let mut no_queue = b.deploy_of("f", "d").await;
    no_queue.settings.queue_id = QueueId(b.uuid());
    let mut no_version = b.deploy_of("f", "d").await;
    no_version.settings.version_id = Some(VersionId(b.uuid()));
    for deploy in [no_package, no_queue, no_version] {
        assert_eq!(kind(&b.store.deploy(deploy, at(0)).await), "not_found");
        assert_eq!(kind(&b.store.flow_by_name(ORG, "f").await), "not_found");
    }
}

async fn a_pinned_version_is_the_one_that_was_found(b: &Bench) {
    let first = b.deployed("f", "d").await;
    let mut deploy = b.deploy_of("f", "d").await;
    deploy.settings.version_id = Some(deploy.version_id);
    let again = b.deploy(deploy).await;
    assert_eq!(again.deployment.settings.version_id, Some(first.version.id));
}

async fn a_version_changes_its_status_only(b: &Bench) {
    let made = b.deployed("f", "d").await.version;
    let set = b
        .store
        .set_version_status(ORG, made.id, VersionStatus::Archived, at(5))
        .await;
    let set = set.expect("set");
    assert_eq!(set.status, VersionStatus::Archived);
    assert_eq!(b.store.version(ORG, made.id).await.expect("found"), set);
    let nobody = VersionId(b.uuid());
    let unknown = b
        .store
        .set_version_status(ORG, nobody, VersionStatus::Active, at(5))
        .await;
    assert_eq!(kind(&unknown), "not_found");
    assert_eq!(kind(&b.store.version(OrgId(2), made.id).await), "not_found");
}

async fn flows_are_found_by_part_of_their_name(b: &Bench) {
    for name in ["Zebra", "alpha 1%", "alpha 10", "beta"] {
        b.flow(name).await;
    }
    let find = async |search: Option<&str>, limit| {
        let mut request = PageRequest::first(ORG, limit);
        let mut names = Vec::new();
        loop {
            let page = b
                .store
                .flows(search.map(Into::into), request.clone())
                .await
                .expect("read");
            assert!(page.items.len() <= limit as usize);
            names.extend(page.items.into_iter().map(|f| f.name));
            match page.next {
                Some(next) => request.after = Some(next),
                None => return names,
            }
        }
    };
    for limit in [1, 2, 9] {
        assert_eq!(
            find(None, limit).await,
            ["Zebra", "alpha 1%", "alpha 10", "beta"]
        );
        assert_eq!(find(Some("ALPHA"), limit).await, ["alpha 1%", "alpha 10"]);
        assert_eq!(find(Some("1%"), limit).await, ["alpha 1%"]);
        assert_eq!(find(Some("ebr"), limit).await, ["Zebra"]);
        assert!(find(Some("x"), limit).await.is_empty());
    }
    let bad = PageRequest {
        org: ORG,
        limit: 9,
        after: Some("\u{1}nonsense".into()),
    };
    assert_eq!(kind(&b.store.flows(None, bad).await), "bad_cursor");
}

async fn deployments_come_by_flow_then_by_name(b: &Bench) {
    for (flow, name) in [("b", "two"), ("a", "z"), ("b", "one"), ("a", "a")] {
        b.deployed(flow, name).await;
    }
    for limit in [1, 3, 9] {
        let mut request = PageRequest::first(ORG, limit);
        let mut names = Vec::new();
        loop {
            let page = b
                .store
                .deployments(None, request.clone())
                .await
                .expect("read");
            names.extend(page.items.into_iter().map(|d| d.name));
            request.after = page.next;
            if request.after.is_none() {
                break;
            }
        }
        assert_eq!(names, ["a", "z", "one", "two"], "{limit}");
    }
    let flow = b.store.flow_by_name(ORG, "b").await.expect("found");
    let of_b = b
        .store
        .deployments(Some(flow.id), PageRequest::first(ORG, 9))
        .await
        .expect("read");
    let names: Vec<_> = of_b.items.iter().map(|d| d.name.as_str()).collect();
    assert_eq!((names, of_b.next), (vec!["one", "two"], None));
    let unknown = b.store.deployment_by_name(ORG, "b", "z").await;
    assert_eq!(kind(&unknown), "not_found");
}

async fn a_flow_is_ensured_once_and_described(b: &Bench) {
    let id = FlowId(b.uuid());
    let made = b
        .store
        .ensure_flow(ORG, id, "manual", at(3))
        .await
        .expect("made");
    assert_eq!(
        (made.id, made.latest_version, made.created_at),
        (id, None, at(3))
    );
    let again = b
        .store
        .ensure_flow(ORG, FlowId(b.uuid()), "manual", at(9))
        .await
        .expect("found");
    assert_eq!(again, made);
    let tags = BTreeSet::from(["x".to_owned()]);
    let update = |description: Option<&str>, tags, second| {
        let description = description.map(Into::into);
        b.store
            .update_flow(ORG, id, description, None, tags, at(second))
    };
    update(Some("words"), None, 10).await.expect("changed");
    let changed = update(None, Some(tags.clone()), 11).await.expect("changed");
    assert_eq!(
        (changed.description.as_str(), &changed.tags),
        ("words", &tags)
    );
    assert_eq!((changed.created_at, changed.updated_at), (at(3), at(11)));
    assert_eq!(b.store.flow(ORG, id).await.expect("found"), changed);
    let unknown = FlowId(b.uuid());
    let nobody = b
        .store
        .update_flow(ORG, unknown, None, None, None, at(1))
        .await;
    assert_eq!(kind(&nobody), "not_found");
    assert_eq!(kind(&b.store.flow(OrgId(2), id).await), "not_found");
}

async fn a_flow_in_use_is_not_deleted(b: &Bench) {
    let mut deploy = b.deploy_of("f", "d").await;
    let schedule_id = ScheduleId(b.uuid());
    deploy.schedules = vec![schedule(schedule_id, deploy.deployment_id, "daily")];
    let made = b.deploy(deploy).await;
    let id = b.create(b.run_of(&made).await).await;
    let delete = || b.store.delete_flow(ORG, made.flow.id, at(9));
    assert_eq!(kind(&delete().await), "flow_in_use");
    b.event(id, Event::Cancel, 1).await.expect("cancelled");
    assert!(delete().await.expect("deleted"));
    assert_eq!(kind(&b.store.run(ORG, id).await), "not_found");
    assert!(b.attempts(id).await.is_empty());
    assert_eq!(
        kind(&b.store.version(ORG, made.version.id).await),
        "not_found"
    );
    assert_eq!(
        kind(&b.store.deployment(ORG, made.deployment.id).await),
        "not_found"
    );
    assert_eq!(kind(&b.store.schedule(ORG, schedule_id).await), "not_found");
    assert_eq!(kind(&delete().await), "not_found");
    let counts = b.store.state_counts(ORG).await.expect("read");
    assert_eq!(counts.iter().map(|(_, n)| n).sum::<u64>(), 0);
    assert!(
        b.deployed("f", "d").await.new_version,
        "the name is free again"
    );
}

async fn a_flow_with_many_runs_goes_in_steps_that_can_be_left_and_taken_up(b: &Bench) {
    let made = b.deployed("f", "d").await;
    let mut runs = Vec::new();
    for _ in 0..DELETE_STEP + 3 {
        runs.push(b.run_of(&made).await);
    }
    let ids: Vec<_> = runs.iter().map(|run| run.id).collect();
    for created in b.store.create_runs(runs, "x", at(0)).await {
        created.expect("created");
    }
    let cancel = ids.iter().map(|id| step(*id, None, Event::Cancel, 1));
    for stepped in b.store.step_runs(cancel.collect()).await {
        stepped.expect("cancelled");
    }
    let delete = || b.store.delete_flow(ORG, made.flow.id, at(9));
    let count = async || {
        let page = PageRequest::first(ORG, 1_000);
        let page = b.store.runs(RunFilter::default(), page).await;
        page.expect("read").items.len()
    };
    assert!(!delete().await.expect("a step"), "there is more to do");
    // Whoever stops here leaves a flow with fewer runs, and nothing that makes new ones.
    assert_eq!(count().await, 3);
    assert_eq!(
        b.store.flow(ORG, made.flow.id).await.expect("there").name,
        "f"
    );
    let gone = b.store.deployment(ORG, made.deployment.id).await;
    assert_eq!(kind(&gone), "not_found");
    assert_eq!(b.store.verify().await.expect("verified").breaches, []);
    assert!(delete().await.expect("the last step"));
    assert_eq!(count().await, 0);
    assert_eq!(kind(&delete().await), "not_found");
}

async fn a_deployment_in_use_is_not_deleted_and_its_runs_stay(b: &Bench) {
    let robot = b.robot("r", 1).await;
    let made = b.deployed("f", "d").await;
    let held_schedule = schedule(ScheduleId(b.uuid()), made.deployment.id, "s");
    b.store
        .create_schedule(held_schedule.clone())
        .await
        .expect("created");
    let (id, held) = b.running(b.run_of(&made).await, &robot).await;
    let delete = || b.store.delete_deployment(ORG, made.deployment.id, at(9));
    assert_eq!(kind(&delete().await), "deployment_in_use");
    b.told(id, held, completed(), 5).await.expect("completed");
    delete().await.expect("deleted");
    assert_eq!(kind(&delete().await), "not_found");
    assert_eq!(
        kind(&b.store.schedule(ORG, held_schedule.id).await),
        "not_found"
    );
    let run = b.run(id).await;
    assert_eq!(
        (run.state, run.spec.needs.deployment_id),
        (State::Completed, Some(made.deployment.id))
    );
}

async fn settings_of_a_deployment_are_replaced(b: &Bench) {
    let made = b.deployed("f", "d").await.deployment;
    let mut settings = DeploymentSettings::on(made.settings.queue_id);
    settings.concurrency_limit = Some(3);
    settings.paused = true;
    settings.tags = BTreeSet::from(["x".into()]);
    settings.start_within_seconds = Some(60);
    let update = |id, settings, now: Timestamp| b.store.update_deployment(ORG, id, settings, now);
    let changed = update(made.id, settings.clone(), at(8))
        .await
        .expect("changed");
    assert_eq!((&changed.settings, changed.updated_at), (&settings, at(8)));
    assert_eq!(
        b.store.deployment(ORG, made.id).await.expect("found"),
        changed
    );
    let no_queue = DeploymentSettings {
        queue_id: QueueId(b.uuid()),
        ..settings.clone()
    };
    assert_eq!(kind(&update(made.id, no_queue, at(9)).await), "not_found");
    let no_version = DeploymentSettings {
        version_id: Some(VersionId(b.uuid())),
        ..settings.clone()
    };
    assert_eq!(kind(&update(made.id, no_version, at(9)).await), "not_found");
    assert_eq!(
        kind(&update(DeploymentId(b.uuid()), settings, at(9)).await),
        "not_found"
    );
    assert_eq!(
        b.store.deployment(ORG, made.id).await.expect("found"),
        changed
    );
}
