//! Typed identifiers, and the pronounceable names by which people know runs.
//!
//! Ids are UUID version 7: they sort by the time they were made. Core has no clock and no
//! randomness, so whoever makes an id passes both in.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

macro_rules! id {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
        #[serde(transparent)]
        pub struct $name(pub Uuid);

        impl $name {
            /// An id that sorts by `now`; `entropy` are ten random bytes.
            pub fn new(now: Timestamp, entropy: [u8; 10]) -> Self {
                let millis = u64::try_from(now.as_millisecond()).unwrap_or(0);
                Self(uuid::Builder::from_unix_timestamp_millis(millis, &entropy).into_uuid())
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.hyphenated().fmt(f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self.0.hyphenated())
            }
        }

        impl FromStr for $name {
            type Err = uuid::Error;
            fn from_str(s: &str) -> Result<Self, uuid::Error> {
                s.parse().map(Self)
            }
        }
    )+};
}

id! {
    /// A flow: a named automation.
    FlowId,
    /// An immutable version of a flow.
    VersionId,
    /// A flow version made runnable.
    DeploymentId,
    /// A schedule of a deployment.
    ScheduleId,
    /// One execution of a flow.
    RunId,
    /// One execution of a task inside an attempt.
    TaskRunId,
    /// A place where runs wait for robots.
    QueueId,
    /// A registered executor.
    RobotId,
    /// An API key.
    KeyId,
    /// A file that a run left behind.
    ArtifactId,
    /// A limit on how many runs with a tag may be live at once.
    LimitId,
}

/// The id that a text is, if Baton makes ids like it. A machine may be named by a UUID of another version, and a
/// robot or queue after the machine: that text is a name.
pub fn own<T: FromStr>(text: &str) -> Option<T> {
    let id = Uuid::try_parse(text).ok()?;
    // Version 7, or none as the work queue that every installation starts with.
    matches!(id.get_version_num(), 0 | 7)
        .then(|| text.parse().ok())
        .flatten()
}

/// A tenant. Every stored row carries one; `default` exists from the start.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct OrgId(pub i64);

impl OrgId {
    /// The org that exists from the start.
    pub const DEFAULT: Self = Self(1);
}

/// The ever-rising number that proves a robot's claim on an attempt; 0 means never assigned.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(transparent)]
pub struct Fence(pub i64);

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A pronounceable name for a run, such as `brisk-otter-4f2a`, drawn from the random part of its id.
///
/// The two words are for people; the four hex digits keep it unique enough to search.
pub fn run_name(id: RunId) -> String {
    let b = id.0.as_bytes();
    let adjective = ADJECTIVES[usize::from(b[15]) % ADJECTIVES.len()];
    let animal = ANIMALS[usize::from(b[14]) % ANIMALS.len()];
    format!("{adjective}-{animal}-{:02x}{:02x}", b[12], b[13])
}

const ADJECTIVES: [&str; 64] = [
    "amber", "apt", "bold", "brave", "bright", "brisk", "calm", "candid", "clear", "clever",
    "cosy", "crisp", "daring", "deft", "eager", "early", "fair", "fleet", "fond", "frank", "fresh",
    "gentle", "glad", "golden", "grand", "happy", "hardy", "honest", "jolly", "keen", "kind",
    "lively", "loyal", "lucid", "lucky", "mellow", "merry", "mild", "neat", "nimble", "noble",
    "patient", "plain", "proud", "quick", "quiet", "rapid", "ready", "rosy", "sage", "serene",
    "sharp", "silver", "smooth", "snug", "steady", "stout", "sunny", "swift", "tidy", "vivid",
    "warm", "wise", "witty",
];

const ANIMALS: [&str; 64] = [
    "badger", "bat", "bear", "beaver", "bee", "bison", "carp", "cat", "crane", "crow", "deer",
    "dingo", "dove", "duck", "eagle", "eel", "egret", "elk", "falcon", "ferret", "finch", "fox",
    "frog", "gecko", "goat", "goose", "gull", "hare", "hawk", "heron", "horse", "ibex", "jackal",
    "jay", "koala", "lark", "lemur", "lion", "llama", "lynx", "magpie", "marmot", "mole", "moose",
    "newt", "ocelot", "orca", "otter", "owl", "panda", "pelican", "puffin", "quail", "rabbit",
    "raven", "robin", "salmon", "seal", "shrew", "stork", "swan", "tiger", "toad", "wren",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let at = |ms| Timestamp::from_millisecond(ms).expect("in range");
        let early = RunId::new(at(1_000), [0xff; 10]);
        let late = RunId::new(at(1_001), [0x00; 10]);
        assert!(early < late);
    }

    #[test]
    fn a_uuid_of_a_machine_is_no_id_of_ours() {
        let made = RobotId::new(Timestamp::UNIX_EPOCH, [7; 10]);
        assert_eq!(own(&made.to_string()), Some(made));
        assert_eq!(own(&made.0.simple().to_string()), Some(made));
        let first = "00000000-0000-0000-0000-000000000001";
        assert!(own::<QueueId>(first).is_some());
        let machine = "9f1c3c2e-5a2b-4d4e-8c55-0242ac120002";
        assert_eq!(own::<RobotId>(machine), None);
        assert_eq!(own::<RobotId>("sap-1"), None);
    }

    #[test]
    fn a_run_name_is_two_words_and_four_hex_digits() {
        let name = run_name(RunId(Uuid::from_u128(0x1234_5678)));
        let parts: Vec<_> = name.split('-').collect();
        assert_eq!(parts.len(), 3, "{name}");
        assert_eq!(parts[2].len(), 4, "{name}");
    }
}
