//! How far a migration has come, and its single steps.

use std::cmp::Reverse;

use crate::plan::{Move, NodeRemoval};
use crate::workload::Pod;

use super::super::super::{NodeId, PodId, Simulation};
use super::super::Inputs;
use super::super::world::World;
use super::trip::{Trip, drawn_on};

/// Kept as a copy where steps may have to be taken back.
#[derive(Clone)]
pub(super) struct Stage {
    pub simulation: Simulation,
    /// Pods that are pending, with the budgets that speak of them: any of them takes an open node
    /// that suits it. Higher priority first.
    waiting: Vec<(PodId, Vec<usize>)>,
    /// Evictions that each budget allows while all its pods run, and its pods that are pending.
    budgets: Vec<(i32, i32)>,
    /// Nodes that leave, as long as they are there.
    pub leaving: Vec<NodeId>,
    pub moves: Vec<Move>,
    pub removals: Vec<NodeRemoval>,
}

impl Stage {
    /// Today's cluster and the new nodes.
    pub fn new(world: &World<'_>, inputs: &Inputs<'_>) -> Self {
        let mut simulation = world.simulation.clone();
        let mut pods: Vec<(PodId, &Pod)> = world.movers.iter().map(|it| (it.id, it.pod)).collect();
        pods.extend(world.placeless.iter().map(|pod| (simulation.add_pod(pod), *pod)));
        let mut waiting = Vec::new();
        let mut budgets: Vec<_> = inputs.state.budgets.iter().map(|budget| (budget.allowed, 0)).collect();
        for (id, pod) in pods {
            let home = pod.node.as_ref().and_then(|name| simulation.node(name));
            if let Some(node) = home {
                simulation.bind(id, node);
                continue;
            }
            let drawn: Vec<usize> = drawn_on(&inputs.state.budgets, pod).collect();
            for budget in &drawn {
                budgets[*budget].1 += 1;
            }
            waiting.push((id, drawn));
        }
        waiting.sort_by_key(|(pod, _)| Reverse(simulation.priority(*pod)));
        let names = inputs.state.nodes.iter().map(|node| node.name.as_str());
        let stays = |name: &str| inputs.nodes_after.iter().any(|node| node.name == name);
        let leaving = names.filter(|name| !stays(name)).filter_map(|name| simulation.node(name));
        let leaving = leaving.collect();
        Self { simulation, waiting, budgets, leaving, moves: Vec::new(), removals: Vec::new() }
    }

    /// Moves a pod to a node, if it may be evicted and would land there. Nothing moves if it is
    /// there already: a pod that was pending may have strayed there.
    pub fn go(&mut self, trip: &Trip<'_>, to: NodeId) -> bool {
        let from = self.simulation.node_of(trip.id);
        if from == Some(to) {
            return true;
        }
        if from.is_some() && self.evictable(trip).is_err() {
            return false;
        }
        self.simulation.evict(trip.id);
        let arrived = self.arrive(trip, from, to);
        if let (false, Some(from)) = (arrived, from) {
            self.simulation.bind(trip.id, from);
        }
        arrived
    }

    /// Opens a node for a pod that was evicted or waits, and writes down who went there: pods that
    /// wait take what is open, too, before it unless its priority is higher. False, and nothing
    /// happened: the pod would find no room.
    pub fn arrive(&mut self, trip: &Trip<'_>, from: Option<NodeId>, to: NodeId) -> bool {
        let priority = self.simulation.priority(trip.id);
        let others = self.waiting.iter().map(|(pod, _)| *pod).filter(|pod| *pod != trip.id);
        let (before, after): (Vec<PodId>, Vec<PodId>) =
            others.partition(|pod| priority <= self.simulation.priority(*pod));
        let strays = self.stray(before, to);
        if !self.simulation.accepts(trip.id, to) {
            for stray in strays {
                self.simulation.evict(stray);
            }
            return false;
        }
        self.simulation.bind(trip.id, to);
        let late = self.stray(after, to);
        for pod in strays {
            self.write_down(pod, None, to);
        }
        self.write_down(trip.id, from, to);
        for pod in late {
            self.write_down(pod, None, to);
        }
        true
    }

    /// Binds those of some pending pods that a node takes; returns them.
    fn stray(&mut self, mut pods: Vec<PodId>, to: NodeId) -> Vec<PodId> {
        pods.retain(|pod| {
            let accepted = self.simulation.accepts(*pod, to);
            if accepted {
                self.simulation.bind(*pod, to);
            }
            accepted
        });
        pods
    }

    fn write_down(&mut self, pod: PodId, from: Option<NodeId>, to: NodeId) {
        if let Some(at) = self.waiting.iter().position(|(waiting, _)| *waiting == pod) {
            for budget in self.waiting.remove(at).1 {
                self.budgets[budget].1 -= 1;
            }
        }
        let name = |node| self.simulation.node_name(node).to_owned();
        let pod = self.simulation.pod_key(pod).to_owned();
        self.moves.push(Move { pod, from: from.map(name), to: name(to) });
    }

    /// Moves a pod to any node but one.
    pub fn park(&mut self, blocker: &Trip<'_>, but: NodeId) -> bool {
        self.simulation.evict(blocker.id);
        let nodes: Vec<NodeId> = self.simulation.accepting(blocker.id).collect();
        self.simulation.bind(blocker.id, but);
        nodes.into_iter().any(|node| node != but && self.go(blocker, node))
    }

    /// Whether a trip could end now.
    pub fn would_go(&mut self, trip: &Trip<'_>) -> bool {
        let from = self.simulation.node_of(trip.id);
        if from.is_some() && self.evictable(trip).is_err() {
            return false;
        }
        self.simulation.evict(trip.id);
        let would = self.simulation.accepts(trip.id, trip.target);
        if let Some(from) = from {
            self.simulation.bind(trip.id, from);
        }
        would
    }

    /// Whether a running pod may be evicted now; else why not.
    pub fn evictable(&self, trip: &Trip<'_>) -> Result<(), &'static str> {
        if trip.pod.owner.is_none() {
            return Err("nobody would create it again");
        }
        if trip.pod.do_not_disrupt.is_some() {
            return Err("it must not be disrupted");
        }
        match trip.budgets.as_slice() {
            [] => Ok(()),
            [budget] => {
                let (allowed, pending) = self.budgets[*budget];
                if pending < allowed { Ok(()) } else { Err("its disruption budget allows no eviction") }
            }
            _ => Err("it has more than one disruption budget, so the API server refuses to evict it"),
        }
    }

    /// Takes a drained node out of the cluster, with the pods that are its own.
    pub fn remove(&mut self, node: NodeId) {
        let own: Vec<PodId> = self.simulation.pods_on(node).collect();
        for pod in own {
            self.simulation.evict(pod);
        }
        self.simulation.set_present(node, false);
        self.leaving.retain(|leaving| *leaving != node);
        self.removals.push(NodeRemoval {
            node: self.simulation.node_name(node).to_owned(),
            before_move: u32::try_from(self.moves.len()).unwrap_or(u32::MAX),
        });
    }

    /// What keeps a pod from its target.
    pub fn obstacle(&mut self, trip: &Trip<'_>) -> String {
        let from = self.simulation.node_of(trip.id);
        if let (Some(_), Err(why)) = (from, self.evictable(trip)) {
            return why.to_owned();
        }
        self.simulation.evict(trip.id);
        let reasons = self.simulation.reasons(trip.id, trip.target);
        if let Some(from) = from {
            self.simulation.bind(trip.id, from);
        }
        if reasons.is_empty() {
            return "another pending pod would take its room".to_owned();
        }
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        format!("{}: {}", self.simulation.node_name(trip.target), reasons.join(", "))
    }
}
