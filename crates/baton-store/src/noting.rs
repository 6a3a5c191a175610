//! Rows of the trail that are committed together with the change they speak of.
//!
//! ```ignore
//! let (made, noted) = noting(Note::of(vec![event]), store.create_queue(queue)).await;
//! ```
//!
//! Every store asks [`current`] where all of its writes pass, and appends what the note says in the same
//! transaction: so no change by hand is ever kept without its row, and no row without its change. This is
//! one place for each store, where an argument of every method would be a hundred.

use std::any::Any;
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::logs::ResourceEvent;

type Speak = dyn Fn(&dyn Any) -> Option<Vec<ResourceEvent>> + Send + Sync;

/// What is to be written down together with a change.
#[derive(Clone)]
pub struct Note(Arc<Inner>);

struct Inner {
    speak: Box<Speak>,
    done: AtomicBool,
}

impl Note {
    /// Writes these down with whatever the first write changes.
    pub fn of(events: Vec<ResourceEvent>) -> Self {
        Self::new(Box::new(move |_| Some(events.clone())))
    }

    /// Writes down what is said of the first change whose answer is a `V`: the type that the write gives
    /// inside the store, for a batch the answers to its parts. Of a change of which nothing is said nothing is
    /// written, and the note waits for the next.
    pub fn when<V: 'static>(
        speak: impl Fn(&V) -> Vec<ResourceEvent> + Send + Sync + 'static,
    ) -> Self {
        Self::new(Box::new(move |answer| answer.downcast_ref().map(&speak)))
    }

    fn new(speak: Box<Speak>) -> Self {
        Self(Arc::new(Inner {
            speak,
            done: AtomicBool::new(false),
        }))
    }

    /// What to append for a change with this answer; a store calls it again when it runs the change again.
    pub(crate) fn events(&self, answer: &dyn Any) -> Option<Vec<ResourceEvent>> {
        (self.0.speak)(answer)
    }

    /// The change is kept, and what was said of it: nothing more is noted.
    pub(crate) fn done(&self) {
        self.0.done.store(true, Ordering::Release);
    }
}

tokio::task_local! {
    static NOTE: Note;
}

/// Makes a change together with its note. Besides its answer: whether the note was committed with it. It
/// was not when nothing was written, or when the change was refused.
pub async fn noting<C: Future>(note: Note, change: C) -> (C::Output, bool) {
    let answer = NOTE.scope(note.clone(), change).await;
    (answer, note.0.done.load(Ordering::Acquire))
}

impl From<ResourceEvent> for Note {
    /// Writes this down with whatever the first write changes.
    fn from(event: ResourceEvent) -> Self {
        Self::of(vec![event])
    }
}

/// The note that goes with the write that begins now, if any.
pub(crate) fn current() -> Option<Note> {
    let note = NOTE.try_with(Clone::clone).ok()?;
    (!note.0.done.load(Ordering::Acquire)).then_some(note)
}
