//! Time zone data that changes under a server, at a start and while it runs; and wrong zones on the wire.

use std::sync::{Arc, Mutex};

use baton_core::id::ScheduleId;
use baton_core::schedule::{Missed, MissedPolicy, Rule, Schedule, ScheduleSettings, Timetable};
use baton_core::zone::{Release, ZoneSource, Zones};
use baton_server::clock::ManualClock;
use baton_server::zones::{ZoneFault, ZoneFiles};
use baton_store::logs::EventFilter;
use baton_store::page::PageRequest;
use baton_store::runs::RunFilter;
use baton_store::{MemoryStore, Store};
use jiff::Timestamp;
use reqwest::{Method, StatusCode};

use crate::support::{ORG, World};

const ZONE: &str = "America/Vancouver";

/// A folder whose files are exchanged by hand.
#[derive(Debug)]
struct Files(Mutex<Arc<Zones>>);

impl Files {
    fn of(zones: Arc<Zones>) -> Arc<Self> {
        Arc::new(Self(Mutex::new(zones)))
    }

    fn put(&self, zones: Arc<Zones>) {
        *self.0.lock().expect("not poisoned") = zones;
    }
}

impl ZoneFiles for Files {
    fn stamp(&self) -> String {
        self.0.lock().expect("not poisoned").identity().to_owned()
    }

    fn newest(&self) -> Result<Arc<Zones>, ZoneFault> {
        Ok(Arc::clone(&self.0.lock().expect("not poisoned")))
    }
}

/// In winter 09:00 in Vancouver is 17:00Z by the first, 16:00Z by the second.
fn late_and_early() -> (Arc<Zones>, Arc<Zones>) {
    let carried = Zones::bundled();
    let (_, bytes) = carried.file("America/Los_Angeles").expect("a zone");
    let files = [(ZONE.to_owned(), Arc::from(bytes))];
    let late = Zones::of(
        Release::parse("2025b"),
        ZoneSource::Machine,
        "/old".into(),
        files,
    );
    (Arc::new(late), carried)
}

fn day(time: &str) -> Timestamp {
    format!("2026-12-01T{time}Z").parse().expect("an instant")
}

async fn daily(world: &World, policy: MissedPolicy) -> ScheduleId {
    let deployed = world.deploy("report", |_| {}).await;
    let now = world.app.now();
    let settings = ScheduleSettings {
        rule: Rule::Daily {
            time: "09:00".into(),
        },
        timezone: ZONE.into(),
        starts_at: None,
        ends_at: None,
        jitter_seconds: 0,
        missed: Missed {
            policy,
            ..Missed::default()
        },
        overlap: Default::default(),
        parameters: Default::default(),
        robot_id: None,
        priority: None,
    };
    let id = ScheduleId::new(now, world.app.entropy());
    let schedule = Schedule {
        id,
        org: ORG,
        deployment_id: deployed.deployment.id,
        name: "nine".into(),
        next_at: Timetable::new(&settings)
            .expect("good settings")
            .next_after(now),
        settings,
        paused: false,
        last_slot: None,
        created_at: now,
        updated_at: now,
    };
    world
        .store
        .create_schedule(schedule)
        .await
        .expect("a schedule");
    id
}

async fn runs_of(world: &World, schedule: ScheduleId) -> usize {
    let filter = RunFilter {
        schedule_id: Some(schedule),
        ..RunFilter::default()
    };
    let page = world.store.runs(filter, PageRequest::first(ORG, 100)).await;
    page.expect("runs").items.len()
}

async fn goes_by(world: &mut World, zones: &Arc<Zones>) {
    let identity = zones.identity().to_owned();
    world
        .until_stored("the slots to go by these rules", async |world| {
            let rules = world.store.zone_rules().await.expect("read");
            rules.is_some_and(|rules| rules.identity == identity)
        })
        .await;
}

async fn events(world: &World, kind: &str) -> usize {
    let filter = EventFilter {
        kinds: vec![kind.into()],
        ..EventFilter::default()
    };
    let page = world.store.events(filter, PageRequest::first(ORG, 9)).await;
    page.expect("events").items.len()
}

async fn world_at(time: &str, files: &Arc<Files>) -> World {
    let clock = Arc::new(ManualClock::at(day(time)));
    World::with_zones(Arc::new(MemoryStore::new()), clock, Arc::clone(files) as _).await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_change_while_a_server_runs_move_the_next_slot_and_the_move_is_told() {
    let (late, early) = late_and_early();
    let files = Files::of(Arc::clone(&late));
    let mut world = world_at("15:50:00", &files).await;
    goes_by(&mut world, &late).await;
    let id = daily(&world, MissedPolicy::Skip).await;
    assert_eq!(
        world.store.schedule(ORG, id).await.expect("read").next_at,
        Some(day("17:00:00"))
    );
    files.put(Arc::clone(&early));
    world.pass(61);
    goes_by(&mut world, &early).await;
    assert_eq!(
        world.store.schedule(ORG, id).await.expect("read").next_at,
        Some(day("16:00:00"))
    );
    world
        .until_stored("the move to be told", async |world| {
            events(world, "schedule.moved").await == 1
                && events(world, "server.zones_changed").await == 1
        })
        .await;
    assert_eq!(runs_of(&world, id).await, 0);
    world.pass(9 * 60);
    world
        .until_stored("the run", async |world| runs_of(world, id).await == 1)
        .await;
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_that_new_rules_put_into_the_past_runs_once_and_at_once() {
    let (late, early) = late_and_early();
    let files = Files::of(Arc::clone(&late));
    let mut world = world_at("15:50:00", &files).await;
    goes_by(&mut world, &late).await;
    let id = daily(&world, MissedPolicy::Skip).await;
    world.pass(40 * 60);
    files.put(Arc::clone(&early));
    world.pass(61);
    world
        .until_stored("the run of the day", async |world| {
            runs_of(world, id).await == 1
        })
        .await;
    goes_by(&mut world, &early).await;
    for _ in 0..40 {
        world.pass(120);
    }
    let next = world.store.schedule(ORG, id).await.expect("read").next_at;
    assert_eq!(next, "2026-12-02T16:00:00Z".parse().ok());
    assert_eq!(runs_of(&world, id).await, 1);
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn rules_that_changed_between_two_starts_lose_and_double_no_run() {
    let (late, early) = late_and_early();
    for (old, new, first, then) in [
        // What was to come at 17:00 comes at 16:00, although it is skipped when missed.
        (&late, &early, 0, 1),
        // What ran at 16:00 does not run again at 17:00.
        (&early, &late, 1, 1),
    ] {
        let store: Arc<dyn Store> = Arc::new(MemoryStore::new());
        let clock = Arc::new(ManualClock::at(day("15:50:00")));
        let files = Files::of(Arc::clone(old)) as Arc<dyn ZoneFiles>;
        let mut world = World::with_zones(Arc::clone(&store), Arc::clone(&clock), files).await;
        goes_by(&mut world, old).await;
        let id = daily(&world, MissedPolicy::Skip).await;
        world.pass(9 * 60 + 30);
        world.pass(if first == 1 { 60 } else { 0 });
        world
            .until_stored("what came before", async |world| {
                runs_of(world, id).await == first
            })
            .await;
        world.server.abandon();
        let files = Files::of(Arc::clone(new)) as Arc<dyn ZoneFiles>;
        let mut world = World::with_zones(store, clock, files).await;
        goes_by(&mut world, new).await;
        // To 16:00 and no further: what is skipped when missed must be looked at in its minute.
        world.pass(31);
        world
            .until_stored("the run of the day", async |world| {
                runs_of(world, id).await == then
            })
            .await;
        for _ in 0..60 {
            world.pass(120);
        }
        world
            .until_stored("the next day's slot", async |world| {
                let schedule = world.store.schedule(ORG, id).await.expect("read");
                schedule.next_at > Some(day("23:00:00"))
            })
            .await;
        assert_eq!(runs_of(&world, id).await, then);
        world.done().await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_zone_is_refused_with_code_field_and_the_right_name() {
    let world = crate::world::World::new().await;
    world.deploy("report").await;
    let rule = r#"{"frequency": "daily", "time": "09:00"}"#;
    for (zone, right) in [
        ("EST", "America/New_York"),
        ("Eastern Standard Time", "America/New_York"),
        ("Berlin", "Europe/Berlin"),
        ("America/New_York ", "America/New_York"),
        ("localtime", "another zone on every machine"),
    ] {
        let settings = format!(r#"{{"rule": {rule}, "timezone": "{zone}"}}"#);
        for (path, body) in [
            (
                "/api/v1/schedules/preview",
                format!(r#"{{"settings": {settings}}}"#),
            ),
            (
                "/api/v1/schedules",
                format!(r#"{{"deployment": "report/default", "settings": {settings}}}"#),
            ),
        ] {
            let (status, answer) = world.send(Method::POST, path, &body).await;
            assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{answer}");
            let text = answer.to_string();
            assert!(
                text.contains("unknown_timezone") && text.contains(right),
                "{zone}: {text}"
            );
            assert!(text.contains("timezone"), "{text}");
        }
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn times_of_a_schedule_come_on_its_own_clock_and_the_data_is_named() {
    let world = crate::world::World::new().await;
    world.deploy("report").await;
    let body = r#"{"deployment": "report/default", "settings": {
        "rule": {"frequency": "daily", "time": "09:00"}, "timezone": "asia/kolkata"}}"#;
    let (_, made) = world.send(Method::POST, "/api/v1/schedules", body).await;
    assert_eq!(made["settings"]["timezone"], "Asia/Kolkata");
    assert_eq!(made["next_local"]["offset"], "+05:30");
    assert_eq!(made["next_local"]["abbreviation"], "IST");
    let local = made["next_local"]["local"].as_str().expect("a text");
    assert!(local.ends_with("T09:00:00+05:30"), "{local}");
    let path = format!(
        "/api/v1/schedules/{}/next",
        made["id"].as_str().expect("an id")
    );
    let (_, coming) = world.send(Method::GET, &path, "").await;
    assert_eq!(coming["slots"][0]["local"], made["next_local"]["local"]);
    assert_eq!(coming["slots"][0]["abbreviation"], "IST");
    let release = Zones::bundled().release().expect("known").to_string();
    assert_eq!(coming["zone_data"]["release"], release.as_str());
    let (_, about) = world.send(Method::GET, "/api/v1/server/about", "").await;
    assert_eq!(about["zone_data"]["source"], "bundled");
    let health = world.request(Method::GET, "/healthz", &world.admin).send();
    let (_, health) = crate::world::answer(health.await.expect("an answer")).await;
    assert_eq!(health["zone_release"], release.as_str());
    let (_, report) = world.send(Method::GET, "/api/v1/schedules/zones", "").await;
    assert_eq!(report["moved"], serde_json::json!([]));
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_that_cannot_be_made_when_rules_change_stays_due_and_is_made_once() {
    let (late, early) = late_and_early();
    let files = Files::of(Arc::clone(&late));
    let mut world = world_at("15:50:00", &files).await;
    goes_by(&mut world, &late).await;
    let id = daily(&world, MissedPolicy::All).await;
    // No run can be composed by these settings.
    let schedule = world.store.schedule(ORG, id).await.expect("read");
    let deployment = world.store.deployment(ORG, schedule.deployment_id).await;
    let good = deployment.expect("read").settings;
    let mut bad = good.clone();
    bad.retry.max_retries = u32::MAX;
    let turn = async |world: &World, settings| {
        let id = schedule.deployment_id;
        let turned = world
            .store
            .update_deployment(ORG, id, settings, world.app.now());
        turned.await.expect("changed");
    };
    turn(&world, bad).await;
    world.pass(40 * 60);
    files.put(Arc::clone(&early));
    world.pass(61);
    goes_by(&mut world, &early).await;
    let stored = world.store.schedule(ORG, id).await.expect("read");
    assert_eq!(stored.next_at, Some(day("16:00:00")), "its slot has come");
    assert_eq!(runs_of(&world, id).await, 0);
    turn(&world, good).await;
    world.pass(31);
    world
        .until_stored("the run", async |world| runs_of(world, id).await == 1)
        .await;
    for _ in 0..40 {
        world.pass(120);
    }
    let next = "2026-12-02T16:00:00Z".parse().ok();
    world
        .until_stored("the next slot", async |world| {
            world.store.schedule(ORG, id).await.expect("read").next_at == next
        })
        .await;
    assert_eq!(runs_of(&world, id).await, 1);
    world.done().await;
}

/// A compiled zone file: three hours behind UTC, from 2029 on so many ahead of it.
fn zone_file(hours_from_2029: i32) -> Vec<u8> {
    let block = |times: &[i64]| {
        let kinds = [-3, hours_from_2029];
        let mut out = b"TZif2".to_vec();
        out.extend([0; 15]);
        let count = |number: usize| u32::try_from(number).expect("few").to_be_bytes();
        for number in [0, 0, 0, times.len(), kinds.len(), 4] {
            out.extend(count(number));
        }
        times.iter().for_each(|at| out.extend(at.to_be_bytes()));
        out.extend(times.iter().map(|_| 1));
        for hours in kinds {
            out.extend((hours * 3_600).to_be_bytes());
            out.extend([0, 0]);
        }
        out.extend(b"ABC\0");
        out
    };
    let mut file = block(&[]);
    file.extend(block(&["2029-01-01T00:00:00Z"
        .parse::<Timestamp>()
        .expect("an instant")
        .as_second()]));
    file.extend(format!("\nABC{}\n", -hours_from_2029).bytes());
    file
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slot_years_ahead_moves_although_nothing_changes_within_a_year() {
    let of = |hours_from_2029: i32| {
        let files = [(ZONE.to_owned(), Arc::from(zone_file(hours_from_2029)))];
        let place = "/some".into();
        Arc::new(Zones::of(
            Release::parse("2025b"),
            ZoneSource::Machine,
            place,
            files,
        ))
    };
    let (before, after) = (of(-4), of(-5));
    let files = Files::of(Arc::clone(&before));
    let mut world = world_at("15:50:00", &files).await;
    goes_by(&mut world, &before).await;
    let id = daily(&world, MissedPolicy::Skip).await;
    let mut far = world.store.schedule(ORG, id).await.expect("read").settings;
    far.rule = Rule::Once {
        at: "2031-06-01T09:00".into(),
    };
    let now = world.app.now();
    let put = world
        .store
        .update_schedule(ORG, id, None, far, false, now)
        .await;
    assert_eq!(
        put.expect("changed").next_at,
        "2031-06-01T13:00:00Z".parse().ok()
    );
    files.put(Arc::clone(&after));
    world.pass(61);
    goes_by(&mut world, &after).await;
    let moved = world.store.schedule(ORG, id).await.expect("read").next_at;
    assert_eq!(moved, "2031-06-01T14:00:00Z".parse().ok());
    world.done().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_time_on_a_clock_is_read_by_the_servers_rules() {
    let world = crate::world::World::new().await;
    let instant = async |query: &str| {
        let path = format!("/api/v1/schedules/instant?{query}");
        world.send(Method::GET, &path, "").await
    };
    let (_, meant) = instant("local=2026-12-01T09:00&timezone=america/vancouver").await;
    assert_eq!(meant["at"], "2026-12-01T16:00:00Z");
    assert_eq!(meant["on_clock"]["local"], "2026-12-01T09:00:00-07:00");
    assert_eq!(meant["timezone"], "America/Vancouver");
    let (_, meant) = instant("local=2026-12-01T09:00%2B01:00").await;
    assert_eq!(meant["at"], "2026-12-01T08:00:00Z");
    for (query, code) in [
        ("local=tomorrow", "bad_time"),
        ("local=2026-12-01&timezone=Mars/Olympus", "unknown_timezone"),
    ] {
        let (status, refused) = instant(query).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{refused}");
        assert_eq!(refused["code"], code);
    }
    world.server.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_schedule_that_has_fired_its_last_says_that_it_is_over() {
    let world = crate::world::World::new().await;
    world.deploy("report").await;
    let body = r#"{"deployment": "report/default", "settings": {
        "rule": {"frequency": "once", "at": "2126-12-01T09:00"}, "timezone": "UTC"}}"#;
    let (_, made) = world.send(Method::POST, "/api/v1/schedules", body).await;
    assert_eq!(made["over"], false, "{made}");
    let id: ScheduleId = made["id"].as_str().expect("an id").parse().expect("an id");
    let store = &world.server.app.store;
    let stored = store.schedule(ORG, id).await.expect("read");
    let fired = baton_store::schedules::SlotCommit {
        org: ORG,
        schedule_id: id,
        read_at: stored.updated_at,
        read_last_slot: stored.last_slot,
        runs: Vec::new(),
        last_slot: stored.next_at,
        next_at: None,
    };
    let committed = store.commit_slots(vec![fired], world.server.app.now());
    committed.await.remove(0).expect("fired");
    let path = format!("/api/v1/schedules/{id}");
    let (_, over) = world.send(Method::GET, &path, "").await;
    assert_eq!(over["over"], true, "{over}");
    let pause = format!("{path}/pause");
    let (_, paused) = world.send(Method::POST, &pause, "").await;
    assert_eq!(paused["over"], false, "it is paused: {paused}");
    world.server.stop().await;
}
