//! Reading an archive that somebody else made: nothing in it is believed before it is checked.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Read};
use std::path::Path;

use flate2::read::GzDecoder;
use tar::EntryType;

use super::{MAX_FILES, MAX_NAME, MAX_PACKAGE, MAX_UNPACKED, PackageEntry, PackageError};

/// What tar itself adds to each entry at most: a header, a long name with its header, and padding.
const MAX_OVERHEAD: u64 = 512 * 4 + MAX_NAME as u64;

/// Every entry of the archive, in its order, if all of it may be unpacked.
pub fn inspect(archive: &[u8]) -> Result<Vec<PackageEntry>, PackageError> {
    walk(archive, |_, content| {
        io::copy(content, &mut io::sink()).map(|_| ())
    })
}

/// Unpacks the archive into `folder`, which must not exist or be empty. After an error nothing is left in it.
pub fn unpack(archive: &[u8], folder: &Path) -> Result<Vec<PackageEntry>, PackageError> {
    let shown = || folder.display().to_string();
    fs::create_dir_all(folder).map_err(|e| PackageError::io(shown(), &e))?;
    let mut present = fs::read_dir(folder).map_err(|e| PackageError::io(shown(), &e))?;
    if present.next().is_some() {
        return Err(PackageError::new(
            "package_folder_not_empty",
            shown(),
            "the folder is not empty",
        ));
    }
    let done = walk(archive, |entry, content| write(folder, entry, content));
    if done.is_err() {
        // What was already written is half a package, which nobody may run; the error at hand matters more.
        let _ = fs::remove_dir_all(folder);
        let _ = fs::create_dir(folder);
    }
    done
}

fn write(folder: &Path, entry: &PackageEntry, content: &mut dyn Read) -> io::Result<()> {
    let path = folder.join(&entry.path);
    if entry.folder {
        return fs::create_dir_all(path);
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(
        &mut options,
        if entry.executable { 0o755 } else { 0o644 },
    );
    let mut file = options.open(path)?;
    io::copy(content, &mut file).map(|_| ())
}

/// Visits every entry after it was checked.
fn walk(
    archive: &[u8],
    mut visit: impl FnMut(&PackageEntry, &mut dyn Read) -> io::Result<()>,
) -> Result<Vec<PackageEntry>, PackageError> {
    if archive.len() > MAX_PACKAGE {
        return Err(PackageError::new(
            "package_too_large",
            None,
            format!(
                "the archive has {} bytes; {MAX_PACKAGE} are allowed",
                archive.len()
            ),
        ));
    }
    let bound = MAX_UNPACKED + MAX_FILES as u64 * MAX_OVERHEAD;
    // `raw` leaves long names to us: otherwise the library would read one of any length into memory.
    let mut tar = tar::Archive::new(GzDecoder::new(archive).take(bound));
    let corrupt = |e: &io::Error| {
        PackageError::new("package_corrupt", None, format!("not a gzipped tar: {e}"))
    };
    let mut seen = Seen::default();
    let mut entries = Vec::new();
    let mut long_name = None;
    let mut total = 0_u64;
    for entry in tar.entries().map_err(|e| corrupt(&e))?.raw(true) {
        let mut entry = entry.map_err(|e| corrupt(&e))?;
        if entry.header().entry_type() == EntryType::GNULongName && long_name.is_none() {
            long_name = Some(read_long_name(&mut entry)?);
            continue;
        }
        let name = long_name
            .take()
            .unwrap_or_else(|| entry.path_bytes().into_owned());
        let checked = check(&name, &entry, &mut seen)?;
        total = total.saturating_add(checked.size);
        if total > MAX_UNPACKED {
            return Err(PackageError::new(
                "package_bomb",
                checked.path,
                format!("the archive unpacks to more than {MAX_UNPACKED} bytes"),
            ));
        }
        if entries.len() >= MAX_FILES {
            return Err(PackageError::new(
                "package_too_many_files",
                checked.path,
                format!("the archive has more than {MAX_FILES} entries"),
            ));
        }
        let mut content = entry.take(checked.size);
        visit(&checked, &mut content).map_err(|e| PackageError::io(checked.path.clone(), &e))?;
        if content.limit() > 0 && !checked.folder {
            return Err(PackageError::new(
                "package_corrupt",
                checked.path,
                "the archive ends inside this entry",
            ));
        }
        entries.push(checked);
    }
    Ok(entries)
}

fn read_long_name(entry: &mut impl Read) -> Result<Vec<u8>, PackageError> {
    let mut name = Vec::new();
    entry
        .take(MAX_NAME as u64 + 2)
        .read_to_end(&mut name)
        .map_err(|e| PackageError::new("package_corrupt", None, e.to_string()))?;
    while name.last() == Some(&0) {
        name.pop();
    }
    if name.len() > MAX_NAME {
        let shown = String::from_utf8_lossy(&name[..80]).into_owned();
        return Err(PackageError::new(
            "package_name",
            shown,
            "its name is too long",
        ));
    }
    Ok(name)
}

/// Names seen so far, and whether each is a folder.
#[derive(Default)]
struct Seen(BTreeMap<String, bool>);

fn check<R: Read>(
    name: &[u8],
    entry: &tar::Entry<'_, R>,
    seen: &mut Seen,
) -> Result<PackageEntry, PackageError> {
    let shown = || String::from_utf8_lossy(name).into_owned();
    let header = entry.header();
    let folder = match header.entry_type() {
        EntryType::Regular | EntryType::Continuous => false,
        EntryType::Directory => true,
        EntryType::Symlink | EntryType::Link => {
            return Err(PackageError::new(
                "package_link",
                shown(),
                "links are not allowed in a package",
            ));
        }
        other => {
            return Err(PackageError::new(
                "package_not_a_file",
                shown(),
                format!("only plain files and folders are allowed in a package, not {other:?}"),
            ));
        }
    };
    let path = check_path(name).map_err(|why| PackageError::new("package_path", shown(), why))?;
    if !seen.admit(&path, folder) {
        return Err(PackageError::new(
            "package_duplicate",
            path,
            "the archive holds this name twice",
        ));
    }
    let size = entry.size();
    if folder && size > 0 {
        return Err(PackageError::new(
            "package_corrupt",
            path,
            "a folder with content",
        ));
    }
    let mode = header.mode().unwrap_or(0o644);
    Ok(PackageEntry {
        path,
        size,
        executable: !folder && mode & 0o111 != 0,
        folder,
    })
}

/// The path of an entry, or why it may not be one. It stays under the top on every operating system.
fn check_path(name: &[u8]) -> Result<String, &'static str> {
    let text = std::str::from_utf8(name).map_err(|_| "its name is not UTF-8")?;
    let text = text
        .strip_prefix("./")
        .unwrap_or(text)
        .trim_end_matches('/');
    if text.len() > MAX_NAME {
        return Err("its name is too long");
    }
    if text.starts_with('/') {
        return Err("an absolute path is not allowed in a package");
    }
    if text
        .chars()
        .any(|c| c.is_control() || c == '\\' || c == ':')
    {
        return Err("a backslash, a colon or a control character is not allowed in a name");
    }
    for part in text.split('/') {
        match part {
            ".." => return Err("`..` is not allowed in a package"),
            "" | "." => return Err("an empty part is not allowed in a path"),
            _ if part.len() > 255 => return Err("one part of its name is too long"),
            _ => {}
        }
    }
    Ok(text.to_owned())
}

impl Seen {
    /// Takes note of an entry; false if it is there already, or if a file stands where a folder must be.
    fn admit(&mut self, path: &str, folder: bool) -> bool {
        let mut end = 0;
        while let Some(at) = path[end..].find('/') {
            end += at;
            if !*self.0.entry(path[..end].to_owned()).or_insert(true) {
                return false;
            }
            end += 1;
        }
        match self.0.insert(path.to_owned(), folder) {
            None => true,
            // A folder may have been implied by a file in it before its own entry came.
            Some(was_folder) => was_folder && folder,
        }
    }
}
