//! Operations: upkeep of machines, backups, certificates, and a cat fact for the wall.

use baton_core::error::ErrorKind;
use baton_core::run::Priority;
use baton_core::schedule::Rule;
use serde_json::json;

use super::{BY_HAND, Break, DeploymentDef, FlowDef, ScheduleDef, Step, cron, nothing, once};

pub(super) const FLOWS: &[FlowDef] = &[CAT, DISK, BACKUP, CERTIFICATES];

const CAT: FlowDef = FlowDef {
    name: "cat_fact",
    folder: "ops",
    tags: &["ops", "fun"],
    about: "Fetches a fact about cats for the screen in the kitchen",
    seconds: (3.0, 14.0),
    steps: &[Step {
        key: "fetch",
        name: "Fetch a fact",
        after: &[],
        weight: 1.0,
        says: &[
            "\u{1b}[36mGET\u{1b}[0m https://facts.example/cat \u{1b}[32m200\u{1b}[0m {ms} ms",
            "\u{1b}[1mA cat sleeps {n} minutes longer than you think.\u{1b}[0m",
        ],
    }],
    breaks: &[Break {
        kind: ErrorKind::Failed,
        step: "fetch",
        message: "URLError: <urlopen error [Errno -3] Temporary failure in name resolution>",
        stack: "  File \"main.py\", line 14, in fetch\n    with urlopen(URL, timeout=10) as answer:",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{}}"#,
        r#"{"type":"object","properties":{"max_length":{"type":"integer","title":"Longest fact","minimum":20,"maximum":500,"default":140}}}"#,
    ],
    changes: &["first version", "short facts only"],
    outputs: |d| json!({"length": 40 + d.below(100)}),
    pictures: false,
    by_hand: BY_HAND,
    deployments: &[DeploymentDef {
        tags: &["fun"],
        priority: Priority::Low,
        timeout: 60,
        schedules: &[ScheduleDef {
            name: "half-hourly",
            rule: |_| Rule::every_seconds(1_800),
            ..ScheduleDef::PLAIN
        }],
        by_hand: 2.0,
        asks: |d| json!({"max_length": 60 + d.below(200)}),
        ..DeploymentDef::PLAIN
    }],
};

const DISK: FlowDef = FlowDef {
    name: "disk_cleanup",
    folder: "ops",
    tags: &["ops", "upkeep"],
    about: "Frees space on the machines of the fleet",
    seconds: (40.0, 260.0),
    steps: &[
        Step {
            key: "scan",
            name: "Scan",
            after: &[],
            weight: 2.0,
            says: &[
                "\u{1b}[33m{pct} %\u{1b}[0m of the disk in use",
                "{big} files looked at",
            ],
        },
        Step {
            key: "remove",
            name: "Remove old files",
            after: &["scan"],
            weight: 3.0,
            says: &[
                "\u{1b}[32m✓\u{1b}[0m /var/tmp: {n} files",
                "\u{1b}[32m✓\u{1b}[0m /srv/cache: {n} files",
                "\u{1b}[33m!\u{1b}[0m /srv/export: in use, left alone",
            ],
        },
        Step {
            key: "verify",
            name: "Look again",
            after: &["remove"],
            weight: 1.0,
            says: &["\u{1b}[32m{n} GB free\u{1b}[0m"],
        },
    ],
    breaks: &[Break {
        kind: ErrorKind::Resource,
        step: "remove",
        message: "OSError: [Errno 28] No space left on device: '/srv/cache/index.tmp'",
        stack: "  File \"main.py\", line 33, in remove\n    index.write_text(text)",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{"older_than_days":{"type":"integer","title":"Older than","description":"In days","minimum":1,"maximum":365,"default":14}}}"#,
    ],
    changes: &["first version"],
    outputs: |d| json!({"freed_gb": d.below(80)}),
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        tags: &["ops"],
        priority: Priority::Low,
        schedules: &[ScheduleDef {
            name: "early",
            rule: |_| Rule::Daily {
                time: "04:15".into(),
            },
            zone: "Europe/Berlin",
            jitter: 600,
            ..ScheduleDef::PLAIN
        }],
        by_hand: 1.0,
        asks: |d| json!({"older_than_days": 3 + d.below(10)}),
        ..DeploymentDef::PLAIN
    }],
};

const BACKUP: FlowDef = FlowDef {
    name: "backup_check",
    folder: "ops",
    tags: &["ops", "backup"],
    about: "Restores the newest backup somewhere else and compares",
    seconds: (90.0, 420.0),
    steps: &[
        Step {
            key: "fetch",
            name: "Fetch the backup",
            after: &[],
            weight: 2.0,
            says: &["backup {id}, {big} MB"],
        },
        Step {
            key: "restore",
            name: "Restore",
            after: &["fetch"],
            weight: 4.0,
            says: &["{n} tables restored", "?index rebuilt in {ms} ms"],
        },
        Step {
            key: "compare",
            name: "Compare",
            after: &["restore"],
            weight: 2.0,
            says: &["{big} rows equal"],
        },
    ],
    breaks: &[Break {
        kind: ErrorKind::Failed,
        step: "restore",
        message: "subprocess.CalledProcessError: Command '['pg_restore', '-d', 'scratch']' returned non-zero exit status 1.",
        stack: "  File \"main.py\", line 41, in restore\n    subprocess.run(command, check=True)",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{"database":{"type":"string","title":"Database","enum":["orders","people","ledger"],"default":"orders"}}}"#,
    ],
    changes: &["first version"],
    outputs: |d| json!({"rows": 4_000_000 + d.below(90_000)}),
    pictures: false,
    by_hand: BY_HAND,
    deployments: &[DeploymentDef {
        tags: &["ops", "backup"],
        labels: &["linux"],
        timeout: 900,
        schedules: &[ScheduleDef {
            name: "every-four-hours",
            rule: |_| cron("0 */4 * * *"),
            ..ScheduleDef::PLAIN
        }],
        ..DeploymentDef::PLAIN
    }],
};

const CERTIFICATES: FlowDef = FlowDef {
    name: "certificate_renewal",
    folder: "ops",
    tags: &["ops", "security"],
    about: "Renews certificates before they end, and says which could not be",
    seconds: (20.0, 90.0),
    steps: &[
        Step {
            key: "list",
            name: "List certificates",
            after: &[],
            weight: 1.0,
            says: &["{n} certificates, the next ends in {n} days"],
        },
        Step {
            key: "renew",
            name: "Renew",
            after: &["list"],
            weight: 2.0,
            says: &["renewed {id}"],
        },
        Step {
            key: "install",
            name: "Install",
            after: &["renew"],
            weight: 1.0,
            says: &["reloaded 3 servers"],
        },
    ],
    breaks: &[Break {
        kind: ErrorKind::Failed,
        step: "renew",
        message: "acme.ClientError: too many certificates already issued for this name",
        stack: "  File \"main.py\", line 61, in renew\n    order = client.new_order(names)",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{"within_days":{"type":"integer","title":"Ending within","description":"In days","minimum":1,"default":30}}}"#,
    ],
    changes: &["first version"],
    outputs: nothing,
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        tags: &["ops"],
        schedules: &[
            ScheduleDef {
                name: "weekly",
                rule: |_| Rule::Weekly {
                    days: vec!["mon".into(), "thu".into()],
                    time: "05:00".into(),
                },
                ..ScheduleDef::PLAIN
            },
            ScheduleDef {
                name: "before-the-launch",
                rule: |now| once(now, -1, "06:00"),
                zone: "Europe/Berlin",
                ..ScheduleDef::PLAIN
            },
            ScheduleDef {
                name: "before-the-holidays",
                rule: |now| once(now, 9, "07:00"),
                zone: "Europe/Berlin",
                parameters: r#"{"within_days":60}"#,
                ..ScheduleDef::PLAIN
            },
        ],
        ..DeploymentDef::PLAIN
    }],
};
