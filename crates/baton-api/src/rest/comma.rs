//! Lists of words in one query parameter: `state=running,paused`.

use serde::de::value::StrDeserializer;
use serde::de::{DeserializeOwned, Error as _, IntoDeserializer};
use serde::ser::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Writes the words with commas between them.
pub(super) fn serialize<T: Serialize, S: Serializer>(
    words: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let words: Vec<String> = words
        .iter()
        .map(|w| match serde_json::to_value(w) {
            Ok(serde_json::Value::String(word)) => Ok(word),
            _ => Err(S::Error::custom("only words go into a query parameter")),
        })
        .collect::<Result<_, _>>()?;
    serializer.serialize_str(&words.join(","))
}

/// Reads words with commas between them; nothing at all is an empty list.
pub(super) fn deserialize<'de, T: DeserializeOwned, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.split(',')
        .filter(|word| !word.is_empty())
        .map(|word| {
            let word: StrDeserializer<'_, serde::de::value::Error> = word.into_deserializer();
            T::deserialize(word).map_err(D::Error::custom)
        })
        .collect()
}
