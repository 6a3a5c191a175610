//! The commands that make the change which would start a run, ready to be copied into a shell.

use baton_core::explain::{Change, RobotStart, Step};
use baton_core::limit::Barrier;
use baton_core::text::shell_word;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A command of the `baton` executable, and what a person should know before giving it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Advice {
    /// The command as a shell reads it; words in capitals, such as `TOKEN`, are to be filled in.
    pub command: String,
    /// Where it is given, when that is not wherever one is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub place: Option<String>,
}

/// The commands of a change on the server at this address; what only time or somebody's consent brings has none.
pub fn advice(change: &Change, url: &str) -> Vec<Advice> {
    let mut all: Vec<Advice> = change.steps.iter().filter_map(here).collect();
    if let Some(start) = &change.start {
        if start.robot.is_none() {
            all.push(Advice::here(&["robots", "enroll"], &[], &[]));
        }
        all.push(robot(start, url));
    }
    all
}

/// What can be done from here.
fn here(step: &Step) -> Option<Advice> {
    Some(match step {
        Step::ResumeQueue { queue } => Advice::here(&["queues", "resume"], &[queue], &[]),
        Step::EndDrain { robot } => Advice::here(&["robots", "resume"], &[&robot.robot], &[]),
        Step::RaiseLimit {
            barrier, name, to, ..
        } => {
            let to = to.to_string();
            match barrier {
                Barrier::QueueLimit => {
                    Advice::here(&["queues", "edit"], &[name], &["--limit", &to])
                }
                Barrier::DeploymentLimit => {
                    Advice::here(&["deployments", "edit"], &[name], &["--concurrency", &to])
                }
                Barrier::TagLimit { tag } => Advice::here(&["limits", "set"], &[tag, &to], &[]),
                Barrier::QueuePaused => return None,
            }
        }
        Step::Wait { .. }
        | Step::EndRun { .. }
        | Step::WaitTurn
        | Step::Approve
        | Step::StartServer
        | Step::ServeQueue { .. }
        | Step::Connect { .. }
        | Step::SetEnvironment { .. }
        | Step::AddLabels { .. }
        | Step::AddCapabilities { .. }
        | Step::AddSlot { .. }
        | Step::AddDesktop { .. }
        | Step::EnrolRobot { .. } => return None,
    })
}

/// A robot, started with all that it has to offer.
fn robot(start: &RobotStart, url: &str) -> Advice {
    let mut words = vec!["baton".to_owned()];
    words.push(if start.in_server { "up" } else { "robot" }.to_owned());
    let place = match &start.robot {
        Some(name) if start.in_server => format!(
            "where this server is, in place of the `baton up` that runs there with {name} in it (give it the \
             same --data, --port and other flags again)"
        ),
        Some(name) => format!(
            "where {name} is, in place of the one that runs there (--data names its folder)"
        ),
        None => {
            words.extend(flag("--url", url));
            words.extend(flag("--token", "TOKEN"));
            "on the robot's machine, with the token that the line above makes".to_owned()
        }
    };
    if let Some(environment) = &start.environment {
        words.extend(flag("--environment", environment));
    }
    let lists = [
        ("--label", &start.labels),
        ("--capability", &start.capabilities),
        ("--queue", &start.queues),
        ("--desktop", &start.desktops),
    ];
    for (name, values) in lists {
        words.extend(values.iter().flat_map(|value| flag(name, value)));
    }
    if start.another_desktop {
        words.extend(flag("--desktop", "SESSION"));
    }
    // The robot of `baton up` has more than one unless it is told.
    if start.slots > 1 || start.in_server {
        words.extend(flag("--slots", &start.slots.to_string()));
    }
    Advice {
        command: line(&words),
        place: Some(place),
    }
}

/// A flag with its value; one that could be taken for a flag itself is tied to it.
fn flag(name: &str, value: &str) -> Vec<String> {
    if value.starts_with('-') {
        vec![format!("{name}={value}")]
    } else {
        vec![name.to_owned(), value.to_owned()]
    }
}

impl Advice {
    /// What a verb does to these names, with these flags.
    fn here(verb: &[&str], names: &[&str], flags: &[&str]) -> Self {
        let flag_like = names.iter().any(|name| name.starts_with('-'));
        let rest = if flag_like {
            [flags, &["--"], names].concat()
        } else {
            [names, flags].concat()
        };
        let words: Vec<String> = std::iter::once(&"baton")
            .chain(verb)
            .chain(&rest)
            .map(|word| (*word).to_owned())
            .collect();
        Self {
            command: line(&words),
            place: None,
        }
    }
}

/// The words as a shell reads them.
fn line(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| shell_word(word)).collect();
    quoted.join(" ")
}
