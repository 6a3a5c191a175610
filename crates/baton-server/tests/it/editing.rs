//! Edits of schedules by every way there is, with the clock moved: none makes a run for the past.

use baton_api::client::Client;
use baton_api::rest::{
    CreateSchedule, DeployRequest, DeploySchedule, DeploymentPatch, Schedule, ScheduleInput,
    UpdateSchedule,
};
use baton_core::schedule::{Missed, MissedPolicy, Rule};
use baton_store::logs::EventFilter;
use baton_store::page::PageRequest;
use baton_store::runs::RunFilter;
use jiff::{SignedDuration, Timestamp};

use crate::support::{ORG, World};
use crate::world::deploy_request;

const POLICIES: [MissedPolicy; 3] = [MissedPolicy::Skip, MissedPolicy::Last, MissedPolicy::All];

/// Every minute, with everything made up for that is missed.
fn each_minute(policy: MissedPolicy) -> ScheduleInput {
    let mut input = ScheduleInput::new(Rule::Cron {
        expression: "* * * * *".into(),
    });
    input.timezone = Some("UTC".into());
    input.missed = Missed {
        policy,
        window_seconds: 86_400,
    };
    input
}

async fn made(client: &Client, name: &str, input: ScheduleInput) -> Schedule {
    let ask = CreateSchedule {
        deployment: "report/default".into(),
        name: Some(name.into()),
        settings: input,
        paused: false,
    };
    client.create_schedule(&ask).await.expect("made")
}

/// The slots that made runs, once the scheduler has seen this moment.
async fn slots(world: &mut World) -> Vec<Timestamp> {
    // A run that is due now is queued by the same step that looks at slots.
    let mark = world.store.deployment_by_name(ORG, "mark", "default").await;
    let deployed = mark.expect("it was deployed");
    let due = world.app.now() + SignedDuration::from_secs(1);
    let plan = baton_server::submit::Plan::of_deployment(&*world.store, deployed, None).await;
    let nothing = serde_json::Map::new();
    let trigger = baton_core::run::Trigger::Manual { by: "test".into() };
    let mut ask = baton_server::submit::RunAsk::new(&nothing, trigger);
    ask.due_at = Some(due);
    let run = plan
        .and_then(|plan| plan.new_run(ask, world.app.now(), world.app.entropy()))
        .expect("a run");
    let created = (world.store)
        .create_runs(vec![run], "test", world.app.now())
        .await;
    let id = created.into_iter().next().expect("one").expect("created");
    world.pass(1);
    world
        .until_stored("the scheduler to have looked", async |world| {
            world.get(id.run_id).await.state == baton_core::state::State::Queued
        })
        .await;
    let page = (world.store)
        .runs(RunFilter::default(), PageRequest::first(ORG, 1_000))
        .await;
    let mut slots: Vec<Timestamp> = page
        .expect("runs")
        .items
        .iter()
        .filter_map(|run| match run.spec.trigger {
            baton_core::run::Trigger::Schedule { slot, .. } => Some(slot),
            _ => None,
        })
        .collect();
    slots.sort_unstable();
    slots
}

/// A server with a flow that has a schedule.
async fn world() -> (World, Client) {
    let world = World::new().await;
    let client = world.client().await;
    for name in ["report", "mark"] {
        client
            .deploy(&deploy_request(name))
            .await
            .expect("deployed");
    }
    (world, client)
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_later_end_and_an_earlier_start_make_no_run_for_the_past() {
    for policy in POLICIES {
        let (mut world, client) = world().await;
        let now = world.app.now();
        let mut ended = each_minute(policy);
        ended.ends_at = Some(now + SignedDuration::from_secs(30));
        let mut later = each_minute(policy);
        later.starts_at = Some(now + SignedDuration::from_hours(8));
        ended.rule = Rule::every_seconds(10);
        let (ended, later) = (
            made(&client, "ended", ended).await,
            made(&client, "later", later).await,
        );
        world.pass(40);
        let before = slots(&mut world).await;
        world.pass(7_200);
        let edited_at = world.app.now();
        let on = UpdateSchedule {
            ends_at: Some(None),
            ..UpdateSchedule::default()
        };
        let earlier = UpdateSchedule {
            starts_at: Some(Some(now)),
            ..UpdateSchedule::default()
        };
        client.update_schedule(ended.id, &on).await.expect("edited");
        client
            .update_schedule(later.id, &earlier)
            .await
            .expect("edited");
        world.pass(61);
        let after = slots(&mut world).await;
        let new: Vec<_> = after.iter().filter(|slot| !before.contains(slot)).collect();
        assert!(
            !new.is_empty() && new.iter().all(|slot| **slot > edited_at),
            "{policy:?}"
        );
        world.done().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_resume_by_any_way_makes_no_run_for_the_past() {
    for policy in POLICIES {
        let (mut world, client) = world().await;
        let schedule = made(&client, "often", each_minute(policy)).await;
        for way in 0..4 {
            let deployment = "report/default";
            if way == 0 {
                client.pause_schedule(schedule.id).await.expect("paused");
            } else {
                client.pause_deployment(deployment).await.expect("paused");
            }
            let shown = client.schedule(schedule.id).await.expect("a schedule");
            assert_eq!(shown.next_at, None, "what will not fire has no next run");
            let whole = client.deployment(deployment).await.expect("a deployment");
            assert_eq!(whole.next_at, None);
            let before = slots(&mut world).await;
            world.pass(7_200);
            assert_eq!(slots(&mut world).await, before, "nothing fires meanwhile");
            let resumed_at = world.app.now();
            match way {
                0 => drop(client.resume_schedule(schedule.id).await.expect("resumed")),
                1 => drop(client.resume_deployment(deployment).await.expect("resumed")),
                2 => {
                    let on = DeploymentPatch {
                        paused: Some(false),
                        ..DeploymentPatch::default()
                    };
                    drop(client.update_deployment(deployment, &on).await.expect("on"));
                }
                _ => {
                    let mut request = deploy_request("report");
                    request.settings.paused = Some(false);
                    drop(client.deploy(&request).await.expect("deployed"));
                }
            }
            let shown = client.schedule(schedule.id).await.expect("a schedule");
            assert!(shown.next_at.is_some_and(|next| next > resumed_at));
            world.pass(61);
            let after = slots(&mut world).await;
            let new: Vec<_> = after.iter().filter(|slot| !before.contains(slot)).collect();
            let late = new.iter().filter(|slot| ***slot <= resumed_at).count();
            assert!(
                !new.is_empty() && late == 0,
                "way {way}, {policy:?}: {new:?}"
            );
        }
        world.done().await;
    }
}

fn with_schedules(inputs: &[(&str, ScheduleInput)]) -> DeployRequest {
    let mut request = deploy_request("report");
    request.schedules = inputs
        .iter()
        .map(|(name, settings)| DeploySchedule {
            name: (*name).to_owned(),
            settings: settings.clone(),
            paused: None,
        })
        .collect();
    request
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_redeploy_that_changes_nothing_leaves_no_trace_and_a_new_rule_no_run_of_the_past() {
    let (mut world, client) = world().await;
    let mut daily = ScheduleInput::new(Rule::Daily {
        time: "9:00".into(),
    });
    daily.timezone = Some("Europe/Berlin".into());
    let often = each_minute(MissedPolicy::All);
    let request = with_schedules(&[("daily", daily.clone()), ("often", often.clone())]);
    let first = client.deploy(&request).await.expect("deployed").deployment;
    assert_eq!(first.schedules.len(), 2);
    world.pass(5);
    let store = std::sync::Arc::clone(&world.store);
    let events = async || {
        let all = store
            .events(EventFilter::default(), PageRequest::first(ORG, 1_000))
            .await;
        all.expect("events").items.len()
    };
    let told = events().await;
    daily.rule = Rule::Daily {
        time: "09:00:00".into(),
    };
    let same = with_schedules(&[("daily", daily.clone()), ("often", often.clone())]);
    let again = client.deploy(&same).await.expect("deployed");
    assert!(!again.new_version);
    assert_eq!(again.deployment, first);
    assert_eq!(events().await, told, "no entry of a change that is none");

    world.pass(7_200);
    let edited_at = world.app.now();
    let before = slots(&mut world).await;
    let mut rule = often;
    rule.rule = Rule::Cron {
        expression: "*/2 * * * *".into(),
    };
    let new = with_schedules(&[("often", rule)]);
    client.deploy(&new).await.expect("deployed");
    world.pass(121);
    let after = slots(&mut world).await;
    let new: Vec<_> = after.iter().filter(|slot| !before.contains(slot)).collect();
    assert!(!new.is_empty() && new.iter().all(|slot| **slot > edited_at));
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_called_after_its_kind_follows_a_rule_of_another_kind() {
    let (world, client) = world().await;
    let ask = CreateSchedule {
        deployment: "report/default".into(),
        name: None,
        settings: each_minute(MissedPolicy::Last),
        paused: false,
    };
    let cron = client.create_schedule(&ask).await.expect("made");
    let daily = UpdateSchedule {
        rule: Some(Rule::Daily {
            time: "9:00".into(),
        }),
        ..UpdateSchedule::default()
    };
    let edited = client
        .update_schedule(cron.id, &daily)
        .await
        .expect("edited");
    assert_eq!(edited.name, "daily");
    let named = made(&client, "mine", each_minute(MissedPolicy::Last)).await;
    let edited = client
        .update_schedule(named.id, &daily)
        .await
        .expect("edited");
    assert_eq!(edited.name, "mine", "a name that was given stays");
    let taken = UpdateSchedule {
        name: Some("daily".into()),
        ..UpdateSchedule::default()
    };
    let refused = client.update_schedule(named.id, &taken).await;
    assert_eq!(refused.expect_err("taken").code(), "schedule_exists");
    world.done().await;
}
