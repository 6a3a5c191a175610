//! Characters that nobody sees: refused in names, escaped where text reaches a terminal.
//!
//! A control character can move a terminal's cursor or set its title, and a character that turns the direction of
//! writing or has no width makes two different names look the same.

use std::borrow::Cow;

/// Whether a character has no picture of its own, or changes how others are shown: two names that differ in it alone
/// look the same.
pub fn is_unseen(c: char) -> bool {
    moves(c) || is_blank(c)
}

/// Whether a character leaves its place empty, or only chooses the look of the one before it.
fn is_blank(c: char) -> bool {
    let space = c.is_whitespace() && c != ' ' && c != '\u{3000}';
    space
        || matches!(c,
            '\u{34f}'                      // joins letters
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{17b4}' | '\u{17b5}'      // Khmer vowels without a sign
            | '\u{180b}'..='\u{180f}'      // Mongolian selectors of variations
            | '\u{2800}'                   // a Braille cell without dots
            | '\u{fe00}'..='\u{fe0f}'      // selectors of variations
            | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' // marks of music without a sign
            | '\u{e0100}'..='\u{e01ef}'    // selectors of variations
        )
}

/// Whether a character moves a terminal's cursor, turns the direction of writing or has no width.
fn moves(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}'                       // soft hyphen
            | '\u{61c}'                    // Arabic letter mark
            | '\u{180e}'                   // Mongolian vowel separator
            | '\u{200b}'..='\u{200f}'      // without width, joiners, marks of direction
            | '\u{2028}'..='\u{202e}'      // separators of lines, overrides of direction
            | '\u{2060}'..='\u{206f}'      // invisible operators, isolates of direction
            | '\u{feff}'                   // byte order mark
            | '\u{fff9}'..='\u{fffb}'      // annotations
            | '\u{e0000}'..='\u{e007f}'    // tags
        )
}

/// What is wrong with a text that has to be one visible line, if anything: which character, and where.
pub fn check_line(text: &str) -> Result<(), String> {
    match text.chars().enumerate().find(|(_, c)| is_unseen(*c)) {
        None => Ok(()),
        Some((before, c)) => Err(format!(
            "character {} is U+{:04X} ({}), which nobody sees; leave it out",
            before + 1,
            u32::from(c),
            kind(c)
        )),
    }
}

fn kind(c: char) -> &'static str {
    match c {
        '\n' => "a line break",
        '\t' => "a tab",
        '\u{1b}' => "escape",
        c if c.is_control() => "a control character",
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => "it changes the direction of writing",
        '\u{200e}' | '\u{200f}' | '\u{61c}' => "a mark of direction",
        c if c.is_whitespace() => "it looks like another space",
        '\u{fe00}'..='\u{fe0f}' | '\u{e0100}'..='\u{e01ef}' => {
            "it only chooses how the one before it looks"
        }
        c if is_blank(c) => "it leaves its place empty",
        _ => "it has no width",
    }
}

/// A word as a shell reads it.
pub fn shell_word(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "/-_.:=,@+%".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        return word.to_owned();
    }
    format!("'{}'", word.replace('\'', r"'\''"))
}

/// A name at the end of a command as a shell reads it; one that could be taken for a flag stands behind `--`.
pub fn shell_name(name: &str) -> String {
    let dashes = if name.starts_with('-') { "-- " } else { "" };
    format!("{dashes}{}", shell_word(name))
}

/// The text with every character escaped that a terminal obeys or that hides others (`\u{1b}`), except line breaks and tabs.
pub fn shown(text: &str) -> Cow<'_, str> {
    escape(text, |_| 0)
}

/// The same, but colours stay: escape sequences that only select a rendition (`ESC [ … m`).
pub fn shown_coloured(text: &str) -> Cow<'_, str> {
    escape(text, rendition)
}

/// Escapes what is unseen and does not begin something that stays, by its length in bytes.
fn escape(text: &str, stays: fn(&str) -> usize) -> Cow<'_, str> {
    if !text.chars().any(is_escaped) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 16);
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        let mut length = c.len_utf8();
        if is_escaped(c) {
            match stays(rest) {
                0 => out.extend(c.escape_default()),
                kept => {
                    length = kept;
                    out.push_str(&rest[..kept]);
                }
            }
        } else {
            out.push(c);
        }
        rest = &rest[length..];
    }
    Cow::Owned(out)
}

fn is_escaped(c: char) -> bool {
    moves(c) && c != '\n' && c != '\t'
}

/// How long the selection of a rendition is with which the text begins; 0 when it begins with something else.
fn rendition(text: &str) -> usize {
    let Some(parameters) = text.strip_prefix("\u{1b}[") else {
        return 0;
    };
    let end = parameters.find(|c: char| !(c.is_ascii_digit() || c == ';' || c == ':'));
    match end {
        Some(end) if parameters[end..].starts_with('m') => 2 + end + 1,
        _ => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_command_is_one_word_and_no_flag() {
        assert_eq!(shell_name("sap-1"), "sap-1");
        assert_eq!(shell_name("front desk"), "'front desk'");
        assert_eq!(shell_name("it's"), r"'it'\''s'");
        assert_eq!(shell_name("-odd"), "-- -odd");
    }

    #[test]
    fn what_nobody_sees_is_refused_with_its_place() {
        assert_eq!(check_line("Rechnungen für März ✓ 請求書"), Ok(()));
        let why = check_line("ab\u{202e}fdp.exe").expect_err("it turns the rest around");
        assert!(
            why.starts_with("character 3 is U+202E (it changes"),
            "{why}"
        );
        for bad in [
            '\0',
            '\n',
            '\u{1b}',
            '\u{7f}',
            '\u{9b}',
            '\u{200b}',
            '\u{200f}',
            '\u{202a}',
            '\u{2066}',
            '\u{2069}',
            '\u{2060}',
            '\u{feff}',
            '\u{e0041}',
            '\u{2800}',
            '\u{3164}',
            '\u{fe0f}',
            '\u{a0}',
            '\u{115f}',
            '\u{ffa0}',
            '\u{34f}',
            '\u{e0100}',
        ] {
            assert!(check_line(&format!("ä{bad}")).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn signs_and_spaces_of_other_scripts_stay_in_the_text_of_a_log() {
        let text = "done \u{2714}\u{fe0f}\u{a0}\u{2800}";
        assert_eq!(shown(text), text);
    }

    #[test]
    fn a_terminal_is_shown_escapes_instead_of_sequences() {
        assert_eq!(shown("plain\tand\nlines"), "plain\tand\nlines");
        assert_eq!(
            shown("\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}x\r"),
            r"\u{1b}]0;title\u{7}\u{1b}[2J\u{202e}x\r"
        );
        assert_eq!(shown("\u{1b}[31mred"), r"\u{1b}[31mred");
    }

    #[test]
    fn only_colours_stay_in_a_log() {
        let coloured = "\u{1b}[1;38:5:208mred\u{1b}[0m and \u{1b}[m";
        assert_eq!(shown_coloured(coloured), coloured);
        assert_eq!(
            shown_coloured("\u{1b}[31mred\u{1b}[2J\u{1b}[31\u{1b}]0;t\u{7}"),
            "\u{1b}[31mred\\u{1b}[2J\\u{1b}[31\\u{1b}]0;t\\u{7}"
        );
    }
}
