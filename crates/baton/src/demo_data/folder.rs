//! The folder of the demo: made fresh, known again by its mark, never taken from anybody.

use std::collections::BTreeMap;
use std::path::Path;

use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::settings::known;

/// Marks a folder as a demo's. It says `filling` until it is whole.
const MARK: &str = "demo.mark";
/// Holds the text of its keys, readable by its owner alone.
const KEYS: &str = "demo.keys.json";
const FILLING: &[u8] = b"filling\n";
const WHOLE: &[u8] = b"a demo of baton: delete this folder, and nothing of it is left\n";

/// Takes the folder for a demo. Says whether it is fresh and must be filled.
pub(crate) fn claim(folder: &Path) -> Done<bool> {
    let mark = folder.join(MARK);
    match std::fs::read(&mark) {
        Ok(text) if text == FILLING => {
            return Err(Failure::new(
                Exit::Refused,
                "demo_unfinished",
                format!(
                    "{} holds a demo that was interrupted while it was made",
                    folder.display()
                ),
            )
            .fix(format!(
                "delete it (rm -r {}) and try again, or choose another with --data",
                folder.display()
            )));
        }
        Ok(_) => return Ok(false),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => return Err(Failure::file(&mark, "read", &error)),
    }
    let is_empty = match std::fs::read_dir(folder) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => true,
        Err(error) => return Err(Failure::file(folder, "read", &error)),
    };
    if !is_empty {
        return Err(Failure::new(
            Exit::Refused,
            "not_a_demo",
            format!(
                "{} is not empty and not a demo of this command: nothing in it was touched",
                folder.display()
            ),
        )
        .fix("choose a new folder with --data; `baton up` starts what a real data folder holds"));
    }
    crate::serve::server::data_folder(folder)?;
    known::write_private(&mark, FILLING)?;
    Ok(true)
}

/// Notes that the demo is whole, and the text of its keys by their names: those of its robots and of its people.
pub(crate) fn done(folder: &Path, keys: &BTreeMap<String, String>) -> Done {
    let text = serde_json::to_vec_pretty(keys).unwrap_or_default();
    known::write_private(&folder.join(KEYS), &text)?;
    known::write_private(&folder.join(MARK), WHOLE)
}

/// The text of the demo's keys, by their names.
pub(crate) fn keys(folder: &Path) -> Done<BTreeMap<String, String>> {
    let path = folder.join(KEYS);
    let text = std::fs::read(&path).map_err(|e| Failure::file(&path, "read", &e))?;
    serde_json::from_slice(&text).map_err(|e| {
        Failure::new(
            Exit::Refused,
            "bad_demo",
            format!("{}: {e}", path.display()),
        )
        .fix("delete the demo's folder and make it anew")
    })
}
