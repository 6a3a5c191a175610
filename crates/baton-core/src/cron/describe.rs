//! Says in plain English when a cron expression fires.

use super::Cron;

pub(super) fn describe(cron: &Cron) -> String {
    cron.source.clone()
}
