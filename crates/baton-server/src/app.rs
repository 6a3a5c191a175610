//! What every handler and service shares.

use std::sync::Arc;

use baton_core::id::{RobotId, RunId, VersionId};
use baton_core::lease::Steady;
use baton_store::Store;
use jiff::{SignedDuration, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::cache::Cache;
use crate::clock::Clock;
use crate::config::Config;
use crate::hub::Hub;
use crate::robots::Connections;
use crate::services::FleetView;
use crate::wakeup::Wakeups;

/// The server's shared state: facts live in the store; what is here can be lost at any moment.
pub struct App {
    /// The facts.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// What the server was told.
    pub config: Config,
    /// Bells of the services.
    pub wakeups: Arc<Wakeups>,
    /// Live events, for streams.
    pub hub: Arc<Hub>,
    /// The robots that are connected here.
    pub robots: Connections,
    /// The processes that execute runs by themselves.
    pub(crate) reporters: crate::reporters::Reporters,
    /// What the dispatcher keeps in memory of the fleet.
    pub(crate) fleet: FleetView,
    /// Flow versions, which never change.
    pub(crate) versions: Cache<VersionId, baton_core::flow::Version>,
    /// When the dispatcher decided last.
    pub(crate) decided_at: crate::services::dispatcher::DecidedAt,
    /// Runs that ended since the last sample, by queue.
    pub(crate) ended: crate::services::Ended,
    /// How long runs took and how soon they started, since this server began.
    pub(crate) histograms: crate::histograms::Histograms,
    /// When this server started.
    pub started_at: Timestamp,
    /// The same instant on the clock that nobody sets: no lease lapses within a full lease of it.
    pub began: Steady,
    /// Cancelled when the server begins to stop: streams end, robots are told to reconnect.
    pub stopping: CancellationToken,
}

/// Versions kept in memory: more than are in use at once almost anywhere, some KB each.
const CACHED_VERSIONS: usize = 1_000;

impl App {
    /// The shared state of a server on this store, woken by each of its commits.
    pub fn new(config: Config, store: Arc<dyn Store>, clock: Arc<dyn Clock>) -> Arc<Self> {
        let wakeups = Arc::new(Wakeups::default());
        let hub = Arc::new(Hub::default());
        let bells = Arc::clone(&wakeups);
        let streams = Arc::clone(&hub);
        store.on_commit(Arc::new(move |note| {
            bells.committed(note);
            streams.committed(note);
        }));
        Arc::new(Self {
            started_at: clock.now(),
            began: clock.steady(),
            store,
            clock,
            config,
            wakeups,
            hub,
            robots: Connections::default(),
            reporters: Default::default(),
            fleet: FleetView::default(),
            versions: Cache::of(CACHED_VERSIONS),
            decided_at: Default::default(),
            ended: Default::default(),
            histograms: Default::default(),
            stopping: CancellationToken::new(),
        })
    }

    /// Now, by the server's clock.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Now, by the clock that nobody sets.
    pub fn steady(&self) -> Steady {
        self.clock.steady()
    }

    /// What the time of day says, as it is set now, of an instant that this process has seen.
    pub fn day_of(&self, seen: Steady) -> Timestamp {
        let ago: SignedDuration = self.steady().since(seen);
        self.now().saturating_sub(ago).unwrap_or(Timestamp::MIN)
    }

    /// Ten random bytes, for a new id.
    pub fn entropy(&self) -> [u8; 10] {
        let mut bytes = [0; 10];
        getrandom::fill(&mut bytes).expect("the system gives randomness");
        bytes
    }

    /// An id for a message that goes to more than one robot.
    pub(crate) fn message_id(&self) -> uuid::Uuid {
        RunId::new(self.now(), self.entropy()).0
    }

    /// The robot's connection to this server, if it has one.
    pub fn connection(&self, robot: RobotId) -> Option<Arc<crate::robots::Connection>> {
        self.robots.get(robot)
    }
}
