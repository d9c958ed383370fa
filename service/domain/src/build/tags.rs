//! What restricts a demand, in the words of a plan's reasons.

use std::collections::BTreeSet;

use super::classes::{Anchor, Class};
use super::context::Tag;
use super::gpu::GpuNeed;
use super::labels::KARPENTER_CAPACITY_TYPE;
use super::pins;
use super::pods::{Kin, Pods};
use super::reach::{Bearing, Obstacle};
use super::sites::node_keys;
use super::ties::Ties;
use crate::fleet::LABEL_CAPACITY_TYPE;
use crate::problem::Topology;
use crate::workload::{Taint, untolerated};

/// A class and what is known of it.
pub(super) struct Subject<'a> {
    pub class: &'a Class,
    pub kin: &'a Kin,
    pub bearing: &'a Bearing,
    pub ties: &'a Ties,
    /// What keeps it off some site.
    pub binding: &'a BTreeSet<Obstacle>,
    pub pods: &'a Pods<'a>,
    pub taint_sets: &'a [Vec<Taint>],
}

/// Everything that restricts a class, ordered.
pub(super) fn of(subject: &Subject<'_>) -> BTreeSet<Tag> {
    let mut tags = BTreeSet::new();
    places(subject, &mut tags);
    machines(subject, &mut tags);
    neighbours(subject, &mut tags);
    moves(subject, &mut tags);
    tags
}

fn add(tags: &mut BTreeSet<Tag>, code: &'static str, subject: String) {
    tags.insert(Tag { code, subject });
}

fn places(of: &Subject<'_>, tags: &mut BTreeSet<Tag>) {
    if of.binding.contains(&Obstacle::Selector) {
        for key in node_keys(&of.kin.scheduling) {
            let spot = key == LABEL_CAPACITY_TYPE || key == KARPENTER_CAPACITY_TYPE;
            let code = if spot { "SPOT_SELECTOR" } else { "NODE_SELECTOR" };
            add(tags, code, format!("it selects nodes by {}", key.trim_start_matches('\0')));
        }
    }
    if of.binding.contains(&Obstacle::Volume) {
        let volume = of.pods.pod(of.class.pods[0]).volumes.first();
        let claim = volume.map_or("", |volume| volume.claim.as_str());
        add(tags, "VOLUME_ZONE", format!("its volumes, such as {claim}, are bound to a place"));
    }
    if of.binding.contains(&Obstacle::Taint) {
        for taints in of.taint_sets {
            if let Some(taint) = untolerated(taints, &of.kin.scheduling.tolerations) {
                add(tags, "TAINT", format!("it does not tolerate the taint {}", taint.key));
            }
        }
    }
}

fn machines(of: &Subject<'_>, tags: &mut BTreeSet<Tag>) {
    if of.binding.contains(&Obstacle::Architecture) {
        let list: Vec<&str> = of.bearing.architectures.iter().map(String::as_str).collect();
        add(tags, "ARCHITECTURE", format!("its images are known to run on {} only", list.join(", ")));
    }
    if let GpuNeed::OneOf(classes) = &of.bearing.gpu {
        let list: Vec<String> = classes
            .iter()
            .map(|class| format!("{} GPUs of {} MiB", class.architecture, class.memory_mib))
            .collect();
        add(tags, "GPU_CLASS", format!("it needs {} or better", list.join(" or ")));
    }
    if !of.bearing.spot {
        add(tags, "ON_DEMAND_ONLY", "nothing says that it may run on spot".to_owned());
    }
}

fn neighbours(of: &Subject<'_>, tags: &mut BTreeSet<Tag>) {
    for (constraint, topology, _) in &of.ties.spreads {
        let code = if *topology == Topology::Zone { "ZONE_SPREAD" } else { "HOST_SPREAD" };
        add(tags, code, format!("maxSkew {} over {}", constraint.max_skew, constraint.topology_key));
    }
    if of.ties.alone_on_node || !of.ties.conflicts.is_empty() {
        let ports = !of.kin.scheduling.host_ports.is_empty();
        let (code, subject) = if ports {
            ("HOST_PORT", "host ports")
        } else {
            ("HOST_ANTI_AFFINITY", "required anti-affinity")
        };
        add(tags, code, subject.to_owned());
    }
    if of.binding.contains(&Obstacle::Repelled) {
        add(tags, "HOST_ANTI_AFFINITY", "required anti-affinity of DaemonSet or static pods".to_owned());
    }
    if of.ties.alone_in_zone || !of.ties.zone_conflicts.is_empty() {
        add(tags, "ZONE_ANTI_AFFINITY", "required anti-affinity over zones".to_owned());
    }
    if of.class.together.is_some() {
        add(tags, "POD_AFFINITY", "required affinity to pods of its kind".to_owned());
    }
}

fn moves(of: &Subject<'_>, tags: &mut BTreeSet<Tag>) {
    for budget in pins::budgets_of(of.kin, of.pods) {
        add(tags, "DISRUPTION_BUDGET", format!("budget {}/{}", budget.namespace, budget.name));
    }
    if let Anchor::Pinned(node) = of.class.anchor {
        add(tags, "PINNED", format!("it may not leave {}", of.pods.state.nodes[node].name));
    }
}
