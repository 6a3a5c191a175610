//! Data: the nightly graph, feeds, checks, and scans that wait for a machine nobody has.

use baton_core::error::ErrorKind;
use baton_core::run::Priority;
use baton_core::schedule::{Overlap, Rule};
use serde_json::json;

use super::{BY_HAND, Break, DeploymentDef, FlowDef, ScheduleDef, Step, cron, nothing};

pub(super) const FLOWS: &[FlowDef] = &[NIGHTLY, PRICES, QUALITY, SCANS];

const NIGHTLY: FlowDef = FlowDef {
    name: "nightly_sync",
    folder: "data",
    tags: &["data", "warehouse"],
    about: "Loads the day into the warehouse: extracts side by side, joins, models, checks, publishes",
    seconds: (240.0, 900.0),
    steps: &[
        Step {
            key: "plan",
            name: "Plan the load",
            after: &[],
            weight: 0.5,
            says: &["watermark {id}", "{n} tables changed"],
        },
        Step {
            key: "extract_orders",
            name: "Extract orders",
            after: &["plan"],
            weight: 3.0,
            says: &[
                "{big} rows",
                "?chunk 1 of 6 in {ms} ms",
                "?chunk 6 of 6 in {ms} ms",
            ],
        },
        Step {
            key: "extract_stock",
            name: "Extract stock",
            after: &["plan"],
            weight: 2.0,
            says: &["{big} rows"],
        },
        Step {
            key: "extract_clicks",
            name: "Extract clicks",
            after: &["plan"],
            weight: 4.5,
            says: &["{big} events", "!{n} events without session, kept apart"],
        },
        Step {
            key: "extract_rates",
            name: "Extract exchange rates",
            after: &["plan"],
            weight: 0.8,
            says: &["31 currencies"],
        },
        Step {
            key: "clean_orders",
            name: "Clean orders",
            after: &["extract_orders"],
            weight: 1.5,
            says: &["{n} rows repaired"],
        },
        Step {
            key: "convert",
            name: "Convert currencies",
            after: &["clean_orders", "extract_rates"],
            weight: 1.0,
            says: &["converted {big} amounts"],
        },
        Step {
            key: "sessions",
            name: "Build sessions",
            after: &["extract_clicks"],
            weight: 2.5,
            says: &["{big} sessions"],
        },
        Step {
            key: "join",
            name: "Join to facts",
            after: &["convert", "extract_stock", "sessions"],
            weight: 2.0,
            says: &["{big} facts"],
        },
        Step {
            key: "model",
            name: "Refresh models",
            after: &["join"],
            weight: 2.5,
            says: &["14 models refreshed", "slowest: daily_margin ({ms} ms)"],
        },
        Step {
            key: "check",
            name: "Check quality",
            after: &["join"],
            weight: 1.5,
            says: &["{n} checks passed"],
        },
        Step {
            key: "publish",
            name: "Publish",
            after: &["model", "check"],
            weight: 0.7,
            says: &["published snapshot {id}"],
        },
    ],
    breaks: &[
        Break {
            kind: ErrorKind::Failed,
            step: "sessions",
            message: "MemoryError: Unable to allocate 3.41 GiB for an array with shape (457810432,) and data type float64",
            stack: "  File \"main.py\", line 131, in sessions\n    gaps = numpy.diff(times, prepend=0.0)",
            code: 1,
        },
        Break {
            kind: ErrorKind::Failed,
            step: "extract_clicks",
            message: "OperationalError: connection to server at \"events.internal\" failed: Connection refused",
            stack: "  File \"main.py\", line 64, in extract\n    with connect(source) as connection:\n  File \"/srv/env/lib/python3.12/site-packages/psycopg/connection.py\", line 117, in connect\n    raise last_ex.with_traceback(None)",
            code: 1,
        },
        Break {
            kind: ErrorKind::Business,
            step: "check",
            message: "check 'margin is positive' failed for 12 products",
            stack: "",
            code: 3,
        },
    ],
    schemas: &[
        r#"{"type":"object","properties":{"day":{"type":"string","format":"date","title":"Day","description":"The day to load; yesterday unless given"}}}"#,
        r#"{"type":"object","properties":{"day":{"type":"string","format":"date","title":"Day","description":"The day to load; yesterday unless given"},"full":{"type":"boolean","title":"Everything","description":"Load all days again","default":false}}}"#,
        r#"{"type":"object","properties":{"day":{"type":"string","format":"date","title":"Day","description":"The day to load; yesterday unless given"},"full":{"type":"boolean","title":"Everything","description":"Load all days again","default":false},"workers":{"type":"integer","title":"Workers","minimum":1,"maximum":16,"default":4}}}"#,
    ],
    changes: &[
        "first version",
        "full reload on request",
        "number of workers is a parameter",
    ],
    outputs: |d| json!({"facts": 1_000_000 + d.below(900_000), "snapshot": format!("s{}", d.below(100_000))}),
    pictures: false,
    by_hand: &[],
    deployments: &[
        DeploymentDef {
            queue: "data",
            about: "Every night at half past two, which does not exist once a year and comes twice once a year",
            tags: &["data", "nightly"],
            priority: Priority::High,
            labels: &["warehouse"],
            retries: (1, 300.0),
            timeout: 3_600,
            schedules: &[ScheduleDef {
                name: "night",
                rule: |_| cron("30 2 * * *"),
                zone: "Europe/Berlin",
                overlap: Overlap::Skip,
                ..ScheduleDef::PLAIN
            }],
            by_hand: 0.7,
            asks: |d| json!({"full": d.chance(0.2)}),
            ..DeploymentDef::PLAIN
        },
        DeploymentDef {
            name: "backfill",
            queue: "data",
            about: "Loads one day again",
            tags: &["data"],
            priority: Priority::Low,
            labels: &["warehouse"],
            limit: Some(1),
            by_hand: 1.2,
            asks: |d| json!({"day": format!("2026-10-{:02}", 1 + d.below(30))}),
            ..DeploymentDef::PLAIN
        },
    ],
};

const PRICES: FlowDef = FlowDef {
    name: "price_feed",
    folder: "data",
    tags: &["data", "feed"],
    about: "Fetches supplier prices and raises an alarm when one jumps",
    seconds: (8.0, 40.0),
    steps: &[
        Step {
            key: "fetch",
            name: "Fetch prices",
            after: &[],
            weight: 2.0,
            says: &["{n} suppliers, {big} prices in {ms} ms", "?etag {id}"],
        },
        Step {
            key: "compare",
            name: "Compare with yesterday",
            after: &["fetch"],
            weight: 1.0,
            says: &["{n} changed, largest {pct} %"],
        },
        Step {
            key: "store",
            name: "Store",
            after: &["compare"],
            weight: 1.0,
            says: &["stored {big} rows"],
        },
    ],
    breaks: &[
        Break {
            kind: ErrorKind::Failed,
            step: "fetch",
            message: "HTTPError: 502 Bad Gateway for url: https://prices.example/v2/feed",
            stack: "  File \"main.py\", line 27, in fetch\n    answer.raise_for_status()\n  File \"/srv/env/lib/python3.12/site-packages/requests/models.py\", line 1026, in raise_for_status\n    raise HTTPError(http_error_msg, response=self)",
            code: 1,
        },
        Break {
            kind: ErrorKind::Failed,
            step: "compare",
            message: "KeyError: 'sku'",
            stack: "  File \"main.py\", line 44, in compare\n    old = known[row[\"sku\"]]",
            code: 1,
        },
    ],
    schemas: &[
        r#"{"type":"object","properties":{"suppliers":{"type":"array","title":"Suppliers","items":{"type":"string"},"default":["north","west"]}}}"#,
        r#"{"type":"object","properties":{"suppliers":{"type":"array","title":"Suppliers","items":{"type":"string"},"default":["north","west"]},"alarm_percent":{"type":"number","title":"Alarm at","description":"Change in percent that raises an alarm","minimum":0,"default":20}}}"#,
    ],
    changes: &["first version", "alarm when a price jumps"],
    outputs: |d| json!({"prices": 8_000 + d.below(3_000), "alarms": d.below(3)}),
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        queue: "data",
        about: "Every quarter of an hour",
        tags: &["data", "feed"],
        retries: (2, 30.0),
        timeout: 300,
        schedules: &[ScheduleDef {
            name: "quarter-hourly",
            rule: |_| Rule::every_seconds(900),
            overlap: Overlap::Skip,
            jitter: 5,
            ..ScheduleDef::PLAIN
        }],
        by_hand: 1.0,
        asks: |_| json!({"suppliers": ["north"]}),
        ..DeploymentDef::PLAIN
    }],
};

const QUALITY: FlowDef = FlowDef {
    name: "quality_check",
    folder: "data",
    tags: &["data", "checks"],
    about: "Asks the warehouse questions whose answers are known",
    seconds: (15.0, 75.0),
    steps: &[
        Step {
            key: "freshness",
            name: "Freshness",
            after: &[],
            weight: 1.0,
            says: &["newest row is {n} s old"],
        },
        Step {
            key: "volume",
            name: "Volume",
            after: &[],
            weight: 1.5,
            says: &["{big} rows, {pct} % of a usual day"],
        },
        Step {
            key: "rules",
            name: "Rules",
            after: &["freshness", "volume"],
            weight: 2.0,
            says: &[
                "{n} rules hold",
                "!rule 'no future orders': {n} exceptions known",
            ],
        },
    ],
    breaks: &[
        Break {
            kind: ErrorKind::Failed,
            step: "freshness",
            message: "AssertionError: table 'orders' was last loaded 27 h ago",
            stack: "  File \"main.py\", line 19, in freshness\n    assert age < LIMIT, f\"table {name!r} was last loaded {age} ago\"",
            code: 1,
        },
        Break {
            kind: ErrorKind::Failed,
            step: "rules",
            message: "AssertionError: 418 orders without customer",
            stack: "  File \"main.py\", line 52, in rules\n    assert not bad, f\"{len(bad)} orders without customer\"",
            code: 1,
        },
    ],
    schemas: &[
        r#"{"type":"object","properties":{"tables":{"type":"string","title":"Tables","description":"Names with *","default":"*"},"strict":{"type":"boolean","title":"Strict","default":false}}}"#,
    ],
    changes: &["first version"],
    outputs: |d| json!({"checks": 40 + d.below(20), "warnings": d.below(4)}),
    pictures: false,
    by_hand: BY_HAND,
    deployments: &[DeploymentDef {
        queue: "data",
        tags: &["data"],
        timeout: 600,
        schedules: &[ScheduleDef {
            name: "hourly",
            rule: |_| Rule::Hourly { minute: 20 },
            ..ScheduleDef::PLAIN
        }],
        ..DeploymentDef::PLAIN
    }],
};

const SCANS: FlowDef = FlowDef {
    name: "read_scans",
    folder: "data/documents",
    tags: &["data", "documents"],
    about: "Reads scanned delivery notes; needs a graphics processor",
    seconds: (120.0, 600.0),
    steps: &[
        Step {
            key: "pages",
            name: "Split into pages",
            after: &[],
            weight: 1.0,
            says: &["{n} pages"],
        },
        Step {
            key: "recognise",
            name: "Recognise text",
            after: &["pages"],
            weight: 6.0,
            says: &["{pct} % of the pages are certain"],
        },
        Step {
            key: "index",
            name: "Index",
            after: &["recognise"],
            weight: 1.0,
            says: &["{n} notes indexed"],
        },
    ],
    breaks: &[Break {
        kind: ErrorKind::Failed,
        step: "recognise",
        message: "RuntimeError: no graphics processor was found",
        stack: "  File \"main.py\", line 36, in recognise\n    reader = Reader(device=\"gpu\")",
        code: 1,
    }],
    schemas: &[
        r#"{"type":"object","properties":{"batch":{"type":"string","title":"Batch","default":"today"},"language":{"type":"string","title":"Language","enum":["de","en","pt"],"default":"de"}}}"#,
    ],
    changes: &["first version"],
    outputs: nothing,
    pictures: false,
    by_hand: &[],
    deployments: &[DeploymentDef {
        queue: "data",
        about: "Waits for a machine with the label gpu",
        tags: &["documents"],
        labels: &["gpu"],
        ..DeploymentDef::PLAIN
    }],
};
