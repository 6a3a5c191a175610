//! How the change that would start a run is shown: in a sentence, and as commands ready to be copied.

use baton_api::rest::RunExplanation;
use owo_colors::OwoColorize as _;

/// Prints the change and, below it, each command of it.
pub(crate) fn print(why: &RunExplanation, write: fn(&str)) {
    let Some(change) = &why.explanation.change else {
        return;
    };
    write(&format!("{} {}", "→".bold(), change.message));
    for advice in &why.commands {
        // What a shell takes for a comment may be copied with the command.
        let place = advice.place.as_ref().map_or(String::new(), |place| {
            format!("   {}", format!("# {place}").dimmed())
        });
        write(&format!("    {}{place}", advice.command));
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use baton_api::rest::advice;
    use baton_core::explain::{Change, Named, RobotStart, Step};
    use baton_core::id::RobotId;
    use baton_core::limit::Barrier;
    use clap::Parser as _;

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

    /// The commands of a change, each of which a shell and the command line have taken.
    fn lines(change: &Change) -> Vec<String> {
        let commands = advice(change, "http://127.0.0.1:8765")
            .into_iter()
            .map(|one| one.command);
        commands
            .inspect(|command| {
                let words = words(command);
                if let Err(error) = Cli::try_parse_from(&words) {
                    panic!("{words:?}: {error}");
                }
            })
            .collect()
    }

    /// The words that a shell makes of a line.
    fn words(line: &str) -> Vec<String> {
        let said = std::process::Command::new("sh")
            .args(["-c", &format!("printf '%s\\n' {line}")])
            .output()
            .expect("there is a shell");
        let text = String::from_utf8(said.stdout).expect("text");
        text.lines().map(str::to_owned).collect()
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
            in_server: false,
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
    fn the_robot_of_baton_up_is_started_by_it_with_as_many_slots_as_before() {
        let start = RobotStart {
            robot: Some("front desk".into()),
            labels: set(&["sap"]),
            slots: 1,
            in_server: true,
            ..RobotStart::default()
        };
        let change = change(Vec::new(), Some(start));
        assert_eq!(lines(&change), ["baton up --label sap --slots 1"]);
        let place = advice(&change, "").pop().and_then(|one| one.place);
        let place = place.expect("it is not given just anywhere");
        assert!(
            place.contains("this server") && place.contains("--data"),
            "{place}"
        );
    }

    #[test]
    fn a_name_that_looks_like_a_flag_is_taken_for_a_name() {
        let robot = Named {
            robot_id: RobotId(uuid::Uuid::nil()),
            robot: "-r 1".into(),
        };
        let tag = "--help".to_owned();
        let steps = vec![
            Step::EndDrain { robot },
            raise(Barrier::QueueLimit, "-q"),
            raise(Barrier::TagLimit { tag: tag.clone() }, &tag),
        ];
        assert_eq!(
            lines(&change(steps, None)),
            [
                "baton robots resume -- '-r 1'",
                "baton queues edit --limit 3 -- -q",
                "baton limits set -- --help 3",
            ]
        );
    }

    #[test]
    fn what_only_time_brings_has_no_command() {
        let steps = vec![Step::WaitTurn, Step::Approve, Step::StartServer];
        assert!(lines(&change(steps, None)).is_empty());
    }
}
