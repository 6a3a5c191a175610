//! Values that can be taken back: `none` clears what was set.

use std::str::FromStr;

use serde::Deserialize;

/// The word that clears a setting, everywhere.
pub(crate) const NONE: &str = "none";

/// Whether a text is the word that clears; so is no text at all.
pub(crate) fn clears(text: &str) -> bool {
    text.is_empty() || text.eq_ignore_ascii_case(NONE)
}

/// The text, unless it is the word that clears.
pub(crate) fn or_none(text: &str) -> Option<&str> {
    (!clears(text)).then_some(text)
}

/// A value, or the word `none`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct OrNone<T>(pub(crate) Option<T>);

impl<T: FromStr> FromStr for OrNone<T>
where
    T::Err: std::fmt::Display,
{
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match or_none(text) {
            None => Ok(Self(None)),
            Some(text) => text
                .parse()
                .map(|value| Self(Some(value)))
                .map_err(|why| format!("{why}; write a value, or {NONE}")),
        }
    }
}

impl<'de> Deserialize<'de> for OrNone<u32> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Said {
            Number(u32),
            Word(String),
        }
        match Said::deserialize(deserializer)? {
            Said::Number(number) => Ok(Self(Some(number))),
            Said::Word(word) => word.parse().map_err(serde::de::Error::custom),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_its_absence_and_nonsense_are_told_apart() {
        assert_eq!("3".parse(), Ok(OrNone(Some(3_u32))));
        assert_eq!("0".parse(), Ok(OrNone(Some(0_u32))));
        for word in ["none", "None", ""] {
            assert_eq!(word.parse(), Ok(OrNone::<u32>(None)), "{word:?}");
        }
        assert!("few".parse::<OrNone<u32>>().is_err());
    }
}
