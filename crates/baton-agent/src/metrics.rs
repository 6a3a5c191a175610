//! What a robot measures of its machine for its heartbeats.

use std::path::{Path, PathBuf};
use std::time::Duration;

use baton_core::robot::RobotMetrics;
use sysinfo::{Disks, MemoryRefreshKind, System};
use tokio::sync::mpsc;

use crate::session::Input;

/// How often the machine is measured: as often as a heartbeat needs it.
const EVERY: Duration = Duration::from_secs(5);

/// Measures for as long as the agent lives.
pub(crate) async fn measure(folder: PathBuf, inputs: mpsc::Sender<Input>) {
    // A machine that cannot be measured is still a robot: its lights stay at zero.
    let Ok(mut system) = System::new() else {
        return;
    };
    let mut ticks = tokio::time::interval(EVERY);
    loop {
        ticks.tick().await;
        let folder = folder.clone();
        let measured = tokio::task::spawn_blocking(move || {
            let metrics = once(&mut system, &folder);
            (system, metrics)
        });
        let Ok((given_back, metrics)) = measured.await else {
            return;
        };
        system = given_back;
        if inputs.send(Input::Metrics(metrics)).await.is_err() {
            return;
        }
    }
}

fn once(system: &mut System, folder: &Path) -> RobotMetrics {
    system.refresh_cpu_usage();
    system.refresh_memory_specifics(MemoryRefreshKind::nothing().with_ram());
    let disks = Disks::new_with_refreshed_list().ok();
    let folder = folder.canonicalize().unwrap_or_else(|_| folder.to_owned());
    let disk = disks
        .iter()
        .flat_map(|d| d.iter())
        .filter(|d| folder.starts_with(d.mount_point()))
        .max_by_key(|d| d.mount_point().as_os_str().len());
    RobotMetrics {
        cpu_percent: f64::from(system.global_cpu_usage()),
        memory_percent: percent(system.used_memory(), system.total_memory()),
        disk_percent: disk.map_or(0.0, |d| {
            percent(
                d.total_space().saturating_sub(d.available_space()),
                d.total_space(),
            )
        }),
        uptime_seconds: System::uptime().unwrap_or(0),
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
