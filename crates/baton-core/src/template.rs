//! `{{name}}` in the words of a command and in its variables: which are ours, and what they stand for.
//!
//! A name between double braces is a parameter; `{{baton.artifacts}}` is what the variable `BATON_ARTIFACTS` of the
//! run holds. What cannot be a name (`{{.Names}}`, `{{ json . }}`) belongs to another program and stays as it is;
//! `{{{{name}}}}` is written for braces that another program is to see as `{{name}}`.

/// What Baton itself tells a run, each as the variable `BATON_<WORD>` and as `{{baton.<word>}}`.
pub const WORDS: [&str; 12] = [
    "artifacts",
    "attempt",
    "deployment",
    "desktop",
    "events",
    "flow",
    "idempotency_key",
    "outputs",
    "parameters",
    "run_id",
    "run_name",
    "url",
];

/// How Baton's own words begin between braces.
const OWN: &str = "baton.";

/// A part of a word: text as it stands, or the name of something.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Piece<'a> {
    /// Stays as it is.
    Text(&'a str),
    /// Stands for a parameter or for one of [`WORDS`].
    Name(&'a str),
}

/// The parts of a word.
pub fn pieces(word: &str) -> Vec<Piece<'_>> {
    let mut pieces = Vec::new();
    let mut rest = word;
    // Where text that was not pushed yet ends.
    let mut from = 0;
    while let Some(found) = rest[from..].find("{{") {
        let start = from + found;
        if let Some(length) = escaped(&rest[start..]) {
            // The outer pair of braces on either side goes, what is between them is text.
            pieces.push(Piece::Text(&rest[..start]));
            pieces.push(Piece::Text(&rest[start + 2..start + length - 2]));
            rest = &rest[start + length..];
            from = 0;
            continue;
        }
        match rest[start + 2..].find("}}") {
            None => break,
            Some(length) if is_name(rest[start + 2..start + 2 + length].trim()) => {
                pieces.push(Piece::Text(&rest[..start]));
                pieces.push(Piece::Name(rest[start + 2..start + 2 + length].trim()));
                rest = &rest[start + 2 + length + 2..];
                from = 0;
            }
            Some(_) => from = start + 2,
        }
    }
    pieces.push(Piece::Text(rest));
    pieces.retain(|piece| *piece != Piece::Text(""));
    pieces
}

/// The length of `{{{{name}}}}` at the beginning of a text.
fn escaped(text: &str) -> Option<usize> {
    let inner = text.strip_prefix("{{{{")?;
    let length = inner.find("}}")?;
    let whole = is_name(inner[..length].trim()) && inner[length..].starts_with("}}}}");
    whole.then_some(length + 8)
}

/// Whether this can stand for something: letters, digits, `_`, `-`, and `.` between them.
fn is_name(text: &str) -> bool {
    text.split('.').all(|part| {
        !part.is_empty()
            && !part.starts_with('-')
            && part
                .chars()
                .all(|c| c.is_alphanumeric() || matches!(c, '_' | '-'))
    })
}

/// The word of ours that a name means: `baton.artifacts` or `BATON_ARTIFACTS`.
pub fn own(name: &str) -> Option<&'static str> {
    let known = |word: &str| WORDS.into_iter().find(|own| *own == word);
    match name.strip_prefix(OWN) {
        Some(word) => known(word),
        None => known(&name.strip_prefix("BATON_")?.to_ascii_lowercase()),
    }
}

/// Whether a name is kept for us, known or not.
pub fn is_own(name: &str) -> bool {
    name.starts_with(OWN)
}

/// The word with every name replaced by what `value` says of it; fails with the first that it does not know.
pub fn fill(word: &str, value: impl Fn(&str) -> Option<String>) -> Result<String, &str> {
    let mut out = String::with_capacity(word.len());
    for piece in pieces(word) {
        match piece {
            Piece::Text(text) => out.push_str(text),
            Piece::Name(name) => out.push_str(&value(name).ok_or(name)?),
        }
    }
    Ok(out)
}

/// Says of a name that stands for nothing what to write instead.
pub fn advice(word: &str, name: &str) -> String {
    if is_own(name) {
        return format!(
            "{word:?} names {name:?}, which is nothing that Baton tells a run; it tells {}",
            WORDS.map(|word| format!("{OWN}{word}")).join(", ")
        );
    }
    let escaped = format!("{{{{{{{{{name}}}}}}}}}");
    format!(
        "{word:?} names the parameter {name:?}, which there is not; describe it, or write {escaped} where another \
         program is to see the braces"
    )
}

#[cfg(test)]
#[path = "template_tests.rs"]
mod tests;
