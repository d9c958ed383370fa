//! The nodes there are.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::resources::Resources;
use crate::selector::Labels;
use crate::workload::Taint;

/// Well-known label: availability zone.
pub const LABEL_ZONE: &str = "topology.kubernetes.io/zone";
/// Well-known label: zone, as the EBS CSI driver writes it.
pub const LABEL_EBS_ZONE: &str = "topology.ebs.csi.aws.com/zone";
/// Well-known label: region.
pub const LABEL_REGION: &str = "topology.kubernetes.io/region";
/// Well-known label: host name.
pub const LABEL_HOSTNAME: &str = "kubernetes.io/hostname";
/// Well-known label: architecture, `amd64` or `arm64`.
pub const LABEL_ARCH: &str = "kubernetes.io/arch";
/// Well-known label: operating system.
pub const LABEL_OS: &str = "kubernetes.io/os";
/// Well-known label: instance type.
pub const LABEL_INSTANCE_TYPE: &str = "node.kubernetes.io/instance-type";
/// EKS label: `ON_DEMAND`, `SPOT` or `CAPACITY_BLOCK`.
pub const LABEL_CAPACITY_TYPE: &str = "eks.amazonaws.com/capacityType";
/// EKS label: managed node group.
pub const LABEL_NODE_GROUP: &str = "eks.amazonaws.com/nodegroup";

/// How capacity is bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum CapacityKind {
    /// At the list price, kept until given back.
    #[default]
    OnDemand,
    /// Cheaper, reclaimed with two minutes' notice.
    Spot,
}

impl CapacityKind {
    /// The value of [`LABEL_CAPACITY_TYPE`].
    pub fn label(self) -> &'static str {
        match self {
            Self::OnDemand => "ON_DEMAND",
            Self::Spot => "SPOT",
        }
    }
}

/// A node as the API server shows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Node {
    /// Name.
    pub name: String,
    /// `aws:///us-east-1a/i-0123...`; empty if unknown.
    pub provider_id: String,
    /// Node group; empty if it belongs to none that we know.
    pub group: String,
    /// EC2 instance type, from the well-known label; empty if missing.
    pub instance_type: String,
    /// Zone, from the well-known label; empty if missing.
    pub zone: String,
    /// How it is bought.
    pub kind: CapacityKind,
    /// All labels.
    pub labels: Labels,
    /// All taints, also transient ones.
    pub taints: Vec<Taint>,
    /// What the machine has.
    pub capacity: Resources,
    /// What pods may use of it.
    pub allocatable: Resources,
    /// Volumes that may be attached, by CSI driver (CSINode); no entry: no limit known.
    pub attach_limits: BTreeMap<String, i64>,
    /// Cordoned.
    pub unschedulable: bool,
    /// Whether its Ready condition is True.
    pub ready: bool,
    /// When it joined, if known.
    pub create_time: Option<Timestamp>,
}

/// Taint keys that Kubernetes and cloud controllers put on a node for a time. They say nothing
/// about the node's template. Source: kubernetes.io/docs/reference/labels-annotations-taints.
pub const TRANSIENT_TAINTS: [&str; 10] = [
    "node.kubernetes.io/not-ready",
    "node.kubernetes.io/unreachable",
    "node.kubernetes.io/unschedulable",
    "node.kubernetes.io/memory-pressure",
    "node.kubernetes.io/disk-pressure",
    "node.kubernetes.io/pid-pressure",
    "node.kubernetes.io/network-unavailable",
    "node.kubernetes.io/out-of-service",
    "node.cloudprovider.kubernetes.io/uninitialized",
    "ebs.csi.aws.com/agent-not-ready",
];

impl Node {
    /// The taints that belong to its template.
    pub fn lasting_taints(&self) -> impl Iterator<Item = &Taint> {
        self.taints.iter().filter(|taint| !TRANSIENT_TAINTS.contains(&taint.key.as_str()))
    }
}
