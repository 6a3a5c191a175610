//! What stands in a tar before an entry and is about it: long names as GNU tar writes them, and PAX headers.
//!
//! Python's `tarfile` writes a PAX header for every name beyond ASCII or beyond 100 bytes, `git archive` one for
//! all that follows. Of their properties the name counts, and the size must be the one of the entry itself.

use std::io::Read;

use tar::{Entry, EntryType, PaxExtensions};

use super::{MAX_NAME, PackageEntry, PackageError};

/// Longest header of properties, in bytes: a name takes two kilobytes, the rest are times and attributes.
const MAX_PROPERTIES: u64 = 64 << 10;
/// Most headers for all that follows; each says something about the whole archive.
const MAX_GLOBAL: usize = 16;

/// What was said before an entry.
#[derive(Default)]
pub(super) struct Extended {
    name: Option<Vec<u8>>,
    size: Option<u64>,
    seen: Vec<EntryType>,
}

impl Extended {
    /// Takes in an entry that is about the next one; false if it is none of that kind.
    pub(super) fn take_in(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        last: Option<&PackageEntry>,
    ) -> Result<bool, PackageError> {
        let kind = entry.header().entry_type();
        let global = kind == EntryType::XGlobalHeader;
        let known = matches!(
            kind,
            EntryType::GNULongName
                | EntryType::GNULongLink
                | EntryType::XHeader
                | EntryType::XGlobalHeader
        );
        if !known {
            return Ok(false);
        }
        let times = self.seen.iter().filter(|seen| **seen == kind).count();
        if times >= if global { MAX_GLOBAL } else { 1 } {
            return Err(PackageError::damaged(
                last,
                "the same is said twice of one entry",
            ));
        }
        self.seen.push(kind);
        match kind {
            EntryType::GNULongName => self.name = Some(read_name(entry)?),
            // Where a link leads: the link itself is refused.
            EntryType::GNULongLink => drop(read_name(entry)?),
            _ => self.read_properties(entry, global)?,
        }
        Ok(true)
    }

    fn read_properties(
        &mut self,
        entry: &mut Entry<'_, impl Read>,
        global: bool,
    ) -> Result<(), PackageError> {
        let about = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        let wrong =
            |why: &str| PackageError::new("package_bad_header", about.clone(), why.to_owned());
        if entry.size() > MAX_PROPERTIES {
            return Err(wrong(&format!(
                "a PAX header holds more than {MAX_PROPERTIES} bytes"
            )));
        }
        let mut bytes = Vec::new();
        entry
            .take(MAX_PROPERTIES)
            .read_to_end(&mut bytes)
            .map_err(|e| PackageError::damaged(None, e))?;
        for property in PaxExtensions::new(&bytes) {
            let property = property.map_err(|_| wrong("a PAX header that is not made as such"))?;
            let (key, value) = (property.key_bytes(), property.value_bytes());
            if key.starts_with(b"GNU.sparse.") {
                return Err(wrong("a file with holes; pack it without --sparse"));
            }
            if !matches!(key, b"path" | b"size") {
                continue;
            }
            if global {
                return Err(wrong("a PAX header gives all files one name or one size"));
            }
            if key == b"path" {
                if value.len() > MAX_NAME {
                    return Err(too_long(value));
                }
                self.name = Some(value.to_vec());
            } else {
                let size = property.value().ok().and_then(|text| text.parse().ok());
                self.size =
                    Some(size.ok_or_else(|| wrong("the size in a PAX header is no number"))?);
            }
        }
        Ok(())
    }

    /// The name of the entry that this was said of, whose own size must be the one that was said.
    pub(super) fn name_of(self, entry: &Entry<'_, impl Read>) -> Result<Vec<u8>, PackageError> {
        let name = self.name.unwrap_or_else(|| entry.path_bytes().into_owned());
        if self.size.is_some_and(|size| size != entry.size()) {
            let shown = String::from_utf8_lossy(&name).into_owned();
            let why = "its PAX header and its own header give two sizes";
            return Err(PackageError::new("package_bad_header", shown, why));
        }
        Ok(name)
    }

    /// Whether anything was said of an entry that did not come; what holds for all that follows may be last.
    pub(super) fn is_something(&self) -> bool {
        self.seen
            .iter()
            .any(|kind| *kind != EntryType::XGlobalHeader)
    }
}

fn too_long(start: &[u8]) -> PackageError {
    let shown = String::from_utf8_lossy(&start[..start.len().min(80)]).into_owned();
    PackageError::new("package_name", shown, "its name is too long")
}

fn read_name(entry: &mut Entry<'_, impl Read>) -> Result<Vec<u8>, PackageError> {
    let mut name = Vec::new();
    entry
        .take(MAX_NAME as u64 + 2)
        .read_to_end(&mut name)
        .map_err(|e| PackageError::damaged(None, e))?;
    if entry.size() > MAX_NAME as u64 + 1 {
        return Err(too_long(&name));
    }
    while name.last() == Some(&0) {
        name.pop();
    }
    if name.len() > MAX_NAME {
        return Err(too_long(&name));
    }
    Ok(name)
}
