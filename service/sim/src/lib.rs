//! A pretended world: clouds and clusters that behave like the real ones, seeded and on virtual time.
//!
//! It answers as AWS and Kubernetes would, with their delays, their refusals and the stock scheduler, but it never
//! touches anything outside its own memory, except for the journal file of [`Sim::open`]. The same seed and the same calls
//! at the same virtual times make the same world. Start at [`Sim`]; [`contract`] is what every world has to keep.
//!
//! What it does not pretend: rebalance recommendations and EKS's own draining of spot machines, preemption,
//! rollouts, autoscalers of nodes, and network. What happens by itself is the [`Weather`], and a [`Demand`] that moves; the
//! default is a quiet world.

mod act;
mod chance;
mod clock;
mod cloud;
mod cluster;
mod common;
pub mod contract;
mod demand;
mod dice;
mod fault;
mod faults;
mod journal;
mod manners;
mod market;
mod realm;
mod rehearsal;
mod simulator;
mod tally;
mod universe;
mod weather;

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::World;

use crate::act::Act;
use crate::journal::Journal;
use crate::universe::Universe;

pub use crate::chance::Targets;
pub use crate::clock::{Pace, SimClock};
pub use crate::demand::Demand;
pub use crate::fault::{Call, Edit, Fault};
pub use crate::journal::OpenError;
pub use crate::tally::Tally;
pub use crate::weather::{Origin, RECLAIMS_FACTOR_MAX, Weather};

/// Many simulated clusters and the cloud they live in. Clones are the same world.
///
/// The world moves when it is looked at: each call first lets everything happen that was due until its clock's time.
#[derive(Clone)]
pub struct Sim {
    universe: Arc<Mutex<Universe>>,
    clock: SimClock,
    /// Of clusters that are loaded through [`plimsoll_domain::world::Simulator`].
    demand: Demand,
}

impl Sim {
    /// An empty, quiet world that is kept in memory only.
    pub fn new(start: Timestamp, seed: u64, pace: Pace) -> Self {
        Self::begin(&Origin::quiet(start, seed), pace)
    }

    /// An empty world that is kept in memory only.
    pub fn begin(origin: &Origin, pace: Pace) -> Self {
        let universe = Arc::new(Mutex::new(Universe::new(origin)));
        Self { universe, clock: SimClock::new(origin.start, pace), demand: Demand::Still }
    }

    /// As [`Sim::open_or_begin`], a quiet world if the file is not there.
    ///
    /// # Errors
    /// The same.
    pub fn open(path: &Path, start: Timestamp, seed: u64, pace: Pace) -> Result<Self, OpenError> {
        Self::open_or_begin(path, &Origin::quiet(start, seed), pace)
    }

    /// The world of a journal file, which begins with this origin if it is not there. A file that is there has its own
    /// origin, and that holds.
    ///
    /// Each call that changed the world is on disk before it is answered. Opened again, the world is what it was, at a time
    /// not before any at which it was looked at, and up to a minute later.
    ///
    /// # Errors
    /// [`OpenError`] if the file cannot be read or written, is no journal, or is open already.
    pub fn open_or_begin(path: &Path, origin: &Origin, pace: Pace) -> Result<Self, OpenError> {
        let (journal, past) = Journal::open(path, origin)?;
        let mut universe = Universe::new(&past.origin);
        let now = universe.replay(past.lines);
        universe.keep(journal);
        let clock = SimClock::new(past.origin.start, pace);
        clock.advance_to(now);
        Ok(Self { universe: Arc::new(Mutex::new(universe)), clock, demand: Demand::Still })
    }

    /// The same, where the demand of clusters that the service loads from now on is such.
    #[must_use]
    pub fn with_demand(self, demand: Demand) -> Self {
        Self { demand, ..self }
    }

    /// This world as operations see it.
    pub fn world(&self) -> World {
        World {
            cloud: Arc::new(self.clone()),
            cluster: Arc::new(self.clone()),
            prices: Arc::new(self.clone()),
            metrics: Arc::new(self.clone()),
            clock: Arc::new(self.clock.clone()),
            estate: None,
        }
    }

    /// Its time.
    pub fn clock(&self) -> SimClock {
        self.clock.clone()
    }

    /// Takes in a cluster as it was seen, in place of one loaded before. Node groups are those that its nodes name; all
    /// pods on ready nodes are taken for healthy; a node without a provider id gets one.
    ///
    /// # Errors
    /// Only if the journal cannot be written.
    pub fn load(&self, cluster: &ClusterId, state: ClusterState) -> std::io::Result<()> {
        self.load_with(cluster, state, Demand::Still)
    }

    /// The same, with demand that moves.
    ///
    /// # Errors
    /// As [`Sim::load`].
    pub fn load_with(&self, cluster: &ClusterId, state: ClusterState, demand: Demand) -> std::io::Result<()> {
        self.at_now(|universe| {
            universe.load(cluster, state.clone(), demand);
            let load = Act::Load { cluster: cluster.clone(), state: Box::new(state), demand };
            universe.record(load).map_err(|refusal| std::io::Error::other(refusal.to_string()))
        })
    }

    /// The sizes that the groups of a cluster are asked to have, by name. Empty for a cluster that is not here.
    pub fn sizes(&self, cluster: &ClusterId) -> Vec<(String, u32)> {
        self.at_now(|universe| universe.realms.get(cluster).map(realm::Realm::sizes).unwrap_or_default())
    }

    /// Lets something go wrong from now on.
    pub fn fault(&self, fault: Fault) {
        self.at_now(|universe| {
            universe.strike(&fault);
            // A journal that cannot be written refuses every later call.
            fault.is_of_the_world().then(|| universe.record(Act::Fault { fault }))
        });
    }

    /// Ends every fault of this kind on the same thing, whatever its count.
    pub fn lift(&self, fault: Fault) {
        self.at_now(|universe| {
            universe.lift(&fault);
            fault.is_of_the_world().then(|| universe.record(Act::Lift { fault }))
        });
    }

    /// What was counted in a cluster since it was loaded, independently of what calls answered.
    pub fn tally(&self, cluster: &ClusterId) -> Tally {
        self.at_now(|universe| {
            let now = universe.common.now;
            universe.realms.get(cluster).map(|realm| realm.tally(now)).unwrap_or_default()
        })
    }

    /// What happened, a line each, for people who read a failed test. Only the newest lines are kept.
    pub fn journal(&self) -> String {
        self.at_now(|universe| universe.common.log.text())
    }

    /// Lets everything happen that is due, then asks.
    fn at_now<R>(&self, ask: impl FnOnce(&mut Universe) -> R) -> R {
        let mut universe = self.universe.lock().unwrap_or_else(PoisonError::into_inner);
        universe.advance(self.clock.now());
        while let Some(jump) = universe.common.jump.take() {
            self.clock.skip(jump);
            universe.advance(self.clock.now());
        }
        universe.lease();
        ask(&mut universe)
    }
}
