//! Which files stay out of a package: a few that never belong in one, virtual environments, and those that
//! `.batonignore` and `.gitignore` name.
//!
//! The first that says anything about an entry decides: `.batonignore` at the top; what never belongs in a package;
//! the `.gitignore` files, the one nearest to the entry first, up to the top of the repository; its
//! `.git/info/exclude`. All are written as git's. A person's own list outside of the repository is not read: the
//! same files are to give the same package on every computer.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::PackageError;

/// The file that names what stays out, and with `!` what goes along after all.
pub(super) const FILE: &str = ".batonignore";
/// The same for git; there may be one in each folder.
const GIT_FILE: &str = ".gitignore";

/// Never in a package, whatever is said: they are no files of a flow.
const NEVER: [&str; 3] = [".git", FILE, "baton-data"];

/// What is not in a package unless `.batonignore` takes it in: history, caches, installed packages.
const USUALLY: [&str; 12] = [
    ".hg",
    ".svn",
    "__pycache__",
    ".venv",
    "node_modules",
    ".mypy_cache",
    ".pytest_cache",
    ".ruff_cache",
    ".tox",
    ".nox",
    ".ipynb_checkpoints",
    ".DS_Store",
];

/// What a folder holds that is a Python environment: full of links, and of no use on another computer.
const ENVIRONMENTS: [&str; 2] = ["pyvenv.cfg", "conda-meta/history"];

/// Longest list of patterns that is read, in bytes.
const MAX_LIST: u64 = 1 << 20;
/// Most patterns in one list: each is tried on every entry.
const MAX_PATTERNS: usize = 1_000;
/// How far above the folder the top of its repository may be.
const MAX_ABOVE: usize = 64;

/// Why an entry stays out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Why {
    /// It never belongs in a package, or hardly ever.
    Usual,
    /// It is a Python environment.
    Environment,
    /// `.batonignore` names it.
    Baton,
    /// A `.gitignore` names it.
    Git,
}

/// The patterns in force in a folder, those of the folders above it included.
pub(super) struct Ignored {
    top: PathBuf,
    baton: Gitignore,
    /// From the top of the repository down to the folder that is being looked at.
    git: Vec<Gitignore>,
}

impl Ignored {
    /// What holds in the folder that is packed.
    pub(super) fn at(top: &Path) -> Result<Self, PackageError> {
        let mut git = Vec::new();
        let above: Vec<&Path> = top.ancestors().skip(1).take(MAX_ABOVE).collect();
        let in_repository = |folder: &&Path| folder.join(".git").exists();
        let root = if in_repository(&top) {
            Some(0)
        } else {
            above.iter().position(in_repository).map(|at| at + 1)
        };
        if let Some(root) = root {
            let folder = if root == 0 { top } else { above[root - 1] };
            git.extend(list(folder, &folder.join(".git/info/exclude"), false)?);
            for folder in above[..root].iter().rev() {
                git.extend(list(folder, &folder.join(GIT_FILE), false)?);
            }
        }
        let baton = list(top, &top.join(FILE), true)?.unwrap_or_else(Gitignore::empty);
        Ok(Self {
            top: top.to_owned(),
            baton,
            git,
        })
    }

    /// Takes in what the `.gitignore` of a folder says; `leave` takes it back.
    pub(super) fn enter(&mut self, folder: &Path) -> Result<usize, PackageError> {
        let before = self.git.len();
        self.git
            .extend(list(folder, &folder.join(GIT_FILE), false)?);
        Ok(before)
    }

    /// Leaves a folder: what was in force before it was entered is in force again.
    pub(super) fn leave(&mut self, before: usize) {
        self.git.truncate(before);
    }

    /// Why the entry at this path stays out, if it does.
    pub(super) fn skips(&self, path: &str, folder: bool) -> Option<Why> {
        let name = path.rsplit('/').next().unwrap_or(path);
        if NEVER.contains(&name) {
            return Some(Why::Usual);
        }
        let full = self.top.join(path);
        match self.baton.matched(&full, folder) {
            Match::Ignore(_) => return Some(Why::Baton),
            Match::Whitelist(_) => return None,
            Match::None => {}
        }
        if USUALLY.contains(&name) {
            return Some(Why::Usual);
        }
        if folder && ENVIRONMENTS.iter().any(|mark| full.join(mark).is_file()) {
            return Some(Why::Environment);
        }
        for list in self.git.iter().rev() {
            match list.matched(&full, folder) {
                Match::Ignore(_) => return Some(Why::Git),
                Match::Whitelist(_) => return None,
                Match::None => {}
            }
        }
        None
    }
}

/// The patterns in a file, counted from `root`; nothing where there is no such file. In our own list a pattern that
/// cannot be one is refused; in git's it matches nothing, as it does for git.
fn list(root: &Path, file: &Path, ours: bool) -> Result<Option<Gitignore>, PackageError> {
    let shown = || file.display().to_string();
    let bad = |why: String| PackageError::new("package_bad_ignore", shown(), why);
    let text = match fs::read(file) {
        Ok(text) => text,
        Err(e)
            if matches!(
                e.kind(),
                io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
            ) =>
        {
            return Ok(None);
        }
        // A folder of this name, or one that may not be read, names nothing.
        Err(_) if !ours => return Ok(None),
        Err(e) => return Err(PackageError::io(shown(), &e)),
    };
    if text.len() as u64 > MAX_LIST {
        return Err(bad(format!("it is longer than {MAX_LIST} bytes")));
    }
    let text = String::from_utf8_lossy(&text);
    let mut builder = GitignoreBuilder::new(root);
    let mut patterns = 0;
    for (at, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        if let Err(error) = builder.add_line(None, line)
            && ours
        {
            return Err(bad(format!("line {}: {error}", at + 1)));
        }
        patterns += usize::from(!line.trim().is_empty() && !line.starts_with('#'));
    }
    if patterns > MAX_PATTERNS {
        return Err(bad(format!("more than {MAX_PATTERNS} patterns")));
    }
    builder.build().map(Some).map_err(|e| bad(e.to_string()))
}

#[cfg(test)]
#[path = "ignored_tests.rs"]
mod tests;
