//! Where a deploy comes from: place, computer, person, project, and what git says of it.

use std::path::Path;

use baton_core::origin::{Origin, PROJECT, described};

use super::Source;
use super::git::{self, Git};
use crate::settings;

/// Longest text that a version's source takes, in bytes.
const MAX_TEXT: usize = 1_000;

/// Who deploys.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum By {
    /// `baton deploy`: a folder belongs to its computer.
    Deploy,
    /// `runrpa`: the same script lies in the same place on every computer.
    Runrpa,
}

/// Adds the project, what git knows, and what the person says.
pub(crate) fn add(to: &mut Origin, source: &Source, message: Option<&str>, by: By) {
    let git = git::look(&source.path);
    let said = source.settings.flow.project.as_deref();
    let project = project(&source.path, said, git.as_ref(), by);
    to.insert(PROJECT.to_owned(), clip(&project));
    let mut set = |name: &str, value: Option<&str>| {
        if let Some(value) = value.filter(|value| !value.trim().is_empty()) {
            to.insert(name.to_owned(), clip(value));
        }
    };
    set("message", message);
    let Some(git) = git else { return };
    set("repository", git.repository.as_deref());
    set("revision", git.revision.as_deref());
    set("branch", git.branch.as_deref());
    set("subject", git.subject.as_deref());
    let dirty = git.revision.as_ref().and(git.dirty);
    set("dirty", dirty.map(|dirty| if dirty { "yes" } else { "no" }));
}

fn clip(text: &str) -> String {
    baton_core::error::clip(text.to_owned(), MAX_TEXT)
}

/// The name of the project that something belongs to: scripts of one folder belong to one.
fn project(path: &Path, said: Option<&str>, git: Option<&Git>, by: By) -> String {
    if let Some(said) = said.filter(|said| !said.trim().is_empty()) {
        return format!("id:{said}");
    }
    if let Some(Git {
        repository: Some(repository),
        prefix,
        ..
    }) = git
    {
        return format!("git:{repository}:{prefix}");
    }
    let folder = if path.is_dir() {
        path
    } else {
        path.parent().unwrap_or(path)
    };
    match by {
        By::Deploy => format!("folder:{}:{}", settings::computer(), folder.display()),
        By::Runrpa => format!("script:{}", folder.display()),
    }
}

/// Whether what was deployed before has moved here: it came from this computer or repository, and is gone from there.
pub(crate) fn moved(known: &Origin, new: &Origin, top: &Path) -> bool {
    let place = |origin: &Origin| {
        let project = origin.get(PROJECT)?.strip_prefix("git:")?;
        let (repository, folder) = project.rsplit_once(':')?;
        Some((repository.to_owned(), folder.to_owned()))
    };
    if let (Some((before, old)), Some((now, here))) = (place(known), place(new)) {
        // The top of the clone is as many folders up as the new place has.
        let ups = here.split('/').filter(|part| !part.is_empty()).count();
        let folder = if top.is_dir() {
            top
        } else {
            top.parent().unwrap_or(top)
        };
        let root = folder.ancestors().nth(ups);
        return before == now
            && root.is_some_and(|root| !old.is_empty() && !root.join(old).exists());
    }
    let here = known.get("computer") == new.get("computer");
    here && known
        .get("path")
        .is_some_and(|path| !Path::new(path).exists())
}

/// What is asked before a flow is taken over.
pub(crate) fn question(flow: &str, known: &Origin) -> String {
    format!(
        "The flow {flow} was deployed from {}. Replace it by what is here?",
        described(known)
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_what_it_says_else_its_repository_else_its_folder() {
        let git = Git {
            repository: Some("h/o/r".into()),
            prefix: "payroll".into(),
            ..Git::default()
        };
        let path = Path::new("/p/payroll/main.py");
        let of = |said, git: Option<&Git>, by| project(path, said, git, by);
        assert_eq!(of(Some("x"), Some(&git), By::Deploy), "id:x");
        assert_eq!(of(None, Some(&git), By::Runrpa), "git:h/o/r:payroll");
        let local = Git::default();
        let here = format!("folder:{}:/p/payroll", settings::computer());
        assert_eq!(of(None, Some(&local), By::Deploy), here);
        assert_eq!(of(None, None, By::Runrpa), "script:/p/payroll");
    }

    #[test]
    fn what_is_gone_from_where_it_was_has_moved() {
        let folder = tempfile::tempdir().expect("a folder");
        let here = folder.path().join("new");
        std::fs::create_dir_all(here.join("deep")).expect("made");
        let origin = |project: &str, path: &Path| {
            Origin::from([
                (PROJECT.to_owned(), project.to_owned()),
                ("computer".to_owned(), "a".to_owned()),
                ("path".to_owned(), path.display().to_string()),
            ])
        };
        let old = folder.path().join("old");
        let (known, new) = (origin("folder:a:old", &old), origin("folder:a:new", &here));
        assert!(moved(&known, &new, &here));
        std::fs::create_dir(&old).expect("made");
        assert!(!moved(&known, &new, &here), "the old one is still there");
        let git = |folder: &str| origin(&format!("git:h/o/r:{folder}"), &here);
        let deep = here.join("deep");
        assert!(moved(&git("gone"), &git("deep"), &deep));
        assert!(!moved(
            &origin("git:h/o/other:gone", &old),
            &git("deep"),
            &deep
        ));
        std::fs::create_dir(here.join("gone")).expect("made");
        assert!(!moved(&git("gone"), &git("deep"), &deep));
    }
}
