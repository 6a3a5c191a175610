//! Log lines on disk, in segments that are dropped one by one as the server commits them.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, BufRead, BufReader, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use baton_core::run::{LogLevel, LogLine, LogStream};
use jiff::Timestamp;

/// A segment is closed when it holds this many bytes: small enough to give space back early.
const SEGMENT: u64 = 1 << 20;

/// The last segment is dropped too when all of it is committed and it holds this many bytes: otherwise the
/// committed lines of many attempts could fill the spool, and all would wait for room that nobody gives back.
const WORTH_DROPPING: u64 = 64 << 10;

struct Segment {
    first: i64,
    last: i64,
    bytes: u64,
}

/// The lines of one attempt that are not yet committed.
#[derive(Default)]
pub(super) struct Segments {
    closed_and_open: VecDeque<Segment>,
    writer: Option<File>,
    /// Where the line after this one begins: (line, first line of its segment, offset).
    cursor: Option<(i64, i64, u64)>,
    acked: i64,
    last: i64,
}

/// What stands for a line that the disk does not give back: numbers have no gaps, or the server takes none after them.
const MISSING: &str = "this line was damaged on the robot's disk and is missing";

fn missing(seq: i64) -> LogLine {
    LogLine {
        seq,
        at: Timestamp::now(),
        level: LogLevel::Warning,
        stream: LogStream::System,
        task: None,
        message: MISSING.to_owned(),
    }
}

fn path(folder: &Path, first: i64) -> PathBuf {
    folder.join(format!("log-{first:012}.jsonl"))
}

impl Segments {
    /// What an earlier agent left, and how many bytes it is. A line torn by a crash is cut off.
    pub(super) fn load(folder: &Path) -> io::Result<(Self, u64)> {
        let mut firsts = Vec::new();
        for entry in fs::read_dir(folder)? {
            let name = entry?.file_name().into_string().unwrap_or_default();
            let number = name
                .strip_prefix("log-")
                .and_then(|n| n.strip_suffix(".jsonl"));
            firsts.extend(number.and_then(|n| n.parse::<i64>().ok()));
        }
        firsts.sort_unstable();
        let mut segments = Self::default();
        let mut total = 0;
        for first in firsts {
            let mut segment = Segment {
                first,
                last: first - 1,
                bytes: 0,
            };
            let mut reader = BufReader::new(File::open(path(folder, first))?);
            let mut line = Vec::new();
            while reader.read_until(b'\n', &mut line)? > 0 {
                let Ok(read) = serde_json::from_slice::<LogLine>(&line) else {
                    break;
                };
                segment.last = read.seq;
                segment.bytes += line.len() as u64;
                line.clear();
            }
            File::options()
                .write(true)
                .open(path(folder, first))?
                .set_len(segment.bytes)?;
            total += segment.bytes;
            segments.last = segments.last.max(segment.last);
            segments.closed_and_open.push_back(segment);
        }
        segments.acked = segments
            .closed_and_open
            .front()
            .map_or(segments.last, |s| s.first - 1);
        Ok((segments, total))
    }

    pub(super) fn last(&self) -> i64 {
        self.last
    }

    pub(super) fn acked(&self) -> i64 {
        self.acked
    }

    /// Writes lines behind the others; how many bytes that took.
    pub(super) fn append(&mut self, folder: &Path, lines: &[LogLine]) -> io::Result<u64> {
        let Some(first) = lines.first() else {
            return Ok(0);
        };
        let full = self
            .closed_and_open
            .back()
            .is_none_or(|s| s.bytes >= SEGMENT);
        if full {
            self.writer = None;
            self.closed_and_open.push_back(Segment {
                first: first.seq,
                last: first.seq - 1,
                bytes: 0,
            });
        }
        let segment = self
            .closed_and_open
            .back_mut()
            .expect("one was just pushed if there was none");
        let file = match &mut self.writer {
            Some(file) => file,
            none => none.insert(
                File::options()
                    .create(true)
                    .append(true)
                    .open(path(folder, segment.first))?,
            ),
        };
        let mut bytes = Vec::with_capacity(lines.len() * 160);
        for line in lines {
            serde_json::to_writer(&mut bytes, line)?;
            bytes.push(b'\n');
        }
        if let Err(error) = file.write_all(&bytes) {
            // Half a batch must not stand in the way of the next one.
            let _ = file.set_len(segment.bytes);
            return Err(error);
        }
        segment.bytes += bytes.len() as u64;
        segment.last = lines.last().map_or(segment.last, |l| l.seq);
        self.last = segment.last;
        Ok(bytes.len() as u64)
    }

    /// Lines after this one, as many as fit into `max` bytes and at least one if there is any.
    pub(super) fn read(
        &mut self,
        folder: &Path,
        after: i64,
        max: usize,
    ) -> io::Result<Vec<LogLine>> {
        let mut lines = Vec::new();
        let mut size = 0;
        let Some(segment) = self.closed_and_open.iter().find(|s| s.last > after) else {
            return Ok(lines);
        };
        let mut file = File::open(path(folder, segment.first))?;
        let mut offset = match self.cursor {
            Some((line, first, offset)) if line == after && first == segment.first => offset,
            _ => 0,
        };
        file.seek(SeekFrom::Start(offset))?;
        let mut reader = BufReader::with_capacity(64 << 10, file);
        let mut bytes = Vec::new();
        let mut next = after + 1;
        while size < max {
            bytes.clear();
            let is_end = reader.read_until(b'\n', &mut bytes)? == 0;
            let line = serde_json::from_slice::<LogLine>(&bytes).ok();
            // One that is damaged shows by its number, which is missing at the next one or at the end.
            let reached = match &line {
                _ if is_end => segment.last + 1,
                Some(line) => line.seq,
                None => next,
            };
            while next < reached && size < max {
                size += MISSING.len();
                lines.push(missing(next));
                next += 1;
            }
            if is_end || next < reached {
                break;
            }
            if let Some(line) = line.filter(|line| line.seq == next) {
                if size + bytes.len() > max && !lines.is_empty() {
                    break;
                }
                size += bytes.len();
                next += 1;
                lines.push(line);
            }
            offset += bytes.len() as u64;
        }
        let first = segment.first;
        self.cursor = lines.last().map(|l| (l.seq, first, offset));
        Ok(lines)
    }

    /// Drops segments that are committed as a whole; how many bytes that gave back.
    pub(super) fn ack(&mut self, folder: &Path, seq: i64) -> io::Result<u64> {
        self.acked = self.acked.max(seq);
        let mut freed = 0;
        while let Some(oldest) = self.closed_and_open.front() {
            let is_last = self.closed_and_open.len() == 1;
            if oldest.last > seq || (is_last && oldest.bytes < WORTH_DROPPING) {
                break;
            }
            let first = oldest.first;
            if is_last {
                self.begin_anew(folder)?;
            }
            fs::remove_file(path(folder, first))?;
            freed += self.closed_and_open.pop_front().map_or(0, |s| s.bytes);
        }
        Ok(freed)
    }

    /// Opens an empty segment behind the others: its name tells the next agent how far the numbers are.
    fn begin_anew(&mut self, folder: &Path) -> io::Result<()> {
        let first = self.last + 1;
        self.writer = Some(File::create(path(folder, first))?);
        self.closed_and_open.push_back(Segment {
            first,
            last: self.last,
            bytes: 0,
        });
        Ok(())
    }

    /// Waits until the lines are on the disk.
    pub(super) fn sync(&mut self) -> io::Result<()> {
        self.writer.as_ref().map_or(Ok(()), File::sync_data)
    }

    pub(super) fn bytes(&self) -> u64 {
        self.closed_and_open.iter().map(|s| s.bytes).sum()
    }
}
