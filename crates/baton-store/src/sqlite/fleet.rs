//! Robots in SQLite, and the trait of the fleet over them and [`super::queues`].

use async_trait::async_trait;
use baton_core::id::{LimitId, OrgId, QueueId, RobotId};
use baton_core::queue::{Queue, QueueSettings, TagLimit};
use baton_core::robot::{Robot, RobotOffer};
use baton_core::run::LogLevel;
use jiff::Timestamp;
use rusqlite::{Connection, Row, params};

use super::SqliteStore;
use super::queues::{
    QUEUE, QUEUES, TAG_LIMITS, all_tag_limits, delete_queue, find_queue, insert_queue,
    put_tag_limit, queue, queue_entropy, queue_named, read_queue, read_tag_limit,
};
use super::row::{Cols, Id, all, first, opt_us, to_json, us};
use super::writer::Tx;
use crate::error::{Result, StoreError};
use crate::fleet::{Fleet, MAX_ROBOT_LOG, Renewal, RobotLogLine};
use crate::page::{Page, PageRequest, cursor, paged};

const ROBOT: &str = "org, id, name, offer, draining, drain_comment, session, connected, last_seen, \
    lease_until, metrics, created_at";

fn read_robot(row: &Row<'_>) -> Result<Robot> {
    let mut c = Cols::new(row);
    Ok(Robot {
        org: OrgId(c.get()?),
        id: c.id()?,
        name: c.get()?,
        offer: c.json()?,
        draining: c.get()?,
        drain_comment: c.get()?,
        session: c.get()?,
        connected: c.get()?,
        last_seen: c.opt_ts()?,
        lease_until: c.opt_ts()?,
        metrics: c.json()?,
        created_at: c.ts()?,
    })
}

/// The robot of this org, if it is there.
pub(super) fn find_robot(conn: &Connection, org: OrgId, id: RobotId) -> Result<Option<Robot>> {
    let sql = format!("SELECT {ROBOT} FROM robots WHERE org = ?1 AND id = ?2");
    first(
        conn.prepare_cached(&sql)?,
        params![org.0, id.bytes()],
        read_robot,
    )
}

fn robot(conn: &Connection, org: OrgId, id: RobotId) -> Result<Robot> {
    find_robot(conn, org, id)?.ok_or_else(|| StoreError::not_found(format!("robot {id}")))
}

/// The robot with this id, whosever it is.
fn any_robot(conn: &Connection, id: RobotId) -> Result<Robot> {
    let sql = format!("SELECT {ROBOT} FROM robots INDEXED BY robots_by_id WHERE id = ?1");
    first(conn.prepare_cached(&sql)?, [id.bytes()], read_robot)?
        .ok_or_else(|| StoreError::not_found(format!("robot {id}")))
}

/// The rules have changed: assignments read them anew, and what waits may go now.
pub(super) fn rules_changed(tx: &mut Tx) {
    tx.rules.clear();
    tx.pending.note.queued = true;
}

#[async_trait]
impl Fleet for SqliteStore {
    async fn create_robot(&self, robot: Robot) -> Result<()> {
        self.write(move |tx| create_robot(tx, &robot)).await
    }

    async fn open_session(
        &self,
        robot_id: RobotId,
        offer: RobotOffer,
        lease_until: Timestamp,
        now: Timestamp,
    ) -> Result<Robot> {
        self.write(move |tx| open_session(tx, robot_id, &offer, lease_until, now))
            .await
    }

    async fn close_session(&self, robot_id: RobotId, session: i64, _now: Timestamp) -> Result<()> {
        self.write(move |tx| {
            let robot = any_robot(&tx.conn, robot_id)?;
            tx.conn
                .prepare_cached(
                    "UPDATE robots SET connected = 0 WHERE org = ?1 AND id = ?2 AND session = ?3",
                )?
                .execute(params![robot.org.0, robot_id.bytes(), session])?;
            tx.rules.forget_robot(robot_id);
            Ok(())
        })
        .await
    }

    async fn renew_sessions(&self, renewals: Vec<Renewal>) -> Result<()> {
        self.write(move |tx| {
            let mut renew = tx.conn.prepare_cached(
                "UPDATE robots SET last_seen = ?3, lease_until = ?4, metrics = ?5
                 WHERE id = ?1 AND session = ?2",
            )?;
            for r in &renewals {
                renew.execute(params![
                    r.robot_id.bytes(),
                    r.session,
                    us(r.last_seen),
                    us(r.lease_until),
                    to_json(&r.metrics),
                ])?;
            }
            Ok(())
        })
        .await
    }

    async fn robots(&self, org: Option<OrgId>) -> Result<Vec<Robot>> {
        self.scan(move |conn| {
            let sql = format!(
                "SELECT {ROBOT} FROM robots WHERE ?1 IS NULL OR org = ?1 ORDER BY org, name"
            );
            all(conn.prepare_cached(&sql)?, [org.map(|o| o.0)], read_robot)
        })
        .await
    }

    async fn robots_page(&self, request: PageRequest) -> Result<Page<Robot>> {
        self.scan(move |conn| {
            // A name is never empty.
            let after = cursor::<String>(&request)?.unwrap_or_default();
            let sql = format!(
                "SELECT {ROBOT} FROM robots WHERE org = ?1 AND name > ?2 ORDER BY name LIMIT ?3"
            );
            let rows = params![request.org.0, after, request.clamped() + 1];
            let found = all(conn.prepare_cached(&sql)?, rows, read_robot)?;
            Ok(paged(found, &request, |robot| to_json(&robot.name)))
        })
        .await
    }

    async fn robot(&self, org: OrgId, id: RobotId) -> Result<Robot> {
        self.point(|conn| robot(conn, org, id))
    }

    async fn robot_by_name(&self, org: OrgId, name: &str) -> Result<Robot> {
        self.point(|conn| {
            let sql = format!("SELECT {ROBOT} FROM robots WHERE org = ?1 AND name = ?2");
            first(conn.prepare_cached(&sql)?, params![org.0, name], read_robot)?
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
        let comment = comment.to_owned();
        self.write(move |tx| {
            let mut robot = robot(&tx.conn, org, id)?;
            tx.conn
                .prepare_cached(
                    "UPDATE robots SET draining = ?3, drain_comment = ?4 WHERE org = ?1 AND id = ?2",
                )?
                .execute(params![org.0, id.bytes(), draining, comment])?;
            robot.draining = draining;
            robot.drain_comment.clone_from(&comment);
            rules_changed(tx);
            Ok(robot)
        })
        .await
    }

    async fn delete_robot(&self, org: OrgId, id: RobotId, _now: Timestamp) -> Result<()> {
        self.write(move |tx| delete_robot(tx, org, id)).await
    }

    async fn append_robot_log(&self, robot_id: RobotId, lines: Vec<RobotLogLine>) -> Result<()> {
        self.write(move |tx| append_robot_log(tx, robot_id, &lines))
            .await
    }

    async fn robot_log(
        &self,
        org: OrgId,
        id: RobotId,
        after: i64,
        limit: u32,
    ) -> Result<Vec<RobotLogLine>> {
        self.scan(move |conn| {
            robot(conn, org, id)?;
            all(
                conn.prepare_cached(
                    "SELECT seq, at, level, message FROM robot_logs
                     WHERE org = ?1 AND robot_id = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4",
                )?,
                params![org.0, id.bytes(), after, limit],
                |row| {
                    let mut c = Cols::new(row);
                    Ok(RobotLogLine {
                        seq: c.get()?,
                        at: c.ts()?,
                        level: LogLevel::from_code(c.get()?),
                        message: c.get()?,
                    })
                },
            )
        })
        .await
    }

    async fn create_queue(&self, queue: Queue) -> Result<()> {
        self.write(move |tx| {
            if find_queue(&tx.conn, queue.org, queue.id)?.is_some()
                || queue_named(&tx.conn, queue.org, &queue.name)?.is_some()
            {
                let text = format!("there is a queue {} already", queue.name);
                return Err(StoreError::conflict("queue_exists", text));
            }
            insert_queue(tx, &queue)?;
            rules_changed(tx);
            Ok(())
        })
        .await
    }

    async fn update_queue(
        &self,
        org: OrgId,
        id: QueueId,
        settings: QueueSettings,
    ) -> Result<Queue> {
        self.write(move |tx| {
            let mut queue = queue(&tx.conn, org, id)?;
            tx.conn
                .prepare_cached("UPDATE queues SET settings = ?3 WHERE org = ?1 AND id = ?2")?
                .execute(params![org.0, id.bytes(), to_json(&settings)])?;
            queue.settings = settings.clone();
            rules_changed(tx);
            Ok(queue)
        })
        .await
    }

    async fn delete_queue(&self, org: OrgId, id: QueueId) -> Result<()> {
        self.write(move |tx| delete_queue(tx, org, id)).await
    }

    async fn queues(&self, org: Option<OrgId>) -> Result<Vec<Queue>> {
        self.point(|conn| {
            let sql = format!(
                "SELECT {QUEUE} FROM queues WHERE ?1 IS NULL OR org = ?1 ORDER BY org, name"
            );
            all(conn.prepare_cached(&sql)?, [org.map(|o| o.0)], read_queue)
        })
    }

    async fn queues_page(&self, request: PageRequest) -> Result<Page<Queue>> {
        self.scan(move |conn| {
            // A name is never empty.
            let after = cursor::<String>(&request)?.unwrap_or_default();
            let rows = params![request.org.0, after, request.clamped() + 1];
            let found = all(conn.prepare_cached(QUEUES)?, rows, read_queue)?;
            Ok(paged(found, &request, |queue| to_json(&queue.name)))
        })
        .await
    }

    async fn queue_by_name(&self, org: OrgId, name: &str) -> Result<Queue> {
        self.point(|conn| {
            queue_named(conn, org, name)?
                .ok_or_else(|| StoreError::not_found(format!("queue {name}")))
        })
    }

    async fn put_tag_limit(&self, limit: TagLimit) -> Result<TagLimit> {
        self.write(move |tx| put_tag_limit(tx, &limit)).await
    }

    async fn delete_tag_limit(&self, org: OrgId, id: LimitId) -> Result<()> {
        self.write(move |tx| {
            let gone = tx
                .conn
                .prepare_cached("DELETE FROM tag_limits WHERE org = ?1 AND id = ?2")?
                .execute(params![org.0, id.bytes()])?;
            if gone == 0 {
                return Err(StoreError::not_found(format!("limit {id}")));
            }
            rules_changed(tx);
            Ok(())
        })
        .await
    }

    async fn tag_limits(&self, org: Option<OrgId>) -> Result<Vec<TagLimit>> {
        self.point(|conn| all_tag_limits(conn, org))
    }

    async fn tag_limits_page(&self, request: PageRequest) -> Result<Page<TagLimit>> {
        self.scan(move |conn| {
            let after = cursor::<String>(&request)?.unwrap_or_default();
            let rows = params![request.org.0, after, request.clamped() + 1];
            let found = all(conn.prepare_cached(TAG_LIMITS)?, rows, read_tag_limit)?;
            Ok(paged(found, &request, |limit| to_json(&limit.tag)))
        })
        .await
    }
}

fn create_robot(tx: &mut Tx, robot: &Robot) -> Result<()> {
    let taken = any_robot(&tx.conn, robot.id).is_ok()
        || tx
            .conn
            .prepare_cached("SELECT 1 FROM robots WHERE org = ?1 AND name = ?2")?
            .exists(params![robot.org.0, robot.name])?;
    if taken {
        let text = format!(
            "there is a robot {} already; choose another name, or delete that one first",
            robot.name
        );
        return Err(StoreError::conflict("robot_exists", text));
    }
    tx.conn
        .prepare_cached(
            "INSERT INTO robots (org, id, name, offer, draining, drain_comment, session, connected,
                 last_seen, lease_until, metrics, created_at)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)",
        )?
        .execute(params![
            robot.org.0,
            robot.id.bytes(),
            robot.name,
            to_json(&robot.offer),
            robot.draining,
            robot.drain_comment,
            robot.session,
            robot.connected,
            opt_us(robot.last_seen),
            opt_us(robot.lease_until),
            to_json(&robot.metrics),
            us(robot.created_at),
        ])?;
    rules_changed(tx);
    Ok(())
}

fn open_session(
    tx: &mut Tx,
    id: RobotId,
    offer: &RobotOffer,
    lease_until: Timestamp,
    now: Timestamp,
) -> Result<Robot> {
    let mut robot = any_robot(&tx.conn, id)?;
    for name in &offer.queues {
        if queue_named(&tx.conn, robot.org, name)?.is_none() {
            let queue = Queue {
                id: QueueId::new(now, queue_entropy(robot.org, name)),
                org: robot.org,
                name: name.clone(),
                settings: QueueSettings::default(),
                created_at: now,
            };
            insert_queue(tx, &queue)?;
        }
    }
    robot.offer = offer.clone();
    robot.session += 1;
    robot.connected = true;
    robot.last_seen = Some(now);
    robot.lease_until = Some(lease_until);
    tx.conn
        .prepare_cached(
            "UPDATE robots SET offer = ?3, session = ?4, connected = 1, last_seen = ?5,
                 lease_until = ?6 WHERE org = ?1 AND id = ?2",
        )?
        .execute(params![
            robot.org.0,
            id.bytes(),
            to_json(offer),
            robot.session,
            us(now),
            us(lease_until),
        ])?;
    rules_changed(tx);
    Ok(robot)
}

fn delete_robot(tx: &mut Tx, org: OrgId, id: RobotId) -> Result<()> {
    let robot = robot(&tx.conn, org, id)?;
    if tx
        .conn
        .prepare_cached(
            "SELECT 1 FROM attempts INDEXED BY attempts_live WHERE live = 1 AND robot_id = ?1",
        )?
        .exists([id.bytes()])?
    {
        let text = format!("robot {} still holds attempts", robot.name);
        return Err(StoreError::conflict("robot_in_use", text));
    }
    for sql in [
        "DELETE FROM keys WHERE org = ?1 AND robot_id = ?2",
        "DELETE FROM robot_logs WHERE org = ?1 AND robot_id = ?2",
        "DELETE FROM robots WHERE org = ?1 AND id = ?2",
    ] {
        tx.conn
            .prepare_cached(sql)?
            .execute(params![org.0, id.bytes()])?;
    }
    rules_changed(tx);
    Ok(())
}

fn append_robot_log(tx: &mut Tx, id: RobotId, lines: &[RobotLogLine]) -> Result<()> {
    let org = any_robot(&tx.conn, id)?.org;
    let mut last: i64 = tx
        .conn
        .prepare_cached("SELECT max(seq) FROM robot_logs WHERE org = ?1 AND robot_id = ?2")?
        .query_row(params![org.0, id.bytes()], |row| {
            row.get::<_, Option<i64>>(0)
        })?
        .unwrap_or(i64::MIN);
    let mut insert = tx.conn.prepare_cached(
        "INSERT INTO robot_logs (org, robot_id, seq, at, level, message)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
    )?;
    for line in lines {
        if line.seq > last {
            insert.execute(params![
                org.0,
                id.bytes(),
                line.seq,
                us(line.at),
                line.level.code(),
                line.message,
            ])?;
            last = line.seq;
        }
    }
    tx.conn
        .prepare_cached(
            "DELETE FROM robot_logs WHERE org = ?1 AND robot_id = ?2 AND seq <= (
                 SELECT seq FROM robot_logs WHERE org = ?1 AND robot_id = ?2
                 ORDER BY seq DESC LIMIT 1 OFFSET ?3)",
        )?
        .execute(params![org.0, id.bytes(), MAX_ROBOT_LOG])?;
    Ok(())
}
