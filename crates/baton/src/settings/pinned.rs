//! What is said of a server's certificate: its fingerprint, the authorities that vouch for it, or nothing.

use std::path::PathBuf;

use baton_api::client::Trust;

use crate::failure::{Done, Failure};

/// Whom to believe that they are the server, as somebody wrote it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Pinned {
    /// SHA-256 of the one certificate to trust, in hex. It says more than an authority, and is heard first.
    pub(crate) fingerprint: Option<String>,
    /// PEM file of the authorities to trust.
    pub(crate) authority: Option<PathBuf>,
}

impl Pinned {
    /// It, unless nothing is said.
    pub(crate) fn some(self) -> Option<Self> {
        (self != Self::default()).then_some(self)
    }

    /// The same, as the client takes it; what makes no sense is refused.
    pub(crate) fn trust(&self) -> Done<Trust> {
        match (&self.fingerprint, &self.authority) {
            (Some(text), _) => {
                Trust::fingerprint(text).map_err(|e| Failure::usage(format!("--fingerprint: {e}")))
            }
            (None, Some(file)) => Ok(Trust::Authority(file.clone())),
            (None, None) => Ok(Trust::System),
        }
    }
}
