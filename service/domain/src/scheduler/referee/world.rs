//! The fleet after the plan, as simulations to start from.

use std::sync::Arc;

use crate::fleet::Node;
use crate::workload::{DaemonSet, Pod, WorkloadKind, WorkloadRef};

use super::super::{NodeId, PodId, Simulation};
use super::Inputs;

/// A pod that is no part of a node: it moves.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mover<'a> {
    pub id: PodId,
    pub pod: &'a Pod,
    /// Where the plan wants it.
    pub target: NodeId,
}

/// The planned nodes with their own pods (DaemonSets, static pods), and the pods that move.
pub(super) struct World<'a> {
    /// Movers are pending.
    pub empty: Simulation,
    /// By namespace and name.
    pub movers: Vec<Mover<'a>>,
}

impl<'a> World<'a> {
    /// Builds the fleet of a plan. Pods that are being deleted, and pods without a place in the
    /// plan, are left out.
    pub fn new(inputs: &Inputs<'a>) -> Self {
        let mut empty = Simulation::new(&inputs.state.namespaces, inputs.settings);
        for node in inputs.nodes_after {
            let id = empty.add_node(node);
            add_own_pods(&mut empty, inputs, node, id);
        }
        let movers = inputs.state.pods.iter().filter(|pod| moves(pod));
        let movers = movers
            .filter_map(|pod| {
                let target = target(inputs, pod).and_then(|name| empty.node(name))?;
                Some(Mover { id: empty.add_pod(pod), pod, target })
            })
            .collect();
        Self { empty, movers }
    }
}

/// Whether a pod is moved on its own, rather than with its node.
pub(super) fn moves(pod: &Pod) -> bool {
    !pod.terminating && !belongs_to_node(pod)
}

fn belongs_to_node(pod: &Pod) -> bool {
    let kinds = [WorkloadKind::DaemonSet, WorkloadKind::Node];
    pod.owner.as_ref().is_some_and(|owner| kinds.contains(&owner.kind))
}

/// The node that the plan wants a pod on.
pub(super) fn target<'a>(inputs: &Inputs<'a>, pod: &'a Pod) -> Option<&'a str> {
    inputs.assignment.get(&pod.key()).or(pod.node.as_ref()).map(String::as_str)
}

/// Gives a node the pods that come with it: those that run there, or for a new node one of every
/// DaemonSet that would.
pub(super) fn add_own_pods(simulation: &mut Simulation, inputs: &Inputs<'_>, node: &Node, id: NodeId) {
    let is_new = !inputs.state.nodes.iter().any(|known| known.name == node.name);
    if is_new {
        for set in &inputs.state.daemon_sets {
            let pod = daemon_pod(inputs, set, node);
            let pod = simulation.add_pod(&pod);
            if simulation.accepts(pod, id) {
                simulation.bind(pod, id);
            }
        }
        return;
    }
    let here = |pod: &&Pod| pod.node.as_deref() == Some(&node.name) && !pod.terminating;
    for pod in inputs.state.pods.iter().filter(|pod| belongs_to_node(pod)).filter(here) {
        let pod = simulation.add_pod(pod);
        simulation.bind(pod, id);
    }
}

/// The pod that a DaemonSet would put on a node, with the labels of its siblings.
fn daemon_pod(inputs: &Inputs<'_>, set: &DaemonSet, node: &Node) -> Pod {
    let owner = WorkloadRef {
        kind: WorkloadKind::DaemonSet,
        namespace: set.namespace.clone(),
        name: set.name.clone(),
    };
    let sibling = inputs.state.pods.iter().find(|pod| pod.owner.as_ref() == Some(&owner));
    Pod {
        namespace: set.namespace.clone(),
        name: format!("{}-{}", set.name, node.name),
        labels: sibling.map(|pod| pod.labels.clone()).unwrap_or_default(),
        owner: Some(owner),
        node: None,
        requests: set.requests.clone(),
        containers: sibling.map(|pod| pod.containers.clone()).unwrap_or_default(),
        scheduling: Arc::clone(&set.scheduling),
        volumes: Vec::new(),
        priority: sibling.map_or(0, |pod| pod.priority),
        create_time: None,
        do_not_disrupt: None,
        terminating: false,
    }
}
