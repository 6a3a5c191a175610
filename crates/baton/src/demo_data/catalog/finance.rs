//! Finance: invoices, the bank, the tax office, and orders that robots type into a desktop application.

use baton_core::error::ErrorKind;
use baton_core::run::Priority;
use baton_core::schedule::{Overlap, Rule};
use serde_json::json;

use super::{Break, DeploymentDef, FlowDef, ScheduleDef, Step, cron};

pub(super) const FLOWS: &[FlowDef] = &[INVOICES, BANK, VAT, ORDERS];

const INVOICES: FlowDef = FlowDef {
    name: "invoice_report",
    folder: "finance",
    tags: &["finance", "report"],
    about: "Checks the invoices of a month and writes a report of what is owed",
    seconds: (35.0, 180.0),
    steps: &[
        Step {
            key: "fetch",
            name: "Fetch invoices",
            after: &[],
            weight: 2.0,
            says: &[
                "connected to the invoice store in {ms} ms",
                "{n} invoices for the month",
                "?page 1 of 4, {n} rows",
            ],
        },
        Step {
            key: "check",
            name: "Check each invoice",
            after: &["fetch"],
            weight: 4.0,
            says: &[
                "checking totals and tax",
                "!invoice INV-{big}: tax differs by 0.01, rounded",
                "{n} of {n} checked",
                "supplier {id}: 3 invoices, {money} EUR",
            ],
        },
        Step {
            key: "match",
            name: "Match purchase orders",
            after: &["fetch"],
            weight: 3.0,
            says: &[
                "matching against {n} open orders",
                "{pct} % matched by number, the rest by amount",
            ],
        },
        Step {
            key: "report",
            name: "Write the report",
            after: &["check", "match"],
            weight: 1.0,
            says: &["total {money} EUR", "wrote report.html ({big} bytes)"],
        },
    ],
    breaks: &[
        Break {
            kind: ErrorKind::Business,
            step: "check",
            message: "invoice INV-20417 has no tax number: a person must look at it",
            stack: "",
            code: 3,
        },
        Break {
            kind: ErrorKind::Failed,
            step: "fetch",
            message: "ConnectionError: the invoice store did not answer within 30 s",
            stack: "  File \"main.py\", line 48, in fetch\n    rows = store.month(month)\n  File \"/srv/env/lib/python3.12/site-packages/requests/adapters.py\", line 700, in send\n    raise ConnectionError(e, request=request)",
            code: 1,
        },
    ],
    schemas: &[
        r#"{"type":"object","properties":{"month":{"type":"string","title":"Month","pattern":"^[0-9]{4}-[0-9]{2}$","default":"2026-10"}},"required":["month"]}"#,
        r#"{"type":"object","properties":{"month":{"type":"string","title":"Month","description":"The month whose invoices are checked, such as 2026-10","pattern":"^[0-9]{4}-[0-9]{2}$","default":"2026-10"},"currency":{"type":"string","title":"Currency","enum":["EUR","USD","GBP"],"default":"EUR"}},"required":["month"]}"#,
        r#"{"type":"object","properties":{"month":{"type":"string","title":"Month","description":"The month whose invoices are checked, such as 2026-10","pattern":"^[0-9]{4}-[0-9]{2}$","default":"2026-10"},"currency":{"type":"string","title":"Currency","enum":["EUR","USD","GBP"],"default":"EUR"},"max_open":{"type":"integer","title":"Most open invoices","description":"Fails when more are open","minimum":0,"maximum":10000,"default":500}},"required":["month"]}"#,
    ],
    changes: &[
        "first version",
        "report in other currencies",
        "fail when too many invoices are open",
    ],
    outputs: |d| json!({"invoices": 120 + d.below(400), "total": format!("{}.{:02}", 40_000 + d.below(90_000), d.below(100)), "open": d.below(40)}),
    pictures: false,
    by_hand: &[],
    deployments: &[
        DeploymentDef {
            about: "Every working morning, before the office opens",
            queue: "finance",
            tags: &["finance"],
            retries: (2, 60.0),
            schedules: &[ScheduleDef {
                name: "workday-morning",
                rule: |_| cron("0 6 * * mon-fri"),
                zone: "Europe/Berlin",
                ..ScheduleDef::PLAIN
            }],
            by_hand: 2.0,
            asks: |d| json!({"month": format!("2026-{:02}", 1 + d.below(10))}),
            ..DeploymentDef::PLAIN
        },
        DeploymentDef {
            name: "month_end",
            about: "The closing report, on the last day of the month",
            queue: "finance",
            tags: &["finance", "closing"],
            priority: Priority::Critical,
            parameters: r#"{"max_open":0}"#,
            start_within: Some(7_200),
            schedules: &[ScheduleDef {
                name: "last-day",
                rule: |_| Rule::Monthly {
                    days: vec![-1],
                    time: "18:00".into(),
                },
                zone: "Europe/Berlin",
                ..ScheduleDef::PLAIN
            }],
            ..DeploymentDef::PLAIN
        },
    ],
};

const BANK: FlowDef = FlowDef {
    name: "bank_reconciliation",
    folder: "finance",
    tags: &["finance", "bank"],
    about: "Matches what the bank booked with what the ledger expects",
    seconds: (25.0, 140.0),
    steps: &[
        Step {
            key: "statements",
            name: "Download statements",
            after: &[],
            weight: 2.0,
            says: &[
                "signed in as the service user",
                "{n} bookings since the last run",
                "?statement {id}.xml, {big} bytes",
            ],
        },
        Step {
            key: "ledger",
            name: "Read the ledger",
            after: &[],
            weight: 1.5,
            says: &["{big} open items"],
        },
        Step {
            key: "match",
            name: "Match bookings",
            after: &["statements", "ledger"],
            weight: 3.0,
            says: &[
                "{n} matched by reference",
                "{n} matched by amount and date",
                "!{n} bookings left for a person",
            ],
        },
        Step {
            key: "post",
            name: "Post to the ledger",
            after: &["match"],
            weight: 1.0,
            says: &["posted batch {id}", "balance {money} EUR"],
        },
    ],
    breaks: &[
        Break {
            kind: ErrorKind::Failed,
            step: "statements",
            message: "HTTPError: 503 Service Unavailable for url: https://bank.example/statements",
            stack: "  File \"main.py\", line 31, in statements\n    answer.raise_for_status()\n  File \"/srv/env/lib/python3.12/site-packages/requests/models.py\", line 1026, in raise_for_status\n    raise HTTPError(http_error_msg, response=self)",
            code: 1,
        },
        Break {
            kind: ErrorKind::Business,
            step: "match",
            message: "the balance differs from the bank's by 118.20 EUR",
            stack: "",
            code: 3,
        },
    ],
    schemas: &[
        r#"{"type":"object","properties":{"account":{"type":"string","title":"Account","enum":["operating","payroll","savings"],"default":"operating"}}}"#,
        r#"{"type":"object","properties":{"account":{"type":"string","title":"Account","enum":["operating","payroll","savings"],"default":"operating"},"since":{"type":"string","format":"date","title":"Since","description":"First day that is matched; the last run's unless given"}}}"#,
    ],
    changes: &["first version", "start from a given day"],
    outputs: |d| json!({"bookings": 30 + d.below(300), "unmatched": d.below(12)}),
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        queue: "finance",
        about: "Hourly while the bank books",
        tags: &["finance", "bank-api"],
        priority: Priority::High,
        retries: (3, 45.0),
        schedules: &[ScheduleDef {
            name: "banking-hours",
            rule: |_| cron("15 7-18 * * mon-fri"),
            zone: "Europe/Berlin",
            overlap: Overlap::Queue,
            ..ScheduleDef::PLAIN
        }],
        by_hand: 1.0,
        asks: |d| json!({"account": if d.chance(0.5) { "payroll" } else { "savings" }}),
        ..DeploymentDef::PLAIN
    }],
};

const VAT: FlowDef = FlowDef {
    name: "vat_export",
    folder: "finance",
    tags: &["finance", "tax"],
    about: "Exports the value-added tax return of a month",
    seconds: (60.0, 240.0),
    steps: &[
        Step {
            key: "collect",
            name: "Collect postings",
            after: &[],
            weight: 3.0,
            says: &["{big} postings", "{n} of them abroad"],
        },
        Step {
            key: "sum",
            name: "Sum by rate",
            after: &["collect"],
            weight: 1.0,
            says: &["standard rate: {money} EUR", "reduced rate: {money} EUR"],
        },
        Step {
            key: "sign",
            name: "Sign the return",
            after: &["sum"],
            weight: 1.0,
            says: &["signed with certificate {id}"],
        },
    ],
    breaks: &[Break {
        kind: ErrorKind::Failed,
        step: "sign",
        message: "SignatureError: the certificate has expired",
        stack: "  File \"main.py\", line 77, in sign\n    return seal.sign(document)",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{"month":{"type":"string","title":"Month","pattern":"^[0-9]{4}-[0-9]{2}$","default":"2026-10"},"dry_run":{"type":"boolean","title":"Only try","default":true}}}"#,
    ],
    changes: &["first version"],
    outputs: |d| json!({"postings": 2_000 + d.below(9_000)}),
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        queue: "finance",
        about: "Held until the new rates are in; signs in a desktop application",
        tags: &["finance"],
        desktop: true,
        schedules: &[ScheduleDef {
            name: "tenth-of-the-month",
            rule: |_| Rule::Monthly {
                days: vec![10],
                time: "09:00".into(),
            },
            zone: "Europe/Berlin",
            paused: true,
            ..ScheduleDef::PLAIN
        }],
        by_hand: 0.6,
        asks: |d| json!({"dry_run": d.chance(0.7)}),
        ..DeploymentDef::PLAIN
    }],
};

const ORDERS: FlowDef = FlowDef {
    name: "order_entry",
    folder: "finance/purchasing",
    tags: &["finance", "desktop"],
    about: "Types approved purchase orders into the desktop application that has no interface",
    seconds: (70.0, 420.0),
    steps: &[
        Step {
            key: "open",
            name: "Open the application",
            after: &[],
            weight: 1.0,
            says: &["session on desktop ready in {ms} ms", "signed in"],
        },
        Step {
            key: "read",
            name: "Read the order",
            after: &[],
            weight: 0.5,
            says: &["order PO-{big}, {n} lines"],
        },
        Step {
            key: "type",
            name: "Fill the form",
            after: &["open", "read"],
            weight: 5.0,
            says: &[
                "supplier {id} found",
                "line 1: {money} EUR",
                "line 2: {money} EUR",
                "!the form was slow, waited {ms} ms",
                "all lines entered",
            ],
        },
        Step {
            key: "save",
            name: "Save and take a picture",
            after: &["type"],
            weight: 1.0,
            says: &["saved as {big}", "screenshot.png written"],
        },
    ],
    breaks: &[
        Break {
            kind: ErrorKind::Failed,
            step: "type",
            message: "ElementNotFound: no field named 'Cost centre' in window 'Purchase order'",
            stack: "  File \"main.py\", line 92, in fill\n    window.field(\"Cost centre\").type(order.cost_centre)\n  File \"/srv/env/lib/python3.12/site-packages/desk/window.py\", line 210, in field\n    raise ElementNotFound(name, self.title)",
            code: 1,
        },
        Break {
            kind: ErrorKind::Business,
            step: "read",
            message: "order PO-88213 is not approved",
            stack: "",
            code: 3,
        },
    ],
    schemas: &[
        r#"{"type":"object","properties":{"order":{"type":"string","title":"Order","pattern":"^PO-[0-9]+$"}},"required":["order"]}"#,
        r#"{"type":"object","properties":{"order":{"type":"string","title":"Order","pattern":"^PO-[0-9]+$"},"company":{"type":"string","title":"Company","enum":["north","south"],"default":"north"}},"required":["order"]}"#,
    ],
    changes: &["first version", "both companies"],
    outputs: |d| json!({"document": 4_500_000 + d.below(90_000), "lines": 1 + d.below(14)}),
    pictures: true,
    by_hand: &[],
    deployments: &[
        DeploymentDef {
            queue: "desktop",
            about: "Two at a time: the application has two licences",
            tags: &["desktop"],
            labels: &["erp"],
            capabilities: &["desktop"],
            retries: (1, 120.0),
            by_hand: 26.0,
            by: "purchasing-portal",
            asks: |d| json!({"order": format!("PO-{}", 80_000 + d.below(9_999)), "company": if d.chance(0.3) { "south" } else { "north" }}),
            ..DeploymentDef::PLAIN
        },
        DeploymentDef {
            name: "legacy",
            queue: "partner-portal",
            about: "Orders that partners send; held while their portal is rebuilt",
            tags: &["desktop", "partners"],
            pinned: true,
            by_hand: 3.0,
            by: "partner-gateway",
            asks: |d| json!({"order": format!("PO-{}", 70_000 + d.below(9_999))}),
            ..DeploymentDef::PLAIN
        },
    ],
};
