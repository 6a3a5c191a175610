//! The smallest change that would start a run, in steps that a person or a program can take.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{RobotId, RunId};
use crate::limit::Barrier;

/// What would start the run: all of these steps together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Change {
    /// A sentence for a person.
    pub message: String,
    /// What to do; every step is needed.
    pub steps: Vec<Step>,
}

impl Change {
    pub(super) fn of(steps: Vec<Step>) -> Self {
        let sentences: Vec<String> = steps.iter().map(Step::sentence).collect();
        Self {
            message: sentences.join(", and "),
            steps,
        }
    }
}

/// One step towards the start of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "step", rename_all = "snake_case")]
pub enum Step {
    /// Nothing but waiting until then.
    Wait {
        /// Until when.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = DateTime))]
        until: Timestamp,
    },
    /// Wait for, or end, another run.
    EndRun {
        /// Which run.
        #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
        run_id: RunId,
        /// Its name.
        name: String,
    },
    /// Wait until the runs that go before it have been given out, or raise its priority.
    WaitTurn,
    /// Approve the run.
    Approve,
    /// Start a server, or wait until another one leads.
    StartServer,
    /// Resume the queue.
    ResumeQueue {
        /// Its name.
        queue: String,
    },
    /// Raise a limit, or wait for one of its holders to end.
    RaiseLimit {
        /// Which limit.
        barrier: Barrier,
        /// Whose limit, in words.
        of: String,
        /// To what at least.
        to: u32,
    },
    /// Have a robot serve the queue.
    ServeQueue {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
        /// The queue's name.
        queue: String,
    },
    /// Connect a robot.
    Connect {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
    },
    /// End the drain of a robot.
    EndDrain {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
    },
    /// Move a robot to another environment.
    SetEnvironment {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
        /// Which environment.
        environment: String,
    },
    /// Give a robot labels.
    AddLabels {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
        /// Which labels.
        labels: BTreeSet<String>,
    },
    /// Give a robot capabilities.
    AddCapabilities {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
        /// Which capabilities.
        capabilities: BTreeSet<String>,
    },
    /// Wait for a slot of a robot, or give it more.
    AddSlot {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
        /// `max_concurrent_jobs` must be this at least.
        slots: u32,
    },
    /// Wait for a desktop session of a robot, or give it one more.
    AddDesktop {
        /// Which robot.
        #[serde(flatten)]
        robot: Named,
    },
    /// Enrol a robot that serves the queue and has all of this.
    EnrolRobot {
        /// The queue's name.
        queue: String,
        /// The environment it must belong to.
        environment: Option<String>,
        /// Labels it must have.
        labels: BTreeSet<String>,
        /// Capabilities it must have.
        capabilities: BTreeSet<String>,
        /// Whether it must have a desktop session.
        desktop: bool,
    },
}

/// A robot by id and name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Named {
    /// Its id.
    #[cfg_attr(feature = "schema", schema(value_type = String, format = Uuid))]
    pub robot_id: RobotId,
    /// Its name.
    pub robot: String,
}

impl Step {
    /// The step as an order to a person.
    pub fn sentence(&self) -> String {
        match self {
            Self::Wait { until } => format!("wait until {until}"),
            Self::EndRun { name, .. } => format!("wait for {name} to end"),
            Self::WaitTurn => "wait for its turn, or raise its priority".into(),
            Self::Approve => "approve it".into(),
            Self::StartServer => "start a server".into(),
            Self::ResumeQueue { queue } => format!("resume the work queue {queue:?}"),
            Self::RaiseLimit { of, to, .. } => {
                format!("raise the limit of {of} to {to} (or wait for a holder to end)")
            }
            Self::ServeQueue { robot, queue } => {
                format!("have {} serve the work queue {queue:?}", robot.robot)
            }
            Self::Connect { robot } => format!("connect {}", robot.robot),
            Self::EndDrain { robot } => format!("end the drain of {}", robot.robot),
            Self::SetEnvironment { robot, environment } => {
                format!("move {} to the environment {environment:?}", robot.robot)
            }
            Self::AddLabels { robot, labels } => {
                format!("give {} the label {}", robot.robot, list(labels))
            }
            Self::AddCapabilities {
                robot,
                capabilities,
            } => format!("give {} the capability {}", robot.robot, list(capabilities)),
            Self::AddSlot { robot, slots } => format!(
                "give {} {slots} slots (or wait for a run on it to end)",
                robot.robot
            ),
            Self::AddDesktop { robot } => format!(
                "give {} another desktop session (or wait for one to be free)",
                robot.robot
            ),
            Self::EnrolRobot {
                queue,
                environment,
                labels,
                capabilities,
                desktop,
            } => {
                let mut text = format!("enrol a robot that serves the work queue {queue:?}");
                if let Some(environment) = environment {
                    text += &format!(", in the environment {environment:?}");
                }
                if !labels.is_empty() {
                    text += &format!(", with the label {}", list(labels));
                }
                if !capabilities.is_empty() {
                    text += &format!(", with the capability {}", list(capabilities));
                }
                if *desktop {
                    text += ", with a desktop session";
                }
                text
            }
        }
    }
}

fn list(words: &BTreeSet<String>) -> String {
    let quoted: Vec<String> = words.iter().map(|word| format!("{word:?}")).collect();
    quoted.join(" and ")
}
