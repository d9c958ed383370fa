//! What later steps need to know of a problem beyond the problem: whose pods, which nodes, and why.

use std::collections::BTreeMap;

use super::pods::EBS_DRIVERS;
pub use super::templates::Template;
use crate::fleet::{CapacityKind, LABEL_HOSTNAME, Node};
use crate::problem::{OfferingIndex, Problem};
use crate::resources::Resources;
use crate::selector::Labels;
use crate::workload::Taint;

/// Facts behind a problem, in the order of its demands and offerings.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Context {
    /// By demand.
    pub demands: Vec<DemandFacts>,
    /// By offering.
    pub offerings: Vec<OfferingFacts>,
    /// Node templates; offerings refer to them by name.
    pub templates: Vec<Template>,
    /// Running nodes whose price is not known: they cost nothing in the problem, and stay.
    pub unpriced_nodes: Vec<String>,
    nodes: BTreeMap<String, Node>,
}

/// What stands behind a demand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DemandFacts {
    /// Its pods, as indexes into `ClusterState::pods` (or into a trace), ascending.
    pub pods: Vec<usize>,
    /// What restricts it.
    pub tags: Vec<Tag>,
}

/// One thing that restricts a demand.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Tag {
    /// Stable code, such as `ZONE_SPREAD`; see `Why::code` of a plan.
    pub code: &'static str,
    /// The restriction in words that fit into a sentence.
    pub subject: String,
}

/// What Kubernetes would say of a node of an offering.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OfferingFacts {
    /// All labels but the host name.
    pub labels: Labels,
    /// Lasting taints.
    pub taints: Vec<Taint>,
    /// What pods may use, DaemonSets and headroom included.
    pub allocatable: Resources,
    /// EBS volumes beside the root volume that a new node takes.
    pub ebs_volumes_max: i64,
    /// Type, zone and kind, as the problem has them.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// How it is bought.
    pub kind: CapacityKind,
}

impl Context {
    pub(super) fn new(nodes: &[Node], templates: Vec<Template>) -> Self {
        let nodes = nodes.iter().map(|node| (node.name.clone(), node.clone())).collect();
        Self { templates, nodes, ..Self::default() }
    }

    /// A context without Kubernetes: labels of type, zone and kind only, and the offerings' capacity.
    pub(super) fn bare(problem: &Problem, pods: Vec<Vec<usize>>) -> Self {
        let facts = |offering: &crate::problem::Offering| OfferingFacts {
            allocatable: resources(&problem.resources, &offering.capacity),
            instance_type: offering.instance_type.clone(),
            zone: offering.zone.clone(),
            kind: offering.kind,
            ..OfferingFacts::default()
        };
        Self {
            demands: pods.into_iter().map(|pods| DemandFacts { pods, ..DemandFacts::default() }).collect(),
            offerings: problem.offerings.iter().map(facts).collect(),
            ..Self::default()
        }
    }

    /// The node `name` of an offering as the API server would show it: the running node of that name
    /// as it is, or a new one, ready and empty.
    pub fn node(&self, offering: OfferingIndex, name: &str) -> Node {
        if let Some(node) = self.nodes.get(name) {
            return node.clone();
        }
        let facts = &self.offerings[offering as usize];
        let mut labels = facts.labels.clone();
        labels.insert(LABEL_HOSTNAME.to_owned(), name.to_owned());
        Node {
            name: name.to_owned(),
            provider_id: String::new(),
            group: String::new(),
            instance_type: facts.instance_type.clone(),
            zone: facts.zone.clone(),
            kind: facts.kind,
            labels,
            taints: facts.taints.clone(),
            capacity: facts.allocatable.clone(),
            allocatable: facts.allocatable.clone(),
            attach_limits: BTreeMap::from([(EBS_DRIVERS[0].to_owned(), facts.ebs_volumes_max)]),
            unschedulable: false,
            ready: true,
            create_time: None,
        }
    }
}

fn resources(names: &[String], amounts: &[i64]) -> Resources {
    let mut all = Resources::default();
    for (name, amount) in names.iter().zip(amounts) {
        match name.as_str() {
            "cpu_milli" => all.cpu_milli = *amount,
            "memory_bytes" => all.memory_bytes = *amount,
            "memory_mib" => all.memory_bytes = amount.saturating_mul(1 << 20),
            "ephemeral_bytes" => all.ephemeral_bytes = *amount,
            "pods" => all.pods = *amount,
            other => {
                all.extended.insert(other.to_owned(), *amount);
            }
        }
    }
    all
}
