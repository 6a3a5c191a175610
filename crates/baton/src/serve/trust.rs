//! Whom a robot believes to be its server: as it is told now, or as it was told when it was enrolled.

use std::path::Path;

use baton_api::client::Trust;

use crate::cli::Global;
use crate::failure::{Done, Failure};
use crate::settings::{self, Pinned, known};

/// The certificate that the robot trusts, kept beside its identity.
const FINGERPRINT: &str = "server.fingerprint";
/// Or the authorities whose certificates it trusts.
const AUTHORITY: &str = "server.ca.pem";

/// Whom to trust: what is given now beats what was kept, which beats what this person's `baton login`
/// recorded of the server that is meant.
pub(crate) fn of(global: &Global, server: Option<&String>, folder: &Path) -> Done<Pinned> {
    let authority = folder.join(AUTHORITY);
    let kept = Pinned {
        fingerprint: known::key_in(&folder.join(FINGERPRINT)),
        authority: authority.is_file().then_some(authority),
    };
    if let Some(pinned) = settings::given(global).or_else(|| kept.some()) {
        return Ok(pinned);
    }
    let mut meant = global.clone();
    meant.url = server.or(global.url.as_ref()).cloned();
    match settings::target(&meant) {
        Ok(target) => Ok(target.pinned),
        // A robot that is enrolled knows its server; no certificate is recorded of one that does not run here.
        Err(failure) if failure.code == settings::NOT_SERVED => Ok(Pinned::default()),
        Err(failure) => Err(failure),
    }
}

/// Keeps it beside the robot's identity, so that the next start needs no flag.
pub(crate) fn keep(folder: &Path, pinned: &Pinned) -> Done<Trust> {
    let (fingerprint, authority) = (folder.join(FINGERPRINT), folder.join(AUTHORITY));
    match (&pinned.fingerprint, &pinned.authority) {
        (Some(text), _) => {
            known::write_private(&fingerprint, text.trim().as_bytes())?;
            // The older word of the two would be heard at the next start.
            let _ = std::fs::remove_file(&authority);
        }
        (None, Some(file)) if *file != authority => {
            let pem = std::fs::read(file).map_err(|e| Failure::file(file, "read", &e))?;
            known::write_private(&authority, &pem)?;
            let _ = std::fs::remove_file(&fingerprint);
            return Ok(Trust::Authority(authority));
        }
        _ => {}
    }
    pinned.trust()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_said_last_is_kept() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let pem = folder.path().join("ca.pem");
        std::fs::write(&pem, "authorities").expect("written");
        let none = Global::default();
        let known = || of(&none, None, folder.path()).expect("known");
        let one = Pinned {
            fingerprint: Some(format!("sha256:{}", "ab".repeat(32))),
            authority: None,
        };
        keep(folder.path(), &one).expect("kept");
        assert_eq!(known(), one);
        let other = Pinned {
            fingerprint: None,
            authority: Some(pem),
        };
        let trust = keep(folder.path(), &other).expect("kept");
        let copy = folder.path().join(AUTHORITY);
        assert_eq!(trust, Trust::Authority(copy.clone()));
        assert_eq!(known().authority, Some(copy));
        assert_eq!(known().fingerprint, None);
        keep(folder.path(), &one).expect("kept");
        assert_eq!(known(), one);
    }
}
