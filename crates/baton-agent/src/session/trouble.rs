//! What keeps a robot from setting up runs, and for how long it rests then, so that it does not take all work.

use std::time::Duration;

use baton_core::robot::Trouble;
use jiff::{SignedDuration, Timestamp};

use super::Moment;

/// The first rest after a run that could not be set up; each further one in a row is twice as long.
const FIRST_REST: Duration = Duration::from_secs(30);
/// Longest rest: a disk that was cleared is noticed after this.
const LONGEST_REST: Duration = Duration::from_secs(600);
/// How long a robot without room says that it rests: it looks again long before.
const WITHOUT_ROOM: Duration = Duration::from_secs(30);

/// What troubles a robot.
#[derive(Debug, Default)]
pub(super) struct Troubles {
    failed: Option<Failed>,
    cramped: Option<(String, Timestamp)>,
}

#[derive(Debug)]
struct Failed {
    why: String,
    since: Timestamp,
    until: Duration,
    /// Rests in a row.
    rests: u32,
}

impl Troubles {
    /// A run could not be set up: it rests, longer each time in a row.
    pub(super) fn handed_back(&mut self, why: String, now: Moment) {
        let (since, rests) = match &self.failed {
            // What fails in several slots at once is one trouble.
            Some(failed) if now.boot < failed.until => (failed.since, failed.rests),
            Some(failed) => (failed.since, failed.rests + 1),
            None => (now.wall, 0),
        };
        let rest = FIRST_REST
            .saturating_mul(1 << rests.min(8))
            .min(LONGEST_REST);
        self.failed = Some(Failed {
            why,
            since,
            until: now.boot + rest,
            rests,
        });
    }

    /// A run's process began: whatever it was is over. Says whether that is news.
    pub(super) fn began(&mut self) -> bool {
        self.failed.take().is_some()
    }

    /// Whether there is room for another run. Says whether that is news.
    pub(super) fn room(&mut self, missing: Option<String>, now: Moment) -> bool {
        let was = self.cramped.take();
        let news = was.is_some() != missing.is_some();
        let since = was.map_or(now.wall, |(_, since)| since);
        self.cramped = missing.map(|why| (why, since));
        news
    }

    /// Why no work is taken now.
    pub(super) fn rests(&self, now: Moment) -> Option<&str> {
        let failed = self.failed.as_ref().filter(|f| now.boot < f.until);
        let cramped = self.cramped.as_ref().map(|(why, _)| why.as_str());
        cramped.or(failed.map(|f| f.why.as_str()))
    }

    /// What the server is told.
    pub(super) fn said(&self, now: Moment) -> Option<Trouble> {
        let at = |wait: Duration| {
            let wait = SignedDuration::try_from(wait).unwrap_or(SignedDuration::ZERO);
            now.wall.saturating_add(wait).unwrap_or(now.wall)
        };
        if let Some((why, since)) = &self.cramped {
            return Some(Trouble {
                reason: why.clone(),
                since: *since,
                rests_until: at(WITHOUT_ROOM),
            });
        }
        let failed = self.failed.as_ref()?;
        Some(Trouble {
            reason: failed.why.clone(),
            since: failed.since,
            rests_until: at(failed.until.saturating_sub(now.boot)),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: u32) -> Moment {
        Moment {
            boot: Duration::from_secs(second.into()),
            wall: Timestamp::from_second(second.into()).expect("in range"),
        }
    }

    #[test]
    fn rests_grow_while_nothing_can_be_set_up_and_end_with_the_first_process() {
        let mut troubles = Troubles::default();
        troubles.handed_back("no space".into(), at(100));
        troubles.handed_back("no space".into(), at(101));
        assert_eq!(troubles.rests(at(130)), Some("no space"));
        assert_eq!(troubles.rests(at(131)), None, "it tries again");
        troubles.handed_back("no space".into(), at(200));
        assert_eq!(troubles.rests(at(259)), Some("no space"));
        let said = troubles.said(at(210)).expect("still");
        assert_eq!((said.since, said.rests_until), (at(100).wall, at(260).wall));
        assert!(troubles.began() && !troubles.began());
        assert_eq!(
            (troubles.rests(at(211)), troubles.said(at(211))),
            (None, None)
        );
        for n in 0..40 {
            troubles.handed_back("x".into(), at(1_000 * (n + 1)));
        }
        assert_eq!(
            troubles.rests(at(40_601)),
            None,
            "never longer than ten minutes"
        );
    }

    #[test]
    fn without_room_no_work_is_taken_until_there_is_room_again() {
        let mut troubles = Troubles::default();
        assert!(!troubles.room(None, at(1)));
        assert!(troubles.room(Some("1 MB free".into()), at(2)));
        assert!(!troubles.room(Some("2 MB free".into()), at(3)));
        assert_eq!(troubles.said(at(9)).expect("cramped").since, at(2).wall);
        assert_eq!(troubles.rests(at(900)), Some("2 MB free"));
        assert!(troubles.room(None, at(901)));
        assert_eq!(troubles.rests(at(901)), None);
    }
}
