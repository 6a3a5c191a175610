//! Zone rules in memory.

use async_trait::async_trait;
use jiff::Timestamp;

use super::MemoryStore;
use crate::error::Result;
use crate::schedules::SlotCommit;
use crate::zones::{ActiveSchedule, MAX_RENEWED, ZoneRules, Zones};

#[async_trait]
impl Zones for MemoryStore {
    async fn zone_rules(&self) -> Result<Option<ZoneRules>> {
        self.read(|world| Ok(world.zone_rules.clone()))
    }

    async fn active_schedules(&self) -> Result<Vec<ActiveSchedule>> {
        self.read(|world| {
            let active = world.schedules.values().filter(|s| !s.paused);
            let mut found: Vec<_> = active
                .map(|schedule| ActiveSchedule {
                    held: (world.deployments.get(&schedule.deployment_id))
                        .is_none_or(|deployment| deployment.settings.paused),
                    schedule: schedule.clone(),
                })
                .collect();
            found.sort_by_key(|one| (one.schedule.org, one.schedule.id));
            found.truncate(MAX_RENEWED as usize);
            Ok(found)
        })
    }

    async fn renew_zones(
        &self,
        rules: ZoneRules,
        commits: Vec<SlotCommit>,
        now: Timestamp,
    ) -> Result<u32> {
        self.write(|world, note| {
            // All or nothing: what can be refused is looked at before anything is changed.
            for commit in &commits {
                world.unchanged(commit)?;
                for run in &commit.runs {
                    world.check_new(run)?;
                }
            }
            let mut made = 0;
            for commit in commits {
                made += world.commit_slot(note, commit, now)?;
            }
            world.zone_rules = Some(rules);
            Ok(made)
        })
    }
}
