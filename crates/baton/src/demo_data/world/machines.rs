//! The queues, keys and robots of the demo.

use baton_core::access::Role;
use baton_core::id::{QueueId, RobotId};
use baton_core::queue::{DEFAULT_QUEUE, Queue};
use baton_core::robot::{Robot, RobotMetrics};
use baton_server::auth::new_secret;
use baton_store::keys::{Key, KeyKind};
use jiff::Timestamp;
use serde_json::json;

use super::{Member, ORG, World};
use crate::demo_data::fleet::{Condition, KEYS, QUEUES, ROBOTS};
use crate::demo_data::{DAY, later};
use crate::failure::Done;
use crate::serve::store_failure;

/// Slots of each robot while history is made: runs are written in batches, whose order is not that of time.
const ROOMY: u32 = 1_024;

impl World {
    pub(super) async fn make_queues(&mut self) -> Done {
        let at = later(self.from, -4.0 * DAY);
        for def in QUEUES {
            let id = QueueId::new(at, self.dice.entropy());
            let queue = Queue {
                id,
                org: ORG,
                name: def.name.to_owned(),
                settings: def.settings(true),
                created_at: at,
            };
            self.store
                .create_queue(queue)
                .await
                .map_err(store_failure)?;
            let detail = json!({ "name": def.name });
            self.note(at, "ci", "queue.created", id.to_string(), detail);
            self.queues.insert(def.name.to_owned(), id);
        }
        let default = self.store.queue_by_name(ORG, DEFAULT_QUEUE).await;
        let default = default.map_err(store_failure)?;
        self.queues.insert(DEFAULT_QUEUE.to_owned(), default.id);
        Ok(())
    }

    pub(super) async fn make_keys(&mut self) -> Done {
        for def in KEYS {
            let at = later(self.until, -def.made * DAY);
            let (id, text, hash) = new_secret(KeyKind::Api, at);
            let key = Key {
                id,
                org: ORG,
                name: def.name.to_owned(),
                kind: KeyKind::Api,
                role: def.role,
                robot_id: None,
                hash,
                created_at: at,
                expires_at: def.good_for.map(|days| later(at, days * DAY)),
                revoked_at: None,
                opened_by: None,
                last_used_at: None,
            };
            self.store.create_key(key).await.map_err(store_failure)?;
            let detail = json!({"name": def.name, "role": def.role});
            self.note(at, "admin", "key.created", id.to_string(), detail);
            let used = later(self.until, -60.0 * self.dice.between(1.0, 900.0));
            let used = def
                .good_for
                .map_or(used, |days| later(at, (days - 0.5) * DAY));
            let used = vec![(id, used)];
            self.store.touch_keys(used).await.map_err(store_failure)?;
            if let Some(days) = def.taken_back {
                let at = later(self.until, -days * DAY);
                let revoked = self.store.revoke_key(ORG, id, at).await;
                revoked.map_err(store_failure)?;
                let detail = json!({ "name": def.name });
                self.note(at, "admin", "key.revoked", id.to_string(), detail);
            } else if def.good_for.is_none() {
                self.keys.insert(def.name.to_owned(), text);
            }
        }
        Ok(())
    }

    pub(super) async fn make_robots(&mut self) -> Done {
        for (index, def) in ROBOTS.iter().enumerate() {
            let at = later(self.from, (index as f64).mul_add(0.1, -3.0) * DAY);
            let robot = Robot {
                id: RobotId::new(at, self.dice.entropy()),
                org: ORG,
                name: def.name.to_owned(),
                offer: def.offer(),
                draining: false,
                drain_comment: String::new(),
                session: 0,
                connected: false,
                last_seen: None,
                lease_until: None,
                metrics: RobotMetrics::default(),
                created_at: at,
            };
            let id = robot.id;
            self.store
                .create_robot(robot)
                .await
                .map_err(store_failure)?;
            let mut offer = def.offer();
            offer.max_concurrent_jobs = ROOMY;
            let lease = later(self.until, DAY);
            let opened = self.store.open_session(id, offer, lease, at).await;
            let robot = opened.map_err(store_failure)?;
            self.make_robot_key(&robot, at).await?;
            let (subject, detail) = (id.to_string(), json!({ "name": def.name }));
            self.note(at, "admin", "robot.enrolled", subject.clone(), detail);
            self.note(
                at,
                def.name,
                "robot.connected",
                subject,
                json!({ "session": robot.session }),
            );
            self.members.push(Member {
                def,
                robot,
                free_at: vec![self.from; def.slots as usize],
                until: match def.is {
                    Condition::Up => Timestamp::MAX,
                    Condition::Draining(_) => later(self.until, -0.15 * DAY),
                    Condition::Gone(days) => later(self.until, -days * DAY),
                },
            });
        }
        Ok(())
    }

    async fn make_robot_key(&mut self, robot: &Robot, at: Timestamp) -> Done {
        let (id, text, hash) = new_secret(KeyKind::Robot, at);
        let key = Key {
            id,
            org: ORG,
            name: robot.name.clone(),
            kind: KeyKind::Robot,
            role: Role::Robot,
            robot_id: Some(robot.id),
            hash,
            created_at: at,
            expires_at: None,
            revoked_at: None,
            opened_by: None,
            last_used_at: None,
        };
        self.keys.insert(robot.name.clone(), text);
        self.store.create_key(key).await.map_err(store_failure)
    }
}
