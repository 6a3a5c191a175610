//! What a robot measures of its machine for its heartbeats.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_core::robot::RobotMetrics;
use sysinfo::{MemoryRefreshKind, System};
use tokio::sync::mpsc;

use crate::process::{self, Space};
use crate::session::Input;

/// How often the machine is measured: as often as a heartbeat needs it.
const EVERY: Duration = Duration::from_secs(5);

/// Measures for as long as the agent lives.
pub(crate) async fn measure(folder: PathBuf, min_free: Option<u64>, inputs: mpsc::Sender<Input>) {
    // A machine that cannot be measured is still a robot: its lights stay at zero.
    let Ok(mut system) = System::new() else {
        return;
    };
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let folder = folder.clone();
        let measured = tokio::task::spawn_blocking(move || {
            let space = process::space(&folder).ok();
            let metrics = once(&mut system, space);
            (
                system,
                metrics,
                space.and_then(|s| s.missing(min_free, &folder)),
            )
        });
        let Ok((given_back, metrics, missing)) = measured.await else {
            return;
        };
        system = given_back;
        let told = inputs.send(Input::Metrics(metrics)).await;
        if told.is_err() || inputs.send(Input::Room(missing)).await.is_err() {
            return;
        }
    }
}

/// Below this a robot takes no work, in bytes, unless it is told another figure: a package and some output fit.
const MIN_FREE: u64 = 64 << 20;
/// On small file systems it is this part of the whole instead.
const MIN_PART: u64 = 20;

impl Space {
    /// What is missing for another run, as a sentence.
    pub(crate) fn missing(self, least: Option<u64>, folder: &Path) -> Option<String> {
        let whole = self.free.saturating_add(self.used);
        let least = least.unwrap_or(MIN_FREE.min(whole / MIN_PART));
        let mega = |bytes: u64| bytes / 1_000_000;
        (self.free < least).then(|| {
            format!(
                "only {} MB are free in {}, and {} MB are needed to take work",
                mega(self.free),
                folder.display(),
                mega(least).max(1)
            )
        })
    }
}

fn once(system: &mut System, space: Option<Space>) -> RobotMetrics {
    system.refresh_cpu_usage();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    RobotMetrics {
        cpu_percent: f64::from(system.global_cpu_usage()),
        memory_percent: percent(system.used_memory(), system.total_memory()),
        disk_percent: space.map_or(0.0, |s| percent(s.used, s.used.saturating_add(s.free))),
        uptime_seconds: System::uptime().unwrap_or(0),
        trouble: None,
    }
}

fn percent(part: u64, whole: u64) -> f64 {
    if whole == 0 {
        return 0.0;
    }
    #[expect(
        clippy::cast_precision_loss,
        reason = "a percentage needs no more than 52 bits"
    )]
    let ratio = part as f64 / whole as f64;
    ratio * 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_without_room_is_measured_where_it_lies_and_said() {
        let folder = tempfile::tempdir().expect("folder");
        let space = process::space(folder.path()).expect("measured");
        assert!(space.free + space.used > 0);
        assert_eq!(space.missing(Some(0), folder.path()), None);
        let missing = space
            .missing(Some(u64::MAX), folder.path())
            .expect("never that much");
        assert!(
            missing.contains(&folder.path().display().to_string()),
            "{missing}"
        );
        let small = |free| Space {
            free,
            used: 3_000_000 - free,
        };
        assert_eq!(small(200_000).missing(None, folder.path()), None);
        assert!(small(100_000).missing(None, folder.path()).is_some());
    }
}
