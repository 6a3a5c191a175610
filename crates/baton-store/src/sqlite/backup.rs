//! A consistent copy of everything, made while the store is in use.

use std::path::Path;

use super::{SqliteOptions, open};
use crate::error::{Result, StoreError};

/// Copies the database to a new file: whole, compact, and synced before it gets its name.
pub(super) fn copy(from: &Path, to: &Path, options: &SqliteOptions) -> Result<()> {
    if to.exists() {
        return Err(StoreError::conflict(
            "backup_exists",
            format!("{} exists already; name a new file", to.display()),
        ));
    }
    let unavailable =
        |e: std::io::Error| StoreError::Unavailable(format!("cannot write {}: {e}", to.display()));
    let part = open::beside(to, "part");
    if part.exists() {
        std::fs::remove_file(&part).map_err(unavailable)?;
    }
    let conn = open::reader(from, options)?;
    let name = part.to_str().ok_or_else(|| {
        StoreError::conflict("backup_path", "the path of a backup must be valid UTF-8")
    })?;
    conn.execute_batch("PRAGMA query_only = OFF")?;
    conn.execute("VACUUM INTO ?1", [name])?;
    std::fs::File::open(&part)
        .and_then(|file| file.sync_all())
        .map_err(unavailable)?;
    std::fs::rename(&part, to).map_err(unavailable)
}
