//! Families of pods, split by what holds single pods: the sites that each part may use.

use std::collections::{BTreeMap, BTreeSet};

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

/// One family and what is known of it.
pub(super) struct Family<'a, 's> {
    /// Index of the family.
    pub index: usize,
    pub kins: &'a [Kin],
    pub ties: &'a Ties,
    /// What its pods may use, as if they were new.
    pub stages: &'a [Stage],
    pub pods: &'a Pods<'a>,
    pub sites: &'a Sites<'s>,
}

/// Where the pods are that a pod must run near.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Company {
    /// It needs none.
    Needless,
    /// Nowhere yet: all who want it share a place, under this name.
    Shared(String),
    /// In these zones. The scheduler lets it go nowhere else while they run.
    Zones(BTreeSet<String>),
    /// On these nodes; likewise.
    Nodes(BTreeSet<usize>),
}

impl Family<'_, '_> {
    /// Splits the family by what holds its pods.
    pub fn split(&self, findings: &mut Vec<Finding>) -> Vec<Class> {
        let kin = &self.kins[self.index];
        let row = with_sealed_homes(passes(self.stages, self.sites.len()), kin, self.stages, self.pods);
        let budgets = pins::budgets_of(kin, self.pods);
        let mut pinned: BTreeMap<String, Vec<usize>> = BTreeMap::new();
        let mut parts: BTreeMap<(Anchor, Company), Vec<usize>> = BTreeMap::new();
        for pod in &kin.pods {
            let company = self.company(*pod);
            let at_its_node = matches!(company, Company::Nodes(_)).then_some(NODE_COMPANY);
            let reason = || {
                let tied = self.ties.beyond_us.as_ref().or(self.ties.held.as_ref());
                let reason = pins::reason(self.pods.pod(*pod), &budgets, tied);
                reason.or(at_its_node.map(str::to_owned))
            };
            let anchor = match self.pods.node_of[*pod] {
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
            parts.entry((anchor, company)).or_default().push(*pod);
        }
        findings.extend(pinned.into_iter().map(|(reason, held)| pin_finding(&reason, &held, kin, self.pods)));
        parts.into_iter().map(|((anchor, company), pods)| self.class(anchor, company, pods, &row)).collect()
    }

    fn class(&self, anchor: Anchor, company: Company, pods: Vec<usize>, row: &Bits) -> Class {
        let mut row = row.clone();
        let keep =
            |row: &mut Bits, keep: &dyn Fn(usize) -> bool| row.intersect(&Bits::of(self.sites.len(), keep));
        match &company {
            Company::Zones(zones) => keep(&mut row, &|site| zones.contains(&self.sites.all[site].zone)),
            Company::Nodes(nodes) => keep(&mut row, &|site| nodes.contains(&site)),
            Company::Needless | Company::Shared(_) => {}
        }
        Class {
            kin: self.index,
            pods,
            anchor,
            row: row_of(anchor, &row, self.sites.len()),
            together: match company {
                Company::Shared(place) if !matches!(anchor, Anchor::Pinned(_)) => Some(place),
                _ => None,
            },
            needs_own_node: match anchor {
                Anchor::Free => false,
                Anchor::Pinned(_) => true,
                Anchor::Stays(node) => refused_by_scheduler(self.stages, node),
            },
        }
    }

    /// Where a pod's required affinity leads: to the place where it runs; a pending one to any place where
    /// its company runs. A pod that is the only one of its kind has no company to stay with.
    fn company(&self, pod: usize) -> Company {
        let Some((topology, mates)) = &self.ties.together else { return Company::Needless };
        let all = mates.iter().flat_map(|mate| &self.kins[*mate].pods);
        let running: Vec<usize> = all.filter_map(|pod| self.pods.node_of[*pod]).collect();
        let everywhere = if running.len() <= 1 { BTreeSet::new() } else { running.into_iter().collect() };
        let home = self.pods.node_of[pod].filter(|_| !everywhere.is_empty());
        let homes = home.map_or(everywhere, |home| BTreeSet::from([home]));
        let leader = mates.first().map(|leader| self.kins[*leader].name(self.pods)).unwrap_or_default();
        match topology {
            Topology::Zone if homes.is_empty() => Company::Shared(format!("zone/{leader}")),
            Topology::Node if homes.is_empty() => Company::Shared(format!("node/{leader}")),
            Topology::Zone => {
                Company::Zones(homes.iter().map(|home| self.sites.all[*home].zone.clone()).collect())
            }
            Topology::Node => Company::Nodes(homes),
        }
    }
}

const NODE_COMPANY: &str = "the scheduler lets it run only where pods of its kind run already";

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

/// Sealed nodes that would do but for being sealed, and where pods of the family run: they take no more
/// than those, so no pod need be told from its siblings.
fn with_sealed_homes(mut row: Bits, kin: &Kin, stages: &[Stage], pods: &Pods<'_>) -> Bits {
    let would_do = |node: &usize| {
        let mut others = stages.iter().filter(|(obstacle, _)| *obstacle != Obstacle::Sealed);
        others.all(|(_, stage)| stage.contains(*node))
    };
    let homes = kin.pods.iter().filter_map(|pod| pods.node_of[*pod]);
    homes.filter(would_do).for_each(|node| row.insert(node));
    row
}

/// Whether the scheduler would not put the pod on this node again. Running nodes are the first sites.
fn refused_by_scheduler(stages: &[Stage], node: usize) -> bool {
    let ours = [Obstacle::Accelerator, Obstacle::GpuClass, Obstacle::Spot, Obstacle::Sealed];
    stages.iter().any(|(obstacle, row)| !ours.contains(obstacle) && !row.contains(node))
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
