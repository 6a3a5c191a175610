//! People and customers: onboarding, timesheets, access, the customer register.

use baton_core::error::ErrorKind;
use baton_core::schedule::Rule;
use serde_json::json;

use super::{Break, DeploymentDef, FlowDef, ScheduleDef, Step, cron};

pub(super) const FLOWS: &[FlowDef] = &[ONBOARDING, TIMESHEETS, CUSTOMERS];

const ONBOARDING: FlowDef = FlowDef {
    name: "onboarding",
    folder: "hr",
    tags: &["hr", "accounts"],
    about: "Prepares accounts, mailbox, badge and laptop for somebody who starts",
    seconds: (80.0, 400.0),
    steps: &[
        Step {
            key: "request",
            name: "Read the request",
            after: &[],
            weight: 0.5,
            says: &["request {id}, starts on Monday"],
        },
        Step {
            key: "account",
            name: "Create the account",
            after: &["request"],
            weight: 1.5,
            says: &["directory entry made in {ms} ms", "added to {n} groups"],
        },
        Step {
            key: "mailbox",
            name: "Create the mailbox",
            after: &["account"],
            weight: 2.0,
            says: &[
                "mailbox of 50 GB",
                "!quota service answered slowly ({ms} ms)",
            ],
        },
        Step {
            key: "badge",
            name: "Order the badge",
            after: &["request"],
            weight: 1.5,
            says: &["badge order {big} placed"],
        },
        Step {
            key: "laptop",
            name: "Reserve a laptop",
            after: &["request"],
            weight: 1.0,
            says: &["{n} in stock, reserved {id}"],
        },
        Step {
            key: "welcome",
            name: "Send the welcome letter",
            after: &["mailbox", "badge", "laptop"],
            weight: 0.5,
            says: &["letter sent"],
        },
    ],
    breaks: &[
        Break {
            kind: ErrorKind::Failed,
            step: "mailbox",
            message: "TimeoutError: the mailbox was not ready after 120 s",
            stack: "  File \"main.py\", line 58, in mailbox\n    mail.wait_until_ready(account, timeout=120)",
            code: 1,
        },
        Break {
            kind: ErrorKind::Business,
            step: "request",
            message: "the request names no cost centre",
            stack: "",
            code: 3,
        },
    ],
    schemas: &[
        r#"{"type":"object","properties":{"request":{"type":"string","title":"Request","pattern":"^HR-[0-9]+$"},"start":{"type":"string","format":"date","title":"First day"}},"required":["request"]}"#,
        r#"{"type":"object","properties":{"request":{"type":"string","title":"Request","pattern":"^HR-[0-9]+$"},"start":{"type":"string","format":"date","title":"First day"},"site":{"type":"string","title":"Site","enum":["berlin","lisbon","new-york"],"default":"berlin"},"laptop":{"type":"boolean","title":"With laptop","default":true}},"required":["request"]}"#,
    ],
    changes: &["first version", "choose site and laptop"],
    outputs: |d| json!({"account": format!("u{}", 10_000 + d.below(9_000)), "badge": d.below(90_000)}),
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        about: "Asked for by the people portal",
        tags: &["hr"],
        retries: (2, 90.0),
        by_hand: 7.0,
        by: "people-portal",
        asks: |d| json!({"request": format!("HR-{}", 4_000 + d.below(900)), "start": "2026-12-01", "site": d.pick(&["berlin", "lisbon", "new-york"])}),
        ..DeploymentDef::PLAIN
    }],
};

const TIMESHEETS: FlowDef = FlowDef {
    name: "timesheet_reminder",
    folder: "hr",
    tags: &["hr", "mail"],
    about: "Reminds whoever has not handed in a timesheet",
    seconds: (12.0, 45.0),
    steps: &[
        Step {
            key: "find",
            name: "Find missing sheets",
            after: &[],
            weight: 2.0,
            says: &["{n} sheets missing"],
        },
        Step {
            key: "remind",
            name: "Send reminders",
            after: &["find"],
            weight: 2.0,
            says: &[
                "{n} reminders sent",
                "?2 addresses bounced last week, skipped",
            ],
        },
    ],
    breaks: &[Break {
        kind: ErrorKind::Failed,
        step: "remind",
        message: "SMTPServerDisconnected: Connection unexpectedly closed",
        stack: "  File \"main.py\", line 22, in remind\n    server.send_message(letter)\n  File \"/usr/lib/python3.12/smtplib.py\", line 405, in getreply\n    raise SMTPServerDisconnected(\"Connection unexpectedly closed\")",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{"week":{"type":"integer","title":"Week","minimum":1,"maximum":53},"tone":{"type":"string","title":"Tone","enum":["friendly","firm"],"default":"friendly"}}}"#,
    ],
    changes: &["first version"],
    outputs: |d| json!({"reminded": d.below(60)}),
    pictures: false,
    by_hand: &[],
    deployments: &[
        DeploymentDef {
            name: "europe",
            tags: &["hr"],
            schedules: &[ScheduleDef {
                name: "friday-afternoon",
                rule: |_| Rule::Weekly {
                    days: vec!["fri".into()],
                    time: "15:00".into(),
                },
                zone: "Europe/Berlin",
                ..ScheduleDef::PLAIN
            }],
            ..DeploymentDef::PLAIN
        },
        DeploymentDef {
            name: "new-york",
            tags: &["hr"],
            labels: &["region=us"],
            schedules: &[ScheduleDef {
                name: "friday-afternoon",
                rule: |_| Rule::Weekly {
                    days: vec!["fri".into()],
                    time: "15:00".into(),
                },
                zone: "America/New_York",
                parameters: r#"{"tone":"firm"}"#,
                ..ScheduleDef::PLAIN
            }],
            ..DeploymentDef::PLAIN
        },
    ],
};

const CUSTOMERS: FlowDef = FlowDef {
    name: "crm_import",
    folder: "sales",
    tags: &["sales", "import"],
    about: "Takes new contacts from the web forms into the customer register",
    seconds: (10.0, 60.0),
    steps: &[
        Step {
            key: "forms",
            name: "Read the forms",
            after: &[],
            weight: 1.0,
            says: &["{n} new forms"],
        },
        Step {
            key: "duplicates",
            name: "Find duplicates",
            after: &["forms"],
            weight: 2.0,
            says: &["{n} known already", "?fuzzy match {pct} %"],
        },
        Step {
            key: "store",
            name: "Store contacts",
            after: &["duplicates"],
            weight: 1.5,
            says: &["{n} contacts stored"],
        },
    ],
    breaks: &[Break {
        kind: ErrorKind::Failed,
        step: "store",
        message: "RateLimited: 429 Too Many Requests, retry after 60 s",
        stack: "  File \"main.py\", line 40, in store\n    register.put(contact)",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{"source":{"type":"string","title":"Source","enum":["web","fair","phone"],"default":"web"}}}"#,
        r#"{"type":"object","properties":{"source":{"type":"string","title":"Source","enum":["web","fair","phone"],"default":"web"},"threshold":{"type":"number","title":"Similarity","description":"From here on two contacts are the same","minimum":0,"maximum":1,"default":0.85}}}"#,
    ],
    changes: &["first version", "set how similar duplicates are"],
    outputs: |d| json!({"contacts": d.below(45)}),
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        tags: &["sales"],
        retries: (2, 60.0),
        start_within: Some(1_200),
        schedules: &[ScheduleDef {
            name: "half-hourly",
            rule: |_| cron("*/30 8-18 * * mon-fri"),
            zone: "Europe/Lisbon",
            ..ScheduleDef::PLAIN
        }],
        by_hand: 1.5,
        asks: |d| json!({"source": if d.chance(0.5) { "fair" } else { "phone" }}),
        ..DeploymentDef::PLAIN
    }],
};
