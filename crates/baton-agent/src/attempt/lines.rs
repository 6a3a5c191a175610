//! From bytes to log lines: cut at line ends, bounded, with every loss visible in the line itself.

use baton_core::run::MAX_LINE;

/// Room for the mark at the end of a line that was cut.
const MARK: usize = 64;

/// Collects the bytes of one stream into lines.
#[derive(Default)]
pub(crate) struct Lines {
    line: Vec<u8>,
    missing: usize,
}

impl Lines {
    /// Takes bytes and calls `each` with every line that they complete.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], mut each: impl FnMut(String)) {
        while let Some(end) = bytes.iter().position(|b| *b == b'\n') {
            self.take(&bytes[..end]);
            bytes = &bytes[end + 1..];
            each(self.finish());
        }
        self.take(bytes);
    }

    /// The last line, if it has no end.
    pub(crate) fn rest(&mut self) -> Option<String> {
        (!self.line.is_empty() || self.missing > 0).then(|| self.finish())
    }

    fn take(&mut self, bytes: &[u8]) {
        let room = (MAX_LINE - MARK).saturating_sub(self.line.len());
        let kept = bytes.len().min(room);
        self.line.extend_from_slice(&bytes[..kept]);
        self.missing += bytes.len() - kept;
    }

    fn finish(&mut self) -> String {
        let mut line = std::mem::take(&mut self.line);
        let missing = std::mem::take(&mut self.missing);
        if missing == 0 && line.last() == Some(&b'\r') {
            line.pop();
        }
        if missing > 0 {
            // A character that the cut went through is not shown as a broken one.
            let whole = line.utf8_chunks().last().map_or(0, |c| c.invalid().len());
            if whole < 4 {
                line.truncate(line.len() - whole);
            }
        }
        let mut text = String::from_utf8_lossy(&line).into_owned();
        if text.contains('\0') {
            // Databases refuse NUL; its picture shows that there was one.
            text = text.replace('\0', "\u{2400}");
        }
        // Invalid bytes grow when they become visible, so the text is measured again.
        let grown = cut(&mut text);
        if missing + grown > 0 {
            text.push_str(&format!(" … [{} bytes more, not kept]", missing + grown));
        }
        text
    }
}

/// Cuts a text so that a mark fits behind it; how many bytes that took away.
fn cut(text: &mut String) -> usize {
    let before = text.len();
    let mut end = before.min(MAX_LINE - MARK);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    before - end
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(parts: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut out = Vec::new();
        for part in parts {
            lines.feed(part, |l| out.push(l));
        }
        out.extend(lines.rest());
        out
    }

    #[test]
    fn lines_are_put_together_across_reads_and_lose_only_their_ends() {
        assert_eq!(
            lines(&[b"a", b"b\nc\r\n", b"\n", b"last"]),
            ["ab", "c", "", "last"]
        );
        assert_eq!(lines(&[b"\xc3", b"\xa4\n"]), ["\u{e4}"]);
    }

    #[test]
    fn invalid_bytes_are_replaced_visibly() {
        assert_eq!(lines(&[b"a\xffb\0\n"]), ["a\u{fffd}b\u{2400}"]);
    }

    #[test]
    fn a_huge_line_is_cut_with_a_mark_that_counts_what_is_missing() {
        let huge = vec![b'x'; 10_000_000];
        let out = lines(&[&huge, b"\nnext\n"]);
        assert_eq!(out.len(), 2);
        assert!(out[0].len() <= MAX_LINE);
        let kept = out[0].chars().take_while(|c| *c == 'x').count();
        assert!(
            out[0].ends_with(&format!("[{} bytes more, not kept]", huge.len() - kept)),
            "{}",
            &out[0][kept..]
        );
        assert_eq!(out[1], "next");
    }

    #[test]
    fn a_line_of_garbage_stays_within_the_bound() {
        let out = lines(&[&vec![0xff; 100_000]]);
        assert!(out[0].len() <= MAX_LINE);
        assert!(out[0].ends_with("bytes more, not kept]"));
    }
}
