//! Families of pods, split by what holds single pods: the sites that each part may use.

use std::collections::BTreeMap;

use super::bits::Bits;
use super::pods::{Kin, Pods};
use super::reach::{Obstacle, Stage, passes};
use super::sites::Sites;
use super::ties::Ties;
use super::{pins, templates::Template};
use crate::finding::{Finding, Severity};
use crate::problem::Topology;

/// What holds a pod.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Anchor {
    /// Nothing.
    Free,
    /// It runs on a node that it could not go to again, and may stay there.
    Stays(usize),
    /// It may not leave its node.
    Pinned(usize),
}

/// Pods of one family that are alike in everything that a problem can say.
#[derive(Clone, Debug)]
pub(super) struct Class {
    /// Index of its family.
    pub kin: usize,
    /// Indexes into the state's pods, ascending.
    pub pods: Vec<usize>,
    pub anchor: Anchor,
    /// Sites that may carry it.
    pub row: Bits,
    /// Whom it shares a place with: equal for all that do.
    pub together: Option<String>,
    /// The anchor's node needs an offering of its own, for equal nodes would not do.
    pub needs_own_node: bool,
}

/// Splits one family. `stages`: what its pods may use, as if they were new.
pub(super) fn split(
    index: usize,
    kin: &Kin,
    ties: &Ties,
    stages: &[Stage],
    pods: &Pods<'_>,
    sites: &Sites<'_>,
    findings: &mut Vec<Finding>,
) -> Vec<Class> {
    let row = passes(stages, sites.len());
    let budgets = pins::budgets_of(kin, pods);
    let mut pinned: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    let mut parts: BTreeMap<(Anchor, Option<String>), Vec<usize>> = BTreeMap::new();
    for pod in &kin.pods {
        let reason = || pins::reason(pods.pod(*pod), &budgets, ties.beyond_us.as_ref());
        let anchor = match pods.node_of[*pod] {
            None => Anchor::Free,
            Some(node) => match reason() {
                Some(reason) => {
                    pinned.entry(reason).or_default().push(*pod);
                    Anchor::Pinned(node)
                }
                None if row.contains(node) => Anchor::Free,
                None => Anchor::Stays(node),
            },
        };
        let place = ties.together.as_ref().filter(|_| !matches!(anchor, Anchor::Pinned(_)));
        let place = place.map(|(topology, family)| place_of(*topology, family, *pod, kin, pods, sites));
        parts.entry((anchor, place)).or_default().push(*pod);
    }
    findings.extend(pinned.into_iter().map(|(reason, held)| pin_finding(&reason, &held, kin, pods)));
    let class = |((anchor, together), members)| Class {
        kin: index,
        pods: members,
        anchor,
        row: row_of(anchor, &row, sites.len()),
        together,
        needs_own_node: match anchor {
            Anchor::Free => false,
            Anchor::Pinned(_) => true,
            Anchor::Stays(node) => refused_by_scheduler(stages, node),
        },
    };
    parts.into_iter().map(class).collect()
}

fn row_of(anchor: Anchor, row: &Bits, len: usize) -> Bits {
    match anchor {
        Anchor::Free => row.clone(),
        Anchor::Pinned(node) => Bits::of(len, |site| site == node),
        Anchor::Stays(node) => {
            let mut row = row.clone();
            row.insert(node);
            row
        }
    }
}

/// Whether the scheduler would not put the pod on this node again. Running nodes are the first sites.
fn refused_by_scheduler(stages: &[Stage], node: usize) -> bool {
    let ours = [Obstacle::Accelerator, Obstacle::GpuClass, Obstacle::Spot, Obstacle::Sealed];
    stages.iter().any(|(obstacle, row)| !ours.contains(obstacle) && !row.contains(node))
}

/// The place that a pod shares with those it wants near: where it runs; pending ones join the first of
/// the family's places, or are a place of their own together.
fn place_of(
    topology: Topology,
    family: &[usize],
    pod: usize,
    kin: &Kin,
    pods: &Pods<'_>,
    sites: &Sites<'_>,
) -> String {
    let place = |node: usize| match topology {
        Topology::Zone => sites.all[node].zone.clone(),
        Topology::Node => pods.state.nodes[node].name.clone(),
    };
    let first = || kin.pods.iter().filter_map(|pod| pods.node_of[*pod]).map(place).min();
    let place = pods.node_of[pod].map(place).or_else(first).unwrap_or_default();
    let prefix = match topology {
        Topology::Zone => "zone",
        Topology::Node => "node",
    };
    let leader = family.first().copied().unwrap_or_default();
    format!("{prefix}/{}#{leader}/{place}", kin.name(pods))
}

fn pin_finding(reason: &str, held: &[usize], kin: &Kin, pods: &Pods<'_>) -> Finding {
    let (subject, who) = match held {
        [pod] => (format!("pod/{}", pods.pod(*pod).key()), "the pod stays where it runs".to_owned()),
        many => (format!("workload/{}", kin.name(pods)), format!("{} pods stay where they run", many.len())),
    };
    Finding::new(Severity::Info, "POD_PINNED", subject, format!("{who}, for {reason}"))
}

/// New GPU nodes are of GPU templates, which keep other pods away, unless a family tolerates none of them.
pub(super) fn prefer_gpu_templates(row: &mut Bits, sites: &Sites<'_>, templates: &[Template]) {
    let is_new_gpu = |site: &usize| {
        let place = &sites.all[*site];
        place.node.is_none() && place.facts.as_ref().is_some_and(|facts| facts.has_gpus())
    };
    let is_kept_apart = |site: &usize| templates[sites.all[*site].template].gpu;
    let (apart, open): (Vec<usize>, Vec<usize>) = row.iter().filter(is_new_gpu).partition(is_kept_apart);
    if !apart.is_empty() {
        open.into_iter().for_each(|site| row.remove(site));
    }
}
