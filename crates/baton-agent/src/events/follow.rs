//! Following an events file, line by line, while a script writes it and once at its end.

use std::fs::{File, Metadata};
use std::io::{self, Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use baton_core::error::clip;

use super::{Event, MAX_EVENT, MAX_EVENTS_FILE, read};
use crate::left::files;
use crate::loose::Utf16;

/// How much of the file is read at once: a script that writes faster is read in the next rounds.
const READ: u64 = 1 << 20;

/// What came of a line, or of the file as a whole.
#[derive(Debug, PartialEq)]
pub(super) enum Said {
    /// The script said this.
    Event(Box<Event>),
    /// Something is not as it should be, a sentence.
    Warning(String),
}

/// An events file, and how far it was read.
pub(super) struct Follow {
    path: PathBuf,
    /// Opened once, before the script could put anything else in its place.
    file: Option<File>,
    /// Why it could not be opened, until that was said.
    not_open: Option<String>,
    /// The last reading failed, and that was said.
    fails: bool,
    offset: u64,
    rest: Vec<u8>,
    skipping: bool,
    /// The file began with the mark of UTF-16.
    utf16: Option<Utf16>,
}

impl Follow {
    /// The file at this path, in this work folder; it should be there.
    pub(super) fn open(path: &Path, work: &Path) -> Self {
        // What is no plain file is not opened: a pipe would never end.
        let opened = match files::plain(path, work) {
            Ok(Some((plain, _))) => File::open(plain).map_err(|e| format!("cannot be read: {e}")),
            Ok(None) => Err("is not there".to_owned()),
            Err(why) => Err(why),
        };
        let (file, not_open) = match opened {
            Ok(file) => (Some(file), None),
            Err(why) => (None, Some(why)),
        };
        Self {
            path: path.to_owned(),
            file,
            not_open,
            fails: false,
            offset: 0,
            rest: Vec::new(),
            skipping: false,
            utf16: None,
        }
    }

    /// Reads what is new. True if there may be more at once.
    pub(super) fn read(&mut self, each: &mut impl FnMut(Said)) -> bool {
        if let Some(why) = self.not_open.take() {
            each(Said::Warning(format!("the events file {why}")));
        }
        self.look_for_a_cut(each);
        let mut bytes = match self.new_bytes() {
            Ok(bytes) => bytes,
            Err(error) => {
                if !std::mem::replace(&mut self.fails, true) {
                    each(Said::Warning(format!(
                        "the events file cannot be read from byte {} on: {error}",
                        self.offset
                    )));
                }
                return false;
            }
        };
        self.fails = false;
        if self.offset == 0 {
            self.utf16 = Utf16::of_mark(&bytes);
        }
        if self.utf16.is_some() && bytes.len() % 2 == 1 {
            // The other half of the last character's bytes comes later.
            bytes.pop();
        }
        if bytes.is_empty() {
            return false;
        }
        self.offset += bytes.len() as u64;
        if let Some(order) = self.utf16 {
            bytes = order.decode(&bytes).into_bytes();
        }
        if self.offset >= MAX_EVENTS_FILE {
            each(Said::Warning(format!(
                "the events file exceeds {MAX_EVENTS_FILE} bytes; the rest is not read"
            )));
        }
        self.take(&bytes, each);
        true
    }

    fn new_bytes(&mut self) -> io::Result<Vec<u8>> {
        let mut bytes = Vec::new();
        if let Some(file) = &mut self.file {
            let room = MAX_EVENTS_FILE.saturating_sub(self.offset).min(READ);
            file.seek(SeekFrom::Start(self.offset))?;
            file.take(room).read_to_end(&mut bytes)?;
        }
        Ok(bytes)
    }

    /// A script that opens the file anew for each line makes it shorter: what is there now was not read yet.
    fn look_for_a_cut(&mut self, each: &mut impl FnMut(Said)) {
        let length = self.file.as_ref().and_then(|f| f.metadata().ok());
        if length.is_some_and(|meta| meta.len() < self.offset) {
            each(Said::Warning("the file became shorter: it is read from its beginning again; append to it, so that no line is lost".into()));
            self.begin_again();
        }
    }

    fn begin_again(&mut self) {
        self.offset = 0;
        self.rest.clear();
        self.skipping = false;
        self.fails = false;
    }

    /// Goes over to what lies where the file was, if the script has put another file there.
    pub(super) fn turn_to_another(&mut self, work: &Path, each: &mut impl FnMut(Said)) -> bool {
        let opened = match files::plain(&self.path, work) {
            Ok(Some((path, _))) => File::open(path).map_err(|e| format!("cannot be read: {e}")),
            Ok(None) => return false,
            Err(why) => Err(why),
        };
        let another = match opened {
            Ok(another) => another,
            Err(why) => {
                each(Said::Warning(format!("the events file {why}")));
                return false;
            }
        };
        let known = self.file.as_ref().and_then(|f| f.metadata().ok());
        if is_same(known, another.metadata().ok()) {
            return false;
        }
        each(Said::Warning("the script has put another file in place of the events file; it is read now, at the end".into()));
        self.file = Some(another);
        self.begin_again();
        true
    }

    /// Takes a last line that has no end.
    pub(super) fn last_line(&mut self, each: &mut impl FnMut(Said)) {
        let rest = std::mem::take(&mut self.rest);
        if !std::mem::take(&mut self.skipping) {
            line(&rest, each);
        }
    }

    fn take(&mut self, bytes: &[u8], each: &mut impl FnMut(Said)) {
        for part in bytes.split_inclusive(|b| *b == b'\n') {
            let body = part.strip_suffix(b"\n").unwrap_or(part);
            if !self.skipping && self.rest.len() + body.len() > MAX_EVENT {
                self.skipping = true;
                let why = format!("a line longer than {MAX_EVENT} bytes is skipped");
                each(Said::Warning(why));
            }
            if !self.skipping {
                self.rest.extend_from_slice(body);
            }
            if part.len() > body.len() {
                self.last_line(each);
            }
        }
    }
}

fn line(line: &[u8], each: &mut impl FnMut(Said)) {
    if line.trim_ascii().is_empty() {
        return;
    }
    match read(line) {
        Ok((event, notes)) => {
            notes.into_iter().map(Said::Warning).for_each(&mut *each);
            each(Said::Event(Box::new(event)));
        }
        Err(why) => {
            let shown = clip(String::from_utf8_lossy(line).into_owned(), 200);
            each(Said::Warning(format!("not understood: {why}: {shown}")));
        }
    }
}

/// Whether both are one file.
#[cfg(unix)]
fn is_same(one: Option<Metadata>, other: Option<Metadata>) -> bool {
    use std::os::unix::fs::MetadataExt as _;
    let id = |meta: Metadata| (meta.dev(), meta.ino());
    one.map(id) == other.map(id)
}

#[cfg(not(unix))]
fn is_same(one: Option<Metadata>, _: Option<Metadata>) -> bool {
    one.is_some()
}

#[cfg(all(test, target_os = "linux"))]
#[path = "follow_tests.rs"]
mod tests;
