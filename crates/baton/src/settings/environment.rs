//! Variables of the environment: empty counts as not set, and what should be text and is not UTF-8 is refused by name.

use std::path::PathBuf;

use crate::failure::{Done, Failure};

/// The text of a variable, where it is set.
pub(crate) fn text(name: &str) -> Done<Option<String>> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    let text = value.map(|value| value.into_string());
    text.transpose().map_err(|_| not_text(name))
}

/// The path in a variable, where it is set; paths need not be UTF-8.
pub(crate) fn path(name: &str) -> Option<PathBuf> {
    let value = std::env::var_os(name).filter(|value| !value.is_empty());
    value.map(PathBuf::from)
}

/// A variable with bytes that are no text.
pub(crate) fn not_text(name: &str) -> Failure {
    Failure::usage(format!("the value of {name} is not UTF-8 text"))
        .fix(format!("set {name} to text in UTF-8, or unset it"))
}
