//! What is reported of tasks, by robots and by processes that execute runs by themselves: bounded, with a stable id.

use baton_api::rest::TaskInput;
use baton_core::error::{ErrorInfo, clip};
use baton_core::id::{RunId, TaskRunId};
use baton_core::run::TaskRun;
use sha2::{Digest, Sha256};

/// Longest name or key of a task, in bytes.
pub(crate) const MAX_TASK_NAME: usize = 512;

/// The task as it is kept.
pub(crate) fn task_run(run_id: RunId, attempt: u32, input: TaskInput) -> TaskRun {
    TaskRun {
        id: task_id(run_id, attempt, &input.key),
        run_id,
        attempt,
        key: clip(input.key, MAX_TASK_NAME),
        name: clip(input.name, MAX_TASK_NAME),
        state: input.state,
        after: input.after,
        tries: input.tries,
        started_at: input.started_at,
        ended_at: input.ended_at,
        error: input.error.map(ErrorInfo::bounded),
        data: input.data,
    }
}

/// The same task of the same attempt always has the same id, however often it is reported; it sorts
/// by the time of its run.
fn task_id(run_id: RunId, attempt: u32, key: &str) -> TaskRunId {
    let mut hash = Sha256::new();
    hash.update(run_id.0.as_bytes());
    hash.update(attempt.to_be_bytes());
    hash.update(key.as_bytes());
    let mut bytes = *run_id.0.as_bytes();
    bytes[6..].copy_from_slice(&hash.finalize()[..10]);
    TaskRunId(
        uuid::Builder::from_bytes(bytes)
            .with_version(uuid::Version::SortRand)
            .with_variant(uuid::Variant::RFC4122)
            .into_uuid(),
    )
}
