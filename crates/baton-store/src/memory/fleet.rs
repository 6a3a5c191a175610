//! Robots, work queues and limits in memory.

use async_trait::async_trait;
use baton_core::id::{LimitId, OrgId, QueueId, RobotId};
use baton_core::queue::{DEFAULT_QUEUE, Queue, QueueSettings, TagLimit};
use baton_core::robot::{Robot, RobotOffer};
use jiff::Timestamp;

use super::{MemoryStore, World, page};
use crate::error::{Result, StoreError};
use crate::fleet::{Fleet, MAX_ROBOT_LOG, Renewal, RobotLogLine};
use crate::page::{Page, PageRequest};

#[async_trait]
impl Fleet for MemoryStore {
    async fn create_robot(&self, robot: Robot) -> Result<()> {
        self.write(|world, note| {
            let taken = world.robots.contains_key(&robot.id)
                || (world.robots.values()).any(|r| r.org == robot.org && r.name == robot.name);
            if taken {
                let text = format!(
                    "there is a robot {} already; choose another name, or delete that one first",
                    robot.name
                );
                return Err(StoreError::conflict("robot_exists", text));
            }
            world.robots.insert(robot.id, robot);
            note.queued = true;
            Ok(())
        })
    }

    async fn open_session(
        &self,
        robot_id: RobotId,
        offer: RobotOffer,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<Robot> {
        self.write(|world, note| {
            let org = world.any_robot(robot_id)?.org;
            for name in &offer.queues {
                let known = world
                    .queues
                    .values()
                    .any(|q| q.org == org && q.name == *name);
                if !known {
                    let queue = Queue {
                        id: QueueId::new(now, world.entropy()),
                        org,
                        name: name.clone(),
                        settings: QueueSettings::default(),
                        created_at: now,
                    };
                    world.queues.insert(queue.id, queue);
                }
            }
            let robot = world.any_robot(robot_id)?;
            robot.offer = offer;
            robot.session += 1;
            robot.connected = true;
            robot.last_seen = Some(now);
            robot.lease_until = Some(lease_until);
            note.queued = true;
            Ok(robot.clone())
        })
    }

    async fn close_session(&self, robot_id: RobotId, session: i64, _now: Timestamp) -> Result<()> {
        self.write(|world, _| {
            let robot = world.any_robot(robot_id)?;
            if robot.session == session {
                robot.connected = false;
            }
            Ok(())
        })
    }

    async fn renew_sessions(&self, renewals: Vec<Renewal>) -> Result<()> {
        self.write(|world, _| {
            for renewal in renewals {
                let robot = world.robots.get_mut(&renewal.robot_id);
                if let Some(robot) = robot.filter(|r| r.session == renewal.session) {
                    robot.last_seen = Some(renewal.last_seen);
                    robot.lease_until = Some(renewal.lease_until);
                    robot.metrics = renewal.metrics;
                }
            }
            Ok(())
        })
    }

    async fn robots(&self, org: Option<OrgId>) -> Result<Vec<Robot>> {
        self.read(|world| {
            let robots = world
                .robots
                .values()
                .filter(|r| org.is_none_or(|o| o == r.org));
            let mut robots: Vec<_> = robots.cloned().collect();
            robots.sort_by(|a, b| (a.org, &a.name).cmp(&(b.org, &b.name)));
            Ok(robots)
        })
    }

    async fn robots_page(&self, request: PageRequest) -> Result<Page<Robot>> {
        self.read(|world| {
            let own = world.robots.values().filter(|r| r.org == request.org);
            let mut robots: Vec<_> = own.cloned().collect();
            robots.sort_by(|a, b| a.name.cmp(&b.name));
            page(
                robots.into_iter(),
                &request,
                |robot| robot.name.clone(),
                false,
            )
        })
    }

    async fn robot(&self, org: OrgId, id: RobotId) -> Result<Robot> {
        self.read(|world| Ok(world.robot_of(org, id)?.clone()))
    }

    async fn robot_by_name(&self, org: OrgId, name: &str) -> Result<Robot> {
        self.read(|world| {
            (world.robots.values())
                .find(|r| r.org == org && r.name == name)
                .cloned()
                .ok_or_else(|| StoreError::not_found(format!("robot {name}")))
        })
    }

    async fn set_draining(
        &self,
        org: OrgId,
        id: RobotId,
        draining: bool,
        comment: &str,
        _now: Timestamp,
    ) -> Result<Robot> {
        self.write(|world, note| {
            world.robot_of(org, id)?;
            let robot = world.any_robot(id)?;
            robot.draining = draining;
            robot.drain_comment = comment.into();
            note.queued = true;
            Ok(robot.clone())
        })
    }

    async fn delete_robot(&self, org: OrgId, id: RobotId, _now: Timestamp) -> Result<()> {
        self.write(|world, note| {
            let robot = world.robot_of(org, id)?;
            if world
                .live()
                .any(|(_, attempt)| attempt.robot_id == Some(id))
            {
                let text = format!("robot {} still holds attempts", robot.name);
                return Err(StoreError::conflict("robot_in_use", text));
            }
            world.robots.remove(&id);
            world.robot_logs.remove(&id);
            world.keys.retain(|_, key| key.robot_id != Some(id));
            note.queued = true;
            Ok(())
        })
    }

    async fn append_robot_log(&self, robot_id: RobotId, lines: Vec<RobotLogLine>) -> Result<()> {
        self.write(|world, _| {
            world.any_robot(robot_id)?;
            let log = world.robot_logs.entry(robot_id).or_default();
            for line in lines {
                if log
                    .last_key_value()
                    .is_none_or(|(last, _)| line.seq > *last)
                {
                    log.insert(line.seq, line);
                }
            }
            while log.len() > MAX_ROBOT_LOG as usize {
                log.pop_first();
            }
            Ok(())
        })
    }

    async fn robot_log(
        &self,
        org: OrgId,
        id: RobotId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RobotLogLine>> {
        self.read(|world| {
            world.robot_of(org, id)?;
            let lines = world
                .robot_logs
                .get(&id)
                .into_iter()
                .flat_map(|l| l.values());
            let after = lines.filter(|line| line.seq > after);
            Ok(after.take(limit as usize).cloned().collect())
        })
    }

    async fn create_queue(&self, queue: Queue) -> Result<()> {
        self.write(|world, note| {
            let taken = world.queues.contains_key(&queue.id)
                || (world.queues.values()).any(|q| q.org == queue.org && q.name == queue.name);
            if taken {
                let text = format!("there is a queue {} already", queue.name);
                return Err(StoreError::conflict("queue_exists", text));
            }
            world.queues.insert(queue.id, queue);
            note.queued = true;
            Ok(())
        })
    }

    async fn update_queue(
        &self,
        org: OrgId,
        id: QueueId,
        settings: QueueSettings,
    ) -> Result<Queue> {
        self.write(|world, note| {
            world.queue_of(org, id)?;
            let queue = world.queues.get_mut(&id).expect("it has just been read");
            queue.settings = settings;
            note.queued = true;
            Ok(queue.clone())
        })
    }

    async fn delete_queue(&self, org: OrgId, id: QueueId) -> Result<()> {
        self.write(|world, _| {
            let queue = world.queue_of(org, id)?;
            let waits = (world.runs.values().map(|rows| &rows.run))
                .any(|run| run.spec.needs.queue_id == id && !run.state.is_terminal());
            let feeds = world
                .deployments
                .values()
                .any(|d| d.settings.queue_id == id);
            if waits || feeds || queue.name == DEFAULT_QUEUE {
                let text = format!("queue {} is still in use", queue.name);
                return Err(StoreError::conflict("queue_in_use", text));
            }
            world.queues.remove(&id);
            Ok(())
        })
    }

    async fn queues(&self, org: Option<OrgId>) -> Result<Vec<Queue>> {
        self.read(|world| {
            let queues = world
                .queues
                .values()
                .filter(|q| org.is_none_or(|o| o == q.org));
            let mut queues: Vec<_> = queues.cloned().collect();
            queues.sort_by(|a, b| (a.org, &a.name).cmp(&(b.org, &b.name)));
            Ok(queues)
        })
    }

    async fn queues_page(&self, request: PageRequest) -> Result<Page<Queue>> {
        let queues = self.queues(Some(request.org)).await?;
        page(
            queues.into_iter(),
            &request,
            |queue| queue.name.clone(),
            false,
        )
    }

    async fn queue_by_name(&self, org: OrgId, name: &str) -> Result<Queue> {
        self.read(|world| {
            (world.queues.values())
                .find(|q| q.org == org && q.name == name)
                .cloned()
                .ok_or_else(|| StoreError::not_found(format!("queue {name}")))
        })
    }

    async fn put_tag_limit(&self, limit: TagLimit) -> Result<TagLimit> {
        self.write(|world, note| {
            note.queued = true;
            let same = |l: &&mut TagLimit| l.org == limit.org && l.tag == limit.tag;
            if let Some(known) = world.limits.values_mut().find(same) {
                known.limit = limit.limit;
                return Ok(known.clone());
            }
            world.limits.insert(limit.id, limit.clone());
            Ok(limit)
        })
    }

    async fn delete_tag_limit(&self, org: OrgId, id: LimitId) -> Result<()> {
        self.write(|world, note| {
            if world.limits.get(&id).is_none_or(|l| l.org != org) {
                return Err(StoreError::not_found(format!("limit {id}")));
            }
            world.limits.remove(&id);
            note.queued = true;
            Ok(())
        })
    }

    async fn tag_limits(&self, org: Option<OrgId>) -> Result<Vec<TagLimit>> {
        self.read(|world| {
            let limits = world
                .limits
                .values()
                .filter(|l| org.is_none_or(|o| o == l.org));
            let mut limits: Vec<_> = limits.cloned().collect();
            limits.sort_by(|a, b| (a.org, &a.tag).cmp(&(b.org, &b.tag)));
            Ok(limits)
        })
    }

    async fn tag_limits_page(&self, request: PageRequest) -> Result<Page<TagLimit>> {
        let limits = self.tag_limits(Some(request.org)).await?;
        page(
            limits.into_iter(),
            &request,
            |limit| limit.tag.clone(),
            false,
        )
    }
}

impl World {
    fn any_robot(&mut self, id: RobotId) -> Result<&mut Robot> {
        (self.robots.get_mut(&id)).ok_or_else(|| StoreError::not_found(format!("robot {id}")))
    }

    fn robot_of(&self, org: OrgId, id: RobotId) -> Result<&Robot> {
        (self.robots.get(&id))
            .filter(|r| r.org == org)
            .ok_or_else(|| StoreError::not_found(format!("robot {id}")))
    }

    pub(super) fn queue_of(&self, org: OrgId, id: QueueId) -> Result<&Queue> {
        (self.queues.get(&id))
            .filter(|q| q.org == org)
            .ok_or_else(|| StoreError::not_found(format!("queue {id}")))
    }
}
