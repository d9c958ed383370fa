//! One simulated cluster: its groups, machines and pods, and what happens to them.
//!
//! Everything random is drawn from the realm's own dice, and only where something happens; reading changes nothing. So
//! a realm depends on its seed and on what was done to it when, and on nothing else.

mod autoscale;
mod budget;
mod group;
mod look;
mod machine;
mod mishap;
mod pod;
mod schedule;
mod toll;

use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{CloudError, MachineLife};

use crate::act::Order;
use crate::common::{Common, Event};
use crate::dice::Dice;
use crate::tally::Tally;

use autoscale::Scaler;
use budget::Budget;
use group::Group;
use look::Look;
use machine::Machine;
use pod::Life;
use toll::Count;

/// A cluster.
pub(crate) struct Realm {
    id: ClusterId,
    dice: Dice,
    /// By name.
    groups: BTreeMap<String, Group>,
    /// By provider id.
    machines: BTreeMap<String, Machine>,
    /// Provider id of each node's machine, by name.
    homes: BTreeMap<String, String>,
    /// By `namespace/name`.
    pods: BTreeMap<String, Life>,
    budgets: Vec<Budget>,
    look: Look,
    /// What nothing here changes: all of the cluster but nodes and pods.
    rest: ClusterState,
    tally: Tally,
    count: Count,
    scalers: Vec<Scaler>,
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
            dice: Dice::new(seed, id.as_str()),
            groups: BTreeMap::new(),
            machines: BTreeMap::new(),
            homes: BTreeMap::new(),
            pods: BTreeMap::new(),
            budgets: state.budgets.iter().map(Budget::new).collect(),
            look: Look::from(&nodes),
            rest: state,
            tally: Tally::default(),
            count: Count::new(common.now),
            scalers: Vec::new(),
            ended: Vec::new(),
            unsettled: true,
            serial: 0,
        };
        realm.adopt_groups(&nodes);
        for node in nodes {
            realm.adopt_node(node, common.now);
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
        for machine in self.machines.values().filter(|machine| !machine.stopping) {
            machine.bill(now, &mut tally);
        }
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
            Event::PodHealthy { pod, serial } => self.pod_healthy(&pod, serial, common),
            Event::PodGone { pod, serial } => self.pod_gone(&pod, serial, common),
            Event::Autoscale => self.autoscale(common),
            Event::Begin { trouble } => self.begin(&trouble, common),
            Event::End { trouble } => self.end(&trouble, common),
            Event::Reclaim { provider_id } => self.lose(&provider_id, true, common),
        }
    }

    /// What follows from a change at once: budgets are watched, and pods that wait are placed.
    pub fn settle(&mut self, common: &mut Common) {
        self.watch_budgets(common);
        if std::mem::take(&mut self.unsettled) {
            self.schedule(common);
        }
        self.count(common.now);
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
