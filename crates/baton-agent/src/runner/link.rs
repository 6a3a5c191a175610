//! The connection to the server: dialled, lost, refused, and dialled again.

use std::sync::Arc;

use anyhow::Result;
use baton_api::robot::{CLOSE_IN_USE, CLOSE_REPLACED, CLOSE_UNAUTHORISED};
use baton_core::run::LogLevel;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::{Runner, Stopped};
use crate::connection::{Connection, Incoming, backoff};
use crate::http::KeyRefused;
use crate::session::Input;

/// Refusals in a row that are believed: one may come from a server that is being restored.
const REFUSALS: u32 = 3;

impl Runner {
    pub(super) fn came(&mut self, came: Incoming) {
        match came {
            Incoming::Text(text) => {
                self.step(Input::Frame(text));
                if self.session.is_registered() {
                    self.tries = 0;
                    self.told.clear();
                    self.refusals = 0;
                }
            }
            Incoming::Other => {}
            Incoming::Closed(code, why) => {
                self.tell_once(format!("the connection to the server ended: {why}"));
                if code == Some(CLOSE_UNAUTHORISED) {
                    self.refused("robot_refused".to_owned(), why);
                }
                self.hang_up(code);
            }
        }
    }

    pub(super) fn opened(&mut self, opened: Result<Connection>) {
        self.connecting = None;
        match opened {
            Ok(connection) => {
                self.connection = Some(connection);
                self.step(Input::Connected);
            }
            Err(error) => {
                self.tell_once(format!(
                    "no connection to {}: {error:#}",
                    self.shared.config.server
                ));
                let refusal = error.downcast_ref::<KeyRefused>();
                let patient = refusal.is_some();
                match refusal.filter(|r| r.is_final()) {
                    Some(r) => self.refused(r.code.clone(), r.detail.clone()),
                    None => self.refusals = 0,
                }
                self.redial(patient);
            }
        }
    }

    /// Takes note of a refusal that trying again is not expected to heal.
    fn refused(&mut self, code: String, message: String) {
        self.refusals += 1;
        if self.refusals == REFUSALS {
            let note = format!(
                "the server refused this robot {REFUSALS} times, at last: {message} [{code}]; \
                 it stops when nothing runs on it any more; enrol it anew"
            );
            self.journal.note(LogLevel::Error, note);
            self.step(Input::Unwanted);
        }
        self.refusal = Some(Stopped::Refused { code, message });
    }

    /// Whether the server will not have this robot any more. What runs is ended by its lease first.
    pub(super) fn is_unwanted(&self) -> Option<Stopped> {
        let sure = self.refusals >= REFUSALS && self.session.live() == 0;
        self.refusal.clone().filter(|_| sure)
    }

    /// Says the same only once until the connection stands again.
    fn tell_once(&mut self, what: String) {
        if self.told != what {
            self.journal.note(LogLevel::Warning, what.clone());
            self.told = what;
        }
    }

    pub(super) fn hang_up(&mut self, code: Option<u16>) {
        self.connection = None;
        self.step(Input::Disconnected);
        let patient = matches!(
            code,
            Some(CLOSE_UNAUTHORISED | CLOSE_REPLACED | CLOSE_IN_USE)
        );
        self.redial(patient);
    }

    /// Plans the next try; a patient one when trying soon cannot help.
    fn redial(&mut self, patient: bool) {
        if patient {
            self.tries = self.tries.max(6);
        }
        self.dial_at = Some(Instant::now() + backoff(self.tries, self.shared.config.backoff));
        self.tries = self.tries.saturating_add(1);
    }

    pub(super) fn dial(&mut self) {
        if self.dial_at.is_some_and(|at| at <= Instant::now()) {
            self.dial_at = None;
            let shared = Arc::clone(&self.shared);
            let opening = async move {
                match Connection::open(&shared.config).await {
                    Err(error) if error.is::<KeyRefused>() => {
                        Err(shared.http.refusal().await.map_or(error, Into::into))
                    }
                    opened => opened,
                }
            };
            self.connecting = Some(tokio::spawn(opening));
        }
    }
}

/// What became of dialling; never, where nobody dials.
pub(super) async fn opening(
    connecting: Option<&mut JoinHandle<Result<Connection>>>,
) -> Result<Connection> {
    match connecting {
        Some(task) => task.await?,
        None => std::future::pending().await,
    }
}
