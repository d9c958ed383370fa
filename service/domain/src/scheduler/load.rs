//! What changes: which pod is where, what that leaves of each node, and the tallies.

use std::collections::BTreeMap;

use crate::workload::HostPort;

use super::facts::{CPU, Facts, MEMORY};

/// What runs on a node.
#[derive(Clone, Debug, Default)]
pub(super) struct Load {
    /// Whether the node is part of the cluster.
    pub present: bool,
    pub cordoned: bool,
    /// Requests of its pods, by resource; shorter than the list of resources if none asks.
    pub used: Vec<i64>,
    /// CPU in milli and memory in bytes as scores count them.
    pub scored: [i64; 2],
    pub ports: Vec<HostPort>,
    /// How many of its pods mount a claim.
    pub claims: BTreeMap<usize, u32>,
    /// Claims attached, by driver.
    pub attached: BTreeMap<usize, i64>,
}

impl Load {
    /// What its pods ask for of a resource.
    pub fn used(&self, resource: usize) -> i64 {
        self.used.get(resource).copied().unwrap_or(0)
    }
}

/// A pod, placed or pending.
#[derive(Clone, Debug)]
pub(super) struct PodLoad {
    pub class: usize,
    pub node: Option<usize>,
    pub terminating: bool,
    /// The node that holds its local volume.
    pub home: Option<usize>,
    /// Claims that take up attachments: driver and claim.
    pub claims: Vec<(usize, usize)>,
    pub priority: i32,
}

/// The changing half of a simulation.
#[derive(Clone, Debug, Default)]
pub(super) struct State {
    pub nodes: Vec<Load>,
    pub pods: Vec<PodLoad>,
    /// By tally and node.
    pub tallies: Vec<Vec<i64>>,
}

impl State {
    /// Makes room for tallies that came with a new class, counting the pods that are placed.
    pub fn grow_tallies(&mut self, facts: &Facts) {
        let known = self.tallies.len();
        if known == facts.tallies.len() {
            return;
        }
        self.tallies.resize(facts.tallies.len(), vec![0; self.nodes.len()]);
        for pod in 0..self.pods.len() {
            if let Some(node) = self.pods[pod].node {
                self.count(facts, pod, node, 1, known);
            }
        }
    }

    /// Takes in a node, empty and present.
    pub fn add_node(&mut self, cordoned: bool) {
        self.nodes.push(Load { present: true, cordoned, ..Load::default() });
        for tally in &mut self.tallies {
            tally.push(0);
        }
    }

    /// Puts a pending pod on a node, whatever filters say.
    pub fn place(&mut self, facts: &Facts, pod: usize, node: usize) {
        assert!(self.pods[pod].node.is_none(), "a pod is placed once");
        self.shift(facts, pod, node, 1);
        self.pods[pod].node = Some(node);
    }

    /// Takes a pod off its node; returns the node, or none if the pod was pending.
    pub fn take(&mut self, facts: &Facts, pod: usize) -> Option<usize> {
        let node = self.pods[pod].node.take()?;
        self.shift(facts, pod, node, -1);
        Some(node)
    }

    fn shift(&mut self, facts: &Facts, pod: usize, node: usize, sign: i64) {
        self.count(facts, pod, node, sign, 0);
        let class = &facts.classes[self.pods[pod].class];
        let load = &mut self.nodes[node];
        for (resource, amount) in &class.requests {
            if load.used.len() <= *resource {
                load.used.resize(resource + 1, 0);
            }
            load.used[*resource] = load.used[*resource].saturating_add(sign * amount);
        }
        for index in [CPU, MEMORY] {
            load.scored[index] = load.scored[index].saturating_add(sign * class.key.scored[index]);
        }
        for port in class.ports() {
            if sign > 0 {
                load.ports.push(port.clone());
            } else if let Some(at) = load.ports.iter().position(|taken| taken == port) {
                load.ports.swap_remove(at);
            }
        }
        for (driver, claim) in &self.pods[pod].claims {
            if sign > 0 { load.attach(*driver, *claim) } else { load.detach(*driver, *claim) }
        }
    }

    fn count(&mut self, facts: &Facts, pod: usize, node: usize, sign: i64, from: usize) {
        let terminating = self.pods[pod].terminating;
        for (tally, weight) in &facts.classes[self.pods[pod].class].adds {
            if *tally < from || (terminating && facts.tallies[*tally].skips_terminating()) {
                continue;
            }
            let count = &mut self.tallies[*tally][node];
            *count = count.saturating_add(sign * weight);
        }
    }
}

impl Load {
    fn attach(&mut self, driver: usize, claim: usize) {
        let mounts = self.claims.entry(claim).or_insert(0);
        *mounts += 1;
        if *mounts == 1 {
            *self.attached.entry(driver).or_insert(0) += 1;
        }
    }

    fn detach(&mut self, driver: usize, claim: usize) {
        let Some(mounts) = self.claims.get_mut(&claim) else { return };
        *mounts -= 1;
        if *mounts == 0 {
            self.claims.remove(&claim);
            *self.attached.entry(driver).or_insert(0) -= 1;
        }
    }
}
