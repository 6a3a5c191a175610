//! Tests of the migrations.

use super::*;

const FIRST: Migration = Migration {
    number: 1,
    name: "first",
    sql: "CREATE TABLE a (x INTEGER) STRICT; INSERT INTO a VALUES (1);",
};

fn tables(conn: &Connection) -> i64 {
    conn.query_row(
        "SELECT count(*) FROM sqlite_schema WHERE name IN ('a', 'b')",
        [],
        |row| row.get(0),
    )
    .expect("it works")
}

#[test]
fn numbers_have_no_gaps() {
    for (i, step) in (1..).zip(MIGRATIONS) {
        assert_eq!(step.number, i);
    }
}

#[test]
fn migrating_twice_changes_nothing() {
    let conn = Connection::open_in_memory().expect("it works");
    migrate(&conn, MIGRATIONS).expect("it works");
    let before = conn.total_changes();
    migrate(&conn, MIGRATIONS).expect("it works");
    assert_eq!(conn.total_changes(), before);
}

#[test]
fn a_step_that_fails_midway_leaves_nothing_and_finishes_later() {
    let broken = Migration {
        number: 2,
        name: "second",
        sql: "CREATE TABLE b (x INTEGER) STRICT; INSERT INTO nowhere VALUES (1);",
    };
    let conn = Connection::open_in_memory().expect("it works");
    assert!(migrate(&conn, &[FIRST, broken]).is_err());
    assert_eq!(
        tables(&conn),
        1,
        "the first step stays, the second is undone"
    );
    let whole = Migration {
        number: 2,
        name: "second",
        sql: "CREATE TABLE b (x INTEGER) STRICT;",
    };
    migrate(&conn, &[FIRST, whole]).expect("it works");
    assert_eq!(tables(&conn), 2);
}

#[test]
fn a_step_killed_midway_finishes_at_the_next_start() {
    let dir = tempfile::tempdir().expect("it works");
    let path = dir.path().join("killed.db");
    {
        // What a kill leaves behind: statements of an open transaction, and no commit.
        let conn = Connection::open(&path).expect("it works");
        conn.execute_batch("PRAGMA journal_mode = WAL; BEGIN EXCLUSIVE")
            .expect("it works");
        conn.execute_batch(RECORD).expect("it works");
        conn.execute_batch("CREATE TABLE a (x INTEGER) STRICT")
            .expect("it works");
        std::fs::copy(&path, dir.path().join("copy.db")).expect("it works");
        let wal = dir.path().join("killed.db-wal");
        if wal.exists() {
            std::fs::copy(wal, dir.path().join("copy.db-wal")).expect("it works");
        }
    }
    let conn = Connection::open(dir.path().join("copy.db")).expect("it works");
    migrate(&conn, &[FIRST]).expect("it works");
    assert_eq!(tables(&conn), 1);
}

#[test]
fn a_newer_schema_is_refused_and_the_refusal_names_the_version() {
    let conn = Connection::open_in_memory().expect("it works");
    migrate(&conn, MIGRATIONS).expect("it works");
    conn.execute(
        "INSERT INTO schema_migrations (number, name, checksum, baton) VALUES (99, 'later', '', '7.8.9')",
        [],
    )
    .expect("it works");
    let refusal = migrate(&conn, MIGRATIONS).expect_err("it is refused");
    assert!(
        matches!(&refusal, StoreError::Corrupt(text) if text.contains("7.8.9")),
        "{refusal}"
    );
}

#[test]
fn an_edited_migration_is_refused() {
    let conn = Connection::open_in_memory().expect("it works");
    migrate(&conn, &[FIRST]).expect("it works");
    let edited = Migration {
        sql: "CREATE TABLE a (y INTEGER) STRICT",
        ..FIRST
    };
    assert!(matches!(
        migrate(&conn, &[edited]),
        Err(StoreError::Corrupt(_))
    ));
}
