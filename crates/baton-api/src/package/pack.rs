//! Packing a folder or a file: sorted, without times and owners, so that equal files give equal bytes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use super::ignored::{Ignored, Why};
use super::notable::{LARGE, looks_secret};
use super::{MAX_DEPTH, MAX_FILES, MAX_NAME, MAX_PACKAGE, MAX_UNPACKED, PackageError};

/// An archive, and what a person may want to know of it before it travels.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Packed {
    /// Its bytes.
    pub archive: Vec<u8>,
    /// Files in it.
    pub files: usize,
    /// Bytes of all files.
    pub bytes: u64,
    /// Files of at least [`LARGE`] bytes that are in it, the largest first.
    pub large: Vec<(String, u64)>,
    /// Files in it that are named like a secret.
    pub secret: Vec<String>,
    /// What is not in it because somebody's list names it, or because it is an environment; in order of its path.
    /// A folder stands for all that is in it. What hardly ever belongs in a package is not listed.
    pub left_out: Vec<LeftOut>,
}

/// Something that stays out of a package.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LeftOut {
    /// Where it lies.
    pub path: String,
    /// By whose word: `.gitignore`, `.batonignore` or `a Python environment`.
    pub why: &'static str,
}

/// The archive of this folder, or of this single file under its own name.
pub fn pack(path: &Path) -> Result<Vec<u8>, PackageError> {
    pack_with(path, &[]).map(|packed| packed.archive)
}

/// The same with further files, each a name at the top and its content; none may be there already.
pub fn pack_with(path: &Path, more: &[(String, Vec<u8>)]) -> Result<Packed, PackageError> {
    let shown = || path.display().to_string();
    let kind = fs::metadata(path).map_err(|e| PackageError::io(shown(), &e))?;
    let mut found = Found::default();
    if kind.is_dir() {
        let real = fs::canonicalize(path).map_err(|e| PackageError::io(shown(), &e))?;
        let mut ignored = Ignored::at(&real)?;
        found.collect(&real, &real, "", &mut ignored, 1)?;
    } else {
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .ok_or_else(|| not_utf8(shown()))?;
        found
            .entries
            .push((name.to_owned(), Content::File(path.to_owned())));
    }
    for (name, bytes) in more {
        if found.entries.iter().any(|(there, _)| there == name) {
            let why = "it would come into the package twice; rename one";
            return Err(PackageError::new("package_duplicate", name.clone(), why));
        }
        found
            .entries
            .push((name.clone(), Content::Bytes(bytes.clone())));
    }
    found.entries.sort_by(|(a, _), (b, _)| a.cmp(b));
    let mut packed = write(&found.entries)?;
    found.left_out.sort_by(|a, b| a.path.cmp(&b.path));
    packed.left_out = found.left_out;
    packed.secret = found.secret;
    packed.secret.sort();
    packed
        .large
        .sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    Ok(packed)
}

fn not_utf8(shown: String) -> PackageError {
    PackageError::new("package_name", shown, "its name is not UTF-8; rename it")
}

/// What an entry of an archive is made of.
enum Content {
    File(PathBuf),
    Bytes(Vec<u8>),
}

/// What there is in a folder.
#[derive(Default)]
struct Found {
    entries: Vec<(String, Content)>,
    secret: Vec<String>,
    left_out: Vec<LeftOut>,
}

impl Found {
    fn collect(
        &mut self,
        top: &Path,
        folder: &Path,
        prefix: &str,
        ignored: &mut Ignored,
        depth: usize,
    ) -> Result<(), PackageError> {
        let failed = |e: &io::Error| PackageError::io(folder.display().to_string(), e);
        let before = ignored.enter(folder)?;
        for entry in fs::read_dir(folder).map_err(|e| failed(&e))? {
            let entry = entry.map_err(|e| failed(&e))?;
            let path = entry.path();
            let name = entry
                .file_name()
                .into_string()
                .map_err(|n| not_utf8(n.to_string_lossy().into_owned()))?;
            let name = format!("{prefix}{name}");
            let kind = entry
                .file_type()
                .map_err(|e| PackageError::io(name.clone(), &e))?;
            if let Some(why) = ignored.skips(&name, kind.is_dir()) {
                self.leave_out(name, why);
                continue;
            }
            self.check(&name, &path, kind, top, depth)?;
            if looks_secret(&name) && !kind.is_dir() {
                self.secret.push(name.clone());
            }
            self.entries
                .push((name.clone(), Content::File(path.clone())));
            if kind.is_dir() {
                self.collect(top, &path, &format!("{name}/"), ignored, depth + 1)?;
            }
        }
        ignored.leave(before);
        Ok(())
    }

    /// Refuses what cannot be in a package.
    fn check(
        &self,
        name: &str,
        path: &Path,
        kind: fs::FileType,
        top: &Path,
        depth: usize,
    ) -> Result<(), PackageError> {
        if kind.is_symlink() {
            check_link(name, path, top)?;
        } else if !kind.is_dir() && !kind.is_file() {
            return Err(PackageError::new(
                "package_not_a_file",
                name.to_owned(),
                "a package holds plain files and folders only; take it out, or name it in .batonignore",
            ));
        }
        if depth > MAX_DEPTH {
            return Err(PackageError::new(
                "package_too_deep",
                name.to_owned(),
                format!("folders nest deeper than {MAX_DEPTH}"),
            ));
        }
        if self.entries.len() >= MAX_FILES {
            return Err(PackageError::new(
                "package_too_many_files",
                name.to_owned(),
                format!("more than {MAX_FILES} files; name what does not belong in .batonignore"),
            ));
        }
        Ok(())
    }

    fn leave_out(&mut self, path: String, why: Why) {
        let why = match why {
            Why::Usual => return,
            Why::Environment => "a Python environment",
            Why::Baton => ".batonignore",
            Why::Git => ".gitignore",
        };
        // More would not be read, and a list may name every file of a folder.
        if self.left_out.len() < MAX_FILES {
            self.left_out.push(LeftOut { path, why });
        }
    }
}

/// A link to a file of the same folder is packed as that file; every other one leads to what is not there on a robot.
fn check_link(name: &str, path: &Path, top: &Path) -> Result<(), PackageError> {
    let leads = fs::read_link(path).map_or_else(|_| "?".to_owned(), |to| to.display().to_string());
    let advice = "replace it by what it leads to, or name it in .batonignore";
    let why = match fs::canonicalize(path) {
        Ok(to) if !to.starts_with(top) => format!("a link out of the folder, to {leads}; {advice}"),
        Ok(to) if to.is_file() => return Ok(()),
        Ok(_) => format!("a link to the folder {leads}; {advice}"),
        Err(_) => format!("a link to {leads}, which is not there; {advice}"),
    };
    Err(PackageError::new("package_link", name.to_owned(), why))
}

/// Bytes in memory that refuse to grow past the longest archive.
struct Bounded(Vec<u8>);

impl Write for Bounded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.0.len() + bytes.len() > MAX_PACKAGE {
            return Err(io::Error::from(io::ErrorKind::FileTooLarge));
        }
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn write(entries: &[(String, Content)]) -> Result<Packed, PackageError> {
    // 255 is "unknown operating system": the same bytes wherever it is packed.
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Bounded(Vec::new()), Compression::default());
    let mut tar = tar::Builder::new(gzip);
    let mut packed = Packed::default();
    for (name, content) in entries {
        let size = match content {
            Content::File(path) => append(&mut tar, name, path)?,
            Content::Bytes(bytes) => Some(append_bytes(&mut tar, name, bytes)?),
        };
        let Some(size) = size else { continue };
        packed.files += 1;
        packed.bytes += size;
        if size >= LARGE {
            packed.large.push((name.clone(), size));
        }
        if packed.bytes > MAX_UNPACKED {
            return Err(too_large(
                name,
                &format!("all files together exceed {MAX_UNPACKED} bytes"),
            ));
        }
    }
    let finished = tar.into_inner().and_then(flate2::write::GzEncoder::finish);
    match finished {
        Ok(bytes) => {
            packed.archive = bytes.0;
            Ok(packed)
        }
        Err(e) if e.kind() == io::ErrorKind::FileTooLarge => Err(archive_too_large(None)),
        Err(e) => Err(PackageError::io(None, &e)),
    }
}

fn too_large(name: &str, message: &str) -> PackageError {
    PackageError::new(
        "package_too_large",
        name.to_owned(),
        format!("{message}; name what does not belong in .batonignore"),
    )
}

fn archive_too_large(name: Option<&str>) -> PackageError {
    PackageError::new(
        "package_too_large",
        name.map(str::to_owned),
        format!(
            "the archive exceeds {MAX_PACKAGE} bytes; name what does not belong in .batonignore"
        ),
    )
}

fn failed(name: &str, error: &io::Error) -> PackageError {
    match error.kind() {
        io::ErrorKind::FileTooLarge => archive_too_large(Some(name)),
        _ => PackageError::io(name.to_owned(), error),
    }
}

/// A header of this size and mode that says nothing of time and owner.
fn header(name: &str, size: u64, mode: u32) -> Result<tar::Header, PackageError> {
    if name.len() > MAX_NAME {
        return Err(PackageError::new(
            "package_name",
            name.to_owned(),
            "its name is too long",
        ));
    }
    let mut header = tar::Header::new_gnu();
    header.set_mtime(0);
    header.set_uid(0);
    header.set_gid(0);
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(mode);
    header.set_size(size);
    Ok(header)
}

/// Appends a file or folder; the size of a file comes back.
fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    path: &Path,
) -> Result<Option<u64>, PackageError> {
    let failed = |e: io::Error| failed(name, &e);
    let file = fs::File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        let mut header = header(name, 0, 0o755)?;
        header.set_entry_type(tar::EntryType::Directory);
        tar.append_data(&mut header, format!("{name}/"), io::empty())
            .map_err(failed)?;
        return Ok(None);
    }
    let mode = if executable(&meta) { 0o755 } else { 0o644 };
    let mut header = header(name, meta.len(), mode)?;
    // A file that grows or shrinks while it is read must not shift what follows it.
    let mut bytes = io::Read::take(&file, meta.len());
    tar.append_data(&mut header, name, &mut bytes)
        .map_err(failed)?;
    if bytes.limit() > 0 {
        return Err(PackageError::new(
            "package_changed",
            name.to_owned(),
            "it changed while it was packed; pack again",
        ));
    }
    Ok(Some(meta.len()))
}

fn append_bytes(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    bytes: &[u8],
) -> Result<u64, PackageError> {
    let size = bytes.len() as u64;
    let mut header = header(name, size, 0o644)?;
    tar.append_data(&mut header, name, bytes)
        .map_err(|e| failed(name, &e))?;
    Ok(size)
}

#[cfg(unix)]
fn executable(meta: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt;
    meta.permissions().mode() & 0o111 != 0
}

#[cfg(not(unix))]
fn executable(_: &fs::Metadata) -> bool {
    false
}
