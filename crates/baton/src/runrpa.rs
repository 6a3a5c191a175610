//! The OPTIMUS face: `runrpa -f NAME -o 2`, with its own flags, defaults and exit codes.

pub(crate) mod argv;
pub(crate) mod flags;
pub(crate) mod script;
