//! Which packages a flow needs: what is named, what the script says of itself (PEP 723), or the list beside it.

use std::path::Path;

use serde::Deserialize;

use super::Wish;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::settings::file::BatonToml;

/// The file that names the Python packages a folder needs.
pub(crate) const NAME: &str = "requirements.txt";
/// The name of a list that comes along from elsewhere, where the folder has one of the usual name.
const CARRIED: &str = "requirements.deployed.txt";
/// Largest list or script that is looked at, in bytes.
const MAX_BYTES: u64 = 1 << 20;

/// The packages of a flow.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Requirements {
    /// The list in the package, if there is one.
    pub(crate) file: Option<String>,
    /// What it holds.
    pub(crate) text: String,
    /// Whether it has to be put into the package, which does not hold it by itself.
    pub(crate) carried: bool,
    /// Where it came from, where that is worth a word.
    pub(crate) from: Option<String>,
}

/// Finds the list of packages for what is at a path.
pub(crate) fn find(path: &Path, settings: &BatonToml, wish: &Wish) -> Done<Requirements> {
    if let Some(named) = &wish.requirements {
        return named_list(path, named);
    }
    if let Some(file) = &settings.flow.requirements {
        let file = Some(file.clone()).filter(|file| !file.is_empty());
        let text = file.as_ref().and_then(|file| read(&path.join(file)).ok());
        return Ok(Requirements {
            file,
            text: text.unwrap_or_default(),
            ..Requirements::default()
        });
    }
    let (folder, script) = if path.is_dir() {
        (path, path.join("main.py"))
    } else {
        (path.parent().unwrap_or(path), path.to_owned())
    };
    let list = folder.join(NAME);
    let is_python = script.extension().is_some_and(|e| e == "py");
    // A folder's own list is about all of it; what a lone script says of itself is about this script.
    if path.is_dir() && list.is_file() {
        return Ok(own(read(&list)?));
    }
    if is_python
        && script.is_file()
        && let Some(text) = inline(&script)?
    {
        let from = "what the script says of itself (# /// script)";
        return Ok(carried(NAME, text, from));
    }
    let needs_list = is_python || script.extension().is_some_and(|e| e == "robot");
    if path.is_file() && needs_list && list.is_file() {
        let text = read(&list)?;
        if !names_files(&text) {
            return Ok(carried(NAME, text, "requirements.txt beside the script"));
        }
    }
    Ok(Requirements::default())
}

fn own(text: String) -> Requirements {
    Requirements {
        file: Some(NAME.to_owned()),
        text,
        ..Requirements::default()
    }
}

fn carried(name: &str, text: String, from: &str) -> Requirements {
    Requirements {
        file: Some(name.to_owned()),
        text,
        carried: true,
        from: Some(from.to_owned()),
    }
}

/// The list of `--requirements`: a file of the deployed folder, or one from elsewhere that goes along.
fn named_list(path: &Path, named: &Path) -> Done<Requirements> {
    let inside = path
        .is_dir()
        .then(|| path.join(named))
        .filter(|file| file.is_file() && named.is_relative());
    let file = inside.unwrap_or_else(|| named.to_owned());
    let full = file
        .canonicalize()
        .map_err(|e| Failure::file(named, "read", &e))?;
    let text = read(&full)?;
    if path.is_dir()
        && let Ok(relative) = full.strip_prefix(path)
    {
        return Ok(Requirements {
            file: Some(relative.display().to_string()),
            text,
            ..Requirements::default()
        });
    }
    if names_files(&text) {
        return Err(Failure::new(
            Exit::Refused,
            "requirements_name_files",
            format!(
                "{} names other files, which would not come along",
                named.display()
            ),
        )
        .fix("deploy the folder that holds them, or write their packages into one list"));
    }
    let taken = path.is_dir() && path.join(NAME).exists();
    Ok(carried(
        if taken { CARRIED } else { NAME },
        text,
        &named.display().to_string(),
    ))
}

fn read(file: &Path) -> Done<String> {
    let size = std::fs::metadata(file)
        .map_err(|e| Failure::file(file, "read", &e))?
        .len();
    if size > MAX_BYTES {
        let what = format!(
            "{} has {size} bytes; lists have at most {MAX_BYTES}",
            file.display()
        );
        return Err(Failure::new(Exit::Refused, "requirements_too_large", what));
    }
    let bytes = std::fs::read(file).map_err(|e| Failure::file(file, "read", &e))?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Whether a list means other files: by an option that takes one, or by a path.
fn names_files(text: &str) -> bool {
    let lines = text
        .lines()
        .map(|line| line.split(" #").next().unwrap_or(line).trim());
    lines.filter(|line| !line.starts_with('#')).any(|line| {
        let option = [
            "-r",
            "-c",
            "-e",
            "-f",
            "--requirement",
            "--constraint",
            "--editable",
            "--find-links",
        ]
        .iter()
        .any(|option| line.starts_with(option) && !line.contains("://"));
        option || line.starts_with(['.', '/']) || line.contains("file:")
    })
}

/// What a script says of itself.
#[derive(Deserialize)]
struct Inline {
    #[serde(default)]
    dependencies: Vec<String>,
}

/// The packages that a script names in a block `# /// script` (PEP 723), one a line.
fn inline(script: &Path) -> Done<Option<String>> {
    if std::fs::metadata(script).is_ok_and(|meta| meta.len() > MAX_BYTES) {
        return Ok(None);
    }
    let bytes = std::fs::read(script).map_err(|e| Failure::file(script, "read", &e))?;
    let text = String::from_utf8_lossy(&bytes);
    let lines: Vec<&str> = text.lines().map(str::trim_end).collect();
    let wrong = |line: usize, why: &str| {
        let what = format!("{}:{line}: {why}", script.display());
        Failure::new(Exit::Refused, "bad_script_metadata", what)
            .fix("write it as in: # /// script, # dependencies = [\"requests\"], # ///")
    };
    let starts: Vec<usize> = (0..lines.len())
        .filter(|at| lines[*at] == "# /// script")
        .collect();
    let Some(start) = starts.first().copied() else {
        return Ok(None);
    };
    let block = lines[start + 1..]
        .iter()
        .take_while(|line| **line == "#" || line.starts_with("# "))
        .count();
    let block = &lines[start + 1..start + 1 + block];
    let Some(end) = block.iter().rposition(|line| *line == "# ///") else {
        return Err(wrong(
            start + 1,
            "the block of the script about itself has no end (# ///)",
        ));
    };
    if let Some(second) = starts.iter().find(|at| **at > start + 1 + end) {
        return Err(wrong(
            second + 1,
            "the script has a second block about itself",
        ));
    }
    let body: Vec<&str> = block[..end]
        .iter()
        .map(|line| line.strip_prefix("# ").unwrap_or_else(|| &line[1..]))
        .collect();
    let body = body.join("\n");
    let read: Inline = toml::from_str(&body).map_err(|error| {
        let before = error.span().map_or(0, |span| {
            body[..span.start.min(body.len())].matches('\n').count()
        });
        wrong(start + 2 + before, error.message())
    })?;
    if read
        .dependencies
        .iter()
        .any(|each| each.contains(['\n', '\r']))
    {
        return Err(wrong(start + 1, "a package has a line break in it"));
    }
    let lines = read.dependencies.iter().map(|each| format!("{each}\n"));
    Ok((!read.dependencies.is_empty()).then(|| lines.collect()))
}

#[cfg(test)]
#[path = "requirements_tests.rs"]
mod tests;
