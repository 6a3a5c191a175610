//! What the server answers to what it is told of a manual run, and what follows when it does not.

use std::path::PathBuf;
use std::time::Duration;

use baton_api::client::{ClientError, Result};

/// How long the server may take to answer. The end of a script waits for it, so a server that is not there must
/// not hold it up for long.
const ANSWER: Duration = Duration::from_secs(5);
/// The slowest that a server may take what it is given, in bytes a second.
const SLOWEST: u64 = 256 << 10;
/// Why a run is still to be told.
pub(crate) enum Untold {
    /// The server did not take it.
    Server(ClientError),
    /// Its record cannot be read.
    Here(PathBuf, std::io::Error),
}

impl From<ClientError> for Untold {
    fn from(error: ClientError) -> Self {
        Self::Server(error)
    }
}

impl std::fmt::Display for Untold {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Server(error) => error.fmt(f),
            Self::Here(path, error) => {
                write!(f, "{} cannot be read: {error}", path.display())
            }
        }
    }
}

/// What the server answers, if it does within a time that is enough for this many bytes.
pub(super) async fn within<T>(bytes: u64, call: impl Future<Output = Result<T>>) -> Result<T> {
    let patience = ANSWER + Duration::from_secs(bytes / SLOWEST);
    tokio::time::timeout(patience, call)
        .await
        .unwrap_or_else(|_| {
            Err(ClientError::Unreachable {
                url: "the server".to_owned(),
                reason: format!("it gave no answer within {} s", patience.as_secs()),
            })
        })
}

/// Whether asking again would be answered the same: then the rest must not wait for it.
pub(super) fn is_refused(error: &ClientError) -> bool {
    match error {
        ClientError::Problem(problem) => {
            matches!(problem.status, 400 | 409 | 413 | 415 | 422)
        }
        ClientError::TooLarge { .. } => true,
        _ => false,
    }
}
