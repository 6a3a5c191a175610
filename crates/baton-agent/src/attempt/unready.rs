//! Why an attempt has no process: the flow, or this robot.

use baton_core::error::ErrorInfo;

/// Why there is no process.
pub(crate) struct Unready {
    pub(super) error: ErrorInfo,
    /// The reason lies with this robot: another one may do better.
    pub(super) of_robot: bool,
}

impl Unready {
    pub(super) fn of_flow(error: ErrorInfo) -> Self {
        Self {
            error,
            of_robot: false,
        }
    }

    pub(super) fn of_robot(error: ErrorInfo) -> Self {
        Self {
            error,
            of_robot: true,
        }
    }
}

/// Unless it is known better, the flow is the reason.
impl From<ErrorInfo> for Unready {
    fn from(error: ErrorInfo) -> Self {
        Self::of_flow(error)
    }
}
