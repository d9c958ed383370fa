//! What a cluster's objects say about who uses its nodes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::inventory::is_daemon;
use super::{Observation, PodSeen};
use crate::catalog::traits::{AMD_GPU, GAUDI, NEURON};
use crate::policy::Policy;
use crate::resources::{NVIDIA_GPU, Resources};
use crate::selector::Labels;
use crate::snapshot::ClusterState;
use crate::workload::{Pod, WorkloadKind, WorkloadRef};

/// Label of a pod or namespace that names the team that pays for it.
pub const LABEL_TEAM: &str = "team";
/// Label of a pod that names the model that it serves.
pub const LABEL_MODEL: &str = "model";

/// What a pod used since the observation before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Used {
    /// Mean CPU, thousandths of a core; none: not known.
    pub cpu_milli: Option<i64>,
    /// Most memory, bytes; none: not known.
    pub memory_bytes: Option<i64>,
}

/// Reads who is on which node. `used` is by pod, `namespace/name`; a pod that is missing there used an unknown amount.
///
/// Pods that are pending, or on a node whose provider id is unknown, use nothing that is billed and are left out.
pub fn observe(
    state: &ClusterState,
    policy: &Policy,
    time: Timestamp,
    used: &BTreeMap<String, Used>,
) -> Observation {
    let teams = Teams::new(policy, &state.namespaces);
    let ids: BTreeMap<&str, &str> =
        state.nodes.iter().map(|node| (node.name.as_str(), node.provider_id.as_str())).collect();
    let place = |pod: &Pod| pod.node.as_deref().and_then(|node| ids.get(node)).filter(|id| !id.is_empty());
    let seen = |pod: &Pod| Some(seen(pod, place(pod)?, &teams, used.get(&pod.key())));
    let mut pods: Vec<PodSeen> = state.pods.iter().filter_map(seen).collect();
    pods.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    Observation { time, pods, ..Observation::default() }
}

fn seen(pod: &Pod, provider_id: &str, teams: &Teams<'_>, used: Option<&Used>) -> PodSeen {
    let used = used.copied().unwrap_or_default();
    PodSeen {
        namespace: pod.namespace.clone(),
        name: pod.name.clone(),
        provider_id: provider_id.to_owned(),
        workload: owner_text(pod.owner.as_ref()),
        daemon: is_daemon(pod),
        team: teams.of(&pod.namespace, Some(&pod.labels)),
        model: model(&pod.labels),
        cpu_milli: pod.requests.cpu_milli,
        memory_bytes: pod.requests.memory_bytes,
        gpus: accelerators(&pod.requests),
        used_cpu_milli: used.cpu_milli,
        used_memory_bytes: used.memory_bytes,
    }
}

/// Whole accelerators of any maker.
pub(super) fn accelerators(resources: &Resources) -> i64 {
    [NVIDIA_GPU, AMD_GPU, GAUDI, NEURON]
        .iter()
        .map(|name| resources.get(name).max(0))
        .fold(0, i64::saturating_add)
}

/// Model that a pod with these labels serves; empty if none.
pub(super) fn model(labels: &Labels) -> String {
    labels.get(LABEL_MODEL).cloned().unwrap_or_default()
}

/// `deployment/cart`; empty for a bare pod.
pub(super) fn owner_text(owner: Option<&WorkloadRef>) -> String {
    owner.map_or_else(String::new, |owner| format!("{}/{}", kind_text(owner.kind), owner.name))
}

fn kind_text(kind: WorkloadKind) -> &'static str {
    match kind {
        WorkloadKind::Deployment => "deployment",
        WorkloadKind::ReplicaSet => "replicaset",
        WorkloadKind::StatefulSet => "statefulset",
        WorkloadKind::DaemonSet => "daemonset",
        WorkloadKind::Job => "job",
        WorkloadKind::CronJob => "cronjob",
        WorkloadKind::Node => "node",
        WorkloadKind::Other => "other",
    }
}

/// Who pays: the policy's team of the namespace, else the pod's label [`LABEL_TEAM`], else that of the namespace.
///
/// The policy goes first, for whoever may label a pod should not be able to send the bill to others.
pub(super) struct Teams<'a> {
    policy: &'a Policy,
    namespaces: &'a BTreeMap<String, Labels>,
}

impl<'a> Teams<'a> {
    pub(super) fn new(policy: &'a Policy, namespaces: &'a BTreeMap<String, Labels>) -> Self {
        Self { policy, namespaces }
    }

    /// The team, or empty text.
    pub(super) fn of(&self, namespace: &str, pod: Option<&Labels>) -> String {
        let policy = self.policy.teams.get(namespace);
        let label = || pod.and_then(|labels| labels.get(LABEL_TEAM));
        let around = || self.namespaces.get(namespace).and_then(|labels| labels.get(LABEL_TEAM));
        policy.or_else(label).or_else(around).cloned().unwrap_or_default()
    }
}
