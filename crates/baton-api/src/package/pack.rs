//! Packing a folder or a file: sorted, without times and owners, so that equal files give equal bytes.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::{Compression, GzBuilder};

use super::ignore::{self, Ignore};
use super::{MAX_DEPTH, MAX_FILES, MAX_NAME, MAX_PACKAGE, MAX_UNPACKED, PackageError};

/// The archive of this folder, or of this single file under its own name.
pub fn pack(path: &Path) -> Result<Vec<u8>, PackageError> {
    let shown = || path.display().to_string();
    let kind = fs::metadata(path).map_err(|e| PackageError::io(shown(), &e))?;
    let mut entries = Vec::new();
    if kind.is_dir() {
        let text = match fs::read_to_string(path.join(ignore::FILE)) {
            Ok(text) => text,
            Err(e) if e.kind() == io::ErrorKind::NotFound => String::new(),
            Err(e) => return Err(PackageError::io(ignore::FILE.to_owned(), &e)),
        };
        collect(path, "", &Ignore::parse(&text)?, 1, &mut entries)?;
    } else {
        let name = path
            .file_name()
            .and_then(|n| n.to_str())
            .ok_or_else(|| not_utf8(shown()))?;
        entries.push((name.to_owned(), path.to_owned()));
    }
    entries.sort();
    write(&entries)
}

fn not_utf8(shown: String) -> PackageError {
    PackageError::new("package_name", shown, "its name is not UTF-8; rename it")
}

fn collect(
    folder: &Path,
    prefix: &str,
    ignore: &Ignore,
    depth: usize,
    entries: &mut Vec<(String, PathBuf)>,
) -> Result<(), PackageError> {
    let failed = |e: &io::Error| PackageError::io(folder.display().to_string(), e);
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
        if ignore.skips(&name, kind.is_dir()) {
            continue;
        }
        if !kind.is_dir() && !kind.is_file() {
            return Err(PackageError::new(
                "package_not_a_file",
                name,
                "a package holds plain files and folders only; replace the link by what it points to, or name it in .batonignore",
            ));
        }
        if depth > MAX_DEPTH {
            return Err(PackageError::new(
                "package_too_deep",
                name,
                format!("folders nest deeper than {MAX_DEPTH}"),
            ));
        }
        if entries.len() >= MAX_FILES {
            return Err(PackageError::new(
                "package_too_many_files",
                name,
                format!("more than {MAX_FILES} files; name what does not belong in .batonignore"),
            ));
        }
        entries.push((name.clone(), path.clone()));
        if kind.is_dir() {
            collect(&path, &format!("{name}/"), ignore, depth + 1, entries)?;
        }
    }
    Ok(())
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

fn write(entries: &[(String, PathBuf)]) -> Result<Vec<u8>, PackageError> {
    // 255 is "unknown operating system": the same bytes wherever it is packed.
    let gzip = GzBuilder::new()
        .mtime(0)
        .operating_system(255)
        .write(Bounded(Vec::new()), Compression::default());
    let mut tar = tar::Builder::new(gzip);
    let mut total = 0;
    for (name, path) in entries {
        total += append(&mut tar, name, path)?;
        if total > MAX_UNPACKED {
            return Err(too_large(
                name,
                &format!("all files together exceed {MAX_UNPACKED} bytes"),
            ));
        }
    }
    let finished = tar.into_inner().and_then(flate2::write::GzEncoder::finish);
    match finished {
        Ok(bytes) => Ok(bytes.0),
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

fn append(
    tar: &mut tar::Builder<impl Write>,
    name: &str,
    path: &Path,
) -> Result<u64, PackageError> {
    let failed = |e: io::Error| match e.kind() {
        io::ErrorKind::FileTooLarge => archive_too_large(Some(name)),
        _ => PackageError::io(name.to_owned(), &e),
    };
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
    let file = fs::File::open(path).map_err(failed)?;
    let meta = file.metadata().map_err(failed)?;
    if meta.is_dir() {
        header.set_entry_type(tar::EntryType::Directory);
        header.set_mode(0o755);
        header.set_size(0);
        tar.append_data(&mut header, format!("{name}/"), io::empty())
            .map_err(failed)?;
        return Ok(0);
    }
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(if executable(&meta) { 0o755 } else { 0o644 });
    header.set_size(meta.len());
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
    Ok(meta.len())
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
