//! What a robot's flags say that it offers: labels, capabilities, work queues, desktops, an environment.

use std::io::ErrorKind;
use std::path::Path;

use baton_agent::{Account, AgentConfig, RunAs, own_user};

use crate::cli::or_none::clears;
use crate::cli::serve::Offer;
use crate::exit::Exit;
use crate::failure::{Done, Failure};
use crate::output;
use crate::settings::known;

/// What a robot offered last, in its folder.
const KEPT: &str = "offer.json";

/// Refuses words that no server takes, before one is asked.
pub(crate) fn check(offer: &Offer) -> Done {
    crate::settings::min_free()?;
    let lists = [
        ("--label", &offer.label),
        ("--capability", &offer.capability),
        ("--queue", &offer.queue),
        ("--desktop", &offer.desktop),
    ];
    let words = lists
        .into_iter()
        .flat_map(|(flag, words)| words.iter().map(move |word| (flag, word)))
        .chain(offer.environment.iter().map(|word| ("--environment", word)))
        .filter(|(_, word)| !clears(word));
    for (flag, word) in words {
        baton_core::text::check_line(word)
            .map_err(|why| Failure::usage(format!("{flag} {word:?} cannot be one: {why}")))?;
    }
    Ok(())
}

/// What the robot of this folder offers: what is said now, or else what was said last. A service starts it
/// without a word.
pub(crate) fn of(folder: &Path, said: &Offer) -> Done<Offer> {
    let kept = kept(folder)?;
    if *said == Offer::default() {
        return Ok(kept);
    }
    let offer = replaced(said, kept);
    runner(&offer)?;
    Ok(offer)
}

fn kept(folder: &Path) -> Done<Offer> {
    let path = folder.join(KEPT);
    let kept = match std::fs::read(&path) {
        Ok(kept) => kept,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Offer::default()),
        Err(error) => return Err(Failure::file(&path, "read", &error)),
    };
    serde_json::from_slice(&kept).map_err(|error| {
        let why = std::io::Error::new(ErrorKind::InvalidData, error);
        Failure::file(&path, "read", &why).fix("remove it, and start the robot with its flags")
    })
}

/// What is said takes the place of all that was offered; whose rights runs have is no offer, and stays until
/// it is said anew: a start with another label must not give runs more rights.
fn replaced(said: &Offer, kept: Offer) -> Offer {
    let mut offer = said.clone();
    offer.run_as = offer.run_as.or(kept.run_as);
    plain(&offer)
}

/// The word with which each run gets a user of its own.
const EACH: &str = "each";
/// The word with which runs keep the rights of whoever starts the robot.
const OWN: &str = "self";

/// Whose rights runs have, where somebody says so: a user's, `each` or `self`. `None`: nobody said.
fn runner(offer: &Offer) -> Done<Option<Option<RunAs>>> {
    let Some(name) = &offer.run_as else {
        return Ok(None);
    };
    if name == OWN {
        return Ok(Some(None));
    }
    if !nix::unistd::geteuid().is_root() {
        let what = format!("only root can give runs the rights of {name}");
        return Err(Failure::new(Exit::NotAllowed, "not_root", what)
            .fix("start it with sudo, or as that user and without --run-as"));
    }
    if name == EACH {
        return match own_user::why_not() {
            None => Ok(Some(Some(RunAs::Each))),
            Some(why) => {
                let what = format!("runs cannot have users of their own here: {why}");
                Err(Failure::new(Exit::NotAllowed, "no_own_users", what)
                    .fix("--run-as USER gives them those of one user"))
            }
        };
    }
    let found = match name.parse::<u32>() {
        Ok(uid) => nix::unistd::User::from_uid(uid.into()),
        Err(_) => nix::unistd::User::from_name(name),
    };
    let user = found.ok().flatten().ok_or_else(|| {
        let what = format!("there is no user {name:?} on this machine");
        Failure::new(Exit::NotFound, "unknown_user", what)
            .fix("name one that exists, or make one: useradd --system --create-home NAME")
    })?;
    let account = Account {
        uid: user.uid.as_raw(),
        gid: user.gid.as_raw(),
        home: user.dir.is_dir().then_some(user.dir),
    };
    Ok(Some((!user.uid.is_root()).then_some(RunAs::User(account))))
}

/// What runs get of which nobody says whose rights they have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unsaid {
    /// Those of whoever started the robot.
    Own,
    /// A user of their own, where that can be: beside a server, whose keys are not theirs to read.
    Each,
}

/// Says whose rights runs have.
pub(crate) fn say_whose_rights(config: &AgentConfig, secrets: &str) {
    match &config.run_as {
        Some(RunAs::User(_)) => {}
        Some(RunAs::Each) => output::note(
            "each run has a user of its own (numbers 60706 to 61183) and reads no other's files; --run-as self gives runs your rights",
        ),
        None => {
            let fix = match (nix::unistd::geteuid().is_root(), own_user::why_not()) {
                (true, None) => "--run-as each gives each run a user of its own".to_owned(),
                (true, Some(why)) => {
                    format!("--run-as USER gives them others (no users of their own: {why})")
                }
                (false, _) => {
                    "deploy only what you trust, or put the robot under a user of its own"
                        .to_owned()
                }
            };
            output::warn(&format!(
                "flows on this robot have the rights of its own user and can read {secrets}: {fix}"
            ));
        }
    }
}

/// Keeps what is said for later starts. Only once the folder is this agent's: another may be running in it.
pub(crate) fn keep(folder: &Path, said: &Offer) -> Done {
    if *said == Offer::default() {
        return Ok(());
    }
    let offer = replaced(said, kept(folder)?);
    let text = serde_json::to_vec_pretty(&offer).expect("words and numbers are JSON");
    known::write_private(&folder.join(KEPT), &text)
}

/// What is said, without the word that takes back what was said before.
fn plain(said: &Offer) -> Offer {
    let words = |all: &[String]| all.iter().filter(|word| !clears(word)).cloned().collect();
    Offer {
        slots: said.slots,
        label: words(&said.label),
        capability: words(&said.capability),
        environment: said.environment.clone().filter(|word| !clears(word)),
        queue: words(&said.queue),
        desktop: words(&said.desktop),
        run_as: said.run_as.clone().filter(|word| !clears(word)),
    }
}

/// Puts it into what the agent tells the server; so many slots unless it says another number.
pub(crate) fn tell(offer: &Offer, slots: u32, unsaid: Unsaid, config: &mut AgentConfig) {
    let told = &mut config.offer;
    told.max_concurrent_jobs = offer.slots.unwrap_or(slots);
    told.environment.clone_from(&offer.environment);
    told.labels = offer.label.iter().cloned().collect();
    told.capabilities = offer.capability.iter().cloned().collect();
    told.queues = offer.queue.iter().cloned().collect();
    told.desktops = offer.desktop.iter().cloned().collect();
    // It was found when the offer was read.
    let said = runner(offer).ok().flatten();
    config.run_as = said.unwrap_or_else(|| {
        let each = unsaid == Unsaid::Each && own_user::why_not().is_none();
        each.then_some(RunAs::Each)
    });
    config.limits.min_free = crate::settings::min_free().ok().flatten();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_offered_last_is_offered_by_a_start_without_a_word() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let kept = |said: &Offer| {
            let offer = of(folder.path(), said).expect("known");
            keep(folder.path(), said).expect("kept");
            offer
        };
        let nothing = Offer::default();
        assert_eq!(kept(&nothing), nothing);
        let sap = Offer {
            slots: Some(2),
            label: vec!["sap".into()],
            ..Offer::default()
        };
        assert_eq!(kept(&sap), sap);
        assert_eq!(kept(&nothing), sap);
        let less = Offer {
            label: vec!["lab".into()],
            ..Offer::default()
        };
        assert_eq!(kept(&less), less, "what is said takes the place of all");
        assert_eq!(kept(&nothing), less);
        let none = Offer {
            label: vec!["none".into()],
            ..Offer::default()
        };
        assert_eq!(kept(&none), nothing, "the last label is taken back");
        assert_eq!(kept(&nothing), nothing);
        let as_self = Offer {
            run_as: Some("self".into()),
            ..Offer::default()
        };
        assert_eq!(kept(&as_self), as_self);
        let both = Offer {
            run_as: Some("self".into()),
            ..sap.clone()
        };
        assert_eq!(kept(&sap), both, "whose rights runs have stays as it was");
        std::fs::write(folder.path().join(KEPT), "no JSON").expect("written");
        assert!(of(folder.path(), &nothing).is_err());
    }
}
