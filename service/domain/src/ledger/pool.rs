//! The fleet that a replay starts from, as a snapshot shows it.

use std::collections::BTreeMap;

use super::inventory::is_daemon;
use super::observe::accelerators;
use super::split::Shape;
use crate::fleet::{CapacityKind, Node};
use crate::snapshot::ClusterState;
use crate::workload::Pod;

/// Nodes that are alike: one type, one zone, bought one way.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Pool {
    /// Node group; empty for nodes that are in none.
    pub group: String,
    /// Instance type.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// How they are bought.
    pub kind: CapacityKind,
}

impl Pool {
    /// Unique in its fleet.
    pub fn name(&self) -> String {
        format!("{}/{}/{}/{}", self.group, self.instance_type, self.zone, self.kind.label())
    }
}

/// The pools of a cluster, with how many nodes each has and what the smallest of them leaves to pods, its DaemonSets
/// taken off.
pub fn pools(state: &ClusterState) -> BTreeMap<Pool, (u32, Shape)> {
    let mut daemons: BTreeMap<&str, Shape> = BTreeMap::new();
    for pod in state.pods.iter().filter(|pod| is_daemon(pod)) {
        let Some(node) = pod.node.as_deref() else { continue };
        let sum = daemons.entry(node).or_default();
        *sum = combine(*sum, requests(pod), i64::saturating_add);
    }
    let mut pools: BTreeMap<Pool, (u32, Shape)> = BTreeMap::new();
    for node in &state.nodes {
        let taken = daemons.get(node.name.as_str()).copied().unwrap_or_default();
        let room = combine(allocatable(node), taken, i64::saturating_sub);
        let pool = Pool {
            group: node.group.clone(),
            instance_type: node.instance_type.clone(),
            zone: node.zone.clone(),
            kind: node.kind,
        };
        let (count, smallest) = pools.entry(pool).or_insert((0, room));
        *count += 1;
        *smallest = combine(*smallest, room, i64::min);
    }
    pools
}

fn allocatable(node: &Node) -> Shape {
    let from = &node.allocatable;
    Shape { cpu_milli: from.cpu_milli, memory_bytes: from.memory_bytes, gpus: accelerators(from) }
}

fn requests(pod: &Pod) -> Shape {
    let from = &pod.requests;
    Shape { cpu_milli: from.cpu_milli, memory_bytes: from.memory_bytes, gpus: accelerators(from) }
}

fn combine(one: Shape, other: Shape, with: fn(i64, i64) -> i64) -> Shape {
    Shape {
        cpu_milli: with(one.cpu_milli, other.cpu_milli),
        memory_bytes: with(one.memory_bytes, other.memory_bytes),
        gpus: with(one.gpus, other.gpus),
    }
}
