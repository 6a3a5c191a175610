//! Tests of stored outcomes: how durations are packed, and what an earlier version left.

use baton_core::id::OrgId;
use jiff::Timestamp;

use super::*;
use crate::Store;
use crate::sqlite::{SqliteOptions, SqliteStore, migrate};
use crate::stats::{OutcomeQuery, Stats};

fn unpacked(bytes: &[u8]) -> Durations {
    let mut durations = Durations::default();
    unpack(&mut durations, bytes);
    durations
}

#[test]
fn durations_survive_packing() {
    let mut durations = Durations::default();
    for (slot, count) in [(0, 3), (1, 1), (253, u64::MAX / 2), (511, 70_000)] {
        durations.add(slot, count);
        assert_eq!(unpacked(&pack(&durations)), durations);
    }
    assert_eq!(pack(&Durations::default()), Vec::<u8>::new());
    let mut minute = Durations::default();
    minute.record(60.0);
    assert_eq!(pack(&minute).len(), 3);
}

#[test]
fn bytes_that_are_cut_off_give_what_is_whole() {
    let mut durations = Durations::default();
    durations.add(5, 1);
    let mut bytes = pack(&durations);
    bytes.extend([0x80, 0x80]);
    assert_eq!(unpacked(&bytes), durations);
    assert_eq!(unpacked(&[0xff; 12]), Durations::default());
}

/// A row as versions before durations wrote it: 32-bit counts by whole octaves of milliseconds.
fn old_row(conn: &Connection, minute: i64, octaves: &[(usize, u32)], seconds: f64) {
    let mut histogram = vec![0_u32; octaves.iter().map(|(n, _)| n + 1).max().unwrap_or(0)];
    octaves.iter().for_each(|(n, count)| histogram[*n] = *count);
    let timed: u32 = histogram.iter().sum();
    let bytes: Vec<u8> = histogram.iter().flat_map(|n| n.to_le_bytes()).collect();
    conn.execute(
        "INSERT INTO outcomes (org, minute, flow_id, deployment_id, robot_id, created, completed,
             failed, timed_out, crashed, cancelled, seconds, timed, histogram)
         VALUES (1, ?1, zeroblob(16), x'', x'', 0, ?2, 0, 0, 0, 0, ?3, ?2, ?4)",
        params![minute, timed, seconds, bytes],
    )
    .expect("written");
}

async fn read_minutes(store: &SqliteStore, from: i64, until: i64) -> OutcomeBucket {
    let at = |minute: i64| Timestamp::from_second(minute * 60).expect("a time");
    let query = OutcomeQuery {
        org: OrgId(1),
        from: at(from),
        until: at(until),
        step_seconds: 0,
        flow_id: None,
        deployment_id: None,
        robot_id: None,
        by: None,
    };
    let mut found = store.outcomes(query).await.expect("read");
    found.pop().expect("there are outcomes")
}

#[tokio::test]
async fn what_an_earlier_version_counted_is_read_and_added_to() {
    let dir = tempfile::tempdir().expect("a folder");
    let path = dir.path().join("baton.db");
    {
        let conn = Connection::open(&path).expect("a database");
        migrate::migrate(&conn, &migrate::MIGRATIONS[..4]).expect("an old schema");
        old_row(&conn, 1, &[(15, 1)], 60.0);
        old_row(&conn, 2, &[(10, 90), (13, 10)], 300.0);
        old_row(&conn, 3, &[], 0.0);
    }
    let store = SqliteStore::open(&path, SqliteOptions::default()).expect("migrated");
    let alone = read_minutes(&store, 1, 2).await;
    assert_eq!((alone.timed, alone.quantile(0.5)), (1, Some(60.0)));
    let mixed = read_minutes(&store, 2, 3).await;
    let (p50, p95) = (mixed.quantile(0.5), mixed.quantile(0.95));
    let (p50, p95) = (p50.expect("there are runs"), p95.expect("there are runs"));
    assert!((1.024..2.048).contains(&p50), "{p50}");
    assert!((8.192..16.384).contains(&p95), "{p95}");
    assert_eq!(
        read_minutes(&store, 3, 4).await.durations,
        Durations::default()
    );

    let key = BucketKey {
        org: OrgId(1),
        minute: 1,
        flow_id: FlowId::from_bytes([0; 16]),
        deployment_id: None,
        robot_id: None,
    };
    let mut more = OutcomeBucket {
        ended: [2, 0, 0, 0, 0],
        seconds: 124.0,
        timed: 2,
        ..OutcomeBucket::default()
    };
    more.durations.record(60.0);
    more.durations.record(64.0);
    let changed = store.write(move |tx| {
        let more = more.clone();
        tx.pending.bucket(key).more.merge(&more);
        Ok(())
    });
    changed.await.expect("written");
    let both = read_minutes(&store, 1, 2).await;
    assert_eq!((both.timed, both.durations.counted()), (3, 3));
    let off = (both.quantile(1.0).expect("there are runs") - 64.0).abs();
    assert!(off < 64.0 / 33.0, "{off}");
    let all = read_minutes(&store, 0, 9).await;
    assert_eq!((all.timed, all.durations.counted()), (103, 103));
    store.close().await;
}
