//! Limits: how many runs of a queue, a deployment or a tag may be live at once, and who holds them.
//!
//! Counts are derived from live attempts and nothing else. [`admits`] does not care where they come
//! from: the dispatcher keeps a [`Usage`], a store may count inside its transaction.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use crate::id::{DeploymentId, OrgId, QueueId, RobotId, RunId};
use crate::queue::QueueSettings;
use crate::run::Needs;

/// A live attempt: what it occupies and by what it counts.
#[derive(Clone, Debug, PartialEq)]
pub struct Occupant {
    /// Whose.
    pub org: OrgId,
    /// The run.
    pub run_id: RunId,
    /// The run's name.
    pub run_name: String,
    /// The robot; `None` for workers and clients.
    pub robot_id: Option<RobotId>,
    /// The desktop session it occupies.
    pub desktop: Option<String>,
    /// Its deployment.
    pub deployment_id: Option<DeploymentId>,
    /// Its queue.
    pub queue_id: QueueId,
    /// Its tags.
    pub tags: Vec<String>,
}

/// How many attempts are live, by what limits speak of.
pub trait Counts {
    /// Out of this queue.
    fn in_queue(&self, queue: QueueId) -> u32;
    /// Of this deployment.
    fn of_deployment(&self, deployment: DeploymentId) -> u32;
    /// With this tag.
    fn with_tag(&self, org: OrgId, tag: &str) -> u32;
}

/// Counts of live attempts, kept up to date by whoever adds and removes them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Usage {
    queues: HashMap<QueueId, u32>,
    deployments: HashMap<DeploymentId, u32>,
    tags: HashMap<OrgId, HashMap<String, u32>>,
}

impl Usage {
    /// The counts of these live attempts.
    pub fn of<'a>(live: impl IntoIterator<Item = &'a Occupant>) -> Self {
        let mut usage = Self::default();
        for one in live {
            let tags = one.tags.iter().map(String::as_str);
            usage.add(one.org, one.queue_id, one.deployment_id, tags);
        }
        usage
    }

    /// One more attempt is live.
    pub fn add<'a>(
        &mut self,
        org: OrgId,
        queue: QueueId,
        deployment: Option<DeploymentId>,
        tags: impl IntoIterator<Item = &'a str>,
    ) {
        *self.queues.entry(queue).or_default() += 1;
        if let Some(deployment) = deployment {
            *self.deployments.entry(deployment).or_default() += 1;
        }
        for tag in tags {
            let of_org = self.tags.entry(org).or_default();
            match of_org.get_mut(tag) {
                Some(count) => *count += 1,
                None => {
                    of_org.insert(tag.to_owned(), 1);
                }
            }
        }
    }

    /// One attempt less is live.
    pub fn remove<'a>(
        &mut self,
        org: OrgId,
        queue: QueueId,
        deployment: Option<DeploymentId>,
        tags: impl IntoIterator<Item = &'a str>,
    ) {
        let less = |count: Option<&mut u32>| {
            if let Some(count) = count {
                *count = count.saturating_sub(1);
            }
        };
        less(self.queues.get_mut(&queue));
        less(deployment.and_then(|id| self.deployments.get_mut(&id)));
        for tag in tags {
            less(self.tags.get_mut(&org).and_then(|t| t.get_mut(tag)));
        }
    }
}

impl Counts for Usage {
    fn in_queue(&self, queue: QueueId) -> u32 {
        self.queues.get(&queue).copied().unwrap_or(0)
    }

    fn of_deployment(&self, deployment: DeploymentId) -> u32 {
        self.deployments.get(&deployment).copied().unwrap_or(0)
    }

    fn with_tag(&self, org: OrgId, tag: &str) -> u32 {
        let of_org = self.tags.get(&org);
        of_org.and_then(|t| t.get(tag)).copied().unwrap_or(0)
    }
}

/// The limits of deployments and tags; a queue's own limit is among its settings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Limits {
    deployments: HashMap<DeploymentId, u32>,
    tags: HashMap<OrgId, HashMap<String, u32>>,
}

impl Limits {
    /// Sets or lifts the limit of a deployment.
    pub fn set_deployment(&mut self, deployment: DeploymentId, limit: Option<u32>) {
        match limit {
            Some(limit) => self.deployments.insert(deployment, limit),
            None => self.deployments.remove(&deployment),
        };
    }

    /// Sets or lifts the limit of a tag; 0 holds all.
    pub fn set_tag(&mut self, org: OrgId, tag: &str, limit: Option<u32>) {
        let of_org = self.tags.entry(org).or_default();
        match limit {
            Some(limit) => of_org.insert(tag.to_owned(), limit),
            None => of_org.remove(tag),
        };
    }

    /// The limit of a deployment.
    pub fn of_deployment(&self, deployment: DeploymentId) -> Option<u32> {
        self.deployments.get(&deployment).copied()
    }

    /// Whether a limit of a deployment or tag concerns runs with these needs.
    pub fn concern(&self, org: OrgId, needs: &Needs) -> bool {
        let of_deployment = needs.deployment_id.and_then(|id| self.of_deployment(id));
        of_deployment.is_some() || needs.tags.iter().any(|tag| self.of_tag(org, tag).is_some())
    }

    /// The limit of a tag.
    pub fn of_tag(&self, org: OrgId, tag: &str) -> Option<u32> {
        self.tags.get(&org)?.get(tag).copied()
    }
}

/// What keeps every run with the same needs from being dispatched, whatever robots there are.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(utoipa::ToSchema))]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Barrier {
    /// Nothing is dispatched from the queue.
    QueuePaused,
    /// The deployment's limit is reached.
    DeploymentLimit,
    /// The limit of this tag is reached.
    TagLimit {
        /// The tag.
        tag: String,
    },
    /// The queue's limit is reached.
    QueueLimit,
}

impl Barrier {
    /// Stable, snake_case; also the code with which a store refuses an assignment.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::QueuePaused => "queue_paused",
            Self::DeploymentLimit => "deployment_limit",
            Self::TagLimit { .. } => "tag_limit",
            Self::QueueLimit => "queue_limit",
        }
    }

    /// Whether this live attempt is one of those that count.
    pub fn counts(&self, org: OrgId, needs: &Needs, one: &Occupant) -> bool {
        one.org == org
            && match self {
                Self::QueuePaused => false,
                Self::DeploymentLimit => {
                    needs.deployment_id.is_some() && one.deployment_id == needs.deployment_id
                }
                Self::TagLimit { tag } => one.tags.contains(tag),
                Self::QueueLimit => one.queue_id == needs.queue_id,
            }
    }
}

/// A run is held by a pause or a limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// By which.
    pub barrier: Barrier,
    /// How many may be live at once; 0 for a pause.
    pub allowed: u32,
    /// How many are live.
    pub live: u32,
}

impl Blocked {
    /// Those of the live attempts that hold the limit.
    pub fn holders<'a>(
        &self,
        org: OrgId,
        needs: &Needs,
        live: impl IntoIterator<Item = &'a Occupant>,
    ) -> Vec<&'a Occupant> {
        live.into_iter()
            .filter(|one| self.barrier.counts(org, needs, one))
            .collect()
    }
}

/// Whether pause and limits let one more run with these needs become live; otherwise the first that does not.
pub fn admits(
    org: OrgId,
    needs: &Needs,
    queue: &QueueSettings,
    limits: &Limits,
    counts: &impl Counts,
) -> Result<(), Blocked> {
    barriers(org, needs, queue, limits, counts)
        .next()
        .map_or(Ok(()), Err)
}

/// Everything about pause and limits that holds a run with these needs: the pause first, then the
/// limits from the narrowest to the widest.
pub fn barriers<'a>(
    org: OrgId,
    needs: &'a Needs,
    queue: &'a QueueSettings,
    limits: &'a Limits,
    counts: &'a impl Counts,
) -> impl Iterator<Item = Blocked> + 'a {
    let pause = queue.paused.then_some(Blocked {
        barrier: Barrier::QueuePaused,
        allowed: 0,
        live: 0,
    });
    let deployment = needs.deployment_id.and_then(|id| {
        let allowed = limits.of_deployment(id)?;
        reached(Barrier::DeploymentLimit, allowed, counts.of_deployment(id))
    });
    let tags = needs.tags.iter().filter_map(move |tag| {
        let allowed = limits.of_tag(org, tag)?;
        let live = counts.with_tag(org, tag);
        (live >= allowed).then(|| Blocked {
            barrier: Barrier::TagLimit { tag: tag.clone() },
            allowed,
            live,
        })
    });
    let whole = queue.concurrency_limit.and_then(|allowed| {
        reached(
            Barrier::QueueLimit,
            allowed,
            counts.in_queue(needs.queue_id),
        )
    });
    pause.into_iter().chain(deployment).chain(tags).chain(whole)
}

fn reached(barrier: Barrier, allowed: u32, live: u32) -> Option<Blocked> {
    (live >= allowed).then_some(Blocked {
        barrier,
        allowed,
        live,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dispatch::scene::{ORG, deployment_id, needs, queue_id, run_id, words};
    use crate::run::Priority;

    fn occupant(n: u32) -> Occupant {
        Occupant {
            org: ORG,
            run_id: run_id(n),
            run_name: format!("run-{n}"),
            robot_id: None,
            desktop: None,
            deployment_id: Some(deployment_id(n % 2)),
            queue_id: queue_id(0),
            tags: vec!["sap".into()],
        }
    }

    fn limited() -> Needs {
        let mut needs = needs(Priority::Normal);
        needs.deployment_id = Some(deployment_id(0));
        needs.tags = words(&["sap"]);
        needs
    }

    #[test]
    fn everything_that_holds_a_run_is_named_the_pause_first_then_the_narrowest_limit() {
        let live = [occupant(0), occupant(1), occupant(2)];
        let usage = Usage::of(&live);
        let mut limits = Limits::default();
        limits.set_deployment(deployment_id(0), Some(2));
        limits.set_tag(ORG, "sap", Some(0));
        let queue = QueueSettings {
            paused: true,
            concurrency_limit: Some(3),
            ..QueueSettings::default()
        };
        let needs = limited();
        let found: Vec<Blocked> = barriers(ORG, &needs, &queue, &limits, &usage).collect();
        let codes: Vec<&str> = found.iter().map(|b| b.barrier.code()).collect();
        assert_eq!(
            codes,
            [
                "queue_paused",
                "deployment_limit",
                "tag_limit",
                "queue_limit"
            ]
        );
        let holders = found[1].holders(ORG, &needs, &live);
        let names: Vec<&str> = holders.iter().map(|h| h.run_name.as_str()).collect();
        assert_eq!(names, ["run-0", "run-2"]);
    }

    #[test]
    fn a_limit_admits_up_to_its_number_and_again_when_a_holder_is_gone() {
        let mut usage = Usage::of(&[occupant(0)]);
        let mut limits = Limits::default();
        limits.set_tag(ORG, "sap", Some(2));
        let queue = QueueSettings::default();
        let needs = limited();
        let tags = || needs.tags.iter().map(String::as_str);
        assert_eq!(admits(ORG, &needs, &queue, &limits, &usage), Ok(()));
        usage.add(ORG, needs.queue_id, needs.deployment_id, tags());
        let blocked = admits(ORG, &needs, &queue, &limits, &usage).map_err(|b| b.live);
        assert_eq!(blocked, Err(2));
        usage.remove(ORG, needs.queue_id, needs.deployment_id, tags());
        assert_eq!(admits(ORG, &needs, &queue, &limits, &usage), Ok(()));
    }

    #[test]
    fn a_tag_of_one_org_is_not_limited_by_another() {
        let mut limits = Limits::default();
        limits.set_tag(OrgId(2), "sap", Some(0));
        let queue = QueueSettings::default();
        let usage = Usage::default();
        assert_eq!(admits(ORG, &limited(), &queue, &limits, &usage), Ok(()));
    }
}
