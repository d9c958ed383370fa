//! What does not change while pods come and go: nodes and classes of pods, names turned to indices.

use std::collections::BTreeMap;

use crate::fleet::{LABEL_HOSTNAME, LABEL_REGION, LABEL_ZONE, Node};
use crate::resources::Resources;
use crate::workload::{Scheduling, VolumeReach};

use super::class::{Class, ClassKey};
use super::site::Site;
use super::tally::{Namespaces, Tally};
use super::topology::Topology;

/// Index of CPU in every vector by resource.
pub(super) const CPU: usize = 0;
/// Index of memory in every vector by resource.
pub(super) const MEMORY: usize = 1;
/// Index of pods in every vector by resource.
pub(super) const PODS: usize = 2;
/// A node as the scheduler sees it.
#[derive(Clone, Debug)]
pub(super) struct NodeFacts {
    pub node: Node,
    /// Allocatable, by resource.
    pub allocatable: Vec<i64>,
    /// Most attached volumes, by driver.
    pub attach_limits: BTreeMap<usize, i64>,
}

/// Names by index, and back.
#[derive(Clone, Debug, Default)]
pub(super) struct Names {
    pub list: Vec<String>,
    index: BTreeMap<String, usize>,
}

impl Names {
    /// The index of a name, new if need be.
    pub fn intern(&mut self, name: &str) -> usize {
        if let Some(index) = self.index.get(name) {
            return *index;
        }
        self.list.push(name.to_owned());
        self.index.insert(name.to_owned(), self.list.len() - 1);
        self.list.len() - 1
    }
}

/// All of it.
#[derive(Clone, Debug)]
pub(super) struct Facts {
    pub namespaces: Namespaces,
    pub nodes: Vec<NodeFacts>,
    pub resources: Names,
    pub drivers: Names,
    pub claims: Names,
    pub topologies: Vec<Topology>,
    pub hostname: usize,
    pub sites: Vec<Site>,
    site_keys: Vec<(Scheduling, Vec<VolumeReach>)>,
    site_index: BTreeMap<(Scheduling, Vec<VolumeReach>), usize>,
    pub classes: Vec<Class>,
    class_index: BTreeMap<ClassKey, usize>,
    pub tallies: Vec<Tally>,
    tally_index: BTreeMap<Tally, usize>,
}

impl Facts {
    /// A cluster without nodes and pods.
    pub fn new(namespaces: &Namespaces) -> Self {
        let mut resources = Names::default();
        for (name, index) in [("cpu", CPU), ("memory", MEMORY), ("pods", PODS)] {
            assert_eq!(resources.intern(name), index, "the order of the constants");
        }
        Self {
            namespaces: namespaces.clone(),
            nodes: Vec::new(),
            resources,
            drivers: Names::default(),
            claims: Names::default(),
            topologies: vec![Topology::new(LABEL_HOSTNAME)],
            hostname: 0,
            sites: Vec::new(),
            site_keys: Vec::new(),
            site_index: BTreeMap::new(),
            classes: Vec::new(),
            class_index: BTreeMap::new(),
            tallies: Vec::new(),
            tally_index: BTreeMap::new(),
        }
    }

    /// Takes in a node; returns its index.
    pub fn add_node(&mut self, node: &Node) -> usize {
        let mut allocatable = vec![0; self.resources.list.len()];
        for (index, amount) in self.amounts(&node.allocatable) {
            allocatable.resize(self.resources.list.len(), 0);
            allocatable[index] = amount;
        }
        let limits = node.attach_limits.iter();
        let attach_limits = limits.map(|(driver, limit)| (self.drivers.intern(driver), *limit)).collect();
        for topology in &mut self.topologies {
            topology.add_node(&node.labels);
        }
        for (site, (scheduling, reaches)) in self.sites.iter_mut().zip(&self.site_keys) {
            site.add_node(scheduling, reaches, node);
        }
        self.nodes.push(NodeFacts { node: node.clone(), allocatable, attach_limits });
        self.nodes.len() - 1
    }

    /// Amounts that are not zero, by resource.
    fn amounts(&mut self, resources: &Resources) -> Vec<(usize, i64)> {
        let basic = ["cpu", "memory", "pods", "ephemeral-storage"].into_iter();
        let names = basic.chain(resources.extended.keys().map(String::as_str));
        names
            .map(|name| (name, resources.get(name)))
            .filter(|(_, amount)| *amount != 0)
            .map(|(name, amount)| (self.resources.intern(name), amount))
            .collect()
    }

    /// The class of a pod, new if need be.
    pub fn class(&mut self, key: ClassKey) -> usize {
        if let Some(class) = self.class_index.get(&key) {
            return *class;
        }
        let index = self.classes.len();
        let scheduling = std::sync::Arc::clone(&key.scheduling);
        let requests = self.amounts(&key.requests);
        let site = self.site(&scheduling, &key.reaches);
        self.class_index.insert(key.clone(), index);
        self.classes.push(Class {
            key,
            site,
            requests,
            required_spreads: Vec::new(),
            soft_spreads: Vec::new(),
            soft_needs_all_keys: true,
            affinity: None,
            attracts_itself: false,
            anti_affinity: Vec::new(),
            repelled_by: Vec::new(),
            preferred: Vec::new(),
            pulled_by: Vec::new(),
            adds: Vec::new(),
        });
        for tally in 0..self.tallies.len() {
            self.relate(tally, index);
        }
        self.resolve_spreads(index, &scheduling);
        self.resolve_affinity(index, &scheduling);
        index
    }

    fn site(&mut self, scheduling: &Scheduling, reaches: &[VolumeReach]) -> usize {
        let key = (node_part(scheduling), reaches.to_vec());
        if let Some(site) = self.site_index.get(&key) {
            return *site;
        }
        let mut site = Site::new(scheduling, reaches);
        for node in &self.nodes {
            site.add_node(scheduling, reaches, &node.node);
        }
        self.sites.push(site);
        self.site_keys.push(key.clone());
        self.site_index.insert(key, self.sites.len() - 1);
        self.sites.len() - 1
    }

    /// The index of a tally, new if need be.
    pub fn tally(&mut self, what: Tally) -> usize {
        if let Some(tally) = self.tally_index.get(&what) {
            return *tally;
        }
        let index = self.tallies.len();
        self.tallies.push(what.clone());
        self.tally_index.insert(what, index);
        for class in 0..self.classes.len() {
            self.relate(index, class);
        }
        index
    }

    /// The index of a topology key, new if need be.
    pub fn topology(&mut self, key: &str) -> usize {
        if let Some(index) = self.topologies.iter().position(|topology| topology.key == key) {
            return index;
        }
        let mut topology = Topology::new(key);
        for node in &self.nodes {
            topology.add_node(&node.node.labels);
        }
        self.topologies.push(topology);
        self.topologies.len() - 1
    }

    /// The order in which the scheduler walks over nodes: zone by zone in turn.
    pub fn walk(&self) -> Vec<usize> {
        let mut zones: Vec<((&str, &str), Vec<usize>)> = Vec::new();
        for (index, facts) in self.nodes.iter().enumerate() {
            let label = |key| facts.node.labels.get(key).map_or("", String::as_str);
            let zone = (label(LABEL_REGION), label(LABEL_ZONE));
            match zones.iter_mut().find(|(name, _)| *name == zone) {
                Some((_, nodes)) => nodes.push(index),
                None => zones.push((zone, vec![index])),
            }
        }
        let longest = zones.iter().map(|(_, nodes)| nodes.len()).max().unwrap_or(0);
        let round = |turn: usize| zones.iter().filter_map(move |(_, nodes)| nodes.get(turn).copied());
        (0..longest).flat_map(round).collect()
    }
}

/// The part of a pod's scheduling that speaks of nodes alone.
fn node_part(scheduling: &Scheduling) -> Scheduling {
    Scheduling {
        node_selector: scheduling.node_selector.clone(),
        node_terms: scheduling.node_terms.clone(),
        preferred_node_terms: scheduling.preferred_node_terms.clone(),
        tolerations: scheduling.tolerations.clone(),
        ..Scheduling::default()
    }
}
