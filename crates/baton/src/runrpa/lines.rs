//! Bytes of a script cut into lines, none longer than is kept.

use baton_core::run::MAX_LINE;

/// Bytes as text: what is no UTF-8 is replaced visibly, what is too long is cut visibly.
pub(super) fn text(bytes: &[u8]) -> String {
    let kept = &bytes[..bytes.len().min(MAX_LINE)];
    let message = String::from_utf8_lossy(kept).into_owned();
    if bytes.len() <= MAX_LINE && message.len() <= MAX_LINE {
        return message;
    }
    let mark = format!(" … {} bytes in all", bytes.len());
    baton_core::error::clip(message, MAX_LINE - mark.len()) + &mark
}

/// Cuts a stream of bytes into lines. A line that never ends is cut where it becomes too long to keep.
#[derive(Default)]
pub(crate) struct Lines {
    open: Vec<u8>,
}

/// How much of one line is held; the mark of a cut line then names its true length up to here.
const HELD: usize = 4 * MAX_LINE;

impl Lines {
    /// Takes bytes and gives every line that they complete.
    pub(crate) fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&[u8])) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let (body, ended) = match part.split_last() {
                Some((b'\n', body)) => (body, true),
                _ => (part, false),
            };
            self.open.extend_from_slice(body);
            if ended || self.open.len() >= HELD {
                each(self.open.strip_suffix(b"\r").unwrap_or(&self.open));
                self.open.clear();
            }
        }
    }

    /// Gives what is left when the stream has ended.
    pub(crate) fn finish(self, mut each: impl FnMut(&[u8])) {
        if !self.open.is_empty() {
            each(&self.open);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(chunks: &[&[u8]]) -> Vec<String> {
        let mut lines = Lines::default();
        let mut all = Vec::new();
        for chunk in chunks {
            lines.push(chunk, |line| all.push(text(line)));
        }
        lines.finish(|line| all.push(text(line)));
        all
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_come() {
        assert_eq!(cut(&[b"a\nb\r\n\nc"]), ["a", "b", "", "c"]);
        assert_eq!(cut(&[b"a", b"\nb", b"\r\n\n", b"c"]), ["a", "b", "", "c"]);
        assert!(cut(&[]).is_empty());
    }

    #[test]
    fn bad_bytes_and_long_lines_are_kept_visibly() {
        assert_eq!(cut(&[b"\xff\xfe ok\n"]), ["\u{fffd}\u{fffd} ok"]);
        let long = vec![b'x'; MAX_LINE + 5];
        let kept = &cut(&[&long])[0];
        assert!(kept.len() <= MAX_LINE);
        assert!(kept.ends_with(&format!("{} bytes in all", MAX_LINE + 5)));
        // Bytes that grow when they are replaced stay within the bound too.
        assert!(cut(&[&vec![0xff; MAX_LINE]])[0].len() <= MAX_LINE);
    }
}
