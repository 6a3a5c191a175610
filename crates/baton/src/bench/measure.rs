//! From what was noted to what is printed: percentiles by stage, processor time, memory, commits.

use std::fmt::Write;
use std::time::Instant;

use anyhow::{Context, Result};
use serde_json::{Value, json};

use super::Bench;
use super::robots::Stages;

/// What a process has used.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Usage {
    /// Processor seconds.
    pub(crate) cpu_seconds: f64,
    /// Resident memory now.
    pub(crate) rss_mb: f64,
    /// Resident memory at its highest.
    pub(crate) rss_peak_mb: f64,
}

/// Reads what a process has used from `/proc`.
pub(crate) fn usage(pid: u32) -> Result<Usage> {
    let stat =
        std::fs::read_to_string(format!("/proc/{pid}/stat")).context("reading /proc/PID/stat")?;
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))
        .context("reading /proc/PID/status")?;
    // After the name in parentheses, fields 14 and 15 are user and system time in ticks of 10 ms.
    let fields: Vec<&str> = stat
        .rsplit(')')
        .next()
        .unwrap_or_default()
        .split_whitespace()
        .collect();
    let ticks = |i: usize| {
        fields
            .get(i)
            .and_then(|f| f.parse::<f64>().ok())
            .unwrap_or(0.0)
    };
    let kilobytes = |name: &str| {
        status
            .lines()
            .find_map(|l| {
                l.strip_prefix(name)?
                    .split_whitespace()
                    .next()?
                    .parse::<f64>()
                    .ok()
            })
            .unwrap_or(0.0)
    };
    Ok(Usage {
        cpu_seconds: (ticks(11) + ticks(12)) / 100.0,
        rss_mb: kilobytes("VmRSS:") / 1024.0,
        rss_peak_mb: kilobytes("VmHWM:") / 1024.0,
    })
}

/// The value below which `p` percent of sorted `values` lie; `None` when there are none.
pub(crate) fn percentile(values: &[f64], p: f64) -> Option<f64> {
    let last = values.len().checked_sub(1)?;
    let index = (p / 100.0 * last as f64).round() as usize;
    values.get(index).copied()
}

/// Milliseconds from submission to each stage: median and 99th percentile.
pub(crate) fn stages(runs: Vec<Stages>) -> Value {
    let summary = |stage: fn(&Stages) -> Option<Instant>| {
        let mut waits: Vec<f64> = runs
            .iter()
            .filter_map(|s| {
                Some(
                    stage(s)?
                        .saturating_duration_since(s.submitted?)
                        .as_secs_f64()
                        * 1_000.0,
                )
            })
            .collect();
        waits.sort_by(f64::total_cmp);
        json!({"n": waits.len(), "p50_ms": percentile(&waits, 50.0), "p99_ms": percentile(&waits, 99.0)})
    };
    json!({
        "submit_to_accepted": summary(|s| s.accepted),
        "submit_to_assigned": summary(|s| s.assigned),
        "submit_to_start": summary(|s| s.started),
        "submit_to_result": summary(|s| s.committed),
    })
}

/// Everything that one benchmark found.
#[derive(Debug, Default)]
pub(crate) struct Report {
    options: Value,
    pub(crate) ready_ms: f64,
    pub(crate) restart_ready_ms: Option<f64>,
    pub(crate) preload_seconds: Option<f64>,
    pub(crate) connect_seconds: f64,
    pub(crate) rss_connected_mb: f64,
    pub(crate) rss_peak_mb: f64,
    pub(crate) idle: Option<Value>,
    pub(crate) saturated: Option<Value>,
    pub(crate) punctuality: Option<Value>,
    rates: Value,
}

impl Report {
    pub(crate) fn new(args: &Bench) -> Self {
        Self {
            options: json!({
                "submitters": args.submitters(), "robots": args.robots, "slots": args.slots,
                "seconds": args.seconds, "queued": args.queued, "schedules": args.schedules,
            }),
            ..Self::default()
        }
    }

    /// What happened under load: rates, and what each run cost.
    pub(crate) fn load(
        &mut self,
        submitted: u64,
        committed: u64,
        elapsed: f64,
        before: &(Usage, Value),
        after: &(Usage, Value),
    ) {
        let grown = |name: &str| {
            after.1[name].as_f64().unwrap_or(0.0) - before.1[name].as_f64().unwrap_or(0.0)
        };
        let runs = (committed.max(1)) as f64;
        self.rates = json!({
            "runs_per_second": committed as f64 / elapsed,
            "submits_per_second": submitted as f64 / elapsed,
            "commits_per_run": grown("commits") / runs,
            "syncs_per_run": grown("syncs") / runs,
            "server_cpu_ms_per_run": (after.0.cpu_seconds - before.0.cpu_seconds) * 1_000.0 / runs,
            "server_cores": (after.0.cpu_seconds - before.0.cpu_seconds) / elapsed,
        });
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "options": self.options,
            "ready_ms": self.ready_ms,
            "restart_ready_ms": self.restart_ready_ms,
            "preload_seconds": self.preload_seconds,
            "connect_seconds": self.connect_seconds,
            "rss_connected_mb": self.rss_connected_mb,
            "rss_peak_mb": self.rss_peak_mb,
            "idle": self.idle,
            "load": self.rates,
            "stages": self.saturated,
            "schedules": self.punctuality,
        })
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let mut out = String::new();
        let number = |v: &Value| v.as_f64().map_or_else(|| "–".into(), |f| format!("{f:.2}"));
        let mut line = |name: &str, value: String| {
            writeln!(out, "{name:<36}{value}").expect("a string takes all")
        };
        line("ready", format!("{:.0} ms", self.ready_ms));
        if let Some(ms) = self.restart_ready_ms {
            line("ready again on the backlog", format!("{ms:.0} ms"));
        }
        line(
            "robots connected",
            format!(
                "{:.2} s, {:.0} MB resident",
                self.connect_seconds, self.rss_connected_mb
            ),
        );
        if let Some(seconds) = self.preload_seconds {
            line("backlog queued", format!("{seconds:.1} s"));
        }
        line("runs/s end to end", number(&self.rates["runs_per_second"]));
        line("submits/s", number(&self.rates["submits_per_second"]));
        line("commits per run", number(&self.rates["commits_per_run"]));
        line(
            "syncs per run",
            format!("{:.3}", self.rates["syncs_per_run"].as_f64().unwrap_or(0.0)),
        );
        line(
            "server CPU per run",
            format!("{} ms", number(&self.rates["server_cpu_ms_per_run"])),
        );
        line(
            "server's share of one core",
            format!(
                "{:.2} %",
                self.rates["server_cores"].as_f64().unwrap_or(0.0) * 100.0
            ),
        );
        line("peak memory", format!("{:.0} MB", self.rss_peak_mb));
        for (title, stages) in [("idle", &self.idle), ("under load", &self.saturated)] {
            let Some(Value::Object(stages)) = stages else {
                continue;
            };
            for (stage, s) in stages {
                let text = format!(
                    "p50 {} ms   p99 {} ms   ({} runs)",
                    number(&s["p50_ms"]),
                    number(&s["p99_ms"]),
                    s["n"]
                );
                line(&format!("{title}: {}", stage.replace('_', " ")), text);
            }
        }
        if let Some(s) = &self.punctuality {
            let text = format!(
                "{} runs, {} early, p50 {} ms, p99 {} ms late",
                s["runs"],
                s["early"],
                number(&s["p50_ms"]),
                number(&s["p99_ms"])
            );
            line("schedules", text);
        }
        out
    }
}
