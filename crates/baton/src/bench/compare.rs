//! Two executables under the same load, in turns: medians of each, and their ratio.
//!
//! A machine has moods: what is measured an hour apart compares the hours. So the two take turns within one run, the
//! order changes each round, and load generator and robots are those of this executable for both.

use std::fmt::Write;
use std::path::Path;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::measure::percentile;
use super::{Bench, once};

/// What is compared: the name, where it stands in a report, its unit.
const FIGURES: [(&str, &str, &str); 12] = [
    ("runs/s end to end", "/load/runs_per_second", ""),
    ("server CPU per run", "/load/server_cpu_ms_per_run", "ms"),
    ("commits per run", "/load/commits_per_run", ""),
    ("syncs per run", "/load/syncs_per_run", ""),
    (
        "under load: submit to start p50",
        "/stages/submit_to_start/p50_ms",
        "ms",
    ),
    (
        "under load: submit to start p99",
        "/stages/submit_to_start/p99_ms",
        "ms",
    ),
    (
        "idle: submit to start p50",
        "/idle/submit_to_start/p50_ms",
        "ms",
    ),
    (
        "idle: submit to start p99",
        "/idle/submit_to_start/p99_ms",
        "ms",
    ),
    ("schedules: late p99", "/schedules/p99_ms", "ms"),
    ("ready", "/ready_ms", "ms"),
    ("ready again on the backlog", "/restart_ready_ms", "ms"),
    ("peak memory", "/rss_peak_mb", "MB"),
];

/// Measures both and prints how they compare.
pub(super) async fn run(args: &Bench, this: &Path, other: &Path, json: bool) -> Result<()> {
    let other = std::fs::canonicalize(other)
        .with_context(|| format!("the executable to compare with, {}", other.display()))?;
    let mut reports = [Vec::new(), Vec::new()];
    for round in 0..args.rounds {
        let turns = if round % 2 == 0 { [0, 1] } else { [1, 0] };
        for which in turns {
            let (name, program) = [("this", this), ("the other", &other)][which];
            eprintln!("round {} of {}: {name}", round + 1, args.rounds);
            let report = once(args, program)
                .await
                .with_context(|| format!("measuring {}", program.display()))?;
            reports[which].push(report.json());
        }
    }
    let compared = compared(&reports);
    if json {
        let [this, other] = reports;
        let all = json!({"compared": compared, "this": this, "other": other});
        println!("{}", serde_json::to_string_pretty(&all)?);
    } else {
        print!("{}", text(&compared));
    }
    Ok(())
}

/// The medians of each figure that both have, and the first divided by the second.
fn compared(reports: &[Vec<Value>; 2]) -> Vec<Value> {
    let row = |(name, place, unit): (&str, &str, &str)| {
        let [this, other] = reports.each_ref().map(|all| values(all, place));
        let median = |all: &[f64]| percentile(all, 50.0);
        let (a, b) = (median(&this)?, median(&other)?);
        let ratio = (b != 0.0).then(|| a / b);
        Some(json!({
            "figure": name, "unit": unit, "this": a, "other": b, "ratio": ratio,
            "this_range": [this.first(), this.last()], "other_range": [other.first(), other.last()],
        }))
    };
    FIGURES.into_iter().filter_map(row).collect()
}

/// What the reports say there, sorted.
fn values(reports: &[Value], place: &str) -> Vec<f64> {
    let mut all: Vec<f64> = reports
        .iter()
        .filter_map(|report| report.pointer(place)?.as_f64())
        .collect();
    all.sort_by(f64::total_cmp);
    all
}

fn text(compared: &[Value]) -> String {
    let mut out = String::new();
    let head = ["median of", "this", "the other", "ratio"];
    let mut line = |cells: [&str; 4]| {
        let [name, this, other, ratio] = cells;
        writeln!(out, "{name:<36}{this:>26}{other:>26}{ratio:>8}").expect("a string takes all");
    };
    line(head);
    for row in compared {
        let cell = |which: &str| {
            let number = |v: &Value| v.as_f64().map_or_else(|| "–".into(), digits);
            let range = &row[format!("{which}_range")];
            let (least, most) = (number(&range[0]), number(&range[1]));
            let unit = row["unit"].as_str().unwrap_or_default();
            let unit = if unit.is_empty() {
                ""
            } else {
                &format!(" {unit}")
            };
            format!("{}{unit} ({least}–{most})", number(&row[which]))
        };
        let ratio = row["ratio"]
            .as_f64()
            .map_or_else(|| "–".into(), |r| format!("{r:.2}"));
        let name = row["figure"].as_str().unwrap_or_default();
        line([name, &cell("this"), &cell("other"), &ratio]);
    }
    out
}

/// Three digits that count.
fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => format!("{value:.1}"),
        v if v >= 1.0 => format!("{value:.2}"),
        _ => format!("{value:.3}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(runs: f64, cpu: f64) -> Value {
        json!({"load": {"runs_per_second": runs, "server_cpu_ms_per_run": cpu}, "idle": null})
    }

    #[test]
    fn medians_are_divided_and_what_one_lacks_is_left_out() {
        let this = vec![report(900.0, 0.1), report(300.0, 0.1), report(600.0, 0.1)];
        let other = vec![report(400.0, 0.2), report(100.0, 0.2), report(200.0, 0.2)];
        let rows = compared(&[this, other]);
        assert_eq!(rows.len(), 2, "{rows:?}");
        assert_eq!(
            (&rows[0]["this"], &rows[0]["other"]),
            (&json!(600.0), &json!(200.0))
        );
        assert_eq!(
            (&rows[0]["ratio"], &rows[1]["ratio"]),
            (&json!(3.0), &json!(0.5))
        );
        let text = text(&rows);
        assert!(
            text.contains("600 (300–900)") && text.contains("3.00"),
            "{text}"
        );
    }

    #[test]
    fn nothing_divided_by_nothing_has_no_ratio() {
        let rows = compared(&[vec![report(0.0, 0.0)], vec![report(0.0, 0.0)]]);
        assert_eq!(rows[0]["ratio"], Value::Null);
        assert!(text(&rows).contains('–'));
    }
}
