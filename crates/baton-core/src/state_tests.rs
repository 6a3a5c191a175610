//! Every state × event, walked and snapshotted; and the facts that the table must never lose.

use super::*;

fn standing(state: State) -> Standing {
    Standing {
        state,
        live: state.is_on_robot(),
        attempt: 1,
        retries_used: 0,
        retry: RetryPolicy::default(),
        on_lost: OnLost::Fail,
        executor: Executor::Robot,
        seed: 7,
    }
}

fn error(kind: ErrorKind) -> ErrorInfo {
    ErrorInfo::new(kind, "x")
}

fn events() -> Vec<Event> {
    let now = Timestamp::UNIX_EPOCH;
    vec![
        Event::Due,
        Event::Postpone { due_at: now },
        Event::Refuse {
            error: error(ErrorKind::Refused),
        },
        Event::Assign,
        Event::Reject,
        Event::RejectForGood {
            error: error(ErrorKind::Spawn),
        },
        Event::Unanswered,
        Event::Start,
        Event::Finish(Outcome::Completed),
        Event::Finish(Outcome::Failed {
            error: error(ErrorKind::Failed),
        }),
        Event::Finish(Outcome::TimedOut {
            error: error(ErrorKind::TimedOut),
        }),
        Event::Finish(Outcome::Crashed {
            error: error(ErrorKind::Lost),
        }),
        Event::Finish(Outcome::Cancelled),
        Event::Finish(Outcome::HandedBack {
            error: error(ErrorKind::Resource),
        }),
        Event::RunDeadline,
        Event::StartDeadline,
        Event::LeaseLapsed,
        Event::Cancel,
        Event::CancelDeadline,
        Event::Pause,
        Event::Resume,
        Event::PauseExpired,
        Event::Retry,
    ]
}

/// The variations of a run that change what an event does.
fn variations(state: State) -> Vec<(&'static str, Standing)> {
    let plain = standing(state);
    vec![
        ("", plain.clone()),
        (
            "retries left",
            Standing {
                retry: RetryPolicy::times(3),
                ..plain.clone()
            },
        ),
        (
            "on_lost retry",
            Standing {
                on_lost: OnLost::Retry,
                ..plain.clone()
            },
        ),
        (
            "on_lost park",
            Standing {
                on_lost: OnLost::Park,
                ..plain.clone()
            },
        ),
        (
            "attempt not live",
            Standing {
                live: false,
                ..plain.clone()
            },
        ),
        (
            "previous attempt live",
            Standing {
                live: true,
                ..plain.clone()
            },
        ),
        (
            "handed back too often",
            Standing {
                attempt: MAX_HANDED_BACK + 1,
                ..plain.clone()
            },
        ),
        (
            "own executor",
            Standing {
                executor: Executor::Client,
                ..plain
            },
        ),
    ]
}

fn effect_name(effect: &Effect) -> String {
    match effect {
        Effect::CloseAttempt(outcome) => format!("close attempt as {}", outcome.state()),
        Effect::NextAttempt { spends_retry } => match spends_retry {
            Some(true) => "next attempt (spends a retry)".into(),
            Some(false) => "next attempt (free)".into(),
            None => "next attempt (retries afresh)".into(),
        },
        Effect::OpenAttempt => "open attempt".into(),
        Effect::Release => "release robot".into(),
        Effect::RememberRejecter => "remember rejecter".into(),
        Effect::SetDue(_) => "set due".into(),
        Effect::TellRobotToCancel => "tell robot to cancel".into(),
        Effect::EndChildren => "end children".into(),
    }
}

/// The whole table as Markdown: one row per state × event, and one more wherever a variation differs.
fn table() -> String {
    let mut out = String::from("| from | event | when | to | and |\n|---|---|---|---|---|\n");
    for state in State::ALL {
        for event in events() {
            let mut plain = None;
            for (when, run) in variations(state) {
                let step = apply(&run, &event, Timestamp::UNIX_EPOCH).ok();
                if when.is_empty() {
                    plain = Some(step.clone());
                } else if plain.as_ref() == Some(&step) {
                    continue;
                }
                let (to, and) = match &step {
                    Some(s) => (
                        s.to.to_string(),
                        s.effects
                            .iter()
                            .map(effect_name)
                            .collect::<Vec<_>>()
                            .join(", "),
                    ),
                    None if when.is_empty() => continue,
                    None => ("— refused".into(), String::new()),
                };
                out += &format!("| {state} | {} | {when} | {to} | {and} |\n", event.name());
            }
        }
    }
    out
}

#[test]
fn the_table_of_transitions_is_the_one_in_the_documentation() {
    insta::assert_snapshot!("transitions", table());
}

#[test]
#[expect(
    clippy::disallowed_methods,
    reason = "the test reads the page that it checks"
)]
fn the_documentation_shows_the_snapshot() {
    let path = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../../docs/reference/states.md"
    );
    let page = std::fs::read_to_string(path).expect("docs/reference/states.md is there");
    assert!(
        page.contains(table().trim_end()),
        "docs/reference/states.md is stale: paste the table from the snapshot `transitions`"
    );
}

#[test]
fn a_terminal_run_accepts_nothing_but_an_operators_retry() {
    for state in State::ALL.into_iter().filter(|s| s.is_terminal()) {
        for (_, run) in variations(state) {
            for event in events() {
                let accepted = apply(&run, &event, Timestamp::UNIX_EPOCH).is_ok();
                // What a process of a person executed, nobody would take.
                let wanted = event == Event::Retry && run.executor != Executor::Client;
                assert_eq!(accepted, wanted, "{state} {}", event.name());
            }
        }
    }
}

#[test]
fn a_pending_cancel_beats_every_retry_and_every_on_lost() {
    for on_lost in [OnLost::Fail, OnLost::Retry, OnLost::Park, OnLost::Resume] {
        let run = Standing {
            retry: RetryPolicy::times(9),
            on_lost,
            ..standing(State::Cancelling)
        };
        for event in events() {
            if let Ok(step) = apply(&run, &event, Timestamp::UNIX_EPOCH) {
                assert!(
                    step.to == State::Cancelling || step.to.is_terminal(),
                    "{} led to {}",
                    event.name(),
                    step.to
                );
            }
        }
    }
}

#[test]
fn a_robot_is_released_whenever_its_process_tree_is_reported_gone() {
    for state in [State::Running, State::Cancelling] {
        for (_, run) in variations(state) {
            for event in events() {
                let reported = matches!(event, Event::Finish(_) | Event::LeaseLapsed);
                if let Ok(step) = apply(&run, &event, Timestamp::UNIX_EPOCH)
                    && reported
                {
                    assert!(step.effects.contains(&Effect::Release), "{state} {event:?}");
                }
            }
        }
    }
}

#[test]
fn the_next_attempt_never_becomes_due_while_the_one_before_is_live() {
    let run = Standing {
        live: true,
        ..standing(State::Pending)
    };
    assert!(apply(&run, &Event::Due, Timestamp::UNIX_EPOCH).is_err());
}

#[test]
fn a_lost_run_is_not_repeated_unless_somebody_said_so() {
    let run = Standing {
        retry: RetryPolicy::times(9),
        ..standing(State::Running)
    };
    let step = apply(&run, &Event::LeaseLapsed, Timestamp::UNIX_EPOCH).expect("legal");
    assert_eq!(step.to, State::Crashed);
}

#[test]
fn retries_end_when_the_policy_is_spent() {
    let mut run = Standing {
        retry: RetryPolicy::times(2),
        ..standing(State::Running)
    };
    let failed = Event::Finish(Outcome::Failed {
        error: error(ErrorKind::Failed),
    });
    for spent in 0..2 {
        run.retries_used = spent;
        let step = apply(&run, &failed, Timestamp::UNIX_EPOCH).expect("legal");
        assert_eq!(step.to, State::Pending);
    }
    run.retries_used = 2;
    let step = apply(&run, &failed, Timestamp::UNIX_EPOCH).expect("legal");
    assert_eq!(step.to, State::Failed);
}

#[test]
fn stored_numbers_and_names_lead_back_to_their_state() {
    for state in State::ALL {
        assert_eq!(State::from_code(state.code()), Some(state));
        assert_eq!(State::from_name(state.as_str()), Some(state));
    }
    assert_eq!(State::from_code(11), None);
    assert_eq!(State::from_name("late"), None);
}
