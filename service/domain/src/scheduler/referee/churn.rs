//! Churn on the planned fleet: restarts, rollouts, and the loss of any one node.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use crate::plan::{RefereeReport, Stranding};
use crate::workload::{Pod, WorkloadKind, WorkloadRef};

use super::super::{NodeId, PodId, Simulation};
use super::cold::schedule_all;
use super::world::{Mover, World};
use super::{Inputs, rollout};

/// Most looks of a pod at a node in each of the three parts. A look takes about 0.15 µs, so a part
/// stays below a second; 1,200 pods on 100 nodes need 120,000 and are never sampled.
pub const LOOKS_MAX: usize = 5_000_000;

/// Fills in the churn part of the report.
pub(super) fn judge(world: &World<'_>, inputs: &Inputs<'_>, report: &mut RefereeReport) {
    let settled = world.settled();
    restart_all(world, &settled, inputs, report);
    lose_each_node(world, &settled, inputs, report);
    roll_each_workload(world, settled, inputs, report);
    report.churn_stranded = report
        .strandings
        .iter()
        .filter(|stranding| stranding.event != super::STEERING)
        .map(|stranding| stranding.pod.clone())
        .collect();
    report.churn_stranded.sort();
    report.churn_stranded.dedup();
}

/// Every how many-th of a part's pieces is tried, so that the part stays below [`LOOKS_MAX`].
fn stride(world: &World<'_>, nodes: usize) -> usize {
    world.movers.len().saturating_mul(nodes).div_ceil(LOOKS_MAX).max(1)
}

/// Notes which share of a part's pieces was tried, unless it is all of them.
fn note(report: &mut RefereeReport, part: &str, tried: u32, total: usize) {
    if usize::try_from(tried).is_ok_and(|tried| tried < total) {
        report.omissions.push(format!("{part}: {tried} of {total} tried"));
    }
}

/// Restarts one pod after another; whoever finds no place waits for the next chance.
fn restart_all(world: &World<'_>, settled: &Simulation, inputs: &Inputs<'_>, report: &mut RefereeReport) {
    let mut simulation = settled.clone();
    let mut waiting = Vec::new();
    for mover in world.movers.iter().step_by(stride(world, inputs.nodes_after.len())) {
        if (inputs.stop)() {
            break;
        }
        simulation.evict(mover.id);
        waiting.push(mover.id);
        waiting = schedule_all(&mut simulation, waiting);
        report.churn_tried.restarts += 1;
    }
    for mover in world.movers.iter().filter(|mover| waiting.contains(&mover.id)) {
        strand(&mut simulation, mover.id, mover.pod, "restarts one after another", report);
    }
    note(report, "restarts", report.churn_tried.restarts, world.movers.len());
}

/// Loses each node in turn; it comes back, empty, after its pods looked for another place.
fn lose_each_node(world: &World<'_>, settled: &Simulation, inputs: &Inputs<'_>, report: &mut RefereeReport) {
    let mut simulation = settled.clone();
    let mut on_node: BTreeMap<NodeId, Vec<&Mover<'_>>> = BTreeMap::new();
    for mover in &world.movers {
        on_node.entry(mover.target).or_default().push(mover);
    }
    let step = stride(world, inputs.nodes_after.len());
    for (node, victims) in on_node.iter().step_by(step) {
        if (inputs.stop)() {
            break;
        }
        lose(&mut simulation, *node, victims, report);
        report.churn_tried.losses += 1;
    }
    note(report, "losses of a node", report.churn_tried.losses, on_node.len());
}

fn lose(simulation: &mut Simulation, node: NodeId, victims: &[&Mover<'_>], report: &mut RefereeReport) {
    let here: Vec<PodId> = simulation.pods_on(node).collect();
    for pod in &here {
        simulation.evict(*pod);
    }
    simulation.set_present(node, false);
    let mut queue: Vec<PodId> = victims.iter().map(|mover| mover.id).collect();
    queue.sort_by_key(|pod| Reverse(simulation.priority(*pod)));
    let own: Vec<PodId> = here.into_iter().filter(|pod| !queue.contains(pod)).collect();
    let waiting = schedule_all(simulation, queue);
    simulation.set_present(node, true);
    for pod in own {
        simulation.bind(pod, node);
    }
    let waiting = schedule_all(simulation, waiting);
    let event = format!("loss of node {}", simulation.node_name(node));
    for mover in victims {
        if waiting.contains(&mover.id) {
            strand(simulation, mover.id, mover.pod, &event, report);
        }
    }
    for mover in victims {
        simulation.bind(mover.id, node);
    }
}

fn roll_each_workload(
    world: &World<'_>,
    mut simulation: Simulation,
    inputs: &Inputs<'_>,
    report: &mut RefereeReport,
) {
    let mut pods: BTreeMap<&WorkloadRef, Vec<&Mover<'_>>> = BTreeMap::new();
    for mover in &world.movers {
        if let Some(owner) = &mover.pod.owner {
            pods.entry(owner).or_default().push(mover);
        }
    }
    let rolling = [WorkloadKind::Deployment, WorkloadKind::StatefulSet];
    let workloads = inputs.state.workloads.iter();
    let rolled: Vec<_> = workloads
        .filter(|workload| rolling.contains(&workload.reference.kind))
        .filter_map(|workload| Some((workload, pods.get(&workload.reference)?)))
        .collect();
    for (workload, movers) in rolled.iter().step_by(stride(world, inputs.nodes_after.len())) {
        if (inputs.stop)() {
            break;
        }
        let reference = &workload.reference;
        let event = format!("rollout of {}/{}", reference.namespace, reference.name);
        let waiting = rollout::roll(&mut simulation, workload, movers);
        for (id, pod) in waiting {
            strand(&mut simulation, id, pod, &event, report);
        }
        rollout::undo(&mut simulation, movers);
        report.churn_tried.rollouts += 1;
    }
    note(report, "rollouts", report.churn_tried.rollouts, rolled.len());
}

/// Reports a pod that stays pending.
fn strand(simulation: &mut Simulation, id: PodId, pod: &Pod, event: &str, report: &mut RefereeReport) {
    // It was refused before and nothing changed since, so this only asks for the words again.
    let message = simulation.schedule(id).err().map(|refusal| refusal.to_string()).unwrap_or_default();
    report.strandings.push(Stranding { event: event.to_owned(), pod: pod.key(), message });
}
