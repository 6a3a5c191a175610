//! The commands that make the change which would start a run, ready to be copied into a shell.

use baton_core::explain::{Change, RobotStart, Step};
use baton_core::limit::Barrier;
use owo_colors::OwoColorize as _;

use crate::output;

/// A command, and what a person should know before giving it.
#[derive(Debug, PartialEq)]
pub(crate) struct Advice {
    /// The command's words, the program first.
    pub(crate) words: Vec<String>,
    /// Where it is given, when that is not here.
    pub(crate) place: Option<String>,
}

/// Prints the change and, below it, each command of it.
pub(crate) fn print(change: &Change, url: &str, write: fn(&str)) {
    write(&format!("{} {}", "→".bold(), change.message));
    for advice in commands(change, url) {
        // What a shell takes for a comment may be copied with the command.
        let place = advice.place.map_or(String::new(), |place| {
            format!("   {}", format!("# {place}").dimmed())
        });
        write(&format!("    {}{place}", line(&advice.words)));
    }
}

/// The commands of a change; what only time or a person's consent brings has none.
pub(crate) fn commands(change: &Change, url: &str) -> Vec<Advice> {
    let mut all: Vec<Advice> = change.steps.iter().filter_map(here).collect();
    if let Some(start) = &change.start {
        if start.robot.is_none() {
            all.push(Advice::here(&["robots", "enroll"]));
        }
        all.push(robot(start, url));
    }
    all
}

/// What can be done from here.
fn here(step: &Step) -> Option<Advice> {
    Some(match step {
        Step::ResumeQueue { queue } => Advice::here(&["queues", "resume", queue]),
        Step::EndDrain { robot } => Advice::here(&["robots", "resume", &robot.robot]),
        Step::RaiseLimit {
            barrier, name, to, ..
        } => {
            let to = to.to_string();
            match barrier {
                Barrier::QueueLimit => Advice::here(&["queues", "edit", name, "--limit", &to]),
                Barrier::DeploymentLimit => {
                    Advice::here(&["deployments", "edit", name, "--concurrency", &to])
                }
                Barrier::TagLimit { tag } => Advice::here(&["limits", "set", tag, &to]),
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
    let mut words = vec!["baton".to_owned(), "robot".to_owned()];
    let place = match &start.robot {
        Some(name) => format!("where {name} is, in place of the one that runs there"),
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
    if start.slots > 1 {
        words.extend(flag("--slots", &start.slots.to_string()));
    }
    Advice {
        words,
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
    fn here(words: &[&str]) -> Self {
        let words = std::iter::once("baton").chain(words.iter().copied());
        Self {
            words: words.map(str::to_owned).collect(),
            place: None,
        }
    }
}

/// The words as a shell reads them.
fn line(words: &[String]) -> String {
    let quoted: Vec<String> = words.iter().map(|word| output::quoted(word)).collect();
    quoted.join(" ")
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use baton_core::explain::Named;
    use baton_core::id::RobotId;
    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    fn set(words: &[&str]) -> BTreeSet<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    fn change(steps: Vec<Step>, start: Option<RobotStart>) -> Change {
        Change {
            message: String::new(),
            steps,
            start,
        }
    }

    fn lines(change: &Change) -> Vec<String> {
        let advice = commands(change, "http://127.0.0.1:8765");
        for one in &advice {
            // What is printed is what the command line takes.
            if let Err(error) = Cli::try_parse_from(&one.words) {
                panic!("{:?}: {error}", one.words);
            }
        }
        advice.iter().map(|one| line(&one.words)).collect()
    }

    fn raise(barrier: Barrier, name: &str) -> Step {
        Step::RaiseLimit {
            barrier,
            of: String::new(),
            name: name.into(),
            to: 3,
        }
    }

    #[test]
    fn every_change_of_settings_is_a_command_that_the_command_line_takes() {
        let tag = "it's slow".to_owned();
        let robot = Named {
            robot_id: RobotId(uuid::Uuid::nil()),
            robot: "sap-1".into(),
        };
        let steps = vec![
            Step::ResumeQueue {
                queue: "accounting".into(),
            },
            Step::EndDrain { robot },
            raise(Barrier::QueueLimit, "accounting"),
            raise(Barrier::DeploymentLimit, "report/nightly"),
            raise(Barrier::TagLimit { tag: tag.clone() }, &tag),
        ];
        assert_eq!(
            lines(&change(steps, None)),
            [
                "baton queues resume accounting",
                "baton robots resume sap-1",
                "baton queues edit accounting --limit 3",
                "baton deployments edit report/nightly --concurrency 3",
                r"baton limits set 'it'\''s slow' 3",
            ]
        );
    }

    #[test]
    fn a_robot_is_started_with_all_that_it_has_and_what_it_lacks() {
        let start = RobotStart {
            robot: Some("sap-1".into()),
            environment: Some("production".into()),
            labels: set(&["-odd", "sap"]),
            capabilities: set(&["browser"]),
            queues: set(&["accounting"]),
            desktops: set(&[":1"]),
            another_desktop: true,
            slots: 2,
        };
        assert_eq!(
            lines(&change(Vec::new(), Some(start))),
            [
                "baton robot --environment production --label=-odd --label sap --capability browser \
                 --queue accounting --desktop :1 --desktop SESSION --slots 2"
            ]
        );
    }

    #[test]
    fn a_robot_that_is_not_there_yet_is_enrolled_first() {
        let start = RobotStart {
            queues: set(&["default"]),
            slots: 1,
            ..RobotStart::default()
        };
        assert_eq!(
            lines(&change(Vec::new(), Some(start))),
            [
                "baton robots enroll",
                "baton robot --url http://127.0.0.1:8765 --token TOKEN --queue default"
            ]
        );
    }

    #[test]
    fn what_only_time_brings_has_no_command() {
        let steps = vec![Step::WaitTurn, Step::Approve, Step::StartServer];
        assert!(lines(&change(steps, None)).is_empty());
    }
}
