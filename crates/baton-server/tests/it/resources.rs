//! What can be done with each resource, through the typed client.

use baton_api::rest::{
    BulkRequest, CreateRun, CreateRuns, DeploySchedule, DeploymentPatch, PutLimit, QueuePatch,
    RunQuery, ScheduleInput, UpdateSchedule,
};
use baton_core::id::RunId;
use baton_core::schedule::Rule;
use baton_core::state::State;
use serde_json::json;

use crate::world::{World, deploy_request};

#[tokio::test]
async fn a_redeploy_changes_what_it_names_and_keeps_the_rest() {
    let world = World::new().await;
    let mut request = deploy_request("invoice_report");
    request.settings = DeploymentPatch {
        queue: Some("CDAPXXX03".into()),
        tags: Some(["finance".to_owned()].into()),
        ..DeploymentPatch::default()
    };
    let rule = Rule::Cron {
        expression: "*/5 * * * *".into(),
    };
    let mut input = ScheduleInput::new(rule);
    input.timezone = Some("Europe/Berlin".into());
    request.schedule = Some(DeploySchedule {
        name: "nightly".into(),
        settings: input,
        paused: None,
    });
    let first = world.client.deploy(&request).await.expect("deployed");
    assert!(first.new_version && first.new_deployment);
    assert_eq!(first.deployment.queue_name, "CDAPXXX03");
    assert_eq!(first.deployment.schedules.len(), 1);
    assert!(first.deployment.next_at.is_some());
    assert!(!first.warnings.is_empty(), "no robot serves that queue yet");

    let again = world.deploy("invoice_report").await;
    assert!(!again.new_version && !again.new_deployment);
    assert_eq!(again.deployment.queue_name, "CDAPXXX03");
    assert!(again.deployment.settings.tags.contains("finance"));
    assert_eq!(
        again.deployment.schedules[0].id,
        first.deployment.schedules[0].id
    );

    let cleared = world
        .client
        .update_deployment(
            "invoice_report/default",
            &serde_json::from_value(json!({"concurrency_limit": 2})).expect("a patch"),
        )
        .await
        .expect("changed");
    assert_eq!(cleared.settings.concurrency_limit, Some(2));
    let cleared = world
        .client
        .update_deployment(
            &cleared.id.to_string(),
            &serde_json::from_value(json!({"concurrency_limit": null})).expect("a patch"),
        )
        .await
        .expect("changed");
    assert_eq!(cleared.settings.concurrency_limit, None);
}

#[tokio::test]
async fn an_edit_of_a_deployment_is_seen_by_the_next_run() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let ask = CreateRun::default();
    let before = world
        .client
        .run_deployment("cat_fact/default", &ask)
        .await
        .expect("a run");
    let patch = DeploymentPatch {
        parameters: Some(json!({"month": 7}).as_object().expect("an object").clone()),
        ..DeploymentPatch::default()
    };
    world
        .client
        .update_deployment("cat_fact/default", &patch)
        .await
        .expect("changed");
    let after = world
        .client
        .run_deployment("cat_fact/default", &ask)
        .await
        .expect("a run");
    let month = async |id: baton_core::id::RunId| {
        let run = world.client.run(&id.to_string()).await.expect("a run");
        run.parameters.expect("shown")["month"].clone()
    };
    assert_eq!(month(before.id).await, 1);
    assert_eq!(month(after.id).await, 7);
}

#[tokio::test]
async fn the_same_idempotency_key_makes_one_run() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let ask = CreateRun {
        deployment: Some("cat_fact/default".into()),
        idempotency_key: Some("order-4711".into()),
        ..CreateRun::default()
    };
    let first = world.client.create_run(&ask).await.expect("a run");
    let again = world.client.create_run(&ask).await.expect("the same run");
    assert!(!first.existing && again.existing);
    assert_eq!(first.id, again.id);
}

#[tokio::test]
async fn a_used_idempotency_key_makes_no_other_run_and_says_which_it_made() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    world.deploy("invoices").await;
    let ask = |deployment: &str, month: Option<i64>| {
        let mut ask = CreateRun {
            deployment: Some(deployment.into()),
            idempotency_key: Some("order-4711".into()),
            ..CreateRun::default()
        };
        let month = month.map(|month| ("month".to_owned(), month.into()));
        ask.parameters.extend(month);
        ask
    };
    let create =
        async |deployment: &str, month| world.client.create_run(&ask(deployment, month)).await;
    let first = create("cat_fact/default", Some(3)).await.expect("a run");
    for (deployment, month) in [("cat_fact/default", Some(4)), ("invoices/default", Some(3))] {
        let error = create(deployment, month).await.expect_err("another run");
        assert_eq!(error.code(), "idempotency_key_reused");
        assert!(error.to_string().contains(&first.name), "{error}");
    }
    let batch = CreateRuns {
        runs: vec![
            ask("cat_fact/default", Some(5)),
            ask("cat_fact/default", Some(3)),
        ],
    };
    let made = world
        .client
        .create_runs(&batch)
        .await
        .expect("answered")
        .items;
    let problem = made[0].problem.as_ref().expect("refused");
    assert_eq!(problem.code, "idempotency_key_reused");
    assert_eq!(made[1].run.as_ref().expect("the same").id, first.id);
    // What the caller leaves open is no contradiction.
    assert_eq!(
        create("cat_fact/default", None).await.expect("the same").id,
        first.id
    );
    let runs = world.client.runs(&Default::default()).await.expect("runs");
    assert_eq!(runs.items.len(), 1);
}

#[tokio::test]
async fn a_batch_answers_one_by_one_and_pages_resume_without_gap_or_repetition() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let good = CreateRun {
        deployment: Some("cat_fact/default".into()),
        ..CreateRun::default()
    };
    let mut bad = good.clone();
    bad.parameters.insert("month".into(), 13.into());
    let mut runs = vec![good; 25];
    runs.insert(7, bad);
    let made = world
        .client
        .create_runs(&CreateRuns { runs })
        .await
        .expect("made");
    assert_eq!(made.items.len(), 26);
    let problem = made.items[7].problem.as_ref().expect("refused");
    assert_eq!(problem.code, "invalid_parameters");
    assert_eq!(problem.errors[0].field, "parameters.month");

    let mut seen = std::collections::BTreeSet::new();
    let mut query = RunQuery {
        limit: Some(10),
        flow: Some("cat_fact".into()),
        ..RunQuery::default()
    };
    loop {
        let page = world.client.runs(&query).await.expect("a page");
        assert!(page.items.iter().all(|run| run.parameters.is_none()));
        for run in page.items {
            assert!(seen.insert(run.id), "{} came twice", run.name);
        }
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => break,
        }
    }
    assert_eq!(seen.len(), 25);
}

#[tokio::test]
async fn runs_are_cancelled_in_bulk_after_a_preview_and_then_retried_and_deleted() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    for _ in 0..3 {
        let ask = CreateRun::default();
        world
            .client
            .run_deployment("cat_fact/default", &ask)
            .await
            .expect("a run");
    }
    let mut bulk = BulkRequest {
        filter: Some(RunQuery {
            state: vec![State::Pending, State::Queued],
            ..RunQuery::default()
        }),
        preview: true,
        ..BulkRequest::default()
    };
    let preview = world.client.cancel_runs(&bulk).await.expect("a preview");
    assert_eq!((preview.changed, preview.refused), (3, 0));
    assert!(
        preview
            .items
            .iter()
            .all(|item| item.to == Some(State::Cancelled))
    );
    let waiting = world
        .client
        .runs(bulk.filter.as_ref().expect("set"))
        .await
        .expect("runs");
    assert_eq!(waiting.items.len(), 3, "a preview does nothing");
    bulk.preview = false;
    let done = world.client.cancel_runs(&bulk).await.expect("done");
    assert_eq!(done.changed, 3);

    let one = done.items[0].id.to_string();
    let again = world
        .client
        .cancel_run(&one, &Default::default())
        .await
        .expect("harmless");
    assert_eq!(again.state, State::Cancelled);
    let retried = world
        .client
        .retry_run(&one, &Default::default())
        .await
        .expect("retried");
    assert_eq!(retried.attempt, 2);
    let error = world
        .client
        .delete_run(&one)
        .await
        .expect_err("it is open again");
    assert_eq!(error.code(), "run_not_ended");
    let rest = BulkRequest {
        ids: done.items.iter().map(|item| item.id).collect(),
        ..BulkRequest::default()
    };
    let deleted = world.client.delete_runs(&rest).await.expect("deleted");
    assert_eq!((deleted.changed, deleted.refused), (2, 1));
}

#[tokio::test]
async fn bulk_requests_reach_what_stands_behind_a_thousand_runs_that_they_do_not_concern() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let ask = CreateRun {
        deployment: Some("cat_fact/default".into()),
        ..CreateRun::default()
    };
    let make = async |count: usize| -> Vec<RunId> {
        let runs = vec![ask.clone(); count];
        let made = world.client.create_runs(&CreateRuns { runs }).await;
        let made = made.expect("made").items.into_iter();
        made.map(|item| item.run.expect("made").id).collect()
    };
    let old = make(1).await;
    for count in [1_000, 5] {
        let ended = BulkRequest {
            ids: make(count).await,
            ..BulkRequest::default()
        };
        let done = world.client.cancel_runs(&ended).await.expect("cancelled");
        assert_eq!(done.changed as usize, count);
    }
    let mut all = BulkRequest {
        filter: Some(RunQuery {
            deployment: Some("cat_fact/default".into()),
            ..RunQuery::default()
        }),
        preview: true,
        ..BulkRequest::default()
    };
    for preview in [true, false] {
        all.preview = preview;
        let found = world.client.cancel_runs(&all).await.expect("answered");
        let ids: Vec<RunId> = found.items.iter().map(|item| item.id).collect();
        assert_eq!((ids, found.changed, found.more), (old.clone(), 1, false));
    }
    let none = world.client.cancel_runs(&all).await.expect("answered");
    assert_eq!((none.items.len(), none.more), (0, false));

    let wrong = BulkRequest {
        filter: Some(RunQuery {
            state: vec![State::Queued],
            ..RunQuery::default()
        }),
        ..BulkRequest::default()
    };
    let none = world.client.retry_runs(&wrong).await.expect("answered");
    assert_eq!(none.items.len(), 0, "what waits is not retried");

    let mut some = all.clone();
    some.filter.as_mut().expect("set").limit = Some(3);
    let three = world.client.retry_runs(&some).await.expect("retried");
    assert_eq!(
        (three.changed, three.more),
        (3, true),
        "no more than asked for"
    );
    let rest = world.client.retry_runs(&all).await.expect("retried");
    assert_eq!((rest.changed, rest.more), (1_003, false), "page after page");
    let back = world.client.cancel_runs(&all).await.expect("cancelled");
    assert_eq!((back.changed, back.more), (1_006, false));
    let gone = world.client.delete_runs(&all).await.expect("deleted");
    assert_eq!((gone.changed, gone.refused), (1_006, 0));
}

#[tokio::test]
async fn a_waiting_run_is_explained() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let ask = CreateRun::default();
    let run = world
        .client
        .run_deployment("cat_fact/default", &ask)
        .await
        .expect("a run");
    let why = world
        .client
        .explain_run(&run.id.to_string())
        .await
        .expect("explained");
    assert!(!why.explanation.dispatchable);
    assert!(!why.explanation.reasons.is_empty());
    assert!(!why.summary.is_empty());
    let mut query = RunQuery::default();
    let listed = world.client.runs(&query).await.expect("a page");
    assert_eq!(listed.items[0].why, None);
    query.explain = true;
    let listed = world.client.runs(&query).await.expect("a page");
    assert_eq!(listed.items[0].why, Some(why.summary));
    let shown = world.client.run(&run.id.to_string()).await.expect("it");
    assert_eq!(shown.version, Some(1));
}

#[tokio::test]
async fn queues_and_limits_are_changed_and_held() {
    let world = World::new().await;
    let patch = QueuePatch {
        concurrency_limit: Some(Some(4)),
        ..QueuePatch::default()
    };
    let queue = world
        .client
        .update_queue("default", &patch)
        .await
        .expect("changed");
    assert_eq!(queue.settings.concurrency_limit, Some(4));
    assert!(
        world
            .client
            .pause_queue("default")
            .await
            .expect("paused")
            .settings
            .paused
    );
    assert!(
        !world
            .client
            .resume_queue("default")
            .await
            .expect("resumed")
            .settings
            .paused
    );
    assert!(
        world
            .client
            .peek_queue("default", &Default::default())
            .await
            .expect("a peek")
            .items
            .is_empty()
    );
    let limit = PutLimit {
        tag: "sap".into(),
        limit: 2,
    };
    let limit = world.client.put_limit(&limit).await.expect("set");
    world.client.delete_limit(limit.id).await.expect("removed");
    assert!(
        world
            .client
            .limits()
            .await
            .expect("limits")
            .items
            .is_empty()
    );
}

#[tokio::test]
async fn a_schedule_is_made_paused_edited_and_previewed() {
    let world = World::new().await;
    world.deploy("cat_fact").await;
    let mut settings = ScheduleInput::new(Rule::Daily {
        time: "02:30".into(),
    });
    settings.timezone = Some("Europe/Berlin".into());
    let ask = baton_api::rest::CreateSchedule {
        deployment: "cat_fact/default".into(),
        name: None,
        settings,
        paused: false,
    };
    let schedule = world.client.create_schedule(&ask).await.expect("made");
    assert_eq!(schedule.name, "daily");
    assert!(schedule.next_at.is_some() && !schedule.description.is_empty());
    let held = world
        .client
        .pause_schedule(schedule.id)
        .await
        .expect("held");
    assert!(held.paused && held.next_at.is_none());
    let patch = UpdateSchedule {
        paused: Some(false),
        jitter_seconds: Some(30),
        ..UpdateSchedule::default()
    };
    let edited = world
        .client
        .update_schedule(schedule.id, &patch)
        .await
        .expect("edited");
    assert_eq!(edited.settings.jitter_seconds, 30);
    let next = world
        .client
        .next_slots(schedule.id, &Default::default())
        .await
        .expect("slots");
    assert_eq!(next.slots.len(), 10);
    world
        .client
        .delete_schedule(schedule.id)
        .await
        .expect("deleted");
    let error = world.client.schedule(schedule.id).await.expect_err("gone");
    assert!(error.is_not_found());
}

#[tokio::test]
async fn figures_answer_on_an_empty_server() {
    let world = World::new().await;
    let metrics = world.client.dashboard_metrics().await.expect("metrics");
    assert_eq!(metrics.total_robots, 0);
    let states = world.client.state_counts().await.expect("counts");
    assert_eq!(states.items.len(), State::ALL.len());
    assert_eq!(states.robots.len(), 4);
    assert!(states.robots.iter().all(|robots| robots.count == 0));
    assert!(
        world
            .client
            .outcomes(&Default::default())
            .await
            .expect("outcomes")
            .items
            .is_empty()
    );
    let about = world.client.about().await.expect("about");
    assert_eq!(about.name, "baton");
    assert!(
        world
            .client
            .verify()
            .await
            .expect("verified")
            .breaches
            .is_empty()
    );
}
