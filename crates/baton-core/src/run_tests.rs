//! What is derived of a run: its label and whether it is late.

use super::*;
use crate::dispatch::scene::{at, deployment_id, needs};
use crate::explain::tests::queued_run;

#[test]
fn an_unattended_run_bears_its_computer_and_a_manual_one_does_not() {
    let mut run = queued_run(needs(Priority::Normal));
    run.spec.flow_name = "cscKPI".into();
    assert_eq!(run.label(Some("CDAPXXX03")), "cscKPI");
    run.spec.needs.deployment_id = Some(deployment_id(1));
    assert_eq!(run.label(Some("CDAPXXX03")), "cscKPI-CDAPXXX03");
    assert_eq!(run.label(None), "cscKPI");
}

#[test]
fn a_run_is_late_when_it_has_not_started_soon_after_it_was_due() {
    let mut run = queued_run(needs(Priority::Normal));
    run.due_at = at(0);
    assert!(!run.is_late(at(15), LATE_AFTER));
    assert!(run.is_late(at(16), LATE_AFTER));
    for state in [State::Pending, State::Dispatched] {
        run.state = state;
        assert!(run.is_late(at(16), LATE_AFTER), "{state:?}");
    }
    for state in [State::Running, State::Paused, State::Completed] {
        run.state = state;
        assert!(!run.is_late(at(999), LATE_AFTER), "{state:?}");
    }
}

#[test]
fn levels_are_known_in_any_case_and_by_their_usual_names() {
    use LogLevel::{Critical, Debug, Error, Info, Warning};
    for (level, words) in [
        (Debug, &["DEBUG", "trace", "Verbose", "10"][..]),
        (
            Info,
            &["INFO", "Information", "notice", "20", "25", " info "],
        ),
        (Warning, &["warn", "WARNING", "Warn", "30"]),
        (Error, &["err", "ERROR", "SEVERE", "40"]),
        (
            Critical,
            &["fatal", "CRITICAL", "crit", "emerg", "50", "60"],
        ),
    ] {
        for word in words {
            assert_eq!(LogLevel::from_word(word), Some(level), "{word}");
        }
    }
    assert_eq!(LogLevel::from_word("loud"), None);
}
