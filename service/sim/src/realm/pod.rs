//! Pods: evicted, lost, made again by their workloads, started.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use plimsoll_domain::fleet::{LABEL_REGION, LABEL_ZONE};
use plimsoll_domain::workload::{DisruptionBudget, Pod, VolumeReach, WorkloadKind};
use plimsoll_domain::world::{ClusterError, Eviction};

use crate::common::{Common, Event};
use crate::manners::{POD_START_SECONDS, POD_STOP_SECONDS};
use crate::tally::{Cause, remember};

use super::Realm;

/// Labels that the API server copies from the node to a pod that it binds (PodTopologyLabels, Kubernetes 1.35).
const BOUND_LABELS: [&str; 2] = [LABEL_ZONE, LABEL_REGION];

/// Where a pod stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Waits for the scheduler.
    Pending,
    /// On a node, not yet through its probes.
    Starting,
    /// Serves.
    Healthy,
    /// On its way out.
    Terminating,
}

/// A pod and how it fares.
#[derive(Clone)]
pub(super) struct Life {
    pub pod: Pod,
    pub phase: Phase,
    /// The node whose own disk it has.
    pub home: Option<String>,
    /// Budgets that speak of it, by index.
    pub budgets: Vec<usize>,
    /// Whether it was noted that it finds no place.
    pub waits: bool,
    /// Whether its workload has one pod fewer without it.
    pub retired: bool,
    /// Whether it waits for a volume to come free.
    pub attaching: bool,
    /// Whether it should have ended, and a fault holds it.
    pub held: bool,
    pub serial: u64,
}

/// How a workload makes a pod again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Return {
    /// At once, under another name.
    AtOnce,
    /// Once it is gone, under its name.
    AfterGone,
    /// Once it is gone, on its node if that is there.
    OnItsNode,
    /// Never: nobody owns it.
    Never,
    /// Not any more: its workload was made smaller.
    Retired,
}

impl Life {
    fn returns(&self) -> Return {
        if self.retired {
            return Return::Retired;
        }
        match self.pod.owner.as_ref().map(|owner| owner.kind) {
            None => Return::Never,
            Some(WorkloadKind::StatefulSet) => Return::AfterGone,
            Some(WorkloadKind::DaemonSet | WorkloadKind::Node) => Return::OnItsNode,
            Some(_) => Return::AtOnce,
        }
    }

    /// Whether it is one of the pods that its workload has, or comes back as one under its name.
    pub fn is_member(&self) -> bool {
        match self.phase {
            Phase::Terminating => self.returns() == Return::AfterGone,
            Phase::Pending | Phase::Starting | Phase::Healthy => !self.retired,
        }
    }

    fn is_on(&self, node: &str) -> bool {
        self.pod.node.as_deref() == Some(node)
    }

    /// The pod as a snapshot shows it: see [`Pod::terminating`] for what becomes of a StatefulSet's.
    pub fn shown(&self) -> Pod {
        let mut pod = self.pod.clone();
        if self.phase == Phase::Terminating && self.returns() == Return::AfterGone {
            pod.terminating = false;
            if !has_local_disk(&pod) && pod.scheduling.beyond_us.is_none() {
                pod.node = None;
            }
        }
        pod
    }
}

impl Realm {
    /// Takes a pod in as it was seen.
    pub(super) fn adopt_pod(&mut self, pod: Pod, common: &mut Common) {
        let phase = match (pod.terminating, &pod.node) {
            (true, _) => Phase::Terminating,
            (false, Some(_)) => Phase::Healthy,
            (false, None) => Phase::Pending,
        };
        let home = pod.node.clone().filter(|_| has_local_disk(&pod));
        self.adopt_volumes(&pod);
        let key = self.insert(pod, phase, home);
        if phase == Phase::Terminating {
            self.stop(&key, common);
        }
    }

    /// Whether a pod serves: it passed its probes, and its node is ready.
    pub(super) fn is_healthy(&self, life: &Life) -> bool {
        let node = life.pod.node.as_ref().and_then(|name| self.node(name));
        life.phase == Phase::Healthy && node.is_some_and(|node| node.ready)
    }

    /// The eviction API. A pod that is not healthy may go as long as its budget is kept (`IfHealthyBudget`).
    pub fn evict(&mut self, key: &str, node: &str, common: &mut Common) -> Result<Eviction, ClusterError> {
        let Some(life) = self.pods.get(key).filter(|life| life.is_on(node)) else {
            return Ok(Eviction::Gone);
        };
        if life.phase == Phase::Terminating {
            return Ok(Eviction::Accepted);
        }
        match life.budgets[..] {
            [] => {}
            [budget] => {
                let takes = i64::from(self.is_healthy(life));
                let name = &self.budgets[budget].key;
                if common.faults.is_stuck(name) || self.room(budget) < takes {
                    self.count.refused();
                    return Ok(Eviction::Blocked(name.clone()));
                }
            }
            _ => return Err(ClusterError::Failed(format!("{key} has more than one disruption budget"))),
        }
        self.stop(key, common);
        Ok(Eviction::Accepted)
    }

    /// Lets a pod end that its workload does not want any more.
    pub(super) fn retire(&mut self, key: &str, common: &mut Common) {
        if let Some(life) = self.pods.get_mut(key) {
            life.retired = true;
            if life.phase != Phase::Terminating {
                self.stop(key, common);
            }
        }
    }

    /// Lets a pod end. A ReplicaSet and a Job do not wait for that to make another.
    fn stop(&mut self, key: &str, common: &mut Common) {
        let Some(life) = self.pods.get_mut(key) else { return };
        let was_leaving = std::mem::replace(&mut life.pod.terminating, true);
        life.phase = Phase::Terminating;
        let event = Event::PodGone { pod: key.to_owned(), serial: life.serial };
        let life = life.clone();
        common.after(self.dice.seconds(POD_STOP_SECONDS), &self.id, event);
        if !was_leaving && life.returns() == Return::AtOnce {
            self.make_again(&life, common);
        }
    }

    pub(super) fn pod_gone(&mut self, key: &str, serial: u64, common: &mut Common) {
        if self.pods.get(key).is_none_or(|life| life.serial != serial) {
            return;
        }
        if common.faults.holds_pod(key) {
            common.note(&self.id, format_args!("pod {key}: does not end"));
            self.pods.entry(key.to_owned()).and_modify(|life| life.held = true);
            return;
        }
        let Some(life) = self.pods.remove(key) else { return };
        self.release(&life.pod, common);
        self.unsettled = true;
        match life.returns() {
            Return::AtOnce | Return::Retired => {}
            Return::AfterGone => drop(self.make_again(&life, common)),
            Return::OnItsNode => {
                let node =
                    life.pod.node.clone().filter(|name| self.node(name).is_some_and(|node| node.ready));
                if let Some(node) = node {
                    let key = self.make_again(&life, common);
                    self.bind(&key, &node, common);
                }
            }
            Return::Never => common.note(&self.id, format_args!("pod {key}: gone for good, nobody owns it")),
        }
    }

    pub(super) fn pod_healthy(&mut self, key: &str, serial: u64, common: &mut Common) {
        let starting = |life: &&mut Life| life.serial == serial && life.phase == Phase::Starting;
        if let Some(life) = self.pods.get_mut(key).filter(starting) {
            life.phase = Phase::Healthy;
            common.note(&self.id, format_args!("pod {key}: healthy"));
        }
    }

    /// Pods on a node that do not go with it, and volumes that are still attached to it, `volume namespace/claim`.
    pub fn left_on(&self, node: &str) -> Vec<String> {
        let volumes = self.detaching(node).map(|(claim, _)| format!("volume {claim}"));
        self.pods_on(node).into_iter().chain(volumes).collect()
    }

    /// Pods on a node, those on their way out among them, that do not go with it.
    fn pods_on(&self, node: &str) -> Vec<String> {
        let stays = |life: &&Life| life.is_on(node) && life.returns() != Return::OnItsNode;
        self.pods.values().filter(stays).map(|life| life.pod.key()).collect()
    }

    /// Counts the pods that go down with a node, those that belong to it aside. One that was on its way out is lost, too:
    /// it had not ended yet.
    pub(super) fn count_lost(&mut self, node: &str, cause: Cause, common: &mut Common) {
        for pod in self.pods_on(node) {
            let lost = format!("{pod} on {node}");
            common.note(&self.id, format_args!("pod {lost}: lost"));
            match cause {
                Cause::Order => remember(&mut self.tally.pods_lost, lost),
                Cause::Reclaim => remember(&mut self.tally.pods_lost_by_reclaim, lost),
                Cause::Others => remember(&mut self.tally.pods_lost_by_others, lost),
            }
        }
    }

    /// Takes away what was on a node that is gone. Workloads make their pods again.
    pub(super) fn clear(&mut self, node: &str, common: &mut Common) {
        let on_it = self.pods.iter().filter(|(_, life)| life.is_on(node));
        let keys: Vec<String> = on_it.map(|(key, _)| key.clone()).collect();
        for key in keys {
            let Some(life) = self.pods.remove(&key) else { continue };
            let was_leaving = life.phase == Phase::Terminating;
            match life.returns() {
                Return::AtOnce if !was_leaving => drop(self.make_again(&life, common)),
                Return::AtOnce | Return::OnItsNode | Return::Retired => {}
                Return::AfterGone => drop(self.make_again(&life, common)),
                Return::Never => {
                    common.note(&self.id, format_args!("pod {key}: gone for good, nobody owns it"))
                }
            }
        }
        self.strand(node, common);
    }

    /// Makes a pod like one that leaves, or is gone; returns its key. It waits for the scheduler. Volumes stay with the
    /// claim, and so does a node's disk.
    fn make_again(&mut self, old: &Life, common: &mut Common) -> String {
        self.count.restarted();
        let mut pod = like(&old.pod, common.now);
        let keeps_name = pod
            .owner
            .as_ref()
            .is_some_and(|owner| matches!(owner.kind, WorkloadKind::StatefulSet | WorkloadKind::Node));
        if let Some(owner) = pod.owner.as_ref().filter(|_| !keeps_name) {
            pod.name = self.free_pod_name(&pod.namespace, &owner.name.clone());
        }
        let home = old.home.clone().or_else(|| old.pod.node.clone()).filter(|_| has_local_disk(&pod));
        self.unsettled = true;
        self.insert(pod, Phase::Pending, home)
    }

    /// `<workload>-<5 characters>`.
    pub(super) fn free_pod_name(&mut self, namespace: &str, workload: &str) -> String {
        loop {
            let name = format!("{workload}-{}", self.dice.suffix());
            if !self.pods.contains_key(&format!("{namespace}/{name}")) {
                return name;
            }
        }
    }

    /// Adds a pod; returns its key.
    pub(super) fn insert(&mut self, pod: Pod, phase: Phase, home: Option<String>) -> String {
        let speaks = |(index, budget): (usize, &DisruptionBudget)| {
            let its = budget.namespace == pod.namespace && budget.selector.matches(&pod.labels);
            its.then_some(index)
        };
        let budgets = self.rest.budgets.iter().enumerate().filter_map(speaks).collect();
        let (key, serial) = (pod.key(), self.next_serial());
        let life = Life {
            pod,
            phase,
            home,
            budgets,
            waits: false,
            retired: false,
            attaching: false,
            held: false,
            serial,
        };
        self.pods.insert(key.clone(), life);
        key
    }

    /// Puts a pod on a node, where it starts.
    pub(super) fn bind(&mut self, key: &str, node: &str, common: &mut Common) {
        let Some(life) = self.pods.get_mut(key) else { return };
        life.pod.node = Some(node.to_owned());
        life.phase = Phase::Starting;
        common.note(&self.id, format_args!("pod {key}: on {node}"));
        self.start(key, common);
    }

    /// A pod's containers start, after something else that takes its time.
    pub(super) fn begin(&mut self, key: &str, after: Option<RangeInclusive<u32>>, common: &mut Common) {
        let Some(life) = self.pods.get(key) else { return };
        let event = Event::PodHealthy { pod: key.to_owned(), serial: life.serial };
        let before = after.map(|range| self.dice.seconds(range)).unwrap_or_default();
        common.after(before + self.dice.seconds(POD_START_SECONDS), &self.id, event);
    }
}

/// A pod like another, pending, by the same name.
pub(super) fn like(old: &Pod, now: Timestamp) -> Pod {
    let mut pod = Pod { node: None, terminating: false, create_time: Some(now), ..old.clone() };
    pod.labels.retain(|label, _| !BOUND_LABELS.contains(&label.as_str()));
    pod
}

pub(super) fn has_local_disk(pod: &Pod) -> bool {
    pod.volumes.iter().any(|volume| volume.reach == VolumeReach::Local)
}
