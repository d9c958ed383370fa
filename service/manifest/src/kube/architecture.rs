//! Which architectures the images of a pod are known to run on.
//!
//! A pod that selects architectures vouches for them. Else its images are known to run where pods with the same
//! images run now; and images nobody runs yet (a new tag), where their workload's other pods run. Nothing is
//! said of DaemonSets: they follow the nodes.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::fleet::{LABEL_ARCH, Node};
use plimsoll_domain::selector::{NodeTerm, Operator};
use plimsoll_domain::workload::{Pod, Scheduling, WorkloadKind, WorkloadRef};

type Architectures<'a> = BTreeSet<&'a str>;

/// What runs where.
struct Seen<'a> {
    by_image: BTreeMap<&'a str, Architectures<'a>>,
    by_owner: BTreeMap<&'a WorkloadRef, Architectures<'a>>,
}

/// The architectures of each pod, in their order; empty: not known.
pub(super) fn known(pods: &[Pod], nodes: &[Node]) -> Vec<Vec<String>> {
    let seen = Seen::of(pods, nodes);
    let names = |all: Architectures<'_>| all.into_iter().map(str::to_owned).collect();
    pods.iter().map(|pod| if is_daemon(pod) { Vec::new() } else { names(seen.of_pod(pod)) }).collect()
}

fn is_daemon(pod: &Pod) -> bool {
    pod.owner.as_ref().is_some_and(|owner| owner.kind == WorkloadKind::DaemonSet)
}

impl<'a> Seen<'a> {
    fn of(pods: &'a [Pod], nodes: &'a [Node]) -> Self {
        let label = |node: &'a Node| Some((node.name.as_str(), node.labels.get(LABEL_ARCH)?.as_str()));
        let of_node: BTreeMap<&str, &str> = nodes.iter().filter_map(label).collect();
        let mut seen = Self { by_image: BTreeMap::new(), by_owner: BTreeMap::new() };
        for pod in pods {
            let node = pod.node.as_deref().and_then(|node| of_node.get(node));
            let Some(architecture) = node.copied() else { continue };
            for container in &pod.containers {
                seen.by_image.entry(&container.image).or_default().insert(architecture);
            }
            if let Some(owner) = &pod.owner {
                seen.by_owner.entry(owner).or_default().insert(architecture);
            }
        }
        seen
    }

    fn of_pod(&self, pod: &'a Pod) -> Architectures<'a> {
        if let Some(selected) = selected(&pod.scheduling) {
            return selected;
        }
        let mut images = pod.containers.iter().map(|container| self.by_image.get(container.image.as_str()));
        let first = images.next().flatten().cloned().unwrap_or_default();
        let everywhere = images.fold(first, |so_far, image| match image {
            Some(image) => so_far.intersection(image).copied().collect(),
            None => Architectures::new(),
        });
        if !everywhere.is_empty() {
            return everywhere;
        }
        pod.owner.as_ref().and_then(|owner| self.by_owner.get(owner)).cloned().unwrap_or_default()
    }
}

/// The architectures that a pod selects, if it does.
fn selected(scheduling: &Scheduling) -> Option<Architectures<'_>> {
    let by_label =
        scheduling.node_selector.get(LABEL_ARCH).map(|value| Architectures::from([value.as_str()]));
    let by_terms = selected_by_terms(&scheduling.node_terms);
    match (by_label, by_terms) {
        (Some(one), Some(other)) => Some(one.intersection(&other).copied().collect()),
        (one, other) => one.or(other),
    }
}

/// The union over all terms; none if any of them leaves the architecture open.
fn selected_by_terms(terms: &[NodeTerm]) -> Option<Architectures<'_>> {
    let mut union = Architectures::new();
    for term in terms {
        let by = term.labels.iter().find(|one| one.key == LABEL_ARCH && one.operator == Operator::In)?;
        union.extend(by.values.iter().map(String::as_str));
    }
    (!union.is_empty()).then_some(union)
}
