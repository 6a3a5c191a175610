//! What Robot Framework prints of the tasks that failed, on standard output.

use baton_core::run::LogStream;

use super::telling::{LastLine, plain};

/// The last task that failed and why: `Task: its message`.
pub(crate) fn robot_failure(lines: &[LastLine]) -> Option<(LogStream, String)> {
    let out: Vec<String> = lines
        .iter()
        .filter(|l| l.stream == LogStream::Stdout)
        .map(|l| plain(&l.text))
        .collect();
    let is_count = |text: &str| {
        let mut words = text.split(' ');
        words.next().is_some_and(|n| n.parse::<u32>().is_ok())
            && words
                .next()
                .is_some_and(|w| w.starts_with("task") || w.starts_with("test"))
    };
    (0..out.len()).rev().find_map(|at| {
        // The task's own words may have pushed the status to a line of its own.
        let name = out[at].strip_suffix("FAIL |")?.trim_end_matches(['|', ' ']);
        // A suite's own line is followed by its counts.
        let message = out
            .get(at + 1)
            .filter(|next| !next.is_empty() && !is_count(next))?;
        let text = match name {
            "" => message.clone(),
            name => format!("{name}: {message}"),
        };
        Some((LogStream::Stdout, text))
    })
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    /// Robot Framework 7.5, its lines shortened.
    const CONSOLE: &str = "\
========================
Three
========================
One             | FAIL |
invoice 16 has no date
------------------------
Two             | FAIL |
invoice 17 has no date
------------------------
Three           | FAIL |
2 tasks, 0 passed, 2 failed
========================
Output:  /x/output.xml";

    fn failure(console: &str) -> Option<String> {
        let line = |text: &str| LastLine {
            stream: LogStream::Stdout,
            text: text.to_owned(),
            before_end: Duration::ZERO,
        };
        let lines: Vec<LastLine> = console.lines().map(line).collect();
        robot_failure(&lines).map(|(_, text)| text)
    }

    #[test]
    fn the_last_task_that_failed_says_why() {
        assert_eq!(
            failure(CONSOLE).as_deref(),
            Some("Two: invoice 17 has no date")
        );
        // A status that the task's own words pushed to a line of its own.
        assert_eq!(
            failure("Two   hello\n| FAIL |\nno date\n").as_deref(),
            Some("no date")
        );
        assert_eq!(failure("Three | FAIL |\n2 tasks, 0 passed, 2 failed"), None);
        assert_eq!(failure("One | PASS |"), None);
    }
}
