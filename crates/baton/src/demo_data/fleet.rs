//! The machines of the demo, its work queues, its keys.

use std::collections::BTreeSet;

use baton_core::access::Role;
use baton_core::queue::{DEFAULT_QUEUE, QueueSettings, Strategy};
use baton_core::robot::RobotOffer;

/// A robot.
pub(crate) struct RobotDef {
    /// Its name, which is that of its computer as well.
    pub(crate) name: &'static str,
    pub(crate) platform: &'static str,
    /// The agent's version; empty is this one.
    pub(crate) version: &'static str,
    pub(crate) environment: &'static str,
    pub(crate) labels: &'static [&'static str],
    pub(crate) capabilities: &'static [&'static str],
    pub(crate) queues: &'static [&'static str],
    pub(crate) desktops: &'static [&'static str],
    pub(crate) slots: u32,
    pub(crate) is: Condition,
}

/// How a robot is when the demo begins.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Condition {
    /// It works.
    Up,
    /// It takes nothing new, for this reason.
    Draining(&'static str),
    /// It was last heard this many days ago.
    Gone(f64),
}

const LINUX: &str = "linux x86_64";

/// Every robot.
pub(crate) const ROBOTS: &[RobotDef] = &[
    RobotDef {
        labels: &["linux", "region=eu", "erp"],
        capabilities: &["python", "desktop", "browser"],
        queues: &["finance", "desktop"],
        desktops: &["rdp-1", "rdp-2"],
        slots: 3,
        ..plain("rpa-berlin-01")
    },
    RobotDef {
        labels: &["linux", "region=eu", "erp"],
        capabilities: &["python", "desktop", "browser"],
        queues: &["finance", "desktop"],
        desktops: &["rdp-1", "rdp-2"],
        slots: 3,
        ..plain("rpa-berlin-02")
    },
    RobotDef {
        labels: &["linux", "region=eu", "erp"],
        capabilities: &["python", "desktop"],
        queues: &["finance", "desktop"],
        desktops: &["rdp-1"],
        is: Condition::Draining("new memory on Thursday, back by noon"),
        ..plain("rpa-berlin-03")
    },
    RobotDef {
        labels: &["linux", "region=eu"],
        capabilities: &["python", "browser"],
        queues: &["finance", "partner-portal"],
        slots: 2,
        ..plain("rpa-lisbon-01")
    },
    RobotDef {
        labels: &["linux", "region=us"],
        capabilities: &["python", "browser"],
        slots: 2,
        ..plain("rpa-newyork-01")
    },
    RobotDef {
        labels: &["linux", "region=eu", "warehouse"],
        capabilities: &["python", "docker"],
        queues: &["data"],
        slots: 6,
        ..plain("data-01")
    },
    RobotDef {
        platform: "linux aarch64",
        labels: &["linux", "region=eu", "warehouse"],
        capabilities: &["python", "docker"],
        queues: &["data"],
        slots: 6,
        ..plain("data-02")
    },
    RobotDef {
        labels: &["linux", "region=eu"],
        capabilities: &["python", "docker"],
        slots: 4,
        ..plain("ops-01")
    },
    RobotDef {
        version: "0.1.0-rc.2",
        environment: "test",
        labels: &["linux", "lab"],
        capabilities: &["python"],
        slots: 1,
        ..plain("lab-01")
    },
    RobotDef {
        version: "0.0.9",
        labels: &["linux", "region=eu", "kiosk"],
        capabilities: &["python", "browser"],
        queues: &["partner-portal"],
        is: Condition::Gone(2.3),
        ..plain("kiosk-07")
    },
];

const fn plain(name: &'static str) -> RobotDef {
    RobotDef {
        name,
        platform: LINUX,
        version: "",
        environment: "production",
        labels: &[],
        capabilities: &[],
        queues: &[],
        desktops: &[],
        slots: 1,
        is: Condition::Up,
    }
}

impl RobotDef {
    /// What it says of itself, with the queues that a server adds.
    pub(crate) fn offer(&self) -> RobotOffer {
        let set = |words: &[&str]| -> BTreeSet<String> {
            words.iter().map(|word| (*word).to_owned()).collect()
        };
        let mut queues = set(self.queues);
        queues.extend([DEFAULT_QUEUE.to_owned(), self.name.to_owned()]);
        let version = if self.version.is_empty() {
            env!("CARGO_PKG_VERSION")
        } else {
            self.version
        };
        RobotOffer {
            computer: self.name.to_owned(),
            platform: self.platform.to_owned(),
            version: version.to_owned(),
            boot_id: format!("demo-{}", self.name),
            installation: String::new(),
            environment: Some(self.environment.to_owned()),
            labels: set(self.labels),
            capabilities: set(self.capabilities),
            queues,
            desktops: set(self.desktops),
            max_concurrent_jobs: self.slots,
            in_server: false,
        }
    }
}

/// A work queue.
pub(crate) struct QueueDef {
    pub(crate) name: &'static str,
    about: &'static str,
    strategy: Strategy,
    limit: Option<u32>,
    paused: bool,
}

/// The work queues beside `default`.
pub(crate) const QUEUES: &[QueueDef] = &[
    QueueDef {
        name: "finance",
        about: "Everything that touches money",
        strategy: Strategy::Affinity,
        limit: Some(6),
        paused: false,
    },
    QueueDef {
        name: "data",
        about: "Loads and checks of the warehouse",
        strategy: Strategy::LeastLoaded,
        limit: None,
        paused: false,
    },
    QueueDef {
        name: "desktop",
        about: "The application has two licences",
        strategy: Strategy::RoundRobin,
        limit: Some(2),
        paused: false,
    },
    QueueDef {
        name: "partner-portal",
        about: "Held while the partners' portal is rebuilt",
        strategy: Strategy::LeastLoaded,
        limit: None,
        paused: true,
    },
];

impl QueueDef {
    /// Its settings while history is made (nothing is held, nothing limited) or from then on.
    pub(crate) fn settings(&self, in_history: bool) -> QueueSettings {
        QueueSettings {
            description: self.about.to_owned(),
            strategy: self.strategy,
            concurrency_limit: self.limit.filter(|_| !in_history),
            paused: self.paused && !in_history,
        }
    }
}

/// Tags of which only so many may be live at once.
pub(crate) const TAG_LIMITS: &[(&str, u32)] = &[("bank-api", 1), ("fun", 2)];

/// A key.
pub(crate) struct KeyDef {
    pub(crate) name: &'static str,
    pub(crate) role: Role,
    /// How many days before the demo it was made.
    pub(crate) made: f64,
    /// After how many days it stops to work.
    pub(crate) good_for: Option<f64>,
    /// How many days before the demo it was taken back.
    pub(crate) taken_back: Option<f64>,
}

const fn key(name: &'static str, role: Role, made: f64) -> KeyDef {
    KeyDef {
        name,
        role,
        made,
        good_for: None,
        taken_back: None,
    }
}

/// The key with which the demo's people ask for runs while the server is up.
pub(crate) const PEOPLES_KEY: &str = "ops-desk";

/// The keys beside those of the first admin and of the robots.
pub(crate) const KEYS: &[KeyDef] = &[
    key("ci", Role::Developer, 41.0),
    key(PEOPLES_KEY, Role::Operator, 40.0),
    key("people-portal", Role::Operator, 38.0),
    key("purchasing-portal", Role::Operator, 38.0),
    key("wallboard", Role::Viewer, 37.0),
    KeyDef {
        good_for: Some(30.0),
        ..key("auditor", Role::Viewer, 36.0)
    },
    KeyDef {
        taken_back: Some(1.4),
        ..key("partner-gateway", Role::Operator, 35.0)
    },
];
