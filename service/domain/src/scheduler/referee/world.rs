//! The fleet before and after the plan, as simulations to start from.

use crate::fleet::Node;
use crate::workload::{DaemonSet, Pod, WorkloadKind};

use super::super::{NodeId, PodId, Simulation};
use super::Inputs;

/// A pod that moves on its own, rather than coming and going with its node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Mover<'a> {
    pub id: PodId,
    pub pod: &'a Pod,
    /// Where the plan wants it.
    pub target: NodeId,
}

/// Nodes with their own pods (DaemonSets, static pods), and the pods that move.
pub(super) struct World<'a> {
    pub simulation: Simulation,
    /// By namespace and name; pending in `simulation`.
    pub movers: Vec<Mover<'a>>,
    /// Pods that the plan gives no place.
    pub placeless: Vec<&'a Pod>,
}

impl<'a> World<'a> {
    /// The planned nodes.
    pub fn after(inputs: &Inputs<'a>) -> Self {
        Self::new(inputs, inputs.nodes_after.iter())
    }

    /// Today's nodes and the new ones.
    pub fn between(inputs: &Inputs<'a>) -> Self {
        let new = inputs.nodes_after.iter().filter(|node| is_new(inputs, node));
        Self::new(inputs, inputs.state.nodes.iter().chain(new))
    }

    fn new<'n>(inputs: &Inputs<'a>, nodes: impl Iterator<Item = &'n Node>) -> Self {
        let mut simulation = Simulation::new(&inputs.state.namespaces, inputs.settings);
        for node in nodes {
            let id = simulation.add_node(node);
            add_own_pods(&mut simulation, inputs, node, id);
        }
        let mut world = Self { simulation, movers: Vec::new(), placeless: Vec::new() };
        for pod in inputs.state.pods.iter().filter(|pod| !pod.terminating && !belongs_to_node(pod)) {
            let target = target(inputs, pod).and_then(|name| world.simulation.node(name));
            match target {
                Some(target) => {
                    world.movers.push(Mover { id: world.simulation.add_pod(pod), pod, target });
                }
                None => world.placeless.push(pod),
            }
        }
        world
    }

    /// The fleet with every pod where the plan wants it.
    pub fn settled(&self) -> Simulation {
        let mut simulation = self.simulation.clone();
        for mover in &self.movers {
            simulation.bind(mover.id, mover.target);
        }
        simulation
    }
}

/// Whether a node joins with the plan.
pub(super) fn is_new(inputs: &Inputs<'_>, node: &Node) -> bool {
    !inputs.state.nodes.iter().any(|known| known.name == node.name)
}

fn belongs_to_node(pod: &Pod) -> bool {
    let kinds = [WorkloadKind::DaemonSet, WorkloadKind::Node];
    pod.owner.as_ref().is_some_and(|owner| kinds.contains(&owner.kind))
}

/// The planned node that a pod is to run on; none if the plan has none for it.
fn target<'a>(inputs: &Inputs<'a>, pod: &'a Pod) -> Option<&'a str> {
    let name = inputs.assignment.get(&pod.key()).or(pod.node.as_ref())?;
    inputs.nodes_after.iter().any(|node| node.name == *name).then_some(name)
}

/// Gives a node the pods that come with it: those that run there, or for a new node one of every
/// DaemonSet that would.
pub(super) fn add_own_pods(simulation: &mut Simulation, inputs: &Inputs<'_>, node: &Node, id: NodeId) {
    if is_new(inputs, node) {
        for set in &inputs.state.daemon_sets {
            let pod = simulation.add_pod(&daemon_pod(inputs, set, node));
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
    let owner = set.reference();
    let sibling = inputs.state.pods.iter().find(|pod| pod.owner.as_ref() == Some(&owner));
    set.pod(format!("{}-{}", set.name, node.name), sibling)
}
