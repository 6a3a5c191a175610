//! What an error of SQLite means to the caller of a store.

use rusqlite::{Error, ErrorCode, ffi};

use crate::error::StoreError;

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match error.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Corrupt(format!(
                "the database is damaged ({error}); restore a backup, or run `baton verify` to see how far it goes"
            )),
            Some(ErrorCode::DiskFull) => Self::Unavailable(
                "the disk is full: free some space, then try again; nothing was lost".into(),
            ),
            Some(
                ErrorCode::SystemIoFailure
                | ErrorCode::CannotOpen
                | ErrorCode::DatabaseBusy
                | ErrorCode::DatabaseLocked
                | ErrorCode::ReadOnly
                | ErrorCode::OperationInterrupted
                | ErrorCode::OutOfMemory,
            ) => Self::Unavailable(error.to_string()),
            _ => Self::Backend(Box::new(error)),
        }
    }
}

/// Whether the error says that the disk did not keep what it was given. After this nothing that was
/// written since the last good sync may be believed, not even when a second sync reports success.
pub(super) fn is_lost_sync(error: &Error) -> bool {
    matches!(
        error.sqlite_extended_error_code(),
        Some(ffi::SQLITE_IOERR_FSYNC | ffi::SQLITE_IOERR_DIR_FSYNC)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sqlite(code: i32) -> Error {
        Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn only_a_failed_sync_poisons() {
        assert!(is_lost_sync(&sqlite(ffi::SQLITE_IOERR_FSYNC)));
        assert!(!is_lost_sync(&sqlite(ffi::SQLITE_FULL)));
        assert!(!is_lost_sync(&sqlite(ffi::SQLITE_IOERR_READ)));
    }

    #[test]
    fn errors_are_sorted_by_what_the_caller_can_do() {
        let sort = |code| StoreError::from(sqlite(code));
        assert!(matches!(sort(ffi::SQLITE_CORRUPT), StoreError::Corrupt(_)));
        assert!(matches!(sort(ffi::SQLITE_NOTADB), StoreError::Corrupt(_)));
        assert!(matches!(sort(ffi::SQLITE_FULL), StoreError::Unavailable(_)));
        assert!(matches!(
            sort(ffi::SQLITE_IOERR),
            StoreError::Unavailable(_)
        ));
        assert!(matches!(
            sort(ffi::SQLITE_CONSTRAINT),
            StoreError::Backend(_)
        ));
    }
}
