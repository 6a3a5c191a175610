//! Reading an archive that somebody else made: nothing in it is believed before it is checked.

use std::fs;
use std::io::{self, BufRead, Read};
use std::path::Path;

use flate2::bufread::GzDecoder;
use tar::EntryType;

use super::admit::{Seen, check, is_top};
use super::extended::Extended;
use super::{MAX_FILES, MAX_NAME, MAX_PACKAGE, MAX_UNPACKED, PackageEntry, PackageError};

/// What tar itself adds to each entry: a header, a long name with its header, a header of further properties with
/// those, and padding. Properties may be longer; all entries together must not be.
const MAX_OVERHEAD: u64 = BLOCK * 8 + MAX_NAME as u64;
/// Everything in a tar comes in blocks of this many bytes.
const BLOCK: u64 = 512;
/// Most zeros behind the end mark: tar fills up a whole record, and nobody's records are longer.
const MAX_PADDING: u64 = 1 << 20;

/// Every entry of the archive, in its order, if all of it may be unpacked.
pub fn inspect(archive: &[u8]) -> Result<Vec<PackageEntry>, PackageError> {
    is_small(archive)?;
    inspect_from(archive)
}

/// The same for an archive that is read from somewhere; whoever made that place has seen to its length.
pub fn inspect_from(archive: impl BufRead) -> Result<Vec<PackageEntry>, PackageError> {
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
    let done = is_small(archive)
        .and_then(|()| walk(archive, |entry, content| write(folder, entry, content)));
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

fn is_small(archive: &[u8]) -> Result<(), PackageError> {
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
    Ok(())
}

/// Visits every entry after it was checked.
fn walk(
    archive: impl BufRead,
    mut visit: impl FnMut(&PackageEntry, &mut dyn Read) -> io::Result<()>,
) -> Result<Vec<PackageEntry>, PackageError> {
    let bound = MAX_UNPACKED + MAX_FILES as u64 * MAX_OVERHEAD + MAX_PADDING;
    // `raw` leaves long names to us: otherwise the library would read one of any length into memory.
    let mut tar = tar::Archive::new(GzDecoder::new(archive).take(bound));
    let mut seen = Seen::default();
    let mut entries: Vec<PackageEntry> = Vec::new();
    let mut before = Extended::default();
    let mut total = 0_u64;
    let unreadable = |e| PackageError::damaged(None, e);
    for entry in tar.entries().map_err(unreadable)?.raw(true) {
        let mut entry = entry.map_err(|e| PackageError::damaged(entries.last(), e))?;
        if before.take_in(&mut entry, entries.last())? {
            continue;
        }
        let said = std::mem::take(&mut before);
        let name = said.name_of(&entry)?;
        // The top itself, as `tar -c .` writes it, is there anyway.
        if entry.header().entry_type() == EntryType::Directory && is_top(&name) {
            continue;
        }
        let checked = check(&name, &entry, &mut seen)?;
        total = total.saturating_add(checked.size);
        if total > MAX_UNPACKED {
            return Err(PackageError::new(
                "package_bomb",
                checked.path,
                format!("the archive unpacks to more than {MAX_UNPACKED} bytes"),
            ));
        }
        take_in(&checked, entry.take(checked.size), &mut visit)?;
        entries.push(checked);
    }
    if before.is_something() {
        return Err(PackageError::damaged(
            entries.last(),
            "a name without a file",
        ));
    }
    end(tar.into_inner(), entries.last())?;
    Ok(entries)
}

/// Hands the content of an entry on, all of it.
fn take_in(
    entry: &PackageEntry,
    content: io::Take<impl Read>,
    visit: &mut impl FnMut(&PackageEntry, &mut dyn Read) -> io::Result<()>,
) -> Result<(), PackageError> {
    let corrupt = |why: String| PackageError::new("package_corrupt", entry.path.clone(), why);
    let mut content = Content {
        from: content,
        broken: false,
    };
    if let Err(error) = visit(entry, &mut content) {
        if content.broken {
            return Err(corrupt(format!(
                "the archive is damaged inside this entry: {error}"
            )));
        }
        return Err(PackageError::io(entry.path.clone(), &error));
    }
    if content.from.limit() > 0 && !entry.folder {
        return Err(corrupt("the archive ends inside this entry".to_owned()));
    }
    Ok(())
}

/// The content of an entry, which remembers that reading it failed: what fails otherwise is the writing.
struct Content<R> {
    from: R,
    broken: bool,
}

impl<R: Read> Read for Content<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(buffer);
        self.broken |= read.is_err();
        read
    }
}

/// Sees to it that nothing follows the last entry but the end mark and zeros, in the tar and behind the gzip.
fn end(
    mut rest: io::Take<GzDecoder<impl BufRead>>,
    last: Option<&PackageEntry>,
) -> Result<(), PackageError> {
    let trailing = |what: String| {
        let entry = last.map(|e| e.path.clone());
        PackageError::new("package_trailing", entry, what)
    };
    let mut buffer = [0; 8 << 10];
    let mut zeros = 0_u64;
    loop {
        let n = rest
            .read(&mut buffer)
            .map_err(|e| PackageError::damaged(last, e))?;
        if n == 0 {
            break;
        }
        if buffer[..n].iter().any(|b| *b != 0) {
            let what = "something follows the end of the tar; pack it as one archive";
            return Err(trailing(what.to_owned()));
        }
        zeros += n as u64;
        if zeros > MAX_PADDING {
            return Err(trailing(format!(
                "more than {MAX_PADDING} zeros follow the end of the tar"
            )));
        }
    }
    // The end mark is two blocks, of which the library takes the first.
    if zeros < BLOCK {
        return Err(PackageError::damaged(
            last,
            "the tar has no end mark; it broke off",
        ));
    }
    let mut behind = rest.into_inner().into_inner();
    match io::copy(&mut behind, &mut io::sink()).map_err(|e| PackageError::damaged(last, e))? {
        0 => Ok(()),
        n => Err(trailing(format!(
            "{n} bytes follow the end of the gzip; pack it as one archive"
        ))),
    }
}
