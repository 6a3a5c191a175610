//! Finds the script that a name means: here, then in `scripts/`, with an extension that has a runner.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::settings::file;
use crate::source::runner::{BUILT_IN, WORKBOOKS, extension, is_executable};

/// Where bare names are looked up.
const PLACES: [&str; 2] = ["", "scripts"];
/// A settings file of `runrpa`'s own, for runners; `baton.toml` does as well.
const OWN_SETTINGS: &str = "runrpa.toml";

/// A script that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Script {
    /// Where it is.
    pub(crate) path: PathBuf,
    /// The flow's name: the file's stem.
    pub(crate) flow: String,
    /// Programs for scripts, by extension, as configured here.
    pub(crate) runners: BTreeMap<String, Vec<String>>,
}

/// Finds the script that `-f` names, seen from `here`.
pub(crate) fn find(name: &str, here: &Path) -> Done<Script> {
    if name.trim().is_empty() {
        return Err(configuration("no_script", "no script is named")
            .fix("name one: runrpa -f NAME; runrpa -h lists every flag"));
    }
    let runners = runners(here)?;
    let candidates = candidates(name, here, &runners);
    let found = candidates.iter().find(|path| is_script(path));
    let Some(path) = found else {
        return Err(configuration(
            "no_script",
            format!("there is no script {name:?} here or in scripts/"),
        )
        .fix(format!(
            "looked for {}",
            candidates
                .iter()
                .map(|p| p.strip_prefix(here).unwrap_or(p).display().to_string())
                .collect::<Vec<_>>()
                .join(", ")
        )));
    };
    check_runner(path, &runners)?;
    let stem = if path.is_dir() {
        path.file_name()
    } else {
        path.file_stem()
    };
    let flow = stem
        .and_then(|stem| stem.to_str())
        .ok_or_else(|| {
            configuration(
                "bad_name",
                format!("{} has no readable name", path.display()),
            )
        })?
        .to_owned();
    baton_core::flow::check_name(&flow)
        .map_err(|why| configuration("bad_name", format!("{flow:?} cannot name a flow: {why}")))?;
    Ok(Script {
        path: path.clone(),
        flow,
        runners,
    })
}

/// Every path that a name could mean, in order. A name that has its extension never gets another.
fn candidates(name: &str, here: &Path, runners: &BTreeMap<String, Vec<String>>) -> Vec<PathBuf> {
    // Users of the original write backslashes.
    let name = name.replace('\\', "/");
    let known: Vec<&str> = runners
        .keys()
        .map(String::as_str)
        .chain(BUILT_IN.iter().map(|(extension, _)| *extension))
        .chain(WORKBOOKS)
        .collect();
    let complete = extension(Path::new(&name))
        .is_some_and(|e| known.iter().any(|k| k.eq_ignore_ascii_case(&e)));
    let mut all = Vec::new();
    for place in PLACES {
        let base = here.join(place).join(&name);
        all.push(base.clone());
        if !complete {
            for extension in &known {
                let mut with = base.clone().into_os_string();
                with.push(extension);
                let with = PathBuf::from(with);
                if !all.contains(&with) {
                    all.push(with);
                }
            }
        }
    }
    all
}

/// Whether this is something to run: a file, or a folder that says what to run in it.
fn is_script(path: &Path) -> bool {
    path.is_file() || (path.is_dir() && path.join(file::NAME).is_file())
}

/// Runners of `runrpa.toml` over those of `baton.toml`.
fn runners(here: &Path) -> Done<BTreeMap<String, Vec<String>>> {
    let mut all = BTreeMap::new();
    for name in [file::NAME, OWN_SETTINGS] {
        let path = here.join(name);
        if path.is_file() {
            all.extend(
                file::read(&path)?
                    .runners
                    .into_iter()
                    .map(|(extension, command)| (extension.to_ascii_lowercase(), command)),
            );
        }
    }
    Ok(all)
}

fn check_runner(path: &Path, runners: &BTreeMap<String, Vec<String>>) -> Done {
    let Some(extension) = extension(path) else {
        return Ok(());
    };
    if WORKBOOKS.contains(&extension.as_str())
        && !runners.contains_key(&extension)
        && !is_executable(path)
    {
        return Err(configuration(
            "no_runner",
            format!(
                "{} is a workbook, and no program is configured that runs {extension} scripts",
                path.display()
            ),
        )
        .fix(format!(
            "name one in runrpa.toml or baton.toml: [runners] \"{extension}\" = [\"program\", \"{{{{file}}}}\"]"
        )));
    }
    Ok(())
}

/// What OPTIMUS calls a configuration error: exit code 1.
fn configuration(code: &str, what: impl Into<String>) -> Failure {
    Failure::new(Exit::Failed, code, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[&str]) -> tempfile::TempDir {
        let folder = tempfile::tempdir().expect("a temporary folder");
        for name in files {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("it has a parent")).expect("made");
            std::fs::write(path, "").expect("written");
        }
        folder
    }

    fn found(files: &[&str], name: &str) -> (String, String) {
        let folder = folder(files);
        let script = find(name, folder.path()).expect(name);
        let path = script.path.strip_prefix(folder.path()).expect("below");
        (path.display().to_string(), script.flow)
    }

    #[test]
    fn a_name_is_looked_up_here_and_then_in_scripts() {
        let both = ["cscKPI.py", "scripts/cscKPI.py", "scripts/other.sh"];
        assert_eq!(
            found(&both, "cscKPI"),
            ("cscKPI.py".into(), "cscKPI".into())
        );
        assert_eq!(
            found(&both, "other"),
            ("scripts/other.sh".into(), "other".into())
        );
        assert_eq!(
            found(&both, "scripts\\other"),
            ("scripts/other.sh".into(), "other".into())
        );
    }

    #[test]
    fn an_extension_that_is_there_is_never_doubled() {
        let files = ["cscKPI.py", "cscKPI.py.py"];
        assert_eq!(found(&files, "cscKPI.py").0, "cscKPI.py");
        let folder = folder(&["k.py.py"]);
        assert!(find("k.py", folder.path()).is_err());
        // A dot in a name is no extension.
        assert_eq!(
            found(&["report.v2.py"], "report.v2"),
            ("report.v2.py".into(), "report.v2".into())
        );
    }

    #[test]
    fn a_workbook_needs_a_configured_runner() {
        let folder = folder(&["scripts/cscKPI.xlsm"]);
        let error = find("cscKPI", folder.path()).expect_err("no runner");
        assert_eq!(
            (error.code.as_str(), error.exit),
            ("no_runner", Exit::Failed)
        );
        assert!(error.what.contains("no program is configured"));
        std::fs::write(
            folder.path().join("runrpa.toml"),
            "[runners]\n\".XLSM\" = [\"optimus\", \"{{file}}\"]\n",
        )
        .expect("written");
        let script = find("cscKPI", folder.path()).expect("configured");
        assert_eq!(script.flow, "cscKPI");
        assert_eq!(script.runners[".xlsm"][0], "optimus");
    }

    #[test]
    fn a_name_that_means_nothing_is_a_configuration_error_that_says_where_it_looked() {
        let folder = folder(&["README.md"]);
        let error = find("cscKPI", folder.path()).expect_err("nothing there");
        assert_eq!(error.exit.code(), 1);
        assert!(error.fix.contains("scripts/cscKPI.py"), "{}", error.fix);
        assert_eq!(find("", folder.path()).expect_err("no name").exit.code(), 1);
    }

    #[test]
    fn the_folder_that_optimus_keeps_beside_a_script_is_not_the_script() {
        let files = ["cscKPI/output/x.csv", "cscKPI.py"];
        assert_eq!(found(&files, "cscKPI").0, "cscKPI.py");
        let files = ["flow/baton.toml", "flow/main.py"];
        assert_eq!(found(&files, "flow"), ("flow".into(), "flow".into()));
    }
}
