//! Tests of query plans: every hot read uses its index, sorts nothing, and walks over nothing.
//!
//! A wrong plan is right and slow, so no other test would see it.

use baton_core::id::{DeploymentId, FlowId, OrgId, QueueId, RobotId, RunId, ScheduleId};
use baton_core::state::State;
use jiff::Timestamp;
use rusqlite::types::Value;
use rusqlite::{Connection, StatementStatus, params_from_iter};
use uuid::Uuid;

use super::{
    assign, blobs, events, flow_rows, history, keys, live, logs, migrate, open, queued, queues,
    run_candidates, run_list, run_row, runs, schedules,
};
use crate::logs::LogQuery;
use crate::runs::RunFilter;

fn database() -> Connection {
    let conn = Connection::open_in_memory().expect("in memory");
    open::keep_plans(&conn).expect("configured");
    migrate::migrate(&conn, migrate::MIGRATIONS).expect("migrated");
    conn
}

/// What SQLite is going to do, one line a step.
fn plan(conn: &Connection, sql: &str) -> String {
    let mut statement = conn
        .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
        .expect("valid SQL");
    let values = vec![Value::Null; statement.parameter_count()];
    let lines = statement
        .query_map(params_from_iter(values), |row| row.get::<_, String>(3))
        .expect("a plan");
    let lines: Vec<String> = lines.map(|line| line.expect("text")).collect();
    lines.join("\n")
}

/// The plan seeks in this index, walks over no table and sorts nothing.
fn assert_seeks(conn: &Connection, sql: &str, index: &str) {
    let plan = plan(conn, sql);
    assert!(plan.contains(index), "{sql}\n{plan}");
    assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    let walks = plan.lines().any(|line| {
        let words = line.trim_start();
        words.starts_with("SCAN") && !words.starts_with("SCAN (subquery")
    });
    assert!(!walks, "{sql}\n{plan}");
}

#[test]
fn what_waits_is_found_by_seeks() {
    let conn = database();
    for (sql, index) in [
        (
            queued::NEXT_GROUP,
            "COVERING INDEX runs_queued (needs_id>?)",
        ),
        (queued::HEADS, "COVERING INDEX runs_queued (needs_id=?)"),
        (queued::BEFORE, "COVERING INDEX runs_queued (needs_id=?"),
        (queued::DUE, "INDEX runs_due (due_at<?)"),
        (
            queued::OVERDUE,
            "INDEX runs_start_deadline (start_deadline>? AND start_deadline<?)",
        ),
        (queued::WAITING, "runs_waiting (org=? AND schedule_id=?)"),
        (
            schedules::DUE,
            "INDEX schedules_due (next_at>? AND next_at<?)",
        ),
        (
            schedules::SOON,
            "schedules_by_next (org=? AND <expr>=? AND next_at>?)",
        ),
        (
            schedules::NEVER,
            "schedules_by_next (org=? AND <expr>=? AND next_at=? AND id>?)",
        ),
        (queues::QUEUES, "INDEX queues_by_name (org=? AND name>?)"),
        (queues::TAG_LIMITS, "PRIMARY KEY (org=? AND tag>?)"),
        (
            flow_rows::VERSIONS,
            "INDEX versions_by_flow (org=? AND flow_id=? AND number<?)",
        ),
        (
            blobs::ARTIFACTS,
            "INDEX artifacts_by_name (org=? AND run_id=? AND (attempt,name)>(?,?))",
        ),
        (
            schedules::OPEN,
            "runs_open_by_schedule (org=? AND schedule_id=?)",
        ),
        (runs::BY_NAME, "runs_by_name (org=? AND name=?)"),
        (
            run_candidates::NAMED,
            "runs_by_name (org=? AND name>? AND name<?)",
        ),
        (
            run_candidates::ENDED,
            "INDEX runs_ended (ended_at>? AND ended_at<?)",
        ),
        (assign::ON_ROBOT, "INDEX attempts_live (robot_id=?)"),
        (run_row::FIND_MANY, "PRIMARY KEY (org=? AND id=?)"),
        (run_row::FIND, "PRIMARY KEY (org=? AND id=?)"),
        (run_row::CONCERNED, "PRIMARY KEY (org=? AND run_id=?)"),
    ] {
        assert_seeks(&conn, sql, index);
    }
}

#[test]
fn what_is_small_is_walked_along_its_index_in_order() {
    let conn = database();
    for (sql, index) in [
        // Bounded by the slots of the fleet.
        (live::LIVE, "SCAN a USING INDEX attempts_live"),
        (assign::ALL_LIVE, "COVERING INDEX attempts_live"),
        // Stops at the first row.
        (schedules::NEXT, "schedules_due"),
        // Stops at the limit.
        (schedules::BY_NEXT, "schedules_by_next (org=?)"),
    ] {
        let plan = plan(&conn, sql);
        assert!(plan.contains(index), "{sql}\n{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{sql}\n{plan}");
    }
}

#[test]
fn a_page_of_keys_is_read_from_the_end_of_each_kind() {
    let conn = database();
    let plan = plan(&conn, keys::PAGE);
    let seeks = plan
        .matches("INDEX keys_by_kind (org=? AND kind=? AND id<?)")
        .count();
    assert_eq!(seeks, 2, "{plan}");
    assert!(!plan.contains("SCAN keys"), "{plan}");
}

#[test]
fn the_history_of_a_run_is_found_by_seeks_along_its_chain() {
    let conn = database();
    for sql in [history::OF_RUN, history::DELETE] {
        let plan = plan(&conn, sql);
        let walks: Vec<&str> = plan
            .lines()
            .map(str::trim_start)
            .filter(|line| line.starts_with("SCAN"))
            .collect();
        // The chain is walked, as long as it is; the table is not.
        assert!(walks.iter().all(|line| *line == "SCAN chain"), "{plan}");
        assert!(plan.contains("INTEGER PRIMARY KEY (rowid=?)"), "{plan}");
        assert!(!plan.contains("TEMP B-TREE"), "{plan}");
    }
}

fn id() -> Uuid {
    Uuid::from_u128(7)
}

/// Every filter by itself, with the index that must drive it.
fn filters() -> Vec<(RunFilter, &'static str)> {
    let none = RunFilter::default;
    let with = |change: &dyn Fn(&mut RunFilter)| {
        let mut filter = none();
        change(&mut filter);
        filter
    };
    vec![
        (none(), "PRIMARY KEY (org=?"),
        (
            with(&|f| f.states = vec![State::Failed]),
            "runs_by_phase (org=? AND phase=?",
        ),
        (
            with(&|f| f.states = vec![State::Running, State::Crashed]),
            "runs_by_phase (org=? AND phase=?",
        ),
        (
            with(&|f| f.late_at = Some(Timestamp::UNIX_EPOCH)),
            "runs_by_phase (org=? AND phase=?",
        ),
        (
            with(&|f| f.flow_id = Some(FlowId(id()))),
            "runs_by_flow (org=? AND flow_id=?",
        ),
        (
            with(&|f| f.queue_id = Some(QueueId(id()))),
            "runs_by_queue (org=? AND queue_id=?",
        ),
        (
            with(&|f| f.deployment_id = Some(DeploymentId(id()))),
            "runs_by_deployment (org=? AND deployment_id=?",
        ),
        (
            with(&|f| f.schedule_id = Some(ScheduleId(id()))),
            "runs_by_schedule (org=? AND schedule_id=?",
        ),
        (
            with(&|f| f.robot_id = Some(RobotId(id()))),
            "runs_by_robot (org=? AND robot_id=?",
        ),
        (
            with(&|f| f.tag = Some("nightly".into())),
            "run_tags USING PRIMARY KEY (org=? AND tag=?",
        ),
        (
            with(&|f| f.priorities = vec![2, 3]),
            "runs_by_priority (org=? AND priority=?",
        ),
        (with(&|f| f.unattended = Some(false)), "runs_manual (org=?"),
        (with(&|f| f.unattended = Some(true)), "PRIMARY KEY (org=?"),
        (
            with(&|f| {
                f.flow_id = Some(FlowId(id()));
                f.unattended = Some(true);
                f.prefix = Some("brisk".into());
                f.created_after = Some(Timestamp::UNIX_EPOCH);
                f.queue_id = Some(QueueId(id()));
            }),
            "runs_by_flow (org=? AND flow_id=?",
        ),
    ]
}

#[test]
fn every_filter_of_the_list_is_driven_by_its_index_first_page_and_later() {
    let conn = database();
    for (filter, index) in filters() {
        for ascending in [false, true] {
            for after in [None, Some(RunId(id()))] {
                let filter = RunFilter {
                    ascending,
                    ..filter.clone()
                };
                let drive = run_list::choose(&filter, &[]);
                let arm = drive.arms.first().expect("an arm").as_ref();
                let (sql, _) =
                    run_list::arm_sql(&drive, arm, &filter, OrgId(1), after, (None, None), 51);
                assert_seeks(&conn, &sql, index);
            }
        }
    }
}

#[test]
fn a_statement_is_parsed_once_however_often_its_values_change() {
    let conn = database();
    let mut statement = conn.prepare(run_row::FINISH).expect("valid SQL");
    for attempt in 1..5 {
        let mut values = vec![Value::Null; statement.parameter_count()];
        values[3] = Value::Integer(attempt);
        statement
            .execute(params_from_iter(values))
            .expect("it changes nothing");
    }
    assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
}

#[test]
fn the_log_of_a_run_is_read_along_its_key_both_ways() {
    let conn = database();
    for tail in [false, true] {
        for attempt in [None, Some(1)] {
            let query = LogQuery {
                org: OrgId(1),
                run_id: RunId(id()),
                attempt,
                after: Some((1, 5)),
                tail,
                level: None,
                task: Some("t".into()),
                search: Some("x".into()),
                limit: 100,
            };
            let (sql, _) = logs::lines_sql(&query);
            assert_seeks(&conn, &sql, "PRIMARY KEY (org=? AND run_id=?");
        }
    }
}

#[test]
fn events_are_found_by_their_subject_and_by_their_position() {
    let conn = database();
    let of_one = events::list_sql(true);
    assert_seeks(
        &conn,
        &of_one,
        "INDEX events_by_subject (org=? AND subject=?",
    );
    let all = events::list_sql(false);
    assert_seeks(&conn, &all, "INTEGER PRIMARY KEY (rowid<?)");
}
