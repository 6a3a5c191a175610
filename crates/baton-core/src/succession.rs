//! Whether a robot that registers is the one that was there before, or a copy of it.
//!
//! A robot's folder holds its key, so a copied folder, a machine made from a template and a restored
//! snapshot all speak with the same key. Two of them at once would execute one run twice: what one of
//! them does not hold says nothing of the other.

use jiff::SignedDuration;

use crate::robot::{RobotOffer, UNREACHABLE_AFTER};

/// What is known of the robot at the moment when somebody registers with its key.
#[derive(Clone, Copy, Debug)]
pub struct Standing {
    /// Whether it has a connection now.
    pub connected: bool,
    /// How long ago it was heard last, or since when the server is there to hear it.
    pub silent: SignedDuration,
    /// How long what runs on it may still live, if nothing more is heard of it; `None` when nothing runs.
    pub live_for: Option<SignedDuration>,
}

/// What becomes of a registration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Succession {
    /// It is the same installation: what it does not hold is gone.
    Follows,
    /// It is another installation, and the one before is gone.
    Moves,
    /// The one before may still be there: it is refused, and may try again after this.
    Waits(SignedDuration),
}

/// Decides on a registration with this offer after one with the offer `before`.
pub fn decide(before: &RobotOffer, offer: &RobotOffer, standing: Standing) -> Succession {
    let same = |a: &str, b: &str| a.is_empty() || b.is_empty() || a == b;
    let installation = same(&before.installation, &offer.installation);
    let boot = same(&before.boot_id, &offer.boot_id);
    let fresh = UNREACHABLE_AFTER.saturating_sub(standing.silent);
    let fresh = fresh.is_positive().then_some(fresh);
    match (installation, boot) {
        (true, true) => Succession::Follows,
        // A machine that boots has cut its connection or falls silent. One that is heard has not booted.
        (true, false) => match fresh.filter(|_| standing.connected) {
            Some(wait) => Succession::Waits(wait),
            None => Succession::Follows,
        },
        (false, _) => {
            let live = standing.live_for.filter(|left| left.is_positive());
            match fresh.max(live) {
                Some(wait) => Succession::Waits(wait),
                None => Succession::Moves,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer(installation: &str, boot_id: &str) -> RobotOffer {
        RobotOffer {
            installation: installation.into(),
            boot_id: boot_id.into(),
            ..RobotOffer::default()
        }
    }

    fn seconds(n: i64) -> SignedDuration {
        SignedDuration::from_secs(n)
    }

    fn standing(connected: bool, silent: i64, live_for: Option<i64>) -> Standing {
        Standing {
            connected,
            silent: seconds(silent),
            live_for: live_for.map(seconds),
        }
    }

    fn after(installation: &str, boot: &str, standing: Standing) -> Succession {
        decide(
            &offer("here", "first boot"),
            &offer(installation, boot),
            standing,
        )
    }

    #[test]
    fn the_same_installation_follows_itself_at_once() {
        let busy = standing(true, 0, Some(65));
        assert_eq!(after("here", "first boot", busy), Succession::Follows);
    }

    #[test]
    fn a_machine_that_booted_follows_itself_unless_it_is_still_heard() {
        let cut = standing(false, 1, Some(60));
        assert_eq!(after("here", "second boot", cut), Succession::Follows);
        let heard = standing(true, 4, Some(61));
        assert_eq!(
            after("here", "second boot", heard),
            Succession::Waits(seconds(26))
        );
        let silent = standing(true, 30, Some(35));
        assert_eq!(after("here", "second boot", silent), Succession::Follows);
    }

    #[test]
    fn a_copy_waits_while_the_first_is_heard_or_what_it_runs_may_live() {
        for boot in ["first boot", "second boot"] {
            let heard = standing(false, 5, None);
            assert_eq!(after("there", boot, heard), Succession::Waits(seconds(25)));
            let live = standing(false, 40, Some(25));
            assert_eq!(after("there", boot, live), Succession::Waits(seconds(25)));
            let gone = standing(false, 66, Some(-1));
            assert_eq!(after("there", boot, gone), Succession::Moves);
            let idle = standing(false, 31, None);
            assert_eq!(after("there", boot, idle), Succession::Moves);
        }
    }

    #[test]
    fn a_robot_that_does_not_say_where_it_is_installed_follows_as_ever() {
        let unsaid = decide(
            &offer("", ""),
            &offer("here", "boot"),
            standing(true, 0, Some(65)),
        );
        assert_eq!(unsaid, Succession::Follows);
    }
}
