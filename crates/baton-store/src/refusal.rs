//! Why an assignment is refused in a store.

use baton_core::limit::Barrier;

/// Why a robot does not get a run: something changed since it was decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The run is not there, is not queued, or is at another attempt.
    RunMoved,
    /// The robot is not there, or not in the session that was asked.
    RobotGone,
    /// The robot takes nothing new.
    RobotDraining,
    /// All its slots are taken.
    NoSlot,
    /// The desktop session is occupied.
    DesktopTaken,
    /// The run's queue is paused.
    QueuePaused,
    /// The deployment's limit is reached.
    DeploymentLimit,
    /// The limit of one of the tags is reached.
    TagLimit,
    /// The queue's limit is reached.
    QueueLimit,
    /// The robot can never run it.
    RobotMismatch,
}

impl Refusal {
    /// Stable, snake_case.
    pub const fn code(self) -> &'static str {
        match self {
            Self::RunMoved => "run_moved",
            Self::RobotGone => "robot_gone",
            Self::RobotDraining => "robot_draining",
            Self::NoSlot => "no_slot",
            Self::DesktopTaken => "desktop_taken",
            Self::QueuePaused => "queue_paused",
            Self::DeploymentLimit => "deployment_limit",
            Self::TagLimit => "tag_limit",
            Self::QueueLimit => "queue_limit",
            Self::RobotMismatch => "robot_mismatch",
        }
    }
}

impl From<&Barrier> for Refusal {
    fn from(barrier: &Barrier) -> Self {
        match barrier {
            Barrier::QueuePaused => Self::QueuePaused,
            Barrier::DeploymentLimit => Self::DeploymentLimit,
            Barrier::TagLimit { .. } => Self::TagLimit,
            Barrier::QueueLimit => Self::QueueLimit,
        }
    }
}
