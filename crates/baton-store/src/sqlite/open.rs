//! Opening the database file: alone, with the right SQLite, and only if it is Baton's and sound.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};

use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};

use super::SqliteOptions;
use crate::error::{Result, StoreError};

/// Marks the file as Baton's (`Batn`), so that a foreign one is not taken over.
pub(super) const APPLICATION_ID: i32 = 0x4261_746e;
/// SQLite 3.51.3, the first without the WAL-reset bug.
const OLDEST_SQLITE: i32 = 3_051_003;
/// Statements kept ready on each connection: more than there are.
const STATEMENTS: usize = 256;
/// Largest database that is checked page by page at the start; larger ones would delay it.
const QUICK_CHECK_BYTES: u64 = 16 << 20;

/// Takes the lock that keeps a second server out. It holds as long as the file is open.
pub(super) fn lock(path: &Path) -> Result<File> {
    let lock_path = beside(path, "lock");
    let unavailable = |e: std::io::Error| {
        StoreError::Unavailable(format!(
            "cannot open {}: {e}; give this user the folder, or choose another (BATON_DATA)",
            lock_path.display()
        ))
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&lock_path)
        .map_err(unavailable)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            let _ = file.read_to_string(&mut holder);
            let holder = holder.trim();
            let who = if holder.is_empty() {
                "another server".to_owned()
            } else {
                format!("another server (process {holder})")
            };
            return Err(StoreError::Unavailable(format!(
                "{} is in use by {who}; stop it, or give this one another data folder (BATON_DATA)",
                path.display()
            )));
        }
        Err(TryLockError::Error(e)) => return Err(unavailable(e)),
    }
    file.set_len(0).map_err(unavailable)?;
    file.rewind().map_err(unavailable)?;
    write!(file, "{}", std::process::id()).map_err(unavailable)?;
    Ok(file)
}

/// The path with this extension appended, such as `baton.db.lock`.
pub(super) fn beside(path: &Path, extension: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(extension);
    PathBuf::from(name)
}

/// Refuses an SQLite that may damage the log.
pub(super) fn check_sqlite() -> Result<()> {
    if rusqlite::version_number() < OLDEST_SQLITE {
        return Err(StoreError::Unavailable(format!(
            "SQLite {} can damage a database (WAL-reset bug); Baton needs 3.51.3 or newer: build it with the bundled one",
            rusqlite::version()
        )));
    }
    Ok(())
}

/// The connection of the writer.
pub(super) fn writer(path: &Path, options: &SqliteOptions) -> Result<Connection> {
    let existing = std::fs::metadata(path).map_or(0, |m| m.len());
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_WRITE
            | OpenFlags::SQLITE_OPEN_CREATE
            | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(super::wal::BUSY_WAIT)?;
    check_owner(&conn, path)?;
    conn.execute_batch(&format!(
        "PRAGMA journal_mode = WAL;
         PRAGMA synchronous = FULL;
         PRAGMA foreign_keys = ON;
         PRAGMA wal_autocheckpoint = 0;
         PRAGMA journal_size_limit = {};
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;
         PRAGMA cache_size = -{};",
        super::wal::CUT_BYTES,
        options.writer_cache_kib,
    ))?;
    if let Some(pages) = options.max_pages {
        conn.execute_batch(&format!("PRAGMA max_page_count = {pages}"))?;
    }
    keep_plans(&conn)?;
    if existing > 0 && existing <= QUICK_CHECK_BYTES {
        check_pages(&conn, path)?;
    }
    Ok(conn)
}

/// A connection that only reads.
pub(super) fn reader(path: &Path, options: &SqliteOptions) -> Result<Connection> {
    let conn = Connection::open_with_flags(
        path,
        OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX,
    )?;
    conn.busy_timeout(super::wal::BUSY_WAIT)?;
    conn.execute_batch(&format!(
        "PRAGMA query_only = ON;
         PRAGMA temp_store = MEMORY;
         PRAGMA mmap_size = 0;
         PRAGMA cache_size = -{};",
        options.reader_cache_kib,
    ))?;
    keep_plans(&conn)?;
    Ok(conn)
}

/// Keeps statements ready and their plans as they are.
///
/// Without the planner's stability guarantee SQLite looks at the values of parameters to see whether
/// they imply the condition of a partial index, and so parses a statement anew each time one changes.
pub(super) fn keep_plans(conn: &Connection) -> Result<()> {
    conn.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    conn.set_prepared_statement_cache_capacity(STATEMENTS);
    Ok(())
}

fn check_owner(conn: &Connection, path: &Path) -> Result<()> {
    let pragma = |name: &str| -> rusqlite::Result<i32> {
        conn.query_row(&format!("PRAGMA {name}"), [], |row| row.get(0))
    };
    let owner = pragma("application_id").map_err(|e| damaged(path, &e))?;
    if owner == APPLICATION_ID {
        return Ok(());
    }
    let tables: i64 = conn
        .query_row("SELECT count(*) FROM sqlite_schema", [], |row| row.get(0))
        .map_err(|e| damaged(path, &e))?;
    if owner != 0 || tables > 0 {
        return Err(StoreError::Corrupt(format!(
            "{} is a database of another program, not Baton's; choose another data folder (BATON_DATA)",
            path.display()
        )));
    }
    Ok(())
}

fn check_pages(conn: &Connection, path: &Path) -> Result<()> {
    let found: String = conn
        .query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
        .map_err(|e| damaged(path, &e))?;
    if found == "ok" {
        Ok(())
    } else {
        Err(StoreError::Corrupt(format!(
            "{} is damaged ({found}); restore a backup",
            path.display()
        )))
    }
}

fn damaged(path: &Path, error: &rusqlite::Error) -> StoreError {
    use rusqlite::ErrorCode::{DatabaseCorrupt, NotADatabase};
    match error.sqlite_error_code() {
        Some(DatabaseCorrupt | NotADatabase) => StoreError::Corrupt(format!(
            "{} is damaged or not a database ({error}); restore a backup",
            path.display()
        )),
        _ => StoreError::Unavailable(format!("cannot open {}: {error}", path.display())),
    }
}
