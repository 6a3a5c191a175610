//! The stream of events of runs and resources, read from the store after a cursor.

use std::sync::Arc;
use std::time::Duration;

use baton_core::id::{OrgId, RunId};
use baton_core::run::RunEvent;
use baton_store::logs::ResourceEvent;
use tokio::sync::watch;
use tokio::time::Instant;

use super::{Cursor, FeedError, Positions};
use crate::app::App;

/// Which events a stream carries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Filter {
    /// Whose.
    pub org: OrgId,
    /// Only of this run: its transitions, and what stands beside them.
    pub run_id: Option<RunId>,
    /// Whether transitions of runs are carried.
    pub runs: bool,
    /// Whether events of everything else are carried.
    pub resources: bool,
}

impl Filter {
    /// Everything of one org.
    pub fn all(org: OrgId) -> Self {
        Self {
            org,
            run_id: None,
            runs: true,
            resources: true,
        }
    }

    /// The transitions of one run, and what stands beside them.
    pub fn of_run(org: OrgId, run_id: RunId) -> Self {
        Self {
            run_id: Some(run_id),
            ..Self::all(org)
        }
    }
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// To a run.
    Run(RunEvent),
    /// To anything else.
    Resource(ResourceEvent),
}

/// An event and the id after which a reader goes on.
#[derive(Clone, Debug, PartialEq)]
pub struct Item {
    /// The id of this event in the stream.
    pub cursor: Cursor,
    /// What happened.
    pub event: Event,
}

/// Most events of each kind in one read: some 100 kB on their way to a reader.
const BATCH: u32 = 200;
/// A busy stream reads at most this often: a screen shows no more, and fifty screens cost little.
const PACE: Duration = Duration::from_millis(100);
/// A reader that is further behind than this many events is better off loading its page anew.
const MAX_BEHIND: i64 = 100_000;

/// One reader's place in the stream of events.
pub struct EventFeed {
    app: Arc<App>,
    filter: Filter,
    cursor: Cursor,
    wake: watch::Receiver<Positions>,
    /// Where only one run is carried: wakes when it changes.
    of_run: Option<watch::Receiver<()>>,
    read_at: Option<Instant>,
}

impl EventFeed {
    /// A feed after `cursor`; without one, after everything that has happened so far.
    pub async fn after(
        app: Arc<App>,
        cursor: Option<Cursor>,
        filter: Filter,
    ) -> Result<Self, FeedError> {
        let wake = app.hub.positions();
        let of_run = filter.run_id.map(|run| app.hub.follow(run));
        let (run_first, run_last) = app.store.run_events_span().await?;
        let (first, last) = app.store.events_span().await?;
        let cursor = match cursor {
            None => Cursor {
                run_events: run_last,
                events: last,
            },
            Some(cursor) => {
                check(cursor.run_events, run_first, run_last)?;
                check(cursor.events, first, last)?;
                cursor
            }
        };
        Ok(Self {
            app,
            filter,
            cursor,
            wake,
            of_run,
            read_at: None,
        })
    }

    /// The position after everything that was given out.
    pub fn cursor(&self) -> Cursor {
        self.cursor
    }

    /// The next events; waits until there are some. May be dropped and called again: nothing is lost.
    pub async fn next(&mut self) -> Result<Vec<Item>, FeedError> {
        if let Some(read_at) = self.read_at {
            tokio::time::sleep_until(read_at + PACE).await;
        }
        loop {
            let at = *self.wake.borrow_and_update();
            if let Some(of_run) = &mut self.of_run {
                of_run.mark_unchanged();
            }
            self.check_behind()?;
            let (items, cursor) = self.read().await?;
            let has_moved = cursor != self.cursor;
            self.cursor = cursor;
            if !items.is_empty() {
                self.read_at = Some(Instant::now());
                return Ok(items);
            }
            if has_moved {
                // All of it was about other runs; there may be more.
                continue;
            }
            self.woken(at).await?;
        }
    }

    /// Waits until there may be something new since `at`. A reader of one run does not wake when others move.
    async fn woken(&mut self, at: Positions) -> Result<(), FeedError> {
        let stopping = self.app.stopping.cancelled();
        let woken = match &mut self.of_run {
            None => tokio::select! {
                changed = self.wake.changed() => changed,
                () = stopping => return Err(FeedError::Stopping),
            },
            Some(of_run) => tokio::select! {
                changed = of_run.changed() => changed,
                noted = self.wake.wait_for(|now| now.events != at.events) => noted.map(drop),
                () = stopping => return Err(FeedError::Stopping),
            },
        };
        woken.map_err(|_| FeedError::Stopping)
    }

    /// What is there now, and the cursor after it.
    async fn read(&self) -> Result<(Vec<Item>, Cursor), FeedError> {
        let mut cursor = self.cursor;
        let mut items = Vec::new();
        if self.filter.runs {
            for event in self.run_events().await? {
                cursor.run_events = event.seq;
                items.push(Item {
                    cursor,
                    event: Event::Run(event),
                });
            }
        }
        if self.filter.resources {
            let org = Some(self.filter.org);
            let events = self.app.store.events_after(org, cursor.events, BATCH);
            let subject = self.filter.run_id.map(|run| run.to_string());
            for event in events.await? {
                cursor.events = event.seq;
                if subject.as_ref().is_some_and(|run| *run != event.subject) {
                    continue;
                }
                items.push(Item {
                    cursor,
                    event: Event::Resource(event),
                });
            }
        }
        Ok((items, cursor))
    }

    async fn run_events(&self) -> Result<Vec<RunEvent>, FeedError> {
        let after = self.cursor.run_events;
        let org = self.filter.org;
        let Some(run_id) = self.filter.run_id else {
            return Ok(self
                .app
                .store
                .run_events_after(Some(org), after, BATCH)
                .await?);
        };
        // The history of one run is short; that of all runs in between need not be.
        Ok(self.app.store.run_history_after(org, run_id, after).await?)
    }

    fn check_behind(&self) -> Result<(), FeedError> {
        let head = *self.wake.borrow();
        let behind = head.run_events - self.cursor.run_events;
        if self.filter.run_id.is_none() && self.filter.runs && behind > MAX_BEHIND {
            return Err(FeedError::Cursor {
                code: "cursor_expired",
                message: format!(
                    "this stream is {behind} events behind; load the page anew and start without an id"
                ),
            });
        }
        Ok(())
    }
}

/// Whether everything after `at` is still there.
fn check(at: i64, first: i64, last: i64) -> Result<(), FeedError> {
    let kept = (first == 0 || at >= first - 1) && at <= last;
    if kept {
        return Ok(());
    }
    Err(FeedError::Cursor {
        code: "cursor_expired",
        message:
            "events after this id are no longer kept; load the page anew and start without an id"
                .into(),
    })
}
