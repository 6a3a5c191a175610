//! What Prometheus reads: each line of it is one that it understands, and the families that alerts need are there.

use std::collections::BTreeMap;

use baton_core::access::Role;
use baton_core::state::State;
use baton_server::auth::ensure_admin_key;
use reqwest::Method;

use crate::world::World;

/// Reads the text form: families with their kinds, and how many values each has.
fn read(text: &str) -> BTreeMap<String, (String, usize)> {
    let mut families: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert!(matches!(kind, "gauge" | "counter" | "histogram"), "{line}");
            let before = families.insert(name.to_owned(), (kind.to_owned(), 0));
            assert!(before.is_none(), "{name} is there twice");
            continue;
        }
        if line.starts_with("# HELP ") {
            continue;
        }
        let (series, value) = line.rsplit_once(' ').expect("a series and a value");
        assert!(value.parse::<f64>().is_ok_and(f64::is_finite), "{line}");
        let (name, labels) = series.split_once('{').unwrap_or((series, "}"));
        let is_plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
        assert!(name.chars().all(is_plain), "{line}");
        assert!(labels.ends_with('}'), "{line}");
        let parts = ["_bucket", "_sum", "_count"];
        let stem = parts.iter().find_map(|part| name.strip_suffix(part));
        let of = |name: &str| families.get(name).map(|(kind, _)| kind.as_str());
        let family = match stem {
            Some(stem) if of(stem) == Some("histogram") => stem,
            _ => name,
        };
        families.get_mut(family).expect("its family comes first").1 += 1;
    }
    families
}

#[tokio::test]
async fn metrics_are_in_the_form_that_prometheus_reads_and_a_viewer_may_read_them() {
    let world = World::new().await;
    world.deploy("cat \"fact\"").await;
    world.enrol("sap-1").await;
    let ask = Default::default();
    let run = world.client.run_deployment("cat \"fact\"/default", &ask);
    run.await.expect("a run");
    let viewer = world.key(Role::Viewer).await;
    let answer = world.request(Method::GET, "/metrics", &viewer).send().await;
    let text = answer.expect("an answer").text().await.expect("text");
    let families = read(&text);
    for (name, kind, least) in [
        ("baton_runs", "gauge", 1),
        ("baton_runs_late", "gauge", 1),
        ("baton_schedule_lag_seconds", "gauge", 1),
        ("baton_queue_depth", "gauge", 1),
        ("baton_queue_oldest_seconds", "gauge", 1),
        ("baton_robots", "gauge", 4),
        ("baton_robot_slots", "gauge", 1),
        ("baton_robot_slots_used", "gauge", 1),
        ("baton_robot_heard_age_seconds", "gauge", 0),
        ("baton_runs_ended_last_hour", "gauge", 0),
        ("baton_run_duration_seconds", "histogram", 0),
        ("baton_run_start_latency_seconds", "histogram", 0),
        ("baton_store_commits_total", "counter", 1),
    ] {
        let (found, values) = families
            .get(name)
            .unwrap_or_else(|| panic!("{name}: {text}"));
        assert_eq!(found, kind, "{name}");
        assert!(*values >= least, "{name} has {values} values");
    }
    let nobody = world
        .http
        .get(format!("{}/metrics", world.server.url))
        .send()
        .await;
    assert_eq!(nobody.expect("an answer").status(), 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_run_counts_once_in_the_histograms_of_its_start_and_its_duration() {
    let mut world = crate::support::World::new().await;
    let deployed = world.deploy("report", |_| {}).await;
    let run = world.submit(&deployed).await;
    // It waits for a robot for two seconds.
    world.pass(2);
    let mut robot = world.robot("r1").await;
    let assignment = robot.take().await;
    assert_eq!(assignment.job_id, run);
    robot.finish(assignment.claim, State::Completed).await;
    world.until(run, State::Completed).await;
    // Our own client says how the others encrypt.
    world.client().await;
    let data = tempfile::tempdir().expect("a folder");
    let key = ensure_admin_key(&*world.store, data.path(), world.app.now()).await;
    let url = format!("{}/metrics", world.server.url);
    let answer = reqwest::Client::new()
        .get(url)
        .bearer_auth(key.expect("a key").key)
        .send();
    let text = answer.await.expect("an answer").text().await;
    let text = text.expect("text");
    for line in [
        "# TYPE baton_run_start_latency_seconds histogram",
        "baton_run_start_latency_seconds_bucket{queue=\"default\",le=\"1\"} 0",
        "baton_run_start_latency_seconds_bucket{queue=\"default\",le=\"2.5\"} 1",
        "baton_run_start_latency_seconds_bucket{queue=\"default\",le=\"+Inf\"} 1",
        "baton_run_start_latency_seconds_sum{queue=\"default\"} 2",
        "baton_run_start_latency_seconds_count{queue=\"default\"} 1",
        "baton_run_duration_seconds_bucket{flow=\"report\",le=\"+Inf\"} 1",
        "baton_run_duration_seconds_count{flow=\"report\"} 1",
    ] {
        assert!(text.lines().any(|l| l == line), "{line}\n{text}");
    }
    world.done().await;
}
