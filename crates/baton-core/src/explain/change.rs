//! The smallest change that would start a run, in steps that a person or a program can take.

use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{RobotId, RunId};
use crate::limit::Barrier;
use crate::robot::RobotOffer;

/// The queue that every robot serves without being told.
const DEFAULT_QUEUE: &str = "default";

/// What would start the run: all of these steps together.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct Change {
    /// A sentence for a person.
    pub message: String,
    /// What to do; every step is needed.
    pub steps: Vec<Step>,
    /// What the robot of the steps has to be started with, when one of them is taken by starting it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start: Option<RobotStart>,
}

impl Change {
    pub(super) fn of(steps: Vec<Step>, start: Option<RobotStart>) -> Self {
        let sentences: Vec<String> = steps.iter().map(Step::sentence).collect();
        Self {
            message: sentences.join(", and "),
            steps,
            start,
        }
    }

    /// Whether nothing is to be done but to wait for a time.
    pub fn is_waiting(&self) -> bool {
        self.steps
            .iter()
            .all(|step| matches!(step, Step::Wait { .. }))
    }
}

/// All that a robot has to be started with so that it takes the run: what it offers now, and what the steps add.
///
/// A robot is told what it offers each time it starts, so that naming only what is new would take the rest away.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
pub struct RobotStart {
    /// The robot's name; none for one that is to be enrolled.
    pub robot: Option<String>,
    /// Its environment.
    pub environment: Option<String>,
    /// Its labels.
    pub labels: BTreeSet<String>,
    /// Its capabilities.
    pub capabilities: BTreeSet<String>,
    /// The queues that it serves beside `default` and the one named after its computer.
    pub queues: BTreeSet<String>,
    /// Its desktop sessions.
    pub desktops: BTreeSet<String>,
    /// Whether it needs one desktop session more than these.
    pub another_desktop: bool,
    /// How many runs it takes at once.
    pub slots: u32,
    /// Whether it is the robot of `baton up`, which alone starts it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_server: bool,
}

impl RobotStart {
    /// A robot as it offers itself, with everything that these steps give it. Nothing when no step needs its start.
    pub(super) fn of(name: &str, offer: &RobotOffer, steps: &[Step]) -> Option<Self> {
        let mut start = Self {
            robot: Some(name.to_owned()),
            environment: offer.environment.clone(),
            labels: offer.labels.clone(),
            capabilities: offer.capabilities.clone(),
            queues: offer.queues.clone(),
            desktops: offer.desktops.clone(),
            another_desktop: false,
            slots: offer.max_concurrent_jobs,
            in_server: offer.in_server,
        };
        let mut needed = false;
        for step in steps {
            needed |= start.add(step);
        }
        start
            .queues
            .retain(|queue| queue != DEFAULT_QUEUE && *queue != offer.computer);
        needed.then_some(start)
    }

    /// Adds what a step gives; whether it is taken by starting the robot.
    fn add(&mut self, step: &Step) -> bool {
        match step {
            Step::Connect { .. } => {}
            Step::ServeQueue { queue, .. } => _ = self.queues.insert(queue.clone()),
            Step::SetEnvironment { environment, .. } => {
                self.environment = Some(environment.clone());
            }
            Step::AddLabels { labels, .. } => self.labels.extend(labels.iter().cloned()),
            Step::AddCapabilities { capabilities, .. } => {
                self.capabilities.extend(capabilities.iter().cloned());
            }
            Step::AddSlot { slots, .. } => self.slots = *slots,
            Step::AddDesktop { .. } => self.another_desktop = true,
            Step::EnrolRobot {
                queue,
                environment,
                labels,
                capabilities,
                desktop,
            } => {
                *self = Self {
                    robot: None,
                    environment: environment.clone(),
                    labels: labels.clone(),
                    capabilities: capabilities.clone(),
                    queues: BTreeSet::from([queue.clone()]),
                    desktops: BTreeSet::new(),
                    another_desktop: *desktop,
                    slots: 1,
                    in_server: false,
                };
            }
            Step::Wait { .. }
            | Step::EndRun { .. }
            | Step::WaitTurn
            | Step::Approve
            | Step::StartServer
            | Step::ResumeQueue { .. }
            | Step::RaiseLimit { .. }
            | Step::EndDrain { .. } => return false,
        }
        true
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
        /// The name of the queue, the deployment (`flow/name`) or the tag that has it.
        name: String,
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
                "give {} {slots} slot{} (or wait for a run on it to end)",
                robot.robot,
                if *slots == 1 { "" } else { "s" }
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
