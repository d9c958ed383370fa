//! What was seen of a cluster at a moment, as far as its cost is concerned.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::Inventory;
use crate::world::{MachineLife, SpotChange};

/// A cluster at one moment, and what the cloud billed since the moment before.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Observation {
    /// When, by the clock of the cluster's world.
    pub time: Timestamp,
    /// Pods that are bound to a node, by namespace and name.
    pub pods: Vec<PodSeen>,
    /// What it has that is billed or divides what is billed.
    #[serde(default)]
    pub inventory: Inventory,
    /// Machines that ran since the observation before.
    #[serde(default)]
    pub lives: Vec<MachineLife>,
    /// Spot prices since the observation before.
    #[serde(default)]
    pub spot: Vec<SpotChange>,
}

/// A pod on a node.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct PodSeen {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// Provider id of its node, `aws:///us-east-1a/i-0123...`.
    pub provider_id: String,
    /// What makes it, `deployment/cart`; empty for a bare pod.
    pub workload: String,
    /// Whether a DaemonSet makes it.
    pub daemon: bool,
    /// Team; empty if unknown.
    pub team: String,
    /// Model that it serves; empty if none.
    pub model: String,
    /// CPU that it asks for, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory that it asks for, bytes.
    pub memory_bytes: i64,
    /// GPUs that it asks for.
    pub gpus: i64,
    /// CPU that it used since the observation before; none: not known.
    pub used_cpu_milli: Option<i64>,
    /// Memory that it used at most since then; none: not known.
    pub used_memory_bytes: Option<i64>,
}
