//! The text of a key: `bk_<id>_<secret>`, both in hex, so that a double click selects all of it.

use baton_api::package::hex;
use baton_core::id::KeyId;
use baton_store::keys::KeyKind;
use jiff::Timestamp;
use sha2::{Digest, Sha256};
use uuid::Uuid;

/// Random bytes in a secret: 192 bits cannot be guessed.
const RANDOM: usize = 24;

/// A key's text, taken apart. Its form is right; whether it is a key is for the store to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Secret<'a> {
    /// The public part.
    pub id: KeyId,
    /// The secret part.
    pub random: &'a str,
}

impl<'a> Secret<'a> {
    /// Takes a key's text apart; `None` when it is none.
    pub fn parse(text: &'a str) -> Option<Self> {
        let (kind, rest) = text.split_once('_')?;
        let (id, random) = rest.split_once('_')?;
        let is_hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
        let is_right = matches!(kind, "bk" | "br" | "be" | "bl" | "bs")
            && id.len() == 32
            && random.len() == 2 * RANDOM
            && is_hex(id)
            && is_hex(random);
        is_right.then_some(())?;
        Some(Self {
            id: KeyId(Uuid::parse_str(id).ok()?),
            random,
        })
    }
}

/// A new key: its id, its text (never stored), and the hash to store.
pub fn new_secret(kind: KeyKind, now: Timestamp) -> (KeyId, String, [u8; 32]) {
    let mut entropy = [0; 10];
    let mut random = [0; RANDOM];
    getrandom::fill(&mut entropy).expect("the system gives randomness");
    getrandom::fill(&mut random).expect("the system gives randomness");
    let id = KeyId::new(now, entropy);
    let prefix = match kind {
        KeyKind::Api => "bk",
        KeyKind::Robot => "br",
        KeyKind::Enrolment => "be",
        KeyKind::SignIn => "bl",
        KeyKind::Session => "bs",
    };
    let random = hex(&random);
    let hash = Sha256::digest(&random).into();
    let text = format!("{prefix}_{}_{random}", id.0.simple());
    (id, text, hash)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_key_reads_as_what_it_is() {
        let (id, text, hash) = new_secret(KeyKind::Api, Timestamp::UNIX_EPOCH);
        let secret = Secret::parse(&text).expect("its own text");
        assert_eq!(secret.id, id);
        assert_eq!(<[u8; 32]>::from(Sha256::digest(secret.random)), hash);
        assert!(text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_'));
    }

    #[test]
    fn nothing_else_reads_as_a_key() {
        let (_, text, _) = new_secret(KeyKind::Api, Timestamp::UNIX_EPOCH);
        let long = format!("{text}0");
        let other = text.replacen("bk", "xx", 1);
        for bad in ["", "bk", "bk__", "bk_1_2", &text[1..], &long, &other] {
            assert_eq!(Secret::parse(bad), None, "{bad:?}");
        }
    }
}
