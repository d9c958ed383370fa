//! One simulated cluster: its groups, machines and pods, and what happens to them.
//!
//! Everything random is drawn from the realm's own dice, and only where something happens; reading changes nothing. So
//! a realm depends on its seed and on what was done to it when, and on nothing else.

mod autoscale;
mod budget;
mod group;
mod harm;
mod look;
mod machine;
mod pod;
mod schedule;
mod spot;
mod toll;
mod usage;
mod volume;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{CloudError, MachineLife};

use crate::act::Order;
use crate::common::{Common, Event};
use crate::demand::Demand;
use crate::dice::Dice;
use crate::market::Pool;
use crate::tally::{Cause, Meter, Tally};

use autoscale::Scaler;
use budget::Budget;
use group::Group;
use look::Look;
use machine::Machine;
use pod::Life;
use toll::Count;
use volume::Attachment;

/// A cluster.
pub(crate) struct Realm {
    id: ClusterId,
    seed: u64,
    dice: Dice,
    /// By name.
    groups: BTreeMap<String, Group>,
    /// By provider id.
    machines: BTreeMap<String, Machine>,
    /// Provider id of each node's machine, by name.
    homes: BTreeMap<String, String>,
    /// By `namespace/name`.
    pods: BTreeMap<String, Life>,
    /// By claim.
    volumes: BTreeMap<String, Attachment>,
    budgets: Vec<Budget>,
    look: Look,
    /// What nothing here changes: all of the cluster but nodes and pods.
    rest: ClusterState,
    tally: Tally,
    count: Count,
    demand: Demand,
    scalers: Vec<Scaler>,
    /// Machines that run, by group and type.
    meters: BTreeMap<(String, String), Meter>,
    /// Whose doing it is that pods may be unhealthy now.
    blame: Cause,
    /// Pools whose next squeeze is due.
    watched: BTreeSet<Pool>,
    /// Machines that were terminated.
    ended: Vec<MachineLife>,
    /// Whether a pod that waits might find a place now.
    unsettled: bool,
    /// The last number given to a group, a machine or a pod.
    serial: u64,
}

impl Realm {
    /// Takes a cluster in as it was seen.
    pub fn adopt(id: &ClusterId, mut state: ClusterState, seed: u64, common: &mut Common) -> Self {
        let (nodes, pods) = (std::mem::take(&mut state.nodes), std::mem::take(&mut state.pods));
        common.note(id, format_args!("loaded with {} nodes and {} pods", nodes.len(), pods.len()));
        let mut realm = Self {
            id: id.clone(),
            seed,
            dice: Dice::new(seed, id.as_str()),
            groups: BTreeMap::new(),
            machines: BTreeMap::new(),
            homes: BTreeMap::new(),
            pods: BTreeMap::new(),
            volumes: BTreeMap::new(),
            budgets: state.budgets.iter().map(Budget::new).collect(),
            look: Look::from(&nodes),
            rest: state,
            tally: Tally::default(),
            count: Count::new(common.now),
            demand: Demand::Still,
            scalers: Vec::new(),
            meters: BTreeMap::new(),
            blame: Cause::Order,
            watched: BTreeSet::new(),
            ended: Vec::new(),
            unsettled: true,
            serial: 0,
        };
        realm.adopt_groups(&nodes, common.now);
        for node in nodes {
            realm.adopt_node(node, common);
        }
        for pod in pods {
            realm.adopt_pod(pod, common);
        }
        realm.found_budgets();
        realm
    }

    /// The cluster as its API server shows it.
    pub fn state(&self) -> ClusterState {
        let mut nodes: Vec<Node> = self.nodes().cloned().collect();
        nodes.sort_by(|a, b| a.name.cmp(&b.name));
        let mut pods: Vec<_> = self.pods.values().map(Life::shown).collect();
        pods.sort_by(|a, b| (&a.namespace, &a.name).cmp(&(&b.namespace, &b.name)));
        ClusterState { nodes, pods, ..self.rest.clone() }
    }

    /// What was counted until now.
    pub fn tally(&self, now: Timestamp) -> Tally {
        let mut tally = self.tally.clone();
        let totals = self.meters.iter().map(|(key, meter)| (key.clone(), meter.total(now)));
        tally.node_time = totals.collect();
        tally
    }

    /// Does what the cloud is told.
    pub fn order(&mut self, order: &Order, common: &mut Common) -> Result<(), CloudError> {
        match order {
            Order::EnsureGroup { spec } => self.ensure_group(spec, common),
            Order::EnsureSize { group, count } => self.ensure_size(group, *count, common),
            Order::EnsureInstanceGone { group, provider_id } => {
                self.ensure_instance_gone(group, provider_id, common)
            }
            Order::GiveUpMissing { group } => self.give_up_missing(group),
            Order::EnsureGroupGone { group } => self.ensure_group_gone(group, common),
        }
    }

    /// Something happens by itself.
    pub fn happen(&mut self, event: Event, common: &mut Common) {
        match event {
            Event::GroupActive { group, serial } => self.group_active(&group, serial, common),
            Event::GroupGone { group, serial } => self.group_gone(&group, serial, common),
            Event::Retry { group, serial } => self.retry_launch(&group, serial, common),
            Event::Join { provider_id } => self.join(&provider_id, common),
            Event::NodeGone { provider_id } => self.node_gone(&provider_id, common),
            Event::Squeeze { pool, number } => self.squeezed(&pool, number, common),
            Event::Reclaim { provider_id } => self.reclaimed(&provider_id, common),
            Event::Broken { provider_id } => self.broken(&provider_id, common),
            Event::PodHealthy { pod, serial } => self.pod_healthy(&pod, serial, common),
            Event::VolumeFree { claim, serial } => self.volume_free(&claim, serial, common),
            Event::PodGone { pod, serial } => self.pod_gone(&pod, serial, common),
            Event::Autoscale => self.autoscale(common),
        }
    }

    /// What follows from a change at once: budgets are watched, and pods that wait are placed.
    pub fn settle(&mut self, common: &mut Common) {
        self.watch_budgets(common);
        self.blame = Cause::Order;
        if std::mem::take(&mut self.unsettled) {
            self.schedule(common);
        }
        self.count(common.now);
    }

    /// How long something of the cloud takes.
    fn takes(&mut self, range: RangeInclusive<u32>, common: &Common) -> SignedDuration {
        self.dice.seconds(range) * common.faults.slowness()
    }

    fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.machines.values().filter_map(|machine| machine.node.as_ref())
    }

    fn node(&self, name: &str) -> Option<&Node> {
        self.machines.get(self.homes.get(name)?)?.node.as_ref()
    }

    fn next_serial(&mut self) -> u64 {
        self.serial += 1;
        self.serial
    }
}
