//! What families of pods have to do with one another: anti-affinity, host ports, spreads, affinity.

use std::collections::{BTreeMap, BTreeSet};

use super::pods::{Kin, Pods};
use crate::fleet::{LABEL_EBS_ZONE, LABEL_HOSTNAME, LABEL_ZONE};
use crate::problem::Topology;
use crate::selector::{LabelSelector, Labels};
use crate::workload::{PodTerm, SpreadConstraint};

/// The relations of one family. Numbers are indexes of families.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Ties {
    /// At most one of its pods on a node.
    pub alone_on_node: bool,
    /// At most one of its pods in a zone.
    pub alone_in_zone: bool,
    /// Other families that may not share a node.
    pub conflicts: BTreeSet<usize>,
    /// Other families that may not share a zone.
    pub zone_conflicts: BTreeSet<usize>,
    /// Spreads that are rules, each with the families that count.
    pub spreads: Vec<(SpreadConstraint, Topology, Vec<usize>)>,
    /// The families that want to share a place with it, itself included, and which kind of place.
    pub together: Option<(Topology, Vec<usize>)>,
    /// Required anti-affinity of DaemonSet and static pods that keeps its pods away from these.
    pub repelled_by: BTreeSet<PodTerm>,
    /// Why a plan cannot honour what its pods demand, or others of them: running ones stay, pending ones
    /// are refused.
    pub beyond_us: Option<String>,
    /// Why its running pods stay, while pending ones may go anywhere.
    pub held: Option<String>,
}

/// Finds the relations of all families.
pub(super) fn ties(kins: &[Kin], pods: &Pods<'_>) -> Vec<Ties> {
    let mut directory = Directory::new(kins, pods);
    let alone = |kin: &Kin| Ties { beyond_us: kin.scheduling.beyond_us.clone(), ..Ties::default() };
    let mut ties: Vec<Ties> = kins.iter().map(alone).collect();
    for (index, kin) in kins.iter().enumerate() {
        for term in &kin.scheduling.pod_anti_affinity {
            keep_apart(index, term, &mut directory, &mut ties);
        }
        for spread in kin.scheduling.spreads.iter().filter(|spread| spread.required) {
            match topology(&spread.topology_key) {
                Some(topology) => {
                    let counted = directory.within(&kin.namespace, &spread.selector);
                    ties[index].spreads.push((spread.clone(), topology, counted));
                }
                None => ties[index].beyond_us = Some(format!("it spreads over {}", spread.topology_key)),
            }
        }
    }
    repel(&mut directory, &mut ties);
    host_ports(kins, &mut ties);
    for (index, kin) in kins.iter().enumerate() {
        match near(index, kin, kins, &mut directory) {
            Ok(together) => ties[index].together = together,
            Err(reason) => {
                ties[index].beyond_us = Some(reason);
                hold_company(index, &mut directory, &mut ties);
            }
        }
    }
    ties
}

/// The two kinds of place that a problem knows.
pub(super) fn topology(key: &str) -> Option<Topology> {
    match key {
        LABEL_HOSTNAME => Some(Topology::Node),
        LABEL_ZONE | LABEL_EBS_ZONE | "failure-domain.beta.kubernetes.io/zone" => Some(Topology::Zone),
        _ => None,
    }
}

fn keep_apart(index: usize, term: &PodTerm, directory: &mut Directory<'_>, ties: &mut [Ties]) {
    if directory.fixed(term) {
        ties[index].beyond_us = Some("it keeps away from pods that every node has".into());
    }
    let Some(topology) = topology(&term.topology_key) else {
        if directory.is_on_a_node(&term.topology_key) {
            ties[index].beyond_us = Some(format!("it keeps apart over {}", term.topology_key));
            let reason = format!("{} keeps apart from it over {}", directory.name(index), term.topology_key);
            for other in directory.others(index, term) {
                ties[other].beyond_us.get_or_insert_with(|| reason.clone());
            }
        }
        return;
    };
    for other in directory.matching(term) {
        match (topology, other == index) {
            (Topology::Node, true) => ties[index].alone_on_node = true,
            (Topology::Zone, true) => ties[index].alone_in_zone = true,
            (Topology::Node, false) => {
                ties[index].conflicts.insert(other);
                ties[other].conflicts.insert(index);
            }
            (Topology::Zone, false) => {
                ties[index].zone_conflicts.insert(other);
                ties[other].zone_conflicts.insert(index);
            }
        }
    }
}

/// Marks whom DaemonSet and static pods keep away. They come with their node, so a plan moves only the others.
fn repel(directory: &mut Directory<'_>, ties: &mut [Ties]) {
    for term in directory.pods.fixed_anti_affinity() {
        let key = &term.topology_key;
        let is_place = topology(key).is_some();
        if !is_place && !directory.is_on_a_node(key) {
            continue;
        }
        for family in directory.matching(term) {
            if is_place {
                ties[family].repelled_by.insert(term.clone());
            } else {
                let reason = format!("pods that come with their node keep it away over {key}");
                ties[family].beyond_us = Some(reason);
            }
        }
    }
}

fn host_ports(kins: &[Kin], ties: &mut [Ties]) {
    let with_ports: Vec<usize> =
        (0..kins.len()).filter(|kin| !kins[*kin].scheduling.host_ports.is_empty()).collect();
    for (position, one) in with_ports.iter().enumerate() {
        ties[*one].alone_on_node = true;
        for other in &with_ports[position + 1..] {
            let (mine, theirs) = (&kins[*one].scheduling.host_ports, &kins[*other].scheduling.host_ports);
            if mine.iter().any(|port| theirs.iter().any(|taken| port.conflicts(taken))) {
                ties[*one].conflicts.insert(*other);
                ties[*other].conflicts.insert(*one);
            }
        }
    }
}

/// Required pod affinity as a wish to share a place. Only a set of families that all want each other,
/// and nobody else, can be expressed.
fn near(
    index: usize,
    kin: &Kin,
    kins: &[Kin],
    directory: &mut Directory<'_>,
) -> Result<Option<(Topology, Vec<usize>)>, String> {
    let Some(wish) = wish(kin, directory)? else { return Ok(None) };
    if !wish.1.contains(&index) {
        return Err("it must run near pods of other workloads".into());
    }
    for other in wish.1.iter().filter(|other| **other != index) {
        if self::wish(&kins[*other], directory)?.as_ref() != Some(&wish) {
            return Err("it must run near pods of other workloads that do not need it".into());
        }
    }
    Ok(Some(wish))
}

/// Running pods that stay near others need these to stay, too.
fn hold_company(index: usize, directory: &mut Directory<'_>, ties: &mut [Ties]) {
    let reason = format!("{} must run near it", directory.name(index));
    for term in &directory.kins[index].scheduling.pod_affinity {
        for other in directory.others(index, term) {
            ties[other].held.get_or_insert_with(|| reason.clone());
        }
    }
}

fn wish(kin: &Kin, directory: &mut Directory<'_>) -> Result<Option<(Topology, Vec<usize>)>, String> {
    let mut all: Option<(Topology, Vec<usize>)> = None;
    for term in &kin.scheduling.pod_affinity {
        let Some(topology) = topology(&term.topology_key) else {
            return Err(format!("it must share {} with other pods", term.topology_key));
        };
        if directory.fixed(term) {
            return Err("it must run near pods of a DaemonSet".into());
        }
        let near = directory.matching(term);
        all = match all {
            None => Some((topology, near)),
            // One node is in one zone.
            Some((before, others)) if others == near => Some((before.max(topology), near)),
            Some(_) => return Err("it must run near several sets of pods".into()),
        };
    }
    Ok(all)
}

/// Finds families by selector.
struct Directory<'a> {
    kins: &'a [Kin],
    by_namespace: BTreeMap<&'a str, Vec<usize>>,
    pods: &'a Pods<'a>,
    /// Namespaces and labels of pods that come with their node.
    fixed: BTreeSet<(&'a str, &'a Labels)>,
    known: BTreeMap<PodTerm, Vec<usize>>,
    counted: BTreeMap<(String, LabelSelector), Vec<usize>>,
}

impl<'a> Directory<'a> {
    fn new(kins: &'a [Kin], pods: &'a Pods<'a>) -> Self {
        let mut by_namespace: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, kin) in kins.iter().enumerate() {
            by_namespace.entry(&kin.namespace).or_default().push(index);
        }
        let fixed = pods.fixed.iter().flatten().map(|pod| pods.pod(*pod));
        let fixed = fixed.map(|pod| (pod.namespace.as_str(), &pod.labels)).collect();
        Self { kins, by_namespace, pods, fixed, known: BTreeMap::new(), counted: BTreeMap::new() }
    }

    /// Families in the namespaces of a term that its selector matches, ascending.
    fn matching(&mut self, term: &PodTerm) -> Vec<usize> {
        if let Some(known) = self.known.get(term) {
            return known.clone();
        }
        let namespaces = self.by_namespace.iter().filter(|(name, _)| self.speaks_of(term, name));
        let matched = |kin: &usize| term.selector.matches(&self.kins[*kin].labels);
        let mut found: Vec<usize> = namespaces.flat_map(|(_, kins)| kins).copied().filter(matched).collect();
        found.sort_unstable();
        self.known.insert(term.clone(), found.clone());
        found
    }

    /// Families of one namespace that a spread with a selector counts, ascending.
    fn within(&mut self, namespace: &str, selector: &LabelSelector) -> Vec<usize> {
        let key = (namespace.to_owned(), selector.clone());
        let (kins, by_namespace) = (self.kins, &self.by_namespace);
        let search = || {
            let all = by_namespace.get(namespace).into_iter().flatten().copied();
            all.filter(|kin| selector.counts_in_spread(&kins[*kin].labels)).collect()
        };
        self.counted.entry(key).or_insert_with(search).clone()
    }

    /// Whether a term speaks of pods that come with their node.
    fn fixed(&self, term: &PodTerm) -> bool {
        let speaks_of = |(namespace, labels): &(&str, &Labels)| {
            term.selector.matches(labels) && self.speaks_of(term, namespace)
        };
        self.fixed.iter().any(speaks_of)
    }

    fn speaks_of(&self, term: &PodTerm, namespace: &str) -> bool {
        let no_labels = Labels::new();
        let labels = self.pods.state.namespaces.get(namespace).unwrap_or(&no_labels);
        term.namespaces.iter().any(|name| name == namespace)
            || term.namespace_selector.as_ref().is_some_and(|selector| selector.matches(labels))
    }

    /// Other families that a term of a family speaks of; none unless a pod of it runs.
    fn others(&mut self, family: usize, term: &PodTerm) -> Vec<usize> {
        let runs = self.kins[family].pods.iter().any(|pod| self.pods.node_of[*pod].is_some());
        let matching = if runs { self.matching(term) } else { Vec::new() };
        matching.into_iter().filter(|other| *other != family).collect()
    }

    fn name(&self, family: usize) -> String {
        self.kins[family].name(self.pods)
    }

    fn is_on_a_node(&self, key: &str) -> bool {
        self.pods.state.nodes.iter().any(|node| node.labels.contains_key(key))
    }
}
