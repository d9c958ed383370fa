//! How a new node of a group looks: labels, taints, what it holds.
//!
//! Learnt from the nodes that were loaded, as planning learns it, so that a node turns out as it was planned.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plimsoll_domain::build::{ALIASES, is_by_type, is_custom, volumes_of_type};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::catalog::node::NodeSettings;
use plimsoll_domain::fleet::{
    LABEL_ARCH, LABEL_CAPACITY_TYPE, LABEL_EBS_ZONE, LABEL_HOSTNAME, LABEL_INSTANCE_TYPE, LABEL_NODE_GROUP,
    LABEL_OS, LABEL_REGION, LABEL_ZONE, Node,
};
use plimsoll_domain::resources::Resources;
use plimsoll_domain::selector::Labels;
use plimsoll_domain::workload::Taint;
use plimsoll_domain::world::GroupSpec;

/// The region whose private DNS names have a suffix of their own. Source: EC2 user guide, instance hostname types.
const FIRST_REGION: &str = "us-east-1";
/// Driver whose volumes a new node takes a limited number of.
const EBS_DRIVER: &str = "ebs.csi.aws.com";

/// What was learnt from the nodes of a cluster.
pub(super) struct Look {
    settings: NodeSettings,
    /// Node-local storage that kubelets offered, the smallest seen, by template.
    ephemeral_bytes: BTreeMap<(Labels, Vec<Taint>), i64>,
    /// Labels that all nodes of a type got from agents.
    by_type: BTreeMap<String, Labels>,
    /// A node of each type that was seen.
    samples: BTreeMap<String, Node>,
    /// By zone.
    regions: BTreeMap<String, String>,
}

/// A node that joins.
pub(super) struct New<'a> {
    pub spec: &'a GroupSpec,
    pub zone: &'a str,
    pub instance_type: &'a str,
    /// Its host name without the domain.
    pub name: &'a str,
    pub provider_id: &'a str,
    pub time: Timestamp,
}

impl Look {
    /// Learns from nodes.
    pub fn from(nodes: &[Node]) -> Self {
        let mut look = Self {
            settings: NodeSettings::default(),
            ephemeral_bytes: BTreeMap::new(),
            by_type: BTreeMap::new(),
            samples: BTreeMap::new(),
            regions: BTreeMap::new(),
        };
        let mut members: BTreeMap<(&str, &str), Vec<&Node>> = BTreeMap::new();
        for node in nodes {
            look.learn(node);
            let alone = if node.group.is_empty() { node.name.as_str() } else { "" };
            members.entry((&node.group, alone)).or_default().push(node);
        }
        for nodes in members.values() {
            let seen = nodes.iter().map(|node| node.allocatable.ephemeral_bytes).filter(|bytes| 0 < *bytes);
            if let Some(bytes) = seen.min() {
                let least = look.ephemeral_bytes.entry(template(nodes)).or_insert(bytes);
                *least = bytes.min(*least);
            }
        }
        look
    }

    fn learn(&mut self, node: &Node) {
        let name = &node.instance_type;
        let memory = node.capacity.memory_bytes;
        if 0 < memory {
            let seen = self.settings.seen_memory_bytes.entry(name.clone()).or_insert(memory);
            *seen = memory.min(*seen);
        }
        let derived: Labels = filtered(&node.labels, is_by_type);
        let common = self.by_type.entry(name.clone()).or_insert_with(|| derived.clone());
        common.retain(|key, value| derived.get(key) == Some(value));
        self.samples.entry(name.clone()).or_insert_with(|| node.clone());
        if let Some(region) = node.labels.get(LABEL_REGION) {
            self.regions.entry(node.zone.clone()).or_insert_with(|| region.clone());
        }
    }

    /// Whether it is known what a machine of a type holds.
    pub fn knows(&self, instance_type: &str) -> bool {
        Catalog::builtin().types.contains_key(instance_type) || self.samples.contains_key(instance_type)
    }

    /// A new node as the API server shows it: ready and empty.
    pub fn node(&self, new: &New<'_>) -> Node {
        let region = self.region(new.zone);
        let domain = match region.as_str() {
            FIRST_REGION => "ec2.internal".to_owned(),
            region => format!("{region}.compute.internal"),
        };
        let name = format!("{}.{domain}", new.name);
        let (capacity, allocatable, attach_limits) = self.holds(new);
        Node {
            labels: self.labels(new, &name, &region),
            name,
            provider_id: new.provider_id.to_owned(),
            group: new.spec.name.clone(),
            instance_type: new.instance_type.to_owned(),
            zone: new.zone.to_owned(),
            kind: new.spec.kind,
            taints: new.spec.taints.clone(),
            capacity,
            allocatable,
            attach_limits,
            unschedulable: false,
            ready: true,
            create_time: Some(new.time),
        }
    }

    /// Capacity, allocatable, and volumes by driver. A type that the catalog lacks holds what one of it was seen to.
    fn holds(&self, new: &New<'_>) -> (Resources, Resources, BTreeMap<String, i64>) {
        let Some(facts) = Catalog::builtin().types.get(new.instance_type).cloned() else {
            let sample = self.samples.get(new.instance_type);
            return sample.map_or_else(Default::default, |node| {
                (node.capacity.clone(), node.allocatable.clone(), node.attach_limits.clone())
            });
        };
        let mut allocatable = facts.allocatable(&self.settings);
        let GroupSpec { labels, taints, .. } = normal(new.spec);
        if let Some(bytes) = self.ephemeral_bytes.get(&(labels, taints)) {
            allocatable.ephemeral_bytes = *bytes;
        }
        let limits = BTreeMap::from([(EBS_DRIVER.to_owned(), volumes_of_type(&facts))]);
        (facts.capacity(&self.settings), allocatable, limits)
    }

    fn labels(&self, new: &New<'_>, name: &str, region: &str) -> Labels {
        let catalog = Catalog::builtin();
        let architecture = catalog.types.get(new.instance_type).map(|facts| facts.architecture.clone());
        let sample = || self.samples.get(new.instance_type)?.labels.get(LABEL_ARCH).cloned();
        let architecture = architecture.or_else(sample).unwrap_or_default();
        let mut labels = new.spec.labels.clone();
        labels.extend(self.by_type.get(new.instance_type).cloned().unwrap_or_default());
        let known = [
            (LABEL_ZONE, new.zone),
            (LABEL_EBS_ZONE, new.zone),
            (LABEL_REGION, region),
            (LABEL_ARCH, &architecture),
            (LABEL_OS, "linux"),
            (LABEL_INSTANCE_TYPE, new.instance_type),
            (LABEL_CAPACITY_TYPE, new.spec.kind.label()),
            (LABEL_NODE_GROUP, &new.spec.name),
            (LABEL_HOSTNAME, name),
        ];
        labels.extend(known.map(|(key, value)| (key.to_owned(), value.to_owned())));
        let aliases = ALIASES.map(|(alias, key)| (alias.to_owned(), labels.get(key).cloned()));
        labels.extend(aliases.into_iter().filter_map(|(alias, value)| Some((alias, value?))));
        labels
    }

    /// The region of a zone: as its nodes say, else the zone's name without its letter.
    fn region(&self, zone: &str) -> String {
        let guess = || zone.trim_end_matches(|c: char| c.is_ascii_lowercase()).to_owned();
        self.regions.get(zone).cloned().unwrap_or_else(guess)
    }
}

/// A group as its nodes look, and all its zones.
pub(super) fn spec_of(name: &str, nodes: &[&Node]) -> (GroupSpec, Vec<String>) {
    let distinct = |of: fn(&Node) -> &String| -> Vec<String> {
        let values: BTreeSet<&String> = nodes.iter().map(|node| of(node)).collect();
        values.into_iter().cloned().collect()
    };
    let zones = distinct(|node| &node.zone);
    let (labels, taints) = template(nodes);
    let spec = GroupSpec {
        name: name.to_owned(),
        zone: zones.first().cloned().unwrap_or_default(),
        kind: nodes.first().map(|node| node.kind).unwrap_or_default(),
        instance_types: distinct(|node| &node.instance_type),
        labels,
        taints,
    };
    (spec, zones)
}

/// A specification as [`spec_of`] would read it off its nodes, but for the types.
pub(super) fn normal(spec: &GroupSpec) -> GroupSpec {
    let (labels, taints) = (filtered(&spec.labels, is_custom), sorted(spec.taints.iter()));
    GroupSpec { labels, taints, ..spec.clone() }
}

/// The labels of their own and the lasting taints that nodes have in common.
fn template(nodes: &[&Node]) -> (Labels, Vec<Taint>) {
    let Some(first) = nodes.first() else { return Default::default() };
    let mut labels = filtered(&first.labels, is_custom);
    labels.retain(|key, value| nodes.iter().all(|node| node.labels.get(key) == Some(value)));
    let shared = first.lasting_taints().filter(|taint| nodes.iter().all(|node| node.taints.contains(taint)));
    (labels, sorted(shared))
}

fn sorted<'t>(taints: impl Iterator<Item = &'t Taint>) -> Vec<Taint> {
    let distinct: BTreeSet<&Taint> = taints.collect();
    distinct.into_iter().cloned().collect()
}

fn filtered(labels: &Labels, keep: impl Fn(&str) -> bool) -> Labels {
    let kept = labels.iter().filter(|(key, _)| keep(key));
    kept.map(|(key, value)| (key.clone(), value.clone())).collect()
}

#[cfg(test)]
mod tests;
