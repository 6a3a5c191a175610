//! Large bodies that come in pieces: packages and artifacts.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::StatusCode;
use http_body_util::BodyExt;
use tokio::time::Instant;

use super::extract::ARRIVAL;
use crate::error::ApiError;

/// Bytes a second that an upload must bring on the whole: less than any line on which robots can work. What
/// drips more slowly holds the place of others.
const SLOWEST: u64 = 16 << 10;

/// A large body that comes in pieces. One that stalls gives its place to others.
pub(crate) struct Upload {
    body: Body,
    what: &'static str,
    began: Instant,
    received: u64,
}

impl Upload {
    /// The body of this request; `what` names it in errors.
    pub(crate) fn new(request: Request, what: &'static str) -> Self {
        Self {
            body: request.into_body(),
            what,
            began: Instant::now(),
            received: 0,
        }
    }

    /// The next piece; `None` after the last.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, ApiError> {
        let what = self.what;
        loop {
            let by = due(self.began, self.received, Instant::now());
            let Ok(frame) = tokio::time::timeout_at(by, self.body.frame()).await else {
                return Err(ApiError::new(
                    StatusCode::REQUEST_TIMEOUT,
                    "slow_body",
                    format!(
                        "{what} came too slowly: nothing for 30 seconds, or less than 16 KiB a second on the whole"
                    ),
                ));
            };
            let Some(frame) = frame else { return Ok(None) };
            let frame = frame.map_err(|error| {
                ApiError::bad_request("broken_body", format!("{what} broke off: {error}"))
            })?;
            // Trailers say nothing here.
            if let Ok(bytes) = frame.into_data() {
                self.received += bytes.len() as u64;
                return Ok(Some(bytes));
            }
        }
    }
}

/// By when the next piece must have come: each byte earns time, and silence loses it.
fn due(began: Instant, received: u64, now: Instant) -> Instant {
    let earned = began + Duration::from_secs(received / SLOWEST);
    earned.min(now) + ARRIVAL
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_ends_an_upload_after_half_a_minute() {
        let began = Instant::now();
        assert_eq!(due(began, 0, began), began + ARRIVAL);
        // Whatever was earned before does not buy a longer silence.
        let now = began + Duration::from_secs(10);
        assert_eq!(due(began, 64 << 20, now), now + ARRIVAL);
    }

    #[test]
    fn a_body_that_drips_is_not_waited_for_and_a_slow_one_is() {
        let began = Instant::now();
        let later = |seconds| began + Duration::from_secs(seconds);
        // A byte every twenty seconds.
        assert_eq!(due(began, 3, later(60)), later(30));
        // 16 KiB a second for an hour.
        assert_eq!(due(began, 3_600 * SLOWEST, later(3_600)), later(3_630));
    }
}
