//! Nodes, pods and the scheduling cycle.

use std::collections::BTreeMap;
use std::sync::Arc;

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::fleet::Node;
use crate::selector::Labels;
use crate::snapshot::ClusterState;
use crate::workload::{Pod, VolumeReach};

use super::class::ClassKey;
use super::facts::Facts;
use super::filter::Cycle;
use super::load::{PodLoad, State};
use super::reason::{Reason, Unschedulable};
use super::{Settings, score};

/// Feasible nodes that are always looked for before the search may end. Source: kube-scheduler
/// `schedule_one.go`, minFeasibleNodesToFind.
const FEASIBLE_MIN: usize = 100;
/// Least percentage of nodes that is looked for. Source: the same, minFeasibleNodesPercentageToFind.
const FEASIBLE_PERCENT_MIN: usize = 5;

/// A node of a [`Simulation`]. Valid in its clones, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct NodeId(usize);

/// A pod of a [`Simulation`]. Valid in its clones, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PodId(usize);

/// A cluster with a stock scheduler. Cloning is cheap: what does not change is shared.
#[derive(Clone, Debug)]
pub struct Simulation {
    facts: Arc<Facts>,
    state: State,
    settings: Settings,
    random: SmallRng,
    /// Order in which nodes are looked at, and where the next cycle begins.
    walk: Arc<Vec<usize>>,
    next: usize,
    nodes: Arc<BTreeMap<String, NodeId>>,
    keys: Arc<Vec<String>>,
    pods: Arc<BTreeMap<String, PodId>>,
}

impl Simulation {
    /// An empty cluster with these namespaces (labels by name).
    pub fn new(namespaces: &BTreeMap<String, Labels>, settings: Settings) -> Self {
        Self {
            facts: Arc::new(Facts::new(namespaces)),
            state: State::default(),
            settings,
            random: SmallRng::seed_from_u64(settings.seed),
            walk: Arc::default(),
            next: 0,
            nodes: Arc::default(),
            keys: Arc::default(),
            pods: Arc::default(),
        }
    }

    /// A cluster as it was seen: its nodes, and its pods where they run, unchecked.
    pub fn of(cluster: &ClusterState, settings: Settings) -> Self {
        let mut simulation = Self::new(&cluster.namespaces, settings);
        for node in &cluster.nodes {
            simulation.add_node(node);
        }
        for pod in &cluster.pods {
            let id = simulation.add_pod(pod);
            let node = pod.node.as_ref().and_then(|name| simulation.node(name));
            if let Some(node) = node {
                simulation.bind(id, node);
            }
        }
        simulation
    }

    /// Adds a node, empty. A second node of the same name hides the first from [`Self::node`].
    pub fn add_node(&mut self, node: &Node) -> NodeId {
        let facts = Arc::make_mut(&mut self.facts);
        let id = NodeId(facts.add_node(node));
        self.walk = Arc::new(facts.walk());
        self.state.add_node(node.unschedulable);
        Arc::make_mut(&mut self.nodes).insert(node.name.clone(), id);
        id
    }

    /// Adds a pod, pending, wherever it may have run. Its local volumes stay on `pod.node`.
    pub fn add_pod(&mut self, pod: &Pod) -> PodId {
        let is_local = pod.volumes.iter().any(|volume| volume.reach == VolumeReach::Local);
        let home = pod.node.as_ref().filter(|_| is_local).and_then(|name| self.node(name));
        let facts = Arc::make_mut(&mut self.facts);
        let class = facts.class(ClassKey::of(pod));
        let limited = pod.volumes.iter().filter(|volume| !volume.driver.is_empty());
        let claims = limited
            .map(|volume| (facts.drivers.intern(&volume.driver), facts.claims.intern(&volume.claim)))
            .collect();
        let id = PodId(self.state.pods.len());
        self.state.grow_tallies(facts);
        self.state.pods.push(PodLoad {
            class,
            node: None,
            terminating: pod.terminating,
            home: home.map(|home| home.0),
            claims,
            priority: pod.priority,
        });
        Arc::make_mut(&mut self.keys).push(pod.key());
        Arc::make_mut(&mut self.pods).insert(pod.key(), id);
        id
    }

    /// The node of this name.
    pub fn node(&self, name: &str) -> Option<NodeId> {
        self.nodes.get(name).copied()
    }

    /// The pod `namespace/name`.
    pub fn pod(&self, key: &str) -> Option<PodId> {
        self.pods.get(key).copied()
    }

    /// The nodes that are part of the cluster, in the order in which they were added.
    pub fn nodes(&self) -> impl Iterator<Item = NodeId> {
        let nodes = self.state.nodes.iter().enumerate();
        nodes.filter(|(_, node)| node.present).map(|(index, _)| NodeId(index))
    }

    /// The name of a node.
    pub fn node_name(&self, node: NodeId) -> &str {
        &self.facts.nodes[node.0].node.name
    }

    /// `namespace/name` of a pod.
    pub fn pod_key(&self, pod: PodId) -> &str {
        &self.keys[pod.0]
    }

    /// Where a pod is; none while it is pending.
    pub fn node_of(&self, pod: PodId) -> Option<NodeId> {
        self.state.pods[pod.0].node.map(NodeId)
    }

    /// The pods on a node, in the order in which they were added.
    pub fn pods_on(&self, node: NodeId) -> impl Iterator<Item = PodId> {
        let pods = self.state.pods.iter().enumerate();
        pods.filter(move |(_, pod)| pod.node == Some(node.0)).map(|(index, _)| PodId(index))
    }

    /// A pod's priority; higher goes first.
    pub fn priority(&self, pod: PodId) -> i32 {
        self.state.pods[pod.0].priority
    }

    /// Puts a pod on a node, whatever filters say; takes it off the node where it is, if any.
    pub fn bind(&mut self, pod: PodId, node: NodeId) {
        self.state.take(&self.facts, pod.0);
        self.state.place(&self.facts, pod.0, node.0);
    }

    /// Takes a pod off its node, which is returned; it is pending then.
    pub fn evict(&mut self, pod: PodId) -> Option<NodeId> {
        self.state.take(&self.facts, pod.0).map(NodeId)
    }

    /// Cordons a node, or lifts the cordon.
    pub fn set_cordoned(&mut self, node: NodeId, cordoned: bool) {
        self.state.nodes[node.0].cordoned = cordoned;
    }

    /// Makes a node part of the cluster, or not. Pods on it have to be taken off by the caller.
    pub fn set_present(&mut self, node: NodeId, present: bool) {
        self.state.nodes[node.0].present = present;
    }

    /// Starts the random choices anew.
    pub fn reseed(&mut self, seed: u64) {
        self.random = SmallRng::seed_from_u64(seed);
        self.next = 0;
    }

    /// What speaks against a node for a pod that is pending, in the scheduler's words.
    pub fn reasons(&self, pod: PodId, node: NodeId) -> Vec<Reason> {
        self.cycle(pod).reasons(node.0)
    }

    /// Whether all filters accept a node for a pod that is pending.
    pub fn accepts(&self, pod: PodId, node: NodeId) -> bool {
        self.state.nodes[node.0].present && self.cycle(pod).accepts(node.0)
    }

    /// The nodes that all filters accept for a pod that is pending.
    pub fn accepting(&self, pod: PodId) -> impl Iterator<Item = NodeId> {
        let cycle = self.cycle(pod);
        self.nodes().filter(move |node| cycle.accepts(node.0))
    }

    /// The nodes among which the scheduler would choose at random for a pod that is pending, if it
    /// looked at all nodes. Empty: none takes it.
    pub fn favourites(&self, pod: PodId) -> Vec<NodeId> {
        let cycle = self.cycle(pod);
        let accepted: Vec<usize> = self.nodes().map(|node| node.0).filter(|it| cycle.accepts(*it)).collect();
        best(&cycle, &accepted, &self.settings).into_iter().map(NodeId).collect()
    }

    /// What the scheduler knows when it comes to a pending pod.
    pub(super) fn cycle(&self, pod: PodId) -> Cycle<'_> {
        Cycle::new(&self.facts, &self.state, &self.state.pods[pod.0])
    }

    /// Lets the scheduler place a pending pod.
    ///
    /// # Errors
    /// [`Unschedulable`] tells what speaks against every node.
    pub fn schedule(&mut self, pod: PodId) -> Result<NodeId, Unschedulable> {
        let cycle = Cycle::new(&self.facts, &self.state, &self.state.pods[pod.0]);
        let present = self.state.nodes.iter().filter(|node| node.present).count();
        let (feasible, looked_at) = feasible(&cycle, &self.walk, self.next, enough(present));
        if feasible.is_empty() {
            return Err(unschedulable(&cycle));
        }
        let equals = best(&cycle, &feasible, &self.settings);
        let chosen = equals[self.random.random_range(0..equals.len())];
        self.next = (self.next + looked_at) % self.walk.len().max(1);
        self.state.place(&self.facts, pod.0, chosen);
        Ok(NodeId(chosen))
    }
}

/// How many feasible nodes a cycle looks for in a cluster of so many nodes: all below 100, a share
/// that falls from 50 to 5 percent above, and never fewer than 100.
fn enough(nodes: usize) -> usize {
    let percent = 50_usize.saturating_sub(nodes / 125).max(FEASIBLE_PERCENT_MIN);
    (nodes * percent / 100).max(FEASIBLE_MIN)
}

/// Feasible nodes, in the order in which they were met, and how many nodes were looked at.
fn feasible(cycle: &Cycle<'_>, walk: &[usize], next: usize, enough: usize) -> (Vec<usize>, usize) {
    let mut found = Vec::new();
    let mut looked_at = 0;
    for node in walk.iter().cycle().skip(next).take(walk.len()) {
        looked_at += 1;
        if cycle.state.nodes[*node].present && cycle.accepts(*node) {
            found.push(*node);
        }
        if found.len() == enough {
            break;
        }
    }
    (found, looked_at)
}

fn unschedulable(cycle: &Cycle<'_>) -> Unschedulable {
    let mut answer = Unschedulable::default();
    for node in 0..cycle.state.nodes.len() {
        if !cycle.state.nodes[node].present {
            continue;
        }
        answer.node_count += 1;
        for reason in cycle.reasons(node) {
            *answer.reasons.entry(reason).or_insert(0) += 1;
        }
    }
    answer
}

/// The nodes with the highest total, of several that the filters accept.
fn best(cycle: &Cycle<'_>, nodes: &[usize], settings: &Settings) -> Vec<usize> {
    if let [only] = nodes {
        return vec![*only];
    }
    let totals = score::totals(cycle, nodes, settings);
    let highest = totals.iter().max();
    nodes.iter().zip(&totals).filter(|(_, total)| Some(*total) == highest).map(|(node, _)| *node).collect()
}
