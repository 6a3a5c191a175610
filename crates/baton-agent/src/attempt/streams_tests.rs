//! The order of lines that came by two pipes.

use std::io::Write as _;
use std::os::fd::OwnedFd;

use baton_api::robot::Claim;
use baton_core::id::{Fence, RunId};
use tokio::net::unix::pipe::Receiver;
use tokio::sync::mpsc;

use super::*;
use crate::config::LogLimits;
use crate::spool::{Note, Spool};

fn log() -> (Arc<RunLog>, tempfile::TempDir) {
    let dir = tempfile::tempdir().expect("folder");
    let spool = Arc::new(Spool::open(dir.path(), 1 << 30).expect("opens"));
    let note = Note {
        claim: Claim {
            job_id: RunId(uuid::Uuid::from_u128(7)),
            attempt: 1,
            fence: Fence(1),
        },
        run_name: "brisk-otter".into(),
        boot_id: "boot".into(),
    };
    let entry = spool.create(note).expect("created");
    let (inputs, _) = mpsc::channel(1);
    let log = RunLog::new(entry, spool, inputs, LogLimits::default());
    (Arc::new(log), dir)
}

fn pipe() -> (Receiver, std::io::PipeWriter) {
    let (from, to) = std::io::pipe().expect("a pipe");
    let from = Receiver::from_owned_fd(OwnedFd::from(from)).expect("a pipe");
    (from, to)
}

#[tokio::test]
async fn the_stream_that_had_something_first_comes_first_though_both_are_read_late() {
    let (log, _dir) = log();
    let ((out, mut to_out), (err, mut to_err)) = (pipe(), pipe());
    let pumping = tokio::spawn(pump(out, err, Arc::clone(&log)));
    let mut wanted = Vec::new();
    for n in 0..200 {
        // The test holds the only thread: both lines are there before either is read.
        let first_out = n % 3 == 0;
        for is_out in [first_out, !first_out] {
            let to = if is_out { &mut to_out } else { &mut to_err };
            writeln!(to, "{n} {is_out}").expect("written");
            wanted.push(format!("{n} {is_out}"));
        }
        while log.messages().len() < wanted.len() {
            tokio::task::yield_now().await;
        }
    }
    assert_eq!(log.messages(), wanted);
    drop((to_out, to_err));
    pumping.await.expect("it ends with both");
}

#[tokio::test]
async fn a_last_line_without_an_end_is_kept_of_either_stream() {
    let (log, _dir) = log();
    let ((out, mut to_out), (err, mut to_err)) = (pipe(), pipe());
    let pumping = tokio::spawn(pump(out, err, Arc::clone(&log)));
    to_out.write_all(b"whole\nout").expect("written");
    to_err.write_all(b"err").expect("written");
    drop(to_out);
    drop(to_err);
    pumping.await.expect("it ends with both");
    let mut said = log.messages();
    said.sort();
    assert_eq!(said, ["err", "out", "whole"]);
}

/// Gives some bytes and breaks.
struct Breaking(&'static [u8]);

impl AsyncRead for Breaking {
    fn poll_read(
        mut self: std::pin::Pin<&mut Self>,
        _: &mut std::task::Context<'_>,
        into: &mut tokio::io::ReadBuf<'_>,
    ) -> std::task::Poll<io::Result<()>> {
        std::task::Poll::Ready(match std::mem::take(&mut self.0) {
            [] => Err(io::Error::other("it broke")),
            bytes => {
                into.put_slice(bytes);
                Ok(())
            }
        })
    }
}

#[tokio::test]
async fn a_stream_that_breaks_is_said_and_what_it_gave_is_kept() {
    let (log, _dir) = log();
    pump(Breaking(b"a\nhalf"), Breaking(b"e\n"), Arc::clone(&log)).await;
    let mut said = log.messages();
    said.sort();
    assert_eq!(said.len(), 5, "{said:?}");
    assert_eq!(said[..3], ["a", "e", "half"]);
    assert!(
        said[3].starts_with("standard error cannot be read any more"),
        "{said:?}"
    );
    assert!(said[4].ends_with("it broke"), "{said:?}");
}
