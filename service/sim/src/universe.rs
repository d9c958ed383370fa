//! All clusters of a world and what moves them on: time, calls, and the replay of calls.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{CloudError, ClusterError, Eviction};

use crate::act::{Act, Line, Order};
use crate::common::{Common, Due};
use crate::demand::Demand;
use crate::fault::{Call, Fault};
use crate::faults::Refusal;
use crate::journal::Journal;
use crate::market::Pool;
use crate::realm::Realm;
use crate::weather::Origin;

/// The world behind a lock.
pub(crate) struct Universe {
    seed: u64,
    pub realms: BTreeMap<ClusterId, Realm>,
    pub common: Common,
    journal: Option<Journal>,
}

impl Universe {
    /// Nothing yet.
    pub fn new(origin: &Origin) -> Self {
        Self { seed: origin.seed, realms: BTreeMap::new(), common: Common::new(origin), journal: None }
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
                Act::Fault { fault } => self.strike(&fault),
                Act::Lift { fault } => self.lift(&fault),
                Act::Lease { until } => leased = until,
            }
        }
        self.advance(leased);
        // Where the clock jumped then, it is already.
        self.common.jump = None;
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
            for due in due {
                match due {
                    Due::Event(cluster, event) => {
                        if let Some(realm) = self.realms.get_mut(&cluster) {
                            realm.happen(event, &mut self.common);
                            touched.insert(cluster);
                        }
                    }
                    Due::Fault(fault) => self.strike(&fault),
                    Due::Relief(fault) => self.lift(&fault),
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
        self.common.faults.before(call, self.common.now)
    }

    /// Writes down what was done.
    pub fn record(&mut self, act: Act) -> Result<(), Refusal> {
        let line = Line { at: self.common.now, act };
        self.journal.as_mut().map_or(Ok(()), |journal| journal.record(&line))
    }

    /// Something goes wrong.
    pub fn strike(&mut self, fault: &Fault) {
        self.common.faults.add(fault, self.common.now);
        match fault {
            Fault::SpotReclaim { instance_type, zone, count } => {
                let pool = Pool::new(instance_type, zone);
                for realm in self.realms.values_mut() {
                    realm.take_back(&pool, *count, &mut self.common);
                }
            }
            Fault::NodeLoss { cluster, node } => self.in_cluster(cluster, |realm, common| {
                realm.break_node(node, common);
            }),
            Fault::Foreign { cluster, edit } => self.in_cluster(cluster, |realm, common| {
                realm.edited(edit, common);
            }),
            Fault::ClockJump { seconds } => {
                *self.common.jump.get_or_insert_default() += Duration::from_secs((*seconds).into());
            }
            Fault::Later { seconds, fault } => {
                let span = SignedDuration::from_secs((*seconds).into());
                self.common.wrong_after(span, Fault::clone(fault));
            }
            _ => {}
        }
    }

    /// Faults of a kind on a thing end.
    pub fn lift(&mut self, fault: &Fault) {
        self.common.faults.lift(fault);
        for realm in self.realms.values_mut() {
            realm.let_go(&mut self.common);
        }
    }

    /// Something happens in a cluster, if there is one.
    fn in_cluster(&mut self, cluster: &ClusterId, happens: impl FnOnce(&mut Realm, &mut Common)) {
        if let Some(realm) = self.realms.get_mut(cluster) {
            happens(realm, &mut self.common);
        }
        self.settle(cluster);
    }

    /// Takes a cluster in.
    pub fn load(&mut self, cluster: &ClusterId, state: ClusterState, demand: Demand) {
        self.common.agenda.forget(cluster);
        if let Some(old) = self.realms.remove(cluster) {
            old.vanish(&mut self.common.market);
        }
        let mut realm = Realm::adopt(cluster, state, self.seed, &mut self.common);
        realm.follow(demand, &mut self.common);
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
