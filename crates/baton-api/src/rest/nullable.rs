//! Fields of a change that may be left alone (absent), cleared (`null`) or set:
//! `#[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]` on an `Option<Option<T>>`.

use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Reads a present field, `null` included, as `Some`; an absent one stays `None` by `default`.
pub(super) fn deserialize<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}

/// Writes what is set, and `null` for what is cleared; an absent field is skipped before.
pub(super) fn serialize<T: Serialize, S: Serializer>(
    value: &Option<Option<T>>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value
        .as_ref()
        .and_then(Option::as_ref)
        .serialize(serializer)
}

#[cfg(test)]
mod tests {
    use super::super::nullable;
    use serde::{Deserialize, Serialize};

    #[derive(Debug, Default, PartialEq, Serialize, Deserialize)]
    struct Change {
        #[serde(default, with = "nullable", skip_serializing_if = "Option::is_none")]
        limit: Option<Option<u32>>,
    }

    #[test]
    fn absent_cleared_and_set_are_told_apart_both_ways() {
        for (text, limit) in [
            ("{}", None),
            (r#"{"limit":null}"#, Some(None)),
            (r#"{"limit":3}"#, Some(Some(3))),
        ] {
            let change: Change = serde_json::from_str(text).expect("readable");
            assert_eq!(change, Change { limit }, "{text}");
            let written = serde_json::to_string(&change).expect("writable");
            assert_eq!(written, text);
        }
    }
}
