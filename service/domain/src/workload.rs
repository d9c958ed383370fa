//! Pods and what stands behind them: what they ask for and where they may run.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::resources::Resources;
use crate::selector::{LabelSelector, Labels, NodeTerm};

/// A pod as the API server shows it, with its duties resolved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Pod {
    /// Namespace.
    pub namespace: String,
    /// Name, unique in its namespace.
    pub name: String,
    /// Labels.
    pub labels: Labels,
    /// The workload that would create it again; none for a bare pod.
    pub owner: Option<WorkloadRef>,
    /// The node it runs on; none while it is pending.
    pub node: Option<String>,
    /// What the scheduler reserves for it (sidecars, init peaks,
    /// overhead, limits without requests), with `pods` = 1.
    pub requests: Resources,
    /// Requests and limits by container, for right-sizing.
    pub containers: Vec<Container>,
    /// Where it may run. Replicas share one value.
    pub scheduling: Arc<Scheduling>,
    /// Persistent volumes that it mounts.
    pub volumes: Vec<Volume>,
    /// Priority, after its class is resolved; higher goes first.
    pub priority: i32,
    /// When it was created, if known.
    pub create_time: Option<Timestamp>,
    /// Why nobody may evict it, if so (annotation, mirror pod, a Job that would give up).
    pub do_not_disrupt: Option<String>,
    /// Whether it is being deleted for good. A pod that its StatefulSet is about to make again, under
    /// its name, counts as one that was made already: pending, and not terminating.
    pub terminating: bool,
}

impl Pod {
    /// `namespace/name`.
    pub fn key(&self) -> String {
        format!("{}/{}", self.namespace, self.name)
    }

    /// Whether a Job makes it again: it begins its work anew, later each time, and so many times and no more.
    pub fn is_of_job(&self) -> bool {
        let kind = self.owner.as_ref().map(|owner| owner.kind);
        matches!(kind, Some(WorkloadKind::Job | WorkloadKind::CronJob))
    }
}

/// Requests and limits of one container.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Container {
    /// Name, unique in its pod.
    pub name: String,
    /// Image reference.
    pub image: String,
    /// What it asks for; limits fill in for missing requests.
    pub requests: Resources,
    /// Its limits; zero where there is none.
    pub limits: Resources,
    /// Whether it is an init container that runs to its end before the others start. A native
    /// sidecar (restartable init container) is not.
    pub init: bool,
}

/// Kinds of workload that own pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum WorkloadKind {
    /// `apps/v1` Deployment.
    Deployment,
    /// `apps/v1` ReplicaSet that no Deployment owns.
    ReplicaSet,
    /// `apps/v1` StatefulSet.
    StatefulSet,
    /// `apps/v1` DaemonSet.
    DaemonSet,
    /// `batch/v1` Job that no CronJob owns.
    Job,
    /// `batch/v1` CronJob.
    CronJob,
    /// A static pod of one node, shown by its kubelet.
    Node,
    /// Any other controller.
    Other,
}

/// The workload a pod belongs to, after ReplicaSets and Jobs are resolved to their owners.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct WorkloadRef {
    /// Kind.
    pub kind: WorkloadKind,
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
}

/// A Deployment, StatefulSet, Job, ... with the figures that planning needs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Workload {
    /// Which.
    pub reference: WorkloadRef,
    /// Replicas (or parallelism) that it wants.
    pub replicas: i32,
    /// Pods above `replicas` that a rollout may create: resolved from percentages, rounded up.
    pub max_surge: i32,
    /// Pods below `replicas` that a rollout may leave: resolved, rounded down.
    pub max_unavailable: i32,
}

/// A DaemonSet: a pod on each node that its scheduling allows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DaemonSet {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// What one of its pods asks for, with `pods` = 1.
    pub requests: Resources,
    /// Where its pods may run (without the field affinity that names a node).
    pub scheduling: Arc<Scheduling>,
}

impl DaemonSet {
    /// What its pods name as their owner.
    pub fn reference(&self) -> WorkloadRef {
        WorkloadRef {
            kind: WorkloadKind::DaemonSet,
            namespace: self.namespace.clone(),
            name: self.name.clone(),
        }
    }

    /// A pod that it would make, pending, with the labels, containers and priority of a sibling, if there is one.
    pub fn pod(&self, name: String, sibling: Option<&Pod>) -> Pod {
        Pod {
            namespace: self.namespace.clone(),
            name,
            labels: sibling.map(|pod| pod.labels.clone()).unwrap_or_default(),
            owner: Some(self.reference()),
            node: None,
            requests: self.requests.clone(),
            containers: sibling.map(|pod| pod.containers.clone()).unwrap_or_default(),
            scheduling: Arc::clone(&self.scheduling),
            volumes: Vec::new(),
            priority: sibling.map_or(0, |pod| pod.priority),
            create_time: None,
            do_not_disrupt: None,
            terminating: false,
        }
    }
}

/// Everything in a pod's spec that says where it may run.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Scheduling {
    /// `nodeSelector`: all must match.
    pub node_selector: Labels,
    /// Required node affinity: alternatives; empty means no restriction.
    pub node_terms: Vec<NodeTerm>,
    /// Preferred node affinity, each with its weight 1..=100.
    pub preferred_node_terms: Vec<(i32, NodeTerm)>,
    /// Tolerations.
    pub tolerations: Vec<Toleration>,
    /// Topology spread constraints that the pod declares.
    pub spreads: Vec<SpreadConstraint>,
    /// Required pod affinity.
    pub pod_affinity: Vec<PodTerm>,
    /// Required pod anti-affinity.
    pub pod_anti_affinity: Vec<PodTerm>,
    /// Preferred pod affinity (positive weight 1..=100) and anti-affinity (negative weight).
    pub preferred_pod_terms: Vec<(i32, PodTerm)>,
    /// Ports on the host.
    pub host_ports: Vec<HostPort>,
    /// Architectures the images run on (`amd64`, `arm64`), where known; empty: not known.
    pub architectures: Vec<String>,
    /// What else its pod demands that a plan cannot express, as a reason for people: while it runs it
    /// stays, while it is pending it is refused.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub beyond_us: Option<String>,
}

/// A toleration. Empty key with `exists` tolerates everything.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Toleration {
    /// Key; empty: any.
    pub key: String,
    /// Whether the operator is `Exists` (else `Equal`).
    pub exists: bool,
    /// Value, for `Equal`.
    pub value: String,
    /// Effect; none: any.
    pub effect: Option<TaintEffect>,
}

/// What a taint does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaintEffect {
    /// Keeps new pods away.
    NoSchedule,
    /// Keeps new pods away if there is another place.
    PreferNoSchedule,
    /// Keeps new pods away and evicts the others.
    NoExecute,
}

/// A taint of a node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Taint {
    /// Key.
    pub key: String,
    /// Value; may be empty.
    pub value: String,
    /// Effect.
    pub effect: TaintEffect,
}

impl Toleration {
    /// Whether this toleration covers `taint`.
    pub fn tolerates(&self, taint: &Taint) -> bool {
        let effect = self.effect.is_none_or(|effect| effect == taint.effect);
        let key = if self.key.is_empty() { self.exists } else { self.key == taint.key };
        effect && key && (self.exists || self.value == taint.value)
    }
}

/// Returns the first taint that keeps a pod with these tolerations away, if any. Taints that only
/// express a preference never do.
pub fn untolerated<'t>(taints: &'t [Taint], tolerations: &[Toleration]) -> Option<&'t Taint> {
    taints
        .iter()
        .filter(|taint| taint.effect != TaintEffect::PreferNoSchedule)
        .find(|taint| !tolerations.iter().any(|toleration| toleration.tolerates(taint)))
}

/// A topology spread constraint, its selector complete (`matchLabelKeys` folded in).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SpreadConstraint {
    /// Node label whose values are the domains.
    pub topology_key: String,
    /// Largest difference between any domain and the emptiest, at least 1.
    pub max_skew: i32,
    /// Fewer domains than this count as an empty one; at least 1.
    pub min_domains: i32,
    /// `DoNotSchedule` (a rule) or else `ScheduleAnyway` (a preference).
    pub required: bool,
    /// Pods that count, within the pod's own namespace.
    pub selector: LabelSelector,
    /// `nodeAffinityPolicy: Honor`, the default: only nodes that the pod selects are domains.
    pub honor_affinity: bool,
    /// `nodeTaintsPolicy: Honor`: only nodes that the pod tolerates are domains. Default false.
    pub honor_taints: bool,
}

/// A term of pod affinity or anti-affinity, its selector complete.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PodTerm {
    /// Node label whose values are the domains.
    pub topology_key: String,
    /// Pods that it speaks of.
    pub selector: LabelSelector,
    /// Namespaces by name. Empty together with no `namespace_selector`: the pod's own (the reader
    /// resolves that, so that this list is complete).
    pub namespaces: Vec<String>,
    /// Namespaces by label, in addition; the empty selector means all.
    pub namespace_selector: Option<LabelSelector>,
}

/// A port that a pod takes on its node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct HostPort {
    /// Address; `0.0.0.0` is every address.
    pub ip: String,
    /// Port, 1..=65535.
    pub port: i32,
    /// `TCP`, `UDP` or `SCTP`.
    pub protocol: String,
}

impl HostPort {
    /// Whether the two cannot be taken on the same node.
    pub fn conflicts(&self, other: &Self) -> bool {
        let wild = |ip: &str| ip.is_empty() || ip == "0.0.0.0" || ip == "::";
        let same_ip = wild(&self.ip) || wild(&other.ip) || self.ip == other.ip;
        same_ip && self.port == other.port && self.protocol == other.protocol
    }
}

/// A persistent volume claim that a pod mounts, and what it says about nodes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Volume {
    /// Claim, `namespace/name`.
    pub claim: String,
    /// CSI driver or in-tree provisioner, such as `ebs.csi.aws.com`; empty if not known.
    pub driver: String,
    /// What it restricts.
    pub reach: VolumeReach,
}

/// Which nodes a volume can be attached to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VolumeReach {
    /// Any node (network file systems).
    Anywhere,
    /// Nodes that match one of the terms: a bound volume, or an unbound one whose class limits it.
    Terms(Vec<NodeTerm>),
    /// One node's own disk: the pod cannot leave.
    Local,
    /// The pod cannot be scheduled at all: claim missing, lost, or unbound with immediate binding.
    Broken(String),
}

/// A PodDisruptionBudget.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DisruptionBudget {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Pods it speaks of, in its namespace.
    pub selector: LabelSelector,
    /// Disruptions it allows with every pod healthy: computed from its spec over the pods it
    /// selects. Zero blocks every eviction.
    pub allowed: i32,
}
