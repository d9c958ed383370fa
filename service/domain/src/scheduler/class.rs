//! Pods that the scheduler treats alike.

use std::sync::Arc;

use crate::fleet::{LABEL_REGION, LABEL_ZONE};
use crate::resources::Resources;
use crate::selector::Labels;
use crate::workload::{HostPort, Pod, Scheduling, VolumeReach, WorkloadKind, WorkloadRef};

/// CPU that scoring assumes of a container that asks for none. Source: kube-scheduler
/// `util/pod_resources.go`, DefaultMilliCPURequest.
const ASSUMED_CPU_MILLI: i64 = 100;
/// Memory that scoring assumes of a container that asks for none. Source: the same,
/// DefaultMemoryRequest (200 MiB).
const ASSUMED_MEMORY_BYTES: i64 = 200 * 1024 * 1024;
/// Label by which a Deployment tells its revisions apart.
pub(super) const REVISION_LABEL: &str = "pod-template-hash";

/// Labels that the API server copies from the node to a pod when it is bound (PodTopologyLabels, on
/// by default from 1.35 on). A pod that is created again does not have them.
const BOUND_LABELS: [&str; 2] = [LABEL_ZONE, LABEL_REGION];

/// Everything of a pod that the scheduler looks at, beside its name and its claims.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct ClassKey {
    pub namespace: String,
    pub labels: Labels,
    pub owner: Option<WorkloadRef>,
    pub requests: Resources,
    /// CPU in milli and memory in bytes that scores count with: never zero.
    pub scored: [i64; 2],
    /// The same while it is pending: what is stated for a pod as a whole does not count then. Source: kube-scheduler
    /// `noderesources/fit.go`, whose scorers are not told of pod-level resources (1.36).
    pub scored_pending: [i64; 2],
    pub scheduling: Arc<Scheduling>,
    pub reaches: Vec<VolumeReach>,
}

impl ClassKey {
    /// The class of a pod.
    pub fn of(pod: &Pod) -> Self {
        let mut reaches: Vec<_> = pod.volumes.iter().map(|volume| volume.reach.clone()).collect();
        reaches.sort();
        reaches.dedup();
        Self {
            namespace: pod.namespace.clone(),
            labels: own_labels(pod),
            owner: pod.owner.clone(),
            requests: pod.requests.clone(),
            scored: scored_running(pod),
            scored_pending: scored_pending(pod),
            scheduling: Arc::clone(&pod.scheduling),
            reaches,
        }
    }

    /// The revision of its workload; empty where the workload has none.
    pub fn revision(&self) -> &str {
        self.labels.get(REVISION_LABEL).map_or("", String::as_str)
    }

    /// The workload whose pods kube-scheduler spreads if they declare no spread themselves: what a
    /// ReplicaSet or a StatefulSet owns.
    pub fn spread_by_default(&self) -> Option<&WorkloadRef> {
        let kinds = [WorkloadKind::Deployment, WorkloadKind::ReplicaSet, WorkloadKind::StatefulSet];
        let owner = self.owner.as_ref().filter(|owner| kinds.contains(&owner.kind));
        owner.filter(|_| self.scheduling.spreads.is_empty())
    }
}

fn own_labels(pod: &Pod) -> Labels {
    let own = pod.labels.iter().filter(|(key, _)| !BOUND_LABELS.contains(&key.as_str()));
    own.map(|(key, value)| (key.clone(), value.clone())).collect()
}

/// What scores count a pod with that runs: its containers, and at least what is asked for as a whole.
fn scored_running(pod: &Pod) -> [i64; 2] {
    let [cpu, memory] = scored_containers(pod);
    [
        assumed(cpu.max(pod.requests.cpu_milli), ASSUMED_CPU_MILLI),
        assumed(memory.max(pod.requests.memory_bytes), ASSUMED_MEMORY_BYTES),
    ]
}

/// What scores count a pod with that is pending: its containers, where they are known.
fn scored_pending(pod: &Pod) -> [i64; 2] {
    if pod.containers.is_empty() { scored_running(pod) } else { scored_containers(pod) }
}

/// The most that containers need at a time. Those that ask for nothing are assumed to need a little, those that run to their
/// end before the others start, too.
fn scored_containers(pod: &Pod) -> [i64; 2] {
    let peak = |amount: fn(&Resources) -> i64, default: i64| {
        let (mut running, mut peak) = (0_i64, 0_i64);
        for container in &pod.containers {
            let with_it = running.saturating_add(assumed(amount(&container.requests), default));
            peak = peak.max(with_it);
            if !container.init {
                running = with_it;
            }
        }
        peak
    };
    [
        peak(|amount| amount.cpu_milli, ASSUMED_CPU_MILLI),
        peak(|amount| amount.memory_bytes, ASSUMED_MEMORY_BYTES),
    ]
}

fn assumed(asked: i64, default: i64) -> i64 {
    if asked == 0 { default } else { asked }
}

/// A spread constraint, its names resolved.
#[derive(Clone, Debug)]
pub(super) struct Spread {
    /// Index of its topology.
    pub topology: usize,
    /// Index of the tally of the pods that count.
    pub tally: usize,
    pub max_skew: i64,
    pub min_domains: i64,
    pub honor_affinity: bool,
    pub honor_taints: bool,
    /// Whether a pod of the class counts itself.
    pub selects_itself: bool,
}

/// A term of affinity, its names resolved.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    /// Index of its topology.
    pub topology: usize,
    /// Index of the tally to look at.
    pub tally: usize,
}

/// A class with everything resolved to indices.
#[derive(Clone, Debug)]
pub(super) struct Class {
    pub key: ClassKey,
    /// Index of its site.
    pub site: usize,
    /// What it asks for, by resource, without zeros.
    pub requests: Vec<(usize, i64)>,
    pub required_spreads: Vec<Spread>,
    pub soft_spreads: Vec<Spread>,
    /// Whether nodes without all topology keys are left out of the soft spread: so for declared
    /// constraints, not for the default ones.
    pub soft_needs_all_keys: bool,
    /// Topologies of the required affinity, and the tally of pods that meet all its terms.
    pub affinity: Option<(Vec<usize>, usize)>,
    /// Whether its own pods meet its required affinity.
    pub attracts_itself: bool,
    pub anti_affinity: Vec<Term>,
    /// Required anti-affinity of others that speaks of this class.
    pub repelled_by: Vec<Term>,
    /// Preferred terms with their weights, negative for anti-affinity.
    pub preferred: Vec<(i64, Term)>,
    /// Wishes of others that speak of this class.
    pub pulled_by: Vec<Term>,
    /// What one of its pods adds, by tally.
    pub adds: Vec<(usize, i64)>,
}

impl Class {
    /// Host ports that its pods take.
    pub fn ports(&self) -> &[HostPort] {
        &self.key.scheduling.host_ports
    }
}
