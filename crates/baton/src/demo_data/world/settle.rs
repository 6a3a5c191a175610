//! The end of history: limits come into force, robots say what they really offer, schedules go on from here.

use baton_core::flow::DeploymentSettings;
use baton_core::id::LimitId;
use baton_core::queue::TagLimit;
use baton_core::robot::RobotMetrics;
use baton_core::run::LogLevel;
use baton_core::schedule::Timetable;
use baton_store::fleet::{Renewal, RobotLogLine};
use baton_store::schedules::SlotCommit;
use jiff::Timestamp;
use serde_json::json;

use super::{Member, ORG, World};
use crate::demo_data::dice::Dice;
use crate::demo_data::fleet::{Condition, PEOPLES_KEY, QUEUES, TAG_LIMITS};
use crate::demo_data::{DAY, later};
use crate::failure::Done;
use crate::serve::store_failure;

/// Lines of each agent's own log.
const OWN_LINES: u64 = 90;

impl World {
    /// Puts the limits in force, lets the robots say what they really offer, and leaves them as they are now.
    pub(crate) async fn settle(&mut self) -> Done {
        for def in QUEUES {
            let id = self.queues.get(def.name).copied();
            let id = id.expect("every queue was made");
            let changed = self.store.update_queue(ORG, id, def.settings(false)).await;
            let queue = changed.map_err(store_failure)?;
            if queue.settings.paused {
                let at = later(self.until, -0.9 * DAY);
                let detail = json!({ "name": def.name });
                self.note(at, PEOPLES_KEY, "queue.paused", id.to_string(), detail);
            }
        }
        for (tag, limit) in TAG_LIMITS {
            let limit = TagLimit {
                id: LimitId::new(self.from, self.dice.entropy()),
                org: ORG,
                tag: (*tag).to_owned(),
                limit: *limit,
                created_at: self.from,
            };
            self.store
                .put_tag_limit(limit)
                .await
                .map_err(store_failure)?;
        }
        for ready in &self.deployments {
            let Some(deployment) = ready
                .plan
                .deployment
                .as_ref()
                .filter(|_| ready.def.limit.is_some())
            else {
                continue;
            };
            let settings = DeploymentSettings {
                concurrency_limit: ready.def.limit,
                ..deployment.settings.clone()
            };
            let changed = self
                .store
                .update_deployment(ORG, deployment.id, settings, deployment.updated_at)
                .await;
            changed.map_err(store_failure)?;
        }
        for index in 0..self.members.len() {
            self.settle_robot(index).await?;
        }
        self.settle_schedules().await?;
        self.write_trail().await?;
        Ok(())
    }

    async fn settle_robot(&mut self, index: usize) -> Done {
        let member = &self.members[index];
        let (id, def, seen) = (member.robot.id, member.def, member.until);
        let drained_at = member.until;
        let seen = if matches!(def.is, Condition::Gone(_)) {
            seen
        } else {
            self.until
        };
        let opened = self.store.open_session(id, def.offer(), seen, seen).await;
        let session = opened.map_err(store_failure)?.session;
        let metrics = RobotMetrics {
            cpu_percent: 7.0,
            memory_percent: 34.0,
            disk_percent: 51.0,
            uptime_seconds: 1_900_000,
            trouble: None,
        };
        let renewal = Renewal {
            robot_id: id,
            session,
            last_seen: seen,
            lease_until: seen,
            metrics,
        };
        self.store
            .renew_sessions(vec![renewal])
            .await
            .map_err(store_failure)?;
        self.store
            .close_session(id, session, seen)
            .await
            .map_err(store_failure)?;
        self.own_log(member, seen).await?;
        if seen < self.until {
            let detail = json!({ "session": session });
            self.note(seen, def.name, "robot.disconnected", id.to_string(), detail);
        }
        if let Condition::Draining(comment) = def.is {
            let drained = self
                .store
                .set_draining(ORG, id, true, comment, drained_at)
                .await;
            drained.map_err(store_failure)?;
            let detail = json!({ "name": def.name, "comment": comment });
            self.note(
                drained_at,
                PEOPLES_KEY,
                "robot.draining",
                id.to_string(),
                detail,
            );
        }
        Ok(())
    }

    /// Writes down who did what, in the order in which it happened.
    async fn write_trail(&mut self) -> Done {
        let mut notes = std::mem::take(&mut self.notes);
        notes.sort_by_key(|note| note.at);
        let written = self.store.append_events(notes).await;
        written.map_err(store_failure)?;
        Ok(())
    }

    /// Notes up to which slot each schedule is decided: what comes next is the server's.
    async fn settle_schedules(&self) -> Done {
        let mut commits = Vec::new();
        for schedule in self.deployments.iter().flat_map(|ready| &ready.schedules) {
            let Ok(timetable) = Timetable::new(&schedule.settings) else {
                continue;
            };
            let slots = timetable.slots(self.from);
            commits.push(SlotCommit {
                org: ORG,
                schedule_id: schedule.id,
                read_at: schedule.updated_at,
                read_last_slot: None,
                runs: Vec::new(),
                last_slot: slots.take_while(|slot| *slot < self.until).last(),
                next_at: timetable.next_after(self.until),
            });
        }
        commits.retain(|commit| self.is_on(commit));
        for committed in self.store.commit_slots(commits, self.until).await {
            committed.map_err(store_failure)?;
        }
        Ok(())
    }

    fn is_on(&self, commit: &SlotCommit) -> bool {
        let mut schedules = self.deployments.iter().flat_map(|ready| &ready.schedules);
        schedules.any(|schedule| schedule.id == commit.schedule_id && !schedule.paused)
    }

    /// What an agent wrote to its own log over the last days.
    async fn own_log(&self, member: &Member, until: Timestamp) -> Done {
        let mut dice = Dice::new(until.as_second().cast_unsigned() ^ u64::from(member.def.slots));
        let mut at = later(until, -3.1 * DAY);
        let mut lines = Vec::new();
        for number in 0..OWN_LINES {
            let (level, message) = match number % 15 {
                0 => (LogLevel::Info, "connected, lease 60 s".to_owned()),
                4 | 9 => (
                    LogLevel::Info,
                    format!("package {:06x} taken from the cache", dice.below(1 << 24)),
                ),
                7 => (
                    LogLevel::Debug,
                    format!("spool is empty, {} segments removed", 1 + dice.below(4)),
                ),
                11 => (
                    LogLevel::Warning,
                    format!("heartbeat answered after {} ms", 900 + dice.below(2_000)),
                ),
                13 => (
                    LogLevel::Warning,
                    "connection lost: reset by peer; trying again in 1 s".to_owned(),
                ),
                _ => (
                    LogLevel::Info,
                    format!(
                        "process tree of {} is gone, result handed over",
                        baton_core::id::run_name(baton_core::id::RunId::new(at, dice.entropy()))
                    ),
                ),
            };
            // The number rises with time, so that what the robot says later comes after it.
            lines.push(RobotLogLine {
                seq: at.as_millisecond(),
                at,
                level,
                message,
            });
            at = later(at, dice.between(0.4, 1.6) * 3.0 * DAY / OWN_LINES as f64);
        }
        lines.retain(|line| line.at < until);
        let appended = self.store.append_robot_log(member.robot.id, lines).await;
        appended.map_err(store_failure)
    }
}
