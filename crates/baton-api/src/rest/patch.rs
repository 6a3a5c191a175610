//! Fields of a change that may be left alone, cleared with `null`, or set.

use serde::{Deserialize, Deserializer};

/// Reads a present field, `null` included, as `Some`; an absent one stays `None` by `serde(default)`.
pub(super) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::<T>::deserialize(deserializer).map(Some)
}
