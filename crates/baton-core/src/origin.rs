//! Whether two deploys of one flow come from the same project: by what each says of where it came from.
//!
//! The command line names the project in the `project` of a version's source: `id:NAME` (said in `baton.toml`),
//! `git:HOST/OWNER/REPOSITORY:FOLDER` (a clone anywhere), `script:FOLDER` (by `runrpa`: the same on every computer)
//! or `folder:COMPUTER:FOLDER`. A version that names none (older, or made through the API) belongs to nobody.

use std::collections::BTreeMap;

/// What a version's source says.
pub type Origin = BTreeMap<String, String>;

/// The entry that names the project.
pub const PROJECT: &str = "project";

/// Whether a deploy from `new` would take a flow over that another project made.
pub fn is_other(known: &Origin, new: &Origin) -> bool {
    let (Some(before), Some(now)) = (known.get(PROJECT), new.get(PROJECT)) else {
        return false;
    };
    if before == now {
        return false;
    }
    let named = |project: &String| project.starts_with("git:") || project.starts_with("id:");
    // A folder that has since been given a name or a repository is still that folder.
    let same_place =
        known.get("computer") == new.get("computer") && known.get("path") == new.get("path");
    !(same_place && (!named(before) || !named(now)))
}

/// Where something came from, for people.
pub fn described(origin: &Origin) -> String {
    let path = origin
        .get("path")
        .map_or("an unknown place", String::as_str);
    let on = origin
        .get("computer")
        .map_or(String::new(), |computer| format!(" on {computer}"));
    match origin.get("repository") {
        Some(repository) => format!("{path}{on} (repository {repository})"),
        None => format!("{path}{on}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn origin(project: &str, computer: &str, path: &str) -> Origin {
        [(PROJECT, project), ("computer", computer), ("path", path)]
            .into_iter()
            .filter(|(_, value)| !value.is_empty())
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect()
    }

    #[test]
    fn only_what_comes_from_elsewhere_is_another_project() {
        let here = origin("folder:a:/p/main", "a", "/p/main");
        let git = origin("git:h/o/r:main", "a", "/p/main");
        for (known, new, other) in [
            (&here, &here, false),
            (&here, &origin("folder:a:/q/main", "a", "/q/main"), true),
            (&here, &origin("folder:b:/p/main", "b", "/p/main"), true),
            // The same folder, a repository since; and its clone on another computer.
            (&here, &git, false),
            (
                &git,
                &origin("git:h/o/r:main", "ci-7", "/builds/1/main"),
                false,
            ),
            (&git, &origin("git:h/o/other:main", "a", "/p/main"), true),
            (&git, &origin("git:h/o/r:else", "a", "/p/else"), true),
            (&git, &origin("id:payroll", "a", "/p/main"), true),
            (&here, &origin("id:payroll", "a", "/p/main"), false),
            // Versions that say nothing of themselves stand in nobody's way.
            (
                &origin("", "a", "/p/main"),
                &origin("folder:a:/q", "a", "/q"),
                false,
            ),
            (&here, &Origin::new(), false),
        ] {
            assert_eq!(is_other(known, new), other, "{known:?} {new:?}");
        }
    }
}
