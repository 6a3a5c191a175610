//! What Prometheus reads: each line of it is one that it understands, and the families that alerts need are there.

use std::collections::BTreeMap;

use baton_core::access::Role;
use reqwest::Method;

use crate::world::World;

/// Reads the text form: families with their kinds, and how many values each has.
fn read(text: &str) -> BTreeMap<String, (String, usize)> {
    let mut families: BTreeMap<String, (String, usize)> = BTreeMap::new();
    for line in text.lines() {
        if let Some(rest) = line.strip_prefix("# TYPE ") {
            let (name, kind) = rest.split_once(' ').expect("a name and a kind");
            assert!(matches!(kind, "gauge" | "counter"), "{line}");
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
        families.get_mut(name).expect("its family comes first").1 += 1;
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
        ("baton_run_seconds_last_hour", "gauge", 0),
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
