//! Lines and states of one run in one order: a start before what its attempt says, an end after it.
//!
//! Lines have a robot's clock, states the server's; the order rests on attempts, and on clocks only for what
//! happens in the middle of one.

use std::collections::BTreeSet;
use std::iter::Peekable;

use baton_core::run::{LogLine, RunEvent};
use baton_core::state::State;

/// What a followed run says.
#[derive(Clone, Debug, PartialEq)]
pub enum LogItem {
    /// A line, with its attempt.
    Line(u32, LogLine),
    /// A change of its state.
    State(RunEvent),
}

/// The attempts whose process was seen to start: what becomes of one later lies in the middle of its lines.
#[derive(Clone, Debug, Default)]
pub(super) struct Opened(BTreeSet<u32>);

/// Where a state stands among the lines of its attempt.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    ByTime,
    After,
}

impl Opened {
    fn place(&self, event: &RunEvent) -> Place {
        match event.to {
            state if state.is_terminal() => Place::After,
            // The attempt is over, and the next one waits for its time.
            State::Pending if self.0.contains(&event.attempt) => Place::After,
            State::Cancelling | State::Paused => Place::ByTime,
            _ if self.0.contains(&event.attempt) => Place::ByTime,
            _ => Place::Before,
        }
    }

    /// Whether a state stands before a line.
    fn stands_before(&self, event: &RunEvent, (attempt, line): &(u32, LogLine)) -> bool {
        event.attempt < *attempt
            || (event.attempt == *attempt
                && match self.place(event) {
                    Place::Before => true,
                    Place::ByTime => event.at <= line.at,
                    Place::After => false,
                })
    }

    fn note(&mut self, event: &RunEvent) {
        if event.to == State::Running {
            self.0.insert(event.attempt);
        }
    }
}

/// Merges lines with the states after them. A state later than `known`, the last one that was read before the
/// lines, may have lines before it that were not read; so has every state after the lines of a read that is not
/// `drained`. These wait for the next read, unless a line that is here needs them before it.
pub(super) fn merge(
    lines: Vec<(u32, LogLine)>,
    news: impl Iterator<Item = RunEvent>,
    known: i64,
    drained: bool,
    opened: &mut Opened,
) -> Vec<LogItem> {
    let mut items = Vec::with_capacity(lines.len());
    let mut news = news.peekable();
    for line in lines {
        while let Some(event) = next_if(&mut news, |event| opened.stands_before(event, &line)) {
            opened.note(&event);
            items.push(LogItem::State(event));
        }
        items.push(LogItem::Line(line.0, line.1));
    }
    while let Some(event) = next_if(&mut news, |event| drained && event.seq <= known) {
        opened.note(&event);
        items.push(LogItem::State(event));
    }
    items
}

fn next_if<I: Iterator<Item = RunEvent>>(
    news: &mut Peekable<I>,
    wanted: impl FnOnce(&RunEvent) -> bool,
) -> Option<RunEvent> {
    news.next_if(|event| wanted(event))
}

#[cfg(test)]
mod tests {
    use baton_core::id::{Fence, RunId};
    use baton_core::run::{LogLevel, LogStream};
    use jiff::Timestamp;

    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_000 + second).expect("a time")
    }

    fn line(attempt: u32, seq: i64, second: i64) -> (u32, LogLine) {
        let line = LogLine {
            seq,
            at: at(second),
            level: LogLevel::Info,
            stream: LogStream::Stdout,
            task: None,
            message: String::new(),
        };
        (attempt, line)
    }

    fn state(seq: i64, attempt: u32, to: State, second: i64) -> RunEvent {
        RunEvent {
            seq,
            run_id: RunId::new(at(0), [0; 10]),
            from: None,
            to,
            attempt,
            fence: Fence::default(),
            at: at(second),
            event: String::new(),
            actor: String::new(),
            robot_id: None,
            message: None,
        }
    }

    /// A run of two attempts whose robot's clock is an hour ahead.
    fn history() -> Vec<RunEvent> {
        vec![
            state(1, 1, State::Pending, 0),
            state(2, 1, State::Queued, 0),
            state(3, 1, State::Dispatched, 0),
            state(4, 1, State::Running, 0),
            state(5, 1, State::Pending, 2),
            state(6, 2, State::Queued, 3),
            state(7, 2, State::Dispatched, 3),
            state(8, 2, State::Running, 3),
            state(9, 2, State::Completed, 5),
        ]
    }

    fn said(items: &[LogItem]) -> String {
        let words = items.iter().map(|item| match item {
            LogItem::Line(attempt, line) => format!("{attempt}.{}", line.seq),
            LogItem::State(event) => event.to.to_string(),
        });
        words.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn a_start_stands_before_the_lines_of_its_attempt_and_an_end_after_them() {
        let lines = vec![line(1, 1, 3_600), line(1, 2, 3_602), line(2, 1, 3_603)];
        let items = merge(
            lines,
            history().into_iter(),
            9,
            true,
            &mut Opened::default(),
        );
        assert_eq!(
            said(&items),
            "pending queued dispatched running 1.1 1.2 pending queued dispatched running 2.1 completed"
        );
    }

    #[test]
    fn a_state_waits_while_lines_before_it_may_not_have_been_read() {
        let mut opened = Opened::default();
        let full = vec![line(1, 1, 0)];
        let items = merge(full, history().into_iter(), 9, false, &mut opened);
        assert_eq!(said(&items), "pending queued dispatched running 1.1");
        // The second attempt began after history was read and before the lines were.
        let lines = vec![line(1, 2, 1), line(2, 1, 4)];
        let news = history().into_iter().skip(4);
        let items = merge(lines, news, 5, true, &mut opened);
        assert_eq!(said(&items), "1.2 pending queued dispatched running 2.1");
    }

    #[test]
    fn what_happens_in_the_middle_of_an_attempt_stands_by_its_time() {
        let mut history = vec![state(1, 1, State::Running, 0)];
        history.push(state(2, 1, State::Cancelling, 5));
        history.push(state(3, 1, State::Cancelled, 9));
        let lines = vec![line(1, 1, 1), line(1, 2, 6)];
        let items = merge(lines, history.into_iter(), 3, true, &mut Opened::default());
        assert_eq!(said(&items), "running 1.1 cancelling 1.2 cancelled");
    }
}
