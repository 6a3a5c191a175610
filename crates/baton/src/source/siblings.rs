//! What a script that is deployed alone leaves behind: files beside it that it says it uses.

use std::collections::BTreeSet;
use std::path::Path;

/// Largest script whose text is looked through, in bytes: what people write, not what machines make.
const MAX_SCRIPT: u64 = 1 << 20;

/// The files and folders beside a script that it imports or sources.
pub(crate) fn left_behind(script: &Path) -> Vec<String> {
    let Some(folder) = script.parent().filter(|_| script.is_file()) else {
        return Vec::new();
    };
    if std::fs::metadata(script).is_ok_and(|meta| meta.len() > MAX_SCRIPT) {
        return Vec::new();
    }
    let text = std::fs::read_to_string(script).unwrap_or_default();
    let python = script.extension().is_some_and(|e| e == "py");
    let mut found = BTreeSet::new();
    for line in text.lines() {
        if python {
            found.extend(imported(line).filter_map(|module| module_beside(folder, module)));
        } else {
            found.extend(sourced(line).filter(|name| folder.join(name).is_file()));
        }
    }
    let own = script.file_name().and_then(|name| name.to_str());
    found.retain(|name| Some(name.as_str()) != own);
    found.into_iter().collect()
}

/// The modules that a line of Python imports, by their first name.
fn imported(line: &str) -> impl Iterator<Item = &str> {
    let line = line.trim_start();
    let (list, several) = match (line.strip_prefix("import "), line.strip_prefix("from ")) {
        (Some(rest), _) => (rest, true),
        (_, Some(rest)) => (rest.split(" import").next().unwrap_or(""), false),
        _ => ("", false),
    };
    list.split(',')
        .take(if several { usize::MAX } else { 1 })
        .filter_map(|part| part.trim().trim_start_matches('.').split([' ', '.']).next())
        .filter(|name| !name.is_empty())
}

fn module_beside(folder: &Path, module: &str) -> Option<String> {
    let file = format!("{module}.py");
    if folder.join(&file).is_file() {
        return Some(file);
    }
    let package = folder.join(module);
    package
        .join("__init__.py")
        .is_file()
        .then(|| format!("{module}/"))
}

/// The file that a line of a shell script sources.
fn sourced(line: &str) -> impl Iterator<Item = String> {
    let line = line.trim_start();
    let rest = line
        .strip_prefix(". ")
        .or_else(|| line.strip_prefix("source "));
    let word = rest.and_then(|rest| rest.split_whitespace().next());
    word.map(|word| {
        word.trim_matches(['"', '\''])
            .trim_start_matches("./")
            .to_owned()
    })
    .into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_script_imports_from_beside_it_is_seen() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let write = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().expect("below")).expect("made");
            std::fs::write(&path, text).expect("written");
            path
        };
        for name in [
            "helper.py",
            "other.py",
            "unused.py",
            "lib/__init__.py",
            "common.sh",
        ] {
            write(name, "");
        }
        let python = write(
            "report.py",
            "import os, helper\nfrom other import x\nimport lib.deep as d\nimport report\nimport json\n",
        );
        assert_eq!(left_behind(&python), ["helper.py", "lib/", "other.py"]);
        let shell = write("job.sh", "#!/bin/sh\n. ./common.sh\nsource absent.sh\n");
        assert_eq!(left_behind(&shell), ["common.sh"]);
        assert!(left_behind(folder.path()).is_empty());
    }
}
