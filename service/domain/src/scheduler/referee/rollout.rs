//! The rollout of one workload, with its own surge and its own patience.

use std::sync::Arc;

use crate::selector::{LabelSelector, Labels};
use crate::workload::{Pod, Workload, WorkloadKind};

use super::super::class::REVISION_LABEL;
use super::super::{PodId, Simulation};
use super::world::Mover;

/// What the next revision is labelled with. No real hash looks like it.
const NEXT_REVISION: &str = "next";
/// Most rounds of a rollout: each replaces at least one pod, or the rollout is stuck.
const ROUNDS_MAX: usize = 100_000;

/// Rolls a workload out and leaves the simulation as it is then. Returns the pods that wait for a
/// place when nothing moves any more, each with the pod that it replaces.
pub(super) fn roll<'a>(
    simulation: &mut Simulation,
    workload: &Workload,
    movers: &[&Mover<'a>],
) -> Vec<(PodId, &'a Pod)> {
    if workload.reference.kind == WorkloadKind::StatefulSet {
        return restart_in_order(simulation, movers);
    }
    Rollout::new(workload, movers).run(simulation)
}

/// Takes away what the rollout brought, and puts the pods back where the plan wants them.
pub(super) fn undo(simulation: &mut Simulation, movers: &[&Mover<'_>]) {
    for mover in movers {
        if let Some(next) = simulation.pod(&next_revision(mover.pod).key()) {
            simulation.evict(next);
        }
        simulation.bind(mover.id, mover.target);
    }
}

/// A StatefulSet restarts its pods from the last to the first, and waits for each.
fn restart_in_order<'a>(simulation: &mut Simulation, movers: &[&Mover<'a>]) -> Vec<(PodId, &'a Pod)> {
    for mover in movers.iter().rev() {
        simulation.evict(mover.id);
        if simulation.schedule(mover.id).is_err() {
            return vec![(mover.id, mover.pod)];
        }
    }
    Vec::new()
}

struct Rollout<'a> {
    replicas: usize,
    surge: usize,
    unavailable: usize,
    /// Pods of the old revision that still run.
    old: Vec<PodId>,
    /// Pods whose successors are still to be created.
    to_come: Vec<&'a Pod>,
    waiting: Vec<(PodId, &'a Pod)>,
    ready: usize,
}

impl<'a> Rollout<'a> {
    fn new(workload: &Workload, movers: &[&Mover<'a>]) -> Self {
        let surge = usize::try_from(workload.max_surge).unwrap_or(0);
        let unavailable = usize::try_from(workload.max_unavailable).unwrap_or(0);
        Self {
            replicas: movers.len(),
            surge,
            // Kubernetes does not let both be zero: it raises the second.
            unavailable: if surge == 0 { unavailable.max(1) } else { unavailable },
            old: movers.iter().rev().map(|mover| mover.id).collect(),
            to_come: movers.iter().rev().map(|mover| mover.pod).collect(),
            waiting: Vec::new(),
            ready: 0,
        }
    }

    fn run(mut self, simulation: &mut Simulation) -> Vec<(PodId, &'a Pod)> {
        for _ in 0..ROUNDS_MAX {
            let before = (self.old.len(), self.to_come.len(), self.waiting.len());
            self.create(simulation);
            self.place(simulation);
            self.retire(simulation);
            if before == (self.old.len(), self.to_come.len(), self.waiting.len()) {
                break;
            }
        }
        self.waiting
    }

    /// Creates pods up to `replicas` plus the surge.
    fn create(&mut self, simulation: &mut Simulation) {
        while self.old.len() + self.ready + self.waiting.len() < self.replicas.saturating_add(self.surge) {
            let Some(pod) = self.to_come.pop() else { return };
            self.waiting.push((simulation.add_pod(&next_revision(pod)), pod));
        }
    }

    fn place(&mut self, simulation: &mut Simulation) {
        let before = self.waiting.len();
        self.waiting.retain(|(pod, _)| simulation.schedule(*pod).is_err());
        self.ready += before - self.waiting.len();
    }

    /// Deletes old pods as long as enough others run.
    fn retire(&mut self, simulation: &mut Simulation) {
        let needed = self.replicas.saturating_sub(self.unavailable);
        while needed < self.old.len() + self.ready {
            let Some(pod) = self.old.pop() else { return };
            simulation.evict(pod);
        }
    }
}

/// The pod that replaces another in a rollout: its revision differs, also where rules name it.
fn next_revision(pod: &Pod) -> Pod {
    let mut next = pod.clone();
    next.name = format!("{}-{NEXT_REVISION}", pod.name);
    let Some(old) = rename(&mut next.labels) else { return next };
    let rules = Arc::make_mut(&mut next.scheduling);
    let spreads = rules.spreads.iter_mut().map(|spread| &mut spread.selector);
    let required = rules.pod_affinity.iter_mut().chain(&mut rules.pod_anti_affinity);
    let preferred = rules.preferred_pod_terms.iter_mut().map(|(_, term)| term);
    let terms = required.chain(preferred).map(|term| &mut term.selector);
    for selector in spreads.chain(terms) {
        replace(selector, &old);
    }
    next
}

/// Changes the revision in labels; returns the old one, if there is any.
fn rename(labels: &mut Labels) -> Option<String> {
    let revision = labels.get_mut(REVISION_LABEL)?;
    Some(std::mem::replace(revision, NEXT_REVISION.to_owned()))
}

fn replace(selector: &mut LabelSelector, old: &str) {
    let about = selector.requirements.iter_mut().filter(|requirement| requirement.key == REVISION_LABEL);
    for value in about.flat_map(|requirement| &mut requirement.values).filter(|value| *value == old) {
        NEXT_REVISION.clone_into(value);
    }
}
