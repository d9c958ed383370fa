//! All clusters of a world and what moves them on: time, calls, and the replay of calls.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{CloudError, ClusterError, Eviction};

use crate::act::{Act, Line, Order};
use crate::common::Common;
use crate::demand::Demand;
use crate::fault::{Call, Refusal};
use crate::journal::Journal;
use crate::realm::Realm;

/// The world behind a lock.
pub(crate) struct Universe {
    seed: u64,
    pub realms: BTreeMap<ClusterId, Realm>,
    pub common: Common,
    journal: Option<Journal>,
}

impl Universe {
    /// Nothing yet.
    pub fn new(start: Timestamp, seed: u64) -> Self {
        Self { seed, realms: BTreeMap::new(), common: Common::new(start), journal: None }
    }

    /// Does again what was done; returns how far time has come. What the acts answer was answered then.
    pub fn replay(&mut self, lines: Vec<Line>) -> Timestamp {
        let mut leased = Timestamp::MIN;
        for Line { at, act } in lines {
            self.advance(at);
            match act {
                Act::Load { cluster, state, demand } => self.load(&cluster, *state, demand),
                Act::Order { cluster, order } => drop(self.order(&cluster, &order)),
                Act::Cordon { cluster, node, cordoned } => drop(self.cordon(&cluster, &node, cordoned)),
                Act::Evict { cluster, pod, node } => drop(self.evict(&cluster, &pod, &node)),
                Act::Fault { fault } => self.common.faults.add(&fault),
                Act::Lift { fault } => self.common.faults.lift(&fault),
                Act::Lease { until } => leased = until,
            }
        }
        self.advance(leased);
        self.common.now
    }

    /// Writes what is done from now on into a journal.
    pub fn keep(&mut self, journal: Journal) {
        self.journal = Some(journal);
    }

    /// Lets everything happen that is due until `now`, in the order of time.
    pub fn advance(&mut self, now: Timestamp) {
        while let Some((time, due)) = self.common.agenda.due(now) {
            self.common.now = time;
            let mut touched = BTreeSet::new();
            for (cluster, event) in due {
                if let Some(realm) = self.realms.get_mut(&cluster) {
                    realm.happen(event, &mut self.common);
                    touched.insert(cluster);
                }
            }
            for cluster in touched {
                self.settle(&cluster);
            }
        }
        self.common.now = self.common.now.max(now);
    }

    /// Promises the journal that time is not looked at beyond what it knows.
    pub fn lease(&mut self) {
        if let Some(journal) = &mut self.journal {
            journal.lease(self.common.now);
        }
    }

    /// Whether a call reaches the world.
    pub fn admit(&mut self, call: Call) -> Result<(), Refusal> {
        self.journal.as_ref().map_or(Ok(()), Journal::sound)?;
        self.common.faults.before(call)
    }

    /// Writes down what was done.
    pub fn record(&mut self, act: Act) -> Result<(), Refusal> {
        let line = Line { at: self.common.now, act };
        self.journal.as_mut().map_or(Ok(()), |journal| journal.record(&line))
    }

    /// Takes a cluster in.
    pub fn load(&mut self, cluster: &ClusterId, state: ClusterState, demand: Demand) {
        self.common.agenda.forget(cluster);
        let mut realm = Realm::adopt(cluster, state, self.seed, &mut self.common);
        realm.follow(demand, self.seed, &mut self.common);
        self.realms.insert(cluster.clone(), realm);
        self.settle(cluster);
    }

    /// Tells the cloud.
    pub fn order(&mut self, cluster: &ClusterId, order: &Order) -> Result<(), CloudError> {
        let Some(realm) = self.realms.get_mut(cluster) else {
            return Err(CloudError::Failed(format!("{} does not exist", cluster.name())));
        };
        let result = realm.order(order, &mut self.common);
        match &result {
            Ok(()) => self.common.note(cluster, order),
            Err(error) => self.common.note(cluster, format_args!("{order}: refused: {error}")),
        }
        self.settle(cluster);
        result
    }

    /// Cordons a node, or lifts that.
    pub fn cordon(&mut self, cluster: &ClusterId, node: &str, cordoned: bool) -> Result<(), ClusterError> {
        let realm = self.realms.get_mut(cluster).ok_or_else(|| unknown(cluster))?;
        if realm.set_cordoned(node, cordoned) {
            let what = if cordoned { "cordoned" } else { "opened" };
            self.common.note(cluster, format_args!("node {node}: {what}"));
        }
        self.settle(cluster);
        Ok(())
    }

    /// Evicts a pod.
    pub fn evict(&mut self, cluster: &ClusterId, pod: &str, node: &str) -> Result<Eviction, ClusterError> {
        let realm = self.realms.get_mut(cluster).ok_or_else(|| unknown(cluster))?;
        let result = realm.evict(pod, node, &mut self.common);
        self.common.note(cluster, format_args!("evict {pod} from {node}: {result:?}"));
        self.settle(cluster);
        result
    }

    /// What follows from a change at once.
    fn settle(&mut self, cluster: &ClusterId) {
        if let Some(realm) = self.realms.get_mut(cluster) {
            realm.settle(&mut self.common);
        }
    }
}

/// There is no such cluster.
pub(crate) fn unknown(cluster: &ClusterId) -> ClusterError {
    ClusterError::NotFound(cluster.name())
}
