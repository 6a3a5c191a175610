//! Which files stay out of a package: a few that never belong in one, and those named in `.batonignore`.
//!
//! One pattern a line; `#` begins a comment. `*` stands for anything but `/`, `?` for one character,
//! `**` for anything. A pattern with `/` inside it counts from the top, another one matches at any depth;
//! with `/` at its end it matches folders only.

use super::PackageError;

/// The file that names what stays out.
pub(super) const FILE: &str = ".batonignore";

/// What never belongs in a package: history, caches, environments, and Baton's own data folder.
const ALWAYS: [&str; 7] = [
    ".git/",
    "__pycache__/",
    ".venv/",
    "node_modules/",
    "baton-data/",
    ".DS_Store",
    FILE,
];

/// Most patterns in one file: each is tried on every entry.
const MAX_PATTERNS: usize = 1_000;

struct Pattern {
    glob: Vec<u8>,
    from_top: bool,
    folders_only: bool,
}

/// The patterns in force.
pub(super) struct Ignore(Vec<Pattern>);

impl Ignore {
    /// The patterns of this `.batonignore` text, and those that always hold.
    pub(super) fn parse(text: &str) -> Result<Self, PackageError> {
        let mut patterns = Vec::new();
        let lines = text.lines().map(str::trim);
        for line in lines
            .filter(|l| !l.is_empty() && !l.starts_with('#'))
            .chain(ALWAYS)
        {
            if line.starts_with('!') {
                return Err(PackageError::new(
                    "package_bad_ignore",
                    FILE.to_owned(),
                    format!("{line:?} would take something back in, which is not supported"),
                ));
            }
            let folders_only = line.ends_with('/');
            let body = line.trim_end_matches('/');
            patterns.push(Pattern {
                from_top: body.contains('/'),
                glob: body.trim_start_matches('/').as_bytes().to_vec(),
                folders_only,
            });
        }
        if patterns.len() > MAX_PATTERNS {
            return Err(PackageError::new(
                "package_bad_ignore",
                FILE.to_owned(),
                format!("more than {MAX_PATTERNS} patterns"),
            ));
        }
        Ok(Self(patterns))
    }

    /// Whether the entry at this path stays out.
    pub(super) fn skips(&self, path: &str, folder: bool) -> bool {
        let name = path.rsplit('/').next().unwrap_or(path);
        self.0.iter().any(|p| {
            let subject = if p.from_top { path } else { name };
            (folder || !p.folders_only) && matches(&p.glob, subject.as_bytes())
        })
    }
}

/// Whether the glob matches all of `text`. Linear in practice: only the last two stars are tried again.
fn matches(glob: &[u8], text: &[u8]) -> bool {
    let (mut g, mut t) = (0, 0);
    // Where to go back to: (glob after the star, text it has eaten up to).
    let mut star: Option<(usize, usize)> = None;
    let mut double: Option<(usize, usize)> = None;
    loop {
        if glob[g..].starts_with(b"**") {
            g += 2;
            if glob.get(g) == Some(&b'/') {
                g += 1;
            }
            double = Some((g, t));
            star = None;
        } else if glob.get(g) == Some(&b'*') {
            g += 1;
            star = Some((g, t));
        } else if t < text.len()
            && (glob.get(g) == Some(&text[t]) || (glob.get(g) == Some(&b'?') && text[t] != b'/'))
        {
            g += 1;
            t += 1;
        } else if g == glob.len() && t == text.len() {
            return true;
        } else if let Some((after, eaten)) =
            star.filter(|(_, e)| text.get(*e).is_some_and(|c| *c != b'/'))
        {
            star = Some((after, eaten + 1));
            (g, t) = (after, eaten + 1);
        } else if let Some((after, eaten)) = double.filter(|(_, e)| *e < text.len()) {
            double = Some((after, eaten + 1));
            star = None;
            (g, t) = (after, eaten + 1);
        } else {
            return false;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_documented() {
        let ignore =
            Ignore::parse("# notes\n*.log\n/data/*.csv\nout/\nsrc/**/x?.txt\n").expect("fine");
        for (path, folder, skipped) in [
            ("a.log", false, true),
            ("deep/er/a.log", false, true),
            ("a.logs", false, false),
            ("data/a.csv", false, true),
            ("data/sub/a.csv", false, false),
            ("other/data/a.csv", false, false),
            ("out", true, true),
            ("out", false, false),
            ("sub/out", true, true),
            ("src/xa.txt", false, true),
            ("src/a/b/xa.txt", false, true),
            ("src/a/b/xab.txt", false, false),
            (".git", true, true),
            ("lib/__pycache__", true, true),
            (".gitignore", false, false),
        ] {
            assert_eq!(ignore.skips(path, folder), skipped, "{path}");
        }
    }

    #[test]
    fn a_pattern_that_takes_something_back_in_is_refused() {
        assert_eq!(
            Ignore::parse("!keep").err().expect("refused").code,
            "package_bad_ignore"
        );
    }
}
