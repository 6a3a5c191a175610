//! The last lines that a run wrote to each of its streams, in the order in which they came.

use std::collections::VecDeque;
use std::time::Duration;

use baton_core::error::clip;
use baton_core::run::LogStream;

use super::telling::LastLine;

/// Lines of each stream that are looked at when a run fails.
const KEPT: usize = 30;
/// Of each this many bytes are kept: more than any message shows.
const MAX_BYTES: usize = 2_000;

/// The last lines of both streams. Each has its own bound, so that a busy one does not push the other's out.
#[derive(Debug, Default)]
pub(crate) struct LastLines {
    came: u64,
    out: VecDeque<(u64, Duration, String)>,
    err: VecDeque<(u64, Duration, String)>,
}

impl LastLines {
    /// One more line, which came at this moment.
    pub(crate) fn push(&mut self, stream: LogStream, text: &str, at: Duration) {
        let kept = match stream {
            LogStream::Stdout => &mut self.out,
            LogStream::Stderr => &mut self.err,
            LogStream::System => return,
        };
        self.came += 1;
        kept.push_back((self.came, at, clip(text.to_owned(), MAX_BYTES)));
        if kept.len() > KEPT {
            kept.pop_front();
        }
    }

    /// All of them, as they came.
    pub(crate) fn all(&self, now: Duration) -> Vec<LastLine> {
        let of = |stream, lines: &VecDeque<(u64, Duration, String)>| {
            let line = |(came, at, text): &(u64, Duration, String)| {
                let line = LastLine {
                    stream,
                    text: text.clone(),
                    before_end: now.saturating_sub(*at),
                };
                (*came, line)
            };
            lines.iter().map(line).collect::<Vec<_>>()
        };
        let mut all = of(LogStream::Stdout, &self.out);
        all.extend(of(LogStream::Stderr, &self.err));
        all.sort_by_key(|(came, _)| *came);
        all.into_iter().map(|(_, line)| line).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_busy_stream_does_not_push_out_what_the_other_said() {
        let mut last = LastLines::default();
        last.push(LogStream::Stderr, "ValueError: no date", Duration::ZERO);
        for n in 0..1_000 {
            last.push(LogStream::Stdout, &format!("{n}"), Duration::from_secs(1));
        }
        let all = last.all(Duration::from_secs(3));
        assert_eq!(all.len(), 1 + KEPT);
        assert_eq!(all[0].text, "ValueError: no date");
        assert_eq!(all[0].before_end, Duration::from_secs(3));
        assert_eq!(all[KEPT].text, "999");
    }
}
