//! Server-Sent Events: the parser, without any I/O.

/// Longest event that is accepted, in bytes: a log line of full length with its frame fits many times.
pub const MAX_EVENT: usize = 1 << 20;

/// One event of a stream.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SseEvent {
    /// Resume after it.
    pub id: Option<String>,
    /// Its name; empty is `message`.
    pub event: String,
    /// What it says.
    pub data: String,
}

/// Cuts a stream of bytes into events.
#[derive(Debug, Default)]
pub struct SseParser {
    line: Vec<u8>,
    current: SseEvent,
    has_data: bool,
    after_cr: bool,
}

impl SseParser {
    /// Takes the next bytes and appends the events that they complete. `Err` when one is too long.
    pub fn push(&mut self, bytes: &[u8], events: &mut Vec<SseEvent>) -> Result<(), &'static str> {
        for byte in bytes {
            let after_cr = std::mem::take(&mut self.after_cr);
            match byte {
                b'\n' if after_cr => {}
                b'\n' | b'\r' => {
                    self.after_cr = *byte == b'\r';
                    self.end_line(events);
                }
                _ => self.line.push(*byte),
            }
            if self.line.len() + self.current.data.len() > MAX_EVENT {
                return Err("an event of the stream is too long");
            }
        }
        Ok(())
    }

    fn end_line(&mut self, events: &mut Vec<SseEvent>) {
        let line = std::mem::take(&mut self.line);
        let line = String::from_utf8_lossy(&line);
        if line.is_empty() {
            let event = std::mem::take(&mut self.current);
            if std::mem::take(&mut self.has_data) {
                events.push(event);
            }
            return;
        }
        let (field, value) = line.split_once(':').unwrap_or((&line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.current.data.push('\n');
                }
                self.current.data.push_str(value);
            }
            "event" => value.clone_into(&mut self.current.event),
            "id" => self.current.id = Some(value.to_owned()),
            // Comments are heartbeats; unknown fields are to be passed over.
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(chunks: &[&str]) -> Vec<SseEvent> {
        let mut parser = SseParser::default();
        let mut events = Vec::new();
        for chunk in chunks {
            parser.push(chunk.as_bytes(), &mut events).expect("short");
        }
        events
    }

    #[test]
    fn events_are_the_same_however_the_bytes_are_cut() {
        let text = ": hello\n\nid: 7\nevent: log\ndata: a\ndata: b\n\nid: 8\r\ndata: c\r\n\r\n";
        let whole = parse(&[text]);
        let bytes: Vec<String> = text.chars().map(String::from).collect();
        let cut = parse(&bytes.iter().map(String::as_str).collect::<Vec<_>>());
        assert_eq!(whole, cut);
        assert_eq!(whole.len(), 2);
        assert_eq!(whole[0].data, "a\nb");
        assert_eq!(whole[0].event, "log");
        assert_eq!(whole[1].id.as_deref(), Some("8"));
    }

    #[test]
    fn an_endless_line_is_refused() {
        let mut parser = SseParser::default();
        let endless = vec![b'x'; MAX_EVENT + 1];
        assert!(parser.push(&endless, &mut Vec::new()).is_err());
    }
}
