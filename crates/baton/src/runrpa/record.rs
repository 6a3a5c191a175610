//! What a manual run says, kept line by line on disk while it is shown to the person who runs it.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::sync::Mutex;

use baton_agent::events::Line;
use baton_agent::lines::shortened;
use baton_core::run::{LogLevel, LogLine, LogStream};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::spool::Spool;
use crate::failure::{Done, Failure};

/// Most lines of a script that are kept of one manual run; what comes after is shown but not recorded, visibly.
const MAX_LINES: u64 = 1_000_000;

/// Most bytes of the file that are read at once: one report stays below the longest that the server takes.
pub(super) const READ: u64 = 4 << 20;

/// The log of a manual run.
pub(crate) struct Record {
    inner: Mutex<Inner>,
}

struct Inner {
    file: File,
    /// How long the file is with its last whole line.
    bytes: u64,
    /// Lines of the script that were kept or left out.
    lines: u64,
    /// Lines that the disk did not take since it took one, and why.
    lost: Option<(u64, io::Error)>,
    /// Lines from the events file that were recorded.
    heard: u64,
}

/// A line as it stands in the file; its number is where it stands.
#[derive(Deserialize, Serialize)]
struct Kept {
    at: Timestamp,
    level: LogLevel,
    stream: LogStream,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    task: Option<String>,
    message: String,
    /// It came from the events file, as this one of its lines.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    heard: Option<u64>,
}

impl Record {
    /// The log in a run's folder, behind what is in it already.
    pub(crate) fn open(spool: &Spool) -> Done<Self> {
        let path = spool.path("log.jsonl");
        Self::at(&path).map_err(|e| Failure::file(&path, "write", &e))
    }

    fn at(path: &Path) -> io::Result<Self> {
        let file = File::options()
            .read(true)
            .append(true)
            .create(true)
            .open(path)?;
        let (mut bytes, mut lines, mut heard) = (0, 0, 0);
        let mut text = Vec::new();
        let mut reader = BufReader::new(&file);
        while reader.read_until(b'\n', &mut text)? > 0 {
            bytes += text.len() as u64;
            if let Ok(kept) = serde_json::from_slice::<Kept>(&text) {
                lines += u64::from(kept.stream != LogStream::System);
                heard = kept.heard.unwrap_or(heard);
            }
            if !text.ends_with(b"\n") {
                // Its writer was killed in the middle of it: as a line of its own it is seen to be torn.
                (&file).write_all(b"\n")?;
                bytes += 1;
                break;
            }
            text.clear();
        }
        Ok(Self {
            inner: Mutex::new(Inner {
                file,
                bytes,
                lines,
                lost: None,
                heard,
            }),
        })
    }

    /// Adds a line of the script, without its line end. A disk that is full ends neither run nor record.
    pub(crate) fn line(&self, stream: LogStream, message: String) {
        self.inner().of_script(Kept {
            at: Timestamp::now(),
            level: LogLevel::Info,
            stream,
            task: None,
            message: shortened(message),
            heard: None,
        });
    }

    /// Adds a line of our own.
    pub(crate) fn say(&self, level: LogLevel, message: &str) {
        self.inner().put(&own(level, message));
    }

    /// Adds what was heard in the events file, unless an earlier process has recorded it.
    pub(crate) fn heard(&self, line: &Line, number: u64) {
        let mut inner = self.inner();
        if number <= inner.heard {
            return;
        }
        inner.heard = number;
        let kept = Kept {
            at: Timestamp::now(),
            level: line.level,
            stream: line.stream,
            task: line.task.clone(),
            message: shortened(line.message.clone()),
            heard: Some(number),
        };
        match line.stream {
            LogStream::System => inner.put(&kept),
            _ => inner.of_script(kept),
        }
    }

    /// Whole lines from a position on, with their numbers, and the position after them. They are read from the file
    /// that was opened: a script may remove the folder in which it lies.
    pub(crate) fn read(&self, from: Position, most: usize) -> io::Result<(Vec<LogLine>, Position)> {
        // What is written goes behind the others wherever this reads.
        let file = self.inner().file.try_clone()?;
        read(&file, from, most)
    }

    /// What is still to be said of lines that the disk did not take.
    pub(crate) fn unwritten(&self) -> Option<LogLine> {
        let mut inner = self.inner();
        inner.say_lost();
        let (lost, why) = inner.lost.as_ref()?;
        Some(own(LogLevel::Warning, &not_recorded(*lost, why)).numbered(0))
    }

    fn inner(&self) -> std::sync::MutexGuard<'_, Inner> {
        self.inner.lock().expect("no holder of this lock panics")
    }
}

fn own(level: LogLevel, message: &str) -> Kept {
    Kept {
        at: Timestamp::now(),
        level,
        stream: LogStream::System,
        task: None,
        message: shortened(message.to_owned()),
        heard: None,
    }
}

fn not_recorded(lines: u64, why: &io::Error) -> String {
    format!("{lines} lines could not be written on this computer and are not recorded: {why}")
}

impl Inner {
    fn of_script(&mut self, line: Kept) {
        self.lines += 1;
        match self.lines.checked_sub(MAX_LINES) {
            None | Some(0) => self.put(&line),
            Some(1) => self.put(&own(
                LogLevel::Warning,
                &format!("… more than {MAX_LINES} lines are not recorded"),
            )),
            Some(_) => {}
        }
    }

    /// Says what the disk did not take, if it takes that.
    fn say_lost(&mut self) {
        if let Some((lines, why)) = self.lost.take() {
            let mark = own(LogLevel::Warning, &not_recorded(lines, &why));
            if self.write(&mark).is_err() {
                self.lost = Some((lines, why));
            }
        }
    }

    fn put(&mut self, line: &Kept) {
        self.say_lost();
        let error = match &mut self.lost {
            None => self.write(line).err(),
            Some((lines, _)) => {
                *lines += 1;
                None
            }
        };
        if let Some(error) = error {
            self.lost = Some((1, error));
        }
    }

    fn write(&mut self, line: &Kept) -> io::Result<()> {
        let mut json = serde_json::to_vec(line).expect("a line is plain JSON");
        json.push(b'\n');
        if let Err(error) = self.file.write_all(&json) {
            // Half a line must not spoil the next one; if even that fails, it is seen to be torn.
            if self.file.set_len(self.bytes).is_err() {
                let _ = self.file.write_all(b"\n");
            }
            return Err(error);
        }
        self.bytes += json.len() as u64;
        Ok(())
    }
}

impl Kept {
    fn numbered(self, seq: i64) -> LogLine {
        LogLine {
            seq,
            at: self.at,
            level: self.level,
            stream: self.stream,
            task: self.task,
            message: self.message,
        }
    }
}

/// How far a log was read.
#[derive(Clone, Copy, Default)]
pub(crate) struct Position {
    bytes: u64,
    /// The number of the last line.
    pub(crate) seq: i64,
}

/// Whole lines from a position on. A line that was torn, by a full disk or a lost power, is replaced by one that
/// says so: numbers have no gaps.
fn read(mut file: &File, from: Position, most: usize) -> io::Result<(Vec<LogLine>, Position)> {
    let (mut lines, mut end) = (Vec::new(), from);
    file.seek(SeekFrom::Start(from.bytes))?;
    let mut reader = BufReader::new(file);
    let mut text = Vec::new();
    while lines.len() < most && end.bytes - from.bytes < READ {
        text.clear();
        let read = reader.by_ref().read_until(b'\n', &mut text)?;
        if !text.ends_with(b"\n") {
            break;
        }
        end.bytes += read as u64;
        end.seq += 1;
        let kept = serde_json::from_slice::<Kept>(&text).unwrap_or_else(|_| {
            own(
                LogLevel::Warning,
                "1 line was torn on the disk of this computer and is missing here",
            )
        });
        lines.push(kept.numbered(end.seq));
    }
    Ok((lines, end))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(path: &Path) -> Vec<(i64, String)> {
        let file = File::open(path).expect("opened");
        let (lines, _) = read(&file, Position::default(), 100).expect("read");
        lines.into_iter().map(|l| (l.seq, l.message)).collect()
    }

    #[test]
    fn a_torn_line_is_said_where_it_stood_and_the_next_process_goes_on_behind_it() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.jsonl");
        let record = Record::at(&path).expect("opened");
        record.line(LogStream::Stdout, "a".into());
        drop(record);
        let mut file = File::options().append(true).open(&path).expect("opened");
        file.write_all(b"{\"at\":").expect("written");
        assert_eq!(all(&path), [(1, "a".to_owned())]);
        let record = Record::at(&path).expect("opened");
        record.line(LogStream::Stdout, "c".into());
        let lines = all(&path);
        assert_eq!((lines.len(), &lines[2]), (3, &(3, "c".to_owned())));
        assert!(lines[1].1.contains("torn"), "{lines:?}");
    }

    #[test]
    fn lines_that_the_disk_refuses_are_counted_and_said() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.jsonl");
        let record = Record::at(&path).expect("opened");
        // Every writing to it fails as on a full disk.
        let full = File::options()
            .append(true)
            .open("/dev/full")
            .expect("it is there");
        let good = std::mem::replace(&mut record.inner().file, full);
        record.line(LogStream::Stdout, "a".into());
        record.line(LogStream::Stdout, "b".into());
        let said = record.unwritten().expect("something").message;
        assert!(said.starts_with("2 lines could not be written"), "{said}");
        record.inner().file = good;
        record.line(LogStream::Stdout, "c".into());
        let lines = all(&path);
        assert_eq!((&lines[0].1, &lines[1].1), (&said, &"c".to_owned()));
        assert!(record.unwritten().is_none());
    }

    #[test]
    fn what_was_heard_is_recorded_once_by_whichever_process() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("log.jsonl");
        let line = |message: &str| Line {
            level: LogLevel::Warning,
            stream: LogStream::Stdout,
            task: Some("t".into()),
            message: message.into(),
        };
        Record::at(&path).expect("opened").heard(&line("a"), 1);
        let again = Record::at(&path).expect("opened");
        again.heard(&line("a"), 1);
        again.heard(&line("b"), 2);
        assert_eq!(all(&path), [(1, "a".to_owned()), (2, "b".to_owned())]);
    }
}
