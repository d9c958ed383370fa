//! Node templates: what the snapshot's groups tell about how a new node would look.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::{is_by_type, is_custom, is_karpenter};
use crate::catalog::Catalog;
use crate::catalog::node::NodeSettings;
use crate::fleet::Node;
use crate::resources::{NVIDIA_GPU, Resources};
use crate::selector::Labels;
use crate::workload::{Taint, TaintEffect};

/// Most templates that are told apart; further groups' nodes are kept, but no new nodes are like them.
pub const TEMPLATES_MAX: usize = 64;
/// Name of the template of new GPU nodes where no group has GPUs.
const GPU_TEMPLATE: &str = "gpu";
/// Name of the template where there are no nodes to learn from.
const PLAIN_TEMPLATE: &str = "plain";

/// A distinct set of custom labels and lasting taints that groups of the snapshot give their nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Template {
    /// Its name: that of the first group that has it.
    pub name: String,
    /// Labels beside the well-known ones.
    pub labels: Labels,
    /// Taints that last.
    pub taints: Vec<Taint>,
    /// Groups whose nodes are like it.
    pub groups: Vec<String>,
    /// Whether it is meant for GPU nodes: it has some, or a taint that keeps others away from them.
    pub gpu: bool,
    /// Whether its nodes are Karpenter's.
    pub karpenter: bool,
    /// Node-local storage that its nodes' kubelets offer, bytes, the smallest seen; none: not seen.
    pub ephemeral_bytes: Option<i64>,
}

/// What was learnt from the nodes that run.
#[derive(Clone, Debug, Default)]
pub(super) struct Learnt {
    /// The templates.
    pub templates: Vec<Template>,
    /// By node: its template.
    pub template_of: Vec<usize>,
    /// Labels that agents derive from the machine, by instance type: those that all its nodes share.
    pub labels_by_type: BTreeMap<String, Labels>,
    /// How kubelets are set up.
    pub settings: NodeSettings,
}

impl Learnt {
    /// Learns from nodes. `wants_gpus`: some pod asks for an NVIDIA GPU.
    pub fn from(nodes: &[Node], wants_gpus: bool) -> Self {
        let mut learnt = Self { template_of: vec![0; nodes.len()], ..Self::default() };
        for (group, members) in groups(nodes) {
            let template = look_of(nodes, &members, group);
            let index = learnt.merge(template);
            members.iter().for_each(|member| learnt.template_of[*member] = index);
        }
        if learnt.templates.is_empty() {
            learnt.templates.push(Template { name: PLAIN_TEMPLATE.into(), ..Template::default() });
        }
        if wants_gpus && !learnt.templates.iter().any(|template| template.gpu) {
            let taint =
                Taint { key: NVIDIA_GPU.into(), value: "true".into(), effect: TaintEffect::NoSchedule };
            let name = learnt.free_name(GPU_TEMPLATE);
            learnt.templates.push(Template { name, taints: vec![taint], gpu: true, ..Template::default() });
        }
        learnt.labels_by_type = labels_by_type(nodes);
        learnt.settings = NodeSettings { seen_memory_bytes: seen_memory(nodes), ..NodeSettings::default() };
        learnt
    }

    /// What pods may use of a new node of a type under a template; nothing if the catalog does not
    /// know the type.
    pub fn allocatable(&self, catalog: &Catalog, instance_type: &str, template: usize) -> Resources {
        let Some(facts) = catalog.types.get(instance_type) else { return Resources::default() };
        let mut allocatable = facts.allocatable(&self.settings);
        if let Some(bytes) = self.templates[template].ephemeral_bytes {
            allocatable.ephemeral_bytes = bytes;
        }
        allocatable
    }

    fn merge(&mut self, template: Template) -> usize {
        let alike = |other: &Template| other.labels == template.labels && other.taints == template.taints;
        let Some(index) = self.templates.iter().position(alike) else {
            let name = self.free_name(&template.name);
            self.templates.push(Template { name, ..template });
            return self.templates.len() - 1;
        };
        let known = &mut self.templates[index];
        known.groups.extend(template.groups);
        known.gpu |= template.gpu;
        known.karpenter |= template.karpenter;
        known.ephemeral_bytes = known.ephemeral_bytes.into_iter().chain(template.ephemeral_bytes).min();
        index
    }

    fn free_name(&self, wish: &str) -> String {
        let wish = if wish.is_empty() { PLAIN_TEMPLATE } else { wish };
        let taken = |name: &str| self.templates.iter().any(|template| template.name == name);
        let numbered = (2..).map(|number| format!("{wish}-{number}"));
        std::iter::once(wish.to_owned()).chain(numbered).find(|name| !taken(name)).expect("names never end")
    }
}

/// Nodes by group, in the order of the groups' names. A node without a group is one by itself.
fn groups(nodes: &[Node]) -> Vec<(&str, Vec<usize>)> {
    let mut named: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    let mut single = Vec::new();
    for (index, node) in nodes.iter().enumerate() {
        match node.group.as_str() {
            "" => single.push(("", vec![index])),
            group => named.entry(group).or_default().push(index),
        }
    }
    named.into_iter().chain(single).collect()
}

/// What all members of a group have in common.
fn look_of(nodes: &[Node], members: &[usize], group: &str) -> Template {
    let all = || members.iter().map(|member| &nodes[*member]);
    let first = &nodes[members[0]];
    let shared = |(key, value): &(&String, &String)| {
        is_custom(key) && all().all(|node| node.labels.get(*key) == Some(value))
    };
    let labels =
        first.labels.iter().filter(shared).map(|(key, value)| (key.clone(), value.clone())).collect();
    let taints: BTreeSet<&Taint> =
        first.lasting_taints().filter(|taint| all().all(|node| node.taints.contains(taint))).collect();
    let ephemeral = all().map(|node| node.allocatable.ephemeral_bytes).filter(|bytes| 0 < *bytes);
    Template {
        name: group.to_owned(),
        labels,
        gpu: taints.iter().any(|taint| taint.key == NVIDIA_GPU)
            || all().any(|node| 0 < node.allocatable.gpus()),
        taints: taints.into_iter().cloned().collect(),
        groups: if group.is_empty() { Vec::new() } else { vec![group.to_owned()] },
        karpenter: first.labels.keys().any(|key| is_karpenter(key)),
        ephemeral_bytes: ephemeral.min(),
    }
}

fn labels_by_type(nodes: &[Node]) -> BTreeMap<String, Labels> {
    let mut by_type: BTreeMap<String, Labels> = BTreeMap::new();
    for node in nodes.iter().filter(|node| !node.instance_type.is_empty()) {
        let derived = node.labels.iter().filter(|(key, _)| is_by_type(key));
        let derived: Labels = derived.map(|(key, value)| (key.clone(), value.clone())).collect();
        by_type
            .entry(node.instance_type.clone())
            .and_modify(|common| common.retain(|key, value| derived.get(key) == Some(value)))
            .or_insert(derived);
    }
    by_type.retain(|_, labels| !labels.is_empty());
    by_type
}

fn seen_memory(nodes: &[Node]) -> BTreeMap<String, i64> {
    let mut seen: BTreeMap<String, i64> = BTreeMap::new();
    for node in nodes.iter().filter(|node| 0 < node.capacity.memory_bytes && !node.instance_type.is_empty()) {
        let bytes = node.capacity.memory_bytes;
        seen.entry(node.instance_type.clone())
            .and_modify(|least| *least = bytes.min(*least))
            .or_insert(bytes);
    }
    seen
}
