//! What can go wrong in a store, sorted by what the caller can do about it.

use baton_core::id::Fence;
use baton_core::state::IllegalTransition;

/// Why a store method did not do what was asked. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing, or not in this org.
    #[error("{what} not found")]
    NotFound {
        /// What was looked for, such as `run brisk-otter-4f2a`.
        what: String,
    },
    /// Something with this name or key is already there, or something still uses it.
    #[error("{message}")]
    Conflict {
        /// Stable, snake_case.
        code: &'static str,
        /// What stands in the way.
        message: String,
    },
    /// The state machine does not allow it.
    #[error(transparent)]
    Illegal(#[from] IllegalTransition),
    /// The sender's claim is no longer the valid one: the attempt was ended or given to another.
    #[error("{}", stale(*given, *current, *attempt))]
    StaleFence {
        /// What the sender brought.
        given: Fence,
        /// What is valid now.
        current: Fence,
        /// The run's attempt now.
        attempt: u32,
    },
    /// The cursor is malformed, or what it points to was pruned.
    #[error("{message}")]
    Cursor {
        /// `bad_cursor` or `cursor_expired`.
        code: &'static str,
        /// What to do.
        message: String,
    },
    /// Cannot write now: the disk is full or the database is unreachable. Trying again later may work.
    #[error("the store is unavailable: {0}")]
    Unavailable(String),
    /// The disk failed while it was to keep this: whether it did is not known before the store is opened anew.
    #[error("it is not known whether this was kept: {0}")]
    NotKnown(String),
    /// The database is damaged or was written by a newer Baton. Trying again will not help.
    #[error("{0}")]
    Corrupt(String),
    /// Anything else: a bug.
    #[error("the store failed: {0}")]
    Backend(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// What every store method returns.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A claim with the right fence is refused because the attempt is somebody else's.
fn stale(given: Fence, current: Fence, attempt: u32) -> String {
    if given == current {
        return format!(
            "attempt {attempt} with fence {current} is not the sender's: it was given to another robot, or to none"
        );
    }
    format!("fence {given} is stale: the run is at attempt {attempt} with fence {current}")
}

impl StoreError {
    /// A thing that is not there.
    pub fn not_found(what: impl Into<String>) -> Self {
        Self::NotFound { what: what.into() }
    }

    /// A cursor that the list never gave.
    pub fn bad_cursor() -> Self {
        Self::Cursor {
            code: "bad_cursor",
            message: "the cursor is not one that this list gave; start again without it".into(),
        }
    }

    /// A name or key that is taken, or a thing still in use.
    pub fn conflict(code: &'static str, message: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            message: message.into(),
        }
    }
}
