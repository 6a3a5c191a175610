//! JSON as programs really write it: what standard JSON has no word for is kept as text, and said.
//!
//! A run that has done its work is not failed for the shape in which it tells of it. Marks at the beginning,
//! UTF-16, `NaN`, numbers that no double holds, commas too many and half characters are mended; everything
//! that is mended comes back as a sentence. Values that are plain JSON pass through unchanged.

use serde_json::Value;

mod number;
mod text;

use text::Text;

/// Sentences about one text at most: a long list of `NaN` is one thing, not a thousand.
const MAX_NOTES: usize = 8;

/// A value, and what had to be mended to read it.
#[derive(Debug, PartialEq)]
pub(crate) struct Loose {
    /// The value.
    pub(crate) value: Value,
    /// What was mended, a sentence each.
    pub(crate) notes: Vec<String>,
}

/// Reads a text as JSON; the error is a sentence.
pub(crate) fn read(bytes: &[u8]) -> Result<Loose, String> {
    let mut notes = Notes::default();
    let text = decode(bytes, &mut notes);
    let mended = Text::new(&text, &mut notes).mend();
    let value = serde_json::from_str(&mended).map_err(|e| format!("it is not JSON: {e}"))?;
    Ok(Loose {
        value,
        notes: notes.0,
    })
}

/// What was mended, each thing once.
#[derive(Default)]
struct Notes(Vec<String>);

impl Notes {
    fn add(&mut self, note: String) {
        if self.0.len() < MAX_NOTES && !self.0.contains(&note) {
            self.0.push(note);
        }
    }
}

/// The order of bytes of UTF-16.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Utf16 {
    /// The lower byte first, as Windows writes it.
    Little,
    /// The higher byte first.
    Big,
}

impl Utf16 {
    /// What the mark at the beginning of these bytes says.
    pub(crate) fn of_mark(bytes: &[u8]) -> Option<Self> {
        match bytes {
            [0xff, 0xfe, ..] => Some(Self::Little),
            [0xfe, 0xff, ..] => Some(Self::Big),
            _ => None,
        }
    }

    /// The number in two bytes.
    fn unit(self, pair: [u8; 2]) -> u16 {
        match self {
            Self::Little => u16::from_le_bytes(pair),
            Self::Big => u16::from_be_bytes(pair),
        }
    }

    /// These bytes as text; half characters are replaced visibly, an odd last byte is left out.
    pub(crate) fn decode(self, bytes: &[u8]) -> String {
        let pairs = bytes.chunks_exact(2);
        let units: Vec<u16> = pairs.map(|p| self.unit([p[0], p[1]])).collect();
        String::from_utf16_lossy(&units)
    }
}

/// The text in these bytes, without the mark at its beginning.
fn decode(bytes: &[u8], notes: &mut Notes) -> String {
    let text = match Utf16::of_mark(bytes) {
        Some(order) => order.decode(bytes),
        None => {
            if std::str::from_utf8(bytes).is_err() {
                notes.add("bytes that are not UTF-8 are replaced by \u{fffd}".into());
            }
            String::from_utf8_lossy(bytes).into_owned()
        }
    };
    match text.strip_prefix('\u{feff}') {
        Some(rest) => rest.to_owned(),
        None => text,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn value(text: &str) -> (Value, usize) {
        let loose = read(text.as_bytes()).unwrap_or_else(|e| panic!("{text}: {e}"));
        (loose.value, loose.notes.len())
    }

    #[test]
    fn plain_json_passes_unchanged_and_without_a_word() {
        for text in [
            r#"{"a": [1, -2.5, 1e3, 0.1, "NaN, \" Infinity ]", true, null], "b": {}, "c": {"a": 1}}"#,
            "18446744073709551615",
            "-9223372036854775808",
            r#""\ud83d\ude00 \u00e9 {,}""#,
        ] {
            let plain: Value = serde_json::from_str(text).expect("plain");
            assert_eq!(value(text), (plain, 0), "{text}");
        }
    }

    #[test]
    fn numbers_that_json_has_no_word_for_are_kept_as_text() {
        for (text, kept) in [
            (r#"{"a": NaN}"#, json!({"a": "NaN"})),
            (
                "[Infinity,-Infinity, -inf]",
                json!(["Infinity", "-Infinity", "-inf"]),
            ),
            ("[1e999]", json!(["1e999"])),
            (
                "123456789012345678901234567890",
                json!("123456789012345678901234567890"),
            ),
            ("[-18446744073709551616]", json!(["-18446744073709551616"])),
        ] {
            let (got, notes) = value(text);
            assert_eq!(got, kept, "{text}");
            assert!(notes > 0, "{text}");
        }
        for text in [
            "1.10",
            "1e22",
            "0.30000000000000004",
            "1E+2",
            "-0.0",
            "3.14159265358979323846",
        ] {
            assert!(value(text).0.is_number(), "{text}");
            assert_eq!(value(text).1, 0, "{text}");
        }
    }

    #[test]
    fn slips_of_the_hand_are_mended_and_said() {
        for (text, kept) in [
            ("[1, 2, ]", json!([1, 2])),
            ("{\"a\": 1,\n}", json!({"a": 1})),
            (r#"{"a": 1, "a": 2}"#, json!({"a": 2})),
            (r#"["\ud83d"]"#, json!(["\u{fffd}"])),
            (r#"["\ude00 x"]"#, json!(["\u{fffd} x"])),
            ("[\"a\tb\"]", json!(["a\tb"])),
            (
                "{\"a\": True, \"b\": None, \"c\": False}",
                json!({"a": true, "b": null, "c": false}),
            ),
        ] {
            let (got, notes) = value(text);
            assert_eq!(got, kept, "{text}");
            assert_eq!(notes, 1, "{text}");
        }
        let many = format!("[{}0]", "NaN,".repeat(10_000));
        assert!(value(&many).1 <= MAX_NOTES);
    }

    #[test]
    fn marks_at_the_beginning_and_utf_16_are_read_and_bad_bytes_are_said() {
        let text = "{\"a\": \"\u{e4}\u{1f600}\"}\r\n";
        let kept = json!({"a": "\u{e4}\u{1f600}"});
        let marked = format!("\u{feff}{text}");
        assert_eq!(value(&marked), (kept.clone(), 0));
        let little: Vec<u8> = marked.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = marked.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for bytes in [little, big] {
            assert_eq!(read(&bytes).expect("read").value, kept);
        }
        let latin = read(b"{\"a\": \"caf\xe9\"}").expect("read");
        assert_eq!(
            (latin.value, latin.notes.len()),
            (json!({"a": "caf\u{fffd}"}), 1)
        );
    }

    #[test]
    fn what_is_no_json_at_all_is_an_error_in_words() {
        for text in [
            "{'a': 1}",
            "hello",
            "{\"a\": 1} {\"b\": 2}",
            "{\"a\": 1",
            "[1 2]",
            "",
            "nan nan",
        ] {
            let error = read(text.as_bytes()).expect_err(text);
            assert!(error.starts_with("it is not JSON: "), "{error}");
        }
    }
}
