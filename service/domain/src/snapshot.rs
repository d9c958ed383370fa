//! A cluster at one moment, as far as planning cares.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::finding::Finding;
use crate::fleet::Node;
use crate::policy::Preset;
use crate::priced::{LoadBalancer, PersistentVolume};
use crate::problem::Problem;
use crate::selector::Labels;
use crate::workload::{DaemonSet, DisruptionBudget, Pod, Workload, WorkloadRef};

/// What an import or a refresh saw. Immutable once stored.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Snapshot {
    /// When the objects were read; the newest time stamp in them if nothing better is known.
    pub capture_time: Timestamp,
    /// What was seen.
    pub content: Content,
    /// What the reader thinks a person should know.
    pub findings: Vec<Finding>,
}

/// The two things that can be planned for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Content {
    /// Kubernetes objects.
    Cluster(Box<ClusterState>),
    /// A ready-made problem (benchmark instance) or one read from a trace; solved as it stands.
    Ready(Box<ReadyInstance>),
}

/// A problem that needs no Kubernetes objects.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReadyInstance {
    /// The policy preset that its format implies.
    pub preset: Preset,
    /// Bare pods of a trace, to be offered every type of the catalog; or a whole problem.
    pub kind: ReadyKind,
}

/// Where a ready instance gets its offerings from.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum ReadyKind {
    /// The instance brings its own offerings.
    Problem(Problem),
    /// Pods only; offerings come from the catalog: one zone, on-demand.
    Pods(Vec<TracePod>),
}

/// One pod of a trace.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TracePod {
    /// Name, unique in the trace.
    pub name: String,
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes of memory.
    pub memory_bytes: i64,
    /// Whole GPUs (a share of one counts as one).
    pub gpus: i64,
}

/// Kubernetes objects of one cluster, resolved.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterState {
    /// Nodes, sorted by name.
    pub nodes: Vec<Node>,
    /// Pods that are neither succeeded nor failed, sorted by namespace and name. Pods of
    /// DaemonSets are here, too.
    pub pods: Vec<Pod>,
    /// Workloads, sorted by reference.
    pub workloads: Vec<Workload>,
    /// DaemonSets, sorted by namespace and name.
    pub daemon_sets: Vec<DaemonSet>,
    /// PodDisruptionBudgets, sorted by namespace and name.
    pub budgets: Vec<DisruptionBudget>,
    /// Labels of namespaces, by name.
    pub namespaces: BTreeMap<String, Labels>,
    /// Workloads that a HorizontalPodAutoscaler scales, with its bounds.
    pub autoscaled: Vec<Autoscaled>,
    /// Volumes, sorted by name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub volumes: Vec<PersistentVolume>,
    /// Load balancers that Services and Ingresses ask for, sorted by namespace and name.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub load_balancers: Vec<LoadBalancer>,
}

/// A workload under a HorizontalPodAutoscaler.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Autoscaled {
    /// Which workload.
    pub workload: WorkloadRef,
    /// Fewest replicas.
    pub min_replicas: i32,
    /// Most replicas.
    pub max_replicas: i32,
    /// Resources that the autoscaler looks at, such as `cpu`.
    pub resources: Vec<String>,
}
