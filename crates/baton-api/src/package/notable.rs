//! Files that deserve a look before they travel: large ones, and those named like a secret.

/// From this many bytes on a file is named when it goes along: what people write is smaller.
pub const LARGE: u64 = 1 << 20;

/// Whole names of files that hold secrets.
const NAMES: [&str; 14] = [
    ".env",
    ".netrc",
    "_netrc",
    ".pgpass",
    ".npmrc",
    ".pypirc",
    ".htpasswd",
    ".git-credentials",
    "id_rsa",
    "id_dsa",
    "id_ecdsa",
    "id_ed25519",
    "token.json",
    "token.pickle",
];
/// Endings of files that hold secrets.
const ENDINGS: [&str; 12] = [
    ".pem",
    ".key",
    ".p12",
    ".pfx",
    ".jks",
    ".keystore",
    ".kdbx",
    ".kdb",
    ".ovpn",
    ".ppk",
    ".asc",
    ".gpg",
];
/// Words with which names of secrets begin, before a `.`, `_`, `-` or their end.
const WORDS: [&str; 8] = [
    "credentials",
    "credential",
    "client_secret",
    "client-secret",
    "service_account",
    "service-account",
    "secrets",
    "secret",
];
/// Endings of files that only show what a secret would look like, or are programs.
const HARMLESS: [&str; 10] = [
    ".example",
    ".sample",
    ".template",
    ".dist",
    ".pub",
    ".py",
    ".sh",
    ".robot",
    ".js",
    ".md",
];

/// Whether the file at this path is named like one that holds a secret.
pub fn looks_secret(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path).to_lowercase();
    if HARMLESS.iter().any(|ending| name.ends_with(ending)) {
        return false;
    }
    let word = |word: &str| {
        let mut parts = name.match_indices(word);
        parts.any(|(at, found)| {
            let before = name[..at].chars().next_back();
            let after = name[at + found.len()..].chars().next();
            let edge = |c: Option<char>| c.is_none_or(|c| !c.is_alphanumeric());
            edge(before) && edge(after)
        })
    };
    NAMES.contains(&name.as_str())
        || name.starts_with(".env.")
        || ENDINGS.iter().any(|ending| name.ends_with(ending))
        || WORDS.iter().any(|each| word(each))
}

#[cfg(test)]
mod tests {
    use super::looks_secret;

    #[test]
    fn secrets_are_told_by_their_names() {
        for secret in [
            ".env",
            "conf/.env.production",
            "server.PEM",
            "keys/id_rsa",
            "credentials.json",
            "my-credentials-2026.json",
            "client_secret_123.apps.json",
            "vault.kdbx",
            "secrets.yaml",
            "service-account.json",
        ] {
            assert!(looks_secret(secret), "{secret}");
        }
        for plain in [
            ".env.example",
            "main.py",
            "secretary.txt",
            "secrets.py",
            "id_rsa.pub",
            "keys.txt",
            "environment.yml",
            "monkey.json",
        ] {
            assert!(!looks_secret(plain), "{plain}");
        }
    }
}
