//! The checker: what clients were told, what processes did, and what the database says must agree.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use baton_api::rest::{LogQuery, Run, RunQuery};

use super::install::Install;
use super::traffic::Log;
use crate::support::wait_for;

/// Lines that the evidence script prints in each attempt that runs to its end.
const LINES: usize = 10;

/// How long no run may end while some are open: beyond every lease, deadline and retry of these runs.
const STANDSTILL: Duration = Duration::from_secs(180);

/// Waits until every run has ended and nothing is live.
pub(crate) async fn drained(install: &Install, log: &Log) {
    eprintln!(
        "{} accepted, {} unknown",
        log.accepted.len(),
        log.unknown.len()
    );
    // How fast runs end is the machine's affair; that they go on ending is not.
    let mut open = open_runs(install).await;
    while open > 0 {
        let before = open;
        wait_for("one more run to end", STANDSTILL, async || {
            open = open_runs(install).await;
            open < before
        })
        .await;
    }
    wait_for("nothing to be live", STANDSTILL, async || {
        all_runs(install).await.iter().all(|r| !r.live)
    })
    .await;
}

async fn open_runs(install: &Install) -> u64 {
    let counts = install.client().state_counts().await.expect("counted");
    let open = counts.items.iter().filter(|c| !c.state.is_terminal());
    open.map(|c| c.count).sum()
}

async fn all_runs(install: &Install) -> Vec<Run> {
    let mut runs = Vec::new();
    let mut query = RunQuery {
        limit: Some(1_000),
        ..RunQuery::default()
    };
    loop {
        let page = install.client().runs(&query).await.expect("a page of runs");
        runs.extend(page.items);
        match page.next {
            Some(next) => query.cursor = Some(next),
            None => return runs,
        }
    }
}

/// Everything that must hold at the end.
pub(crate) async fn check(install: &Install, log: &Log) {
    let runs = all_runs(install).await;
    nothing_lost_nothing_doubled(&runs, log);
    processes_did_what_was_recorded(install, &runs);
    acknowledged_lines_are_there(install, &runs).await;
    install.verify_is_clean().await;
}

fn nothing_lost_nothing_doubled(runs: &[Run], log: &Log) {
    let ids: BTreeSet<String> = runs.iter().map(|r| r.id.to_string()).collect();
    assert_eq!(ids.len(), runs.len(), "a run is listed twice");
    let lost: Vec<_> = log
        .accepted
        .iter()
        .filter(|(_, id)| !ids.contains(*id))
        .collect();
    assert!(lost.is_empty(), "accepted runs lost: {lost:?}");
    let told: BTreeSet<&String> = log.accepted.values().collect();
    assert_eq!(
        told.len(),
        log.accepted.len(),
        "two keys were given one run"
    );
    // What is there beyond the acknowledged can only come from submissions of unknown outcome, one each.
    let beyond = ids.iter().filter(|id| !told.contains(id)).count();
    assert!(
        beyond <= log.unknown.len(),
        "{beyond} runs nobody asked for, {} unknown",
        log.unknown.len()
    );
}

/// The processes' own record: no attempt began twice, no two attempts of a run overlapped, and a run
/// that the server calls completed did reach its end.
fn processes_did_what_was_recorded(install: &Install, runs: &[Run]) {
    let text = std::fs::read_to_string(install.evidence_file()).expect("evidence");
    let mut starts: BTreeMap<(String, u32), f64> = BTreeMap::new();
    let mut ends: BTreeMap<(String, u32), f64> = BTreeMap::new();
    for line in text.lines() {
        let words: Vec<&str> = line.split(' ').collect();
        let [word, run, attempt, at] = words[..] else {
            panic!("a torn line of evidence: {line:?}")
        };
        let key = (run.to_owned(), attempt.parse().expect("an attempt"));
        let at = at.parse().expect("a time");
        let before = if word == "start" {
            starts.insert(key, at)
        } else {
            ends.insert(key, at)
        };
        assert!(before.is_none(), "an attempt was executed twice: {line}");
    }
    for run in runs {
        let id = run.id.to_string();
        let mut free_at = 0.0;
        for attempt in 1..=run.attempt {
            if let Some(start) = starts.get(&(id.clone(), attempt)) {
                assert!(*start >= free_at, "attempts of {id} overlapped");
                free_at = ends.get(&(id.clone(), attempt)).copied().unwrap_or(*start);
            }
        }
        if run.state.as_str() == "completed" {
            assert!(
                ends.contains_key(&(id.clone(), run.attempt)),
                "{id} completed without its process"
            );
        }
    }
}

/// A result is sent only after every line was acknowledged: a completed run has all its lines, once.
async fn acknowledged_lines_are_there(install: &Install, runs: &[Run]) {
    let mut looked = 0;
    for run in runs
        .iter()
        .filter(|r| r.state.as_str() == "completed")
        .take(500)
    {
        let query = LogQuery {
            attempt: Some(run.attempt),
            limit: Some(1_000),
            ..LogQuery::default()
        };
        let page = install
            .client()
            .logs(&run.id.to_string(), &query)
            .await
            .expect("log");
        let lines: Vec<&str> = page
            .items
            .iter()
            .map(|l| l.message.as_str())
            .filter(|m| m.starts_with("line "))
            .collect();
        let wanted: Vec<String> = (1..=LINES).map(|i| format!("line {i}")).collect();
        assert_eq!(lines, wanted, "log of {}", run.name);
        looked += 1;
    }
    assert!(looked > 0, "void: no run completed");
}
