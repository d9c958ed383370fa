//! What restricts a demand, in the words of a plan's reasons.

use std::collections::BTreeSet;

use super::classes::{Anchor, Class};
use super::context::Tag;
use super::gpu::GpuNeed;
use super::pods::{Kin, Pods};
use super::reach::Bearing;
use super::sites::node_keys;
use super::ties::Ties;
use super::{labels::KARPENTER_CAPACITY_TYPE, pins};
use crate::fleet::LABEL_CAPACITY_TYPE;
use crate::problem::Topology;

/// Everything that restricts a class, ordered.
pub(super) fn of(class: &Class, kin: &Kin, bearing: &Bearing, ties: &Ties, pods: &Pods<'_>) -> BTreeSet<Tag> {
    let mut all = BTreeSet::new();
    let mut add = |code, subject: String| {
        all.insert(Tag { code, subject });
    };
    for key in node_keys(&kin.scheduling) {
        let spot = key == LABEL_CAPACITY_TYPE || key == KARPENTER_CAPACITY_TYPE;
        add(if spot { "SPOT_SELECTOR" } else { "NODE_SELECTOR" }, printable(key));
    }
    for (constraint, topology, _) in &ties.spreads {
        let code = if *topology == Topology::Zone { "ZONE_SPREAD" } else { "HOST_SPREAD" };
        add(code, format!("{} maxSkew {}", constraint.topology_key, constraint.max_skew));
    }
    if ties.alone_on_node || !ties.conflicts.is_empty() {
        let ports = !kin.scheduling.host_ports.is_empty();
        add(if ports { "HOST_PORT" } else { "HOST_ANTI_AFFINITY" }, kin.name(pods));
    }
    if ties.alone_in_zone || !ties.zone_conflicts.is_empty() {
        add("ZONE_ANTI_AFFINITY", kin.name(pods));
    }
    if let Some(place) = &class.together {
        add("POD_AFFINITY", place.clone());
    }
    if !kin.volumes.is_empty() {
        add(
            "VOLUME_ZONE",
            pods.pod(class.pods[0]).volumes.first().map_or_else(String::new, |found| found.claim.clone()),
        );
    }
    for budget in pins::budgets_of(kin, pods) {
        add("DISRUPTION_BUDGET", format!("{}/{} allows {}", budget.namespace, budget.name, budget.allowed));
    }
    for toleration in kin.scheduling.tolerations.iter().filter(|toleration| !toleration.key.is_empty()) {
        add("TAINT", toleration.key.clone());
    }
    if !bearing.architectures.is_empty() {
        add("ARCHITECTURE", bearing.architectures.iter().cloned().collect::<Vec<_>>().join(", "));
    }
    if let GpuNeed::OneOf(classes) = &bearing.gpu {
        let names =
            classes.iter().map(|class| format!("{} with {} MiB", class.architecture, class.memory_mib));
        add("GPU_CLASS", names.collect::<Vec<_>>().join(", "));
    }
    if !bearing.spot {
        add("ON_DEMAND_ONLY", kin.name(pods));
    }
    if let Anchor::Pinned(node) = class.anchor {
        add("PINNED", pods.state.nodes[node].name.clone());
    }
    all
}

fn printable(key: &str) -> String {
    key.trim_start_matches('\0').to_owned()
}
