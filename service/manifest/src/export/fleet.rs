//! What a plan says the nodes should be, as far as other tools can be told.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_domain::catalog::{Catalog, InstanceType};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::plan::{Change, ChangeKind, NodeGroup, Plan};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::rightsize::Recommendation;
use plimsoll_domain::selector::Labels;
use plimsoll_domain::store::ClusterRecord;
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::workload::Taint;

/// Label of nodes that Karpenter made: its value names their pool.
const LABEL_POOL: &str = "karpenter.sh/nodepool";
/// Label of nodes that Karpenter made: its value names the class of the pool.
const LABEL_NODE_CLASS: &str = "karpenter.k8s.aws/ec2nodeclass";

/// Why a plan cannot be put into other tools' words.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ExportError {
    /// It buys what AWS does not sell: it was made for a ready instance.
    #[error("group {group} is to be of {instance_type:?}, which is no instance type of the plan's catalog")]
    UnknownType {
        /// The group.
        group: String,
        /// The type.
        instance_type: String,
    },
}

/// The nodes that a plan wants, and where its numbers come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Fleet {
    /// Resource name of the plan.
    pub plan: String,
    /// Id of the cluster.
    pub cluster: String,
    /// AWS region.
    pub region: String,
    /// Kubernetes version, such as `1.35`; empty if not known.
    pub kubernetes_version: String,
    /// When the plan was computed.
    pub create_time: Timestamp,
    /// When its oldest price was valid.
    pub price_time: Timestamp,
    /// What AWS bills for nodes now.
    pub cost_before: HourlyRate,
    /// What it will bill.
    pub cost_after: HourlyRate,
    /// What the numbers rest on that is no quotation, one clause each.
    pub estimates: Vec<String>,
    /// The policy that the plan was computed under.
    pub policy: Policy,
    /// Groups after the plan, and those that lose their last node.
    pub groups: Vec<Group>,
    /// Nodes that belong to no group, after the plan.
    pub ungrouped_count: u32,
    /// Requests that the plan counts on in place of those in force.
    pub requests: Vec<Recommendation>,
}

/// One node group.
#[derive(Clone, Debug, PartialEq)]
pub struct Group {
    /// Its name in the plan.
    pub name: String,
    /// Whether it exists already.
    pub existing: bool,
    /// Whether it is a pool of Karpenter's.
    pub is_pool: bool,
    /// The pool's EC2NodeClass, where it exists and names one.
    pub node_class: Option<String>,
    /// Zones; exactly one for a group that the plan makes.
    pub zones: Vec<String>,
    /// How it is bought.
    pub kind: CapacityKind,
    /// Interchangeable types, the cheapest first: the order in which EKS buys on-demand nodes.
    pub types: Vec<Type>,
    /// Nodes now.
    pub from_count: u32,
    /// Nodes after the plan.
    pub to_count: u32,
    /// Nodes that leave, by name.
    pub leaving: Vec<String>,
    /// All labels that its nodes share.
    pub labels: Labels,
    /// Taints that last.
    pub taints: Vec<Taint>,
}

/// An instance type of a group.
#[derive(Clone, Debug, PartialEq)]
pub struct Type {
    /// Its name.
    pub name: String,
    /// Facts; none if the catalog does not know it.
    pub facts: Option<Arc<InstanceType>>,
    /// Price of one node, the account's discount taken off; none if not known.
    pub price: Option<HourlyRate>,
    /// Whether the price is an estimate.
    pub estimated: bool,
}

impl Fleet {
    /// What a plan says. `ungrouped`: the name under which plans list nodes that belong to no group.
    ///
    /// # Errors
    /// [`ExportError::UnknownType`] for a plan of a ready instance that brings its own offerings.
    pub fn of(
        plan: &Plan,
        catalog: &Catalog,
        cluster: &ClusterRecord,
        ungrouped: &str,
    ) -> Result<Self, ExportError> {
        let leaving = leaving(&plan.changes);
        let named = plan.groups.iter().filter(|group| group.name != ungrouped);
        let groups: Vec<Group> =
            named.map(|group| Group::of(group, catalog, &plan.policy, &leaving)).collect();
        for group in groups.iter().filter(|group| !group.existing) {
            if let Some(one) = group.types.iter().find(|one| one.facts.is_none()) {
                let (group, instance_type) = (group.name.clone(), one.name.clone());
                return Err(ExportError::UnknownType { group, instance_type });
            }
        }
        let estimates = catalog.sources.iter().filter(|source| source.estimated);
        let without = plan.groups.iter().filter(|group| group.name == ungrouped);
        Ok(Self {
            plan: plan.id.name(&plan.cluster),
            cluster: plan.cluster.to_string(),
            region: cluster.region.clone(),
            kubernetes_version: cluster.kubernetes_version.clone(),
            create_time: plan.create_time,
            price_time: plan.price_time,
            cost_before: plan.cost_before,
            cost_after: plan.after.cost,
            estimates: estimates
                .map(|source| format!("{}, from {} of {}", source.what, source.origin, source.time))
                .collect(),
            policy: plan.policy.clone(),
            groups,
            ungrouped_count: without.map(|group| group.to_count).sum(),
            requests: plan.applied_requests.clone(),
        })
    }
}

/// Names of nodes that leave, by group.
fn leaving(changes: &[Change]) -> BTreeMap<&str, &[String]> {
    let shrinks = |change: &&Change| matches!(change.kind, ChangeKind::Shrink | ChangeKind::Delete);
    changes.iter().filter(shrinks).map(|change| (change.group.as_str(), change.nodes.as_slice())).collect()
}

impl Group {
    fn of(
        group: &NodeGroup,
        catalog: &Catalog,
        policy: &Policy,
        leaving: &BTreeMap<&str, &[String]>,
    ) -> Self {
        let zone = group.zones.first().map(String::as_str).unwrap_or_default();
        let mut types: Vec<Type> = group
            .instance_types
            .iter()
            .map(|name| Type {
                name: name.clone(),
                facts: catalog.types.get(name).cloned(),
                price: price(catalog, policy, name, zone, group.kind),
                estimated: group.kind == CapacityKind::Spot
                    && catalog.spot_price(name, zone).is_some_and(|spot| spot.estimated),
            })
            .collect();
        types.sort_by(|a, b| {
            (a.price.is_none(), a.price, &a.name).cmp(&(b.price.is_none(), b.price, &b.name))
        });
        Self {
            name: group.name.clone(),
            existing: group.existing,
            is_pool: group.existing && group.labels.contains_key(LABEL_POOL),
            node_class: group.labels.get(LABEL_NODE_CLASS).filter(|_| group.existing).cloned(),
            zones: group.zones.clone(),
            kind: group.kind,
            types,
            from_count: group.from_count,
            to_count: group.to_count,
            leaving: leaving.get(group.name.as_str()).map(|nodes| nodes.to_vec()).unwrap_or_default(),
            labels: group.labels.clone(),
            taints: group.taints.clone(),
        }
    }

    /// What the dearest of its types costs an hour: what a node of it is counted with.
    pub fn price(&self) -> Option<HourlyRate> {
        self.types.iter().filter_map(|one| one.price).max()
    }

    /// Virtual CPUs of its largest type; 0 if not known.
    pub fn vcpu(&self) -> i64 {
        self.facts().map(|facts| facts.vcpu).max().unwrap_or(0)
    }

    /// Memory of its largest type, MiB; 0 if not known.
    pub fn memory_mib(&self) -> i64 {
        self.facts().map(|facts| facts.memory_mib).max().unwrap_or(0)
    }

    /// What is known of its types.
    pub fn facts(&self) -> impl Iterator<Item = &InstanceType> {
        self.types.iter().filter_map(|one| one.facts.as_deref())
    }

    /// Whether it is there after the plan.
    pub fn stays(&self) -> bool {
        0 < self.to_count
    }
}

/// On-demand prices carry the account's discount.
fn price(
    catalog: &Catalog,
    policy: &Policy,
    instance_type: &str,
    zone: &str,
    kind: CapacityKind,
) -> Option<HourlyRate> {
    let list = catalog.price(instance_type, zone, kind)?;
    match kind {
        CapacityKind::Spot => Some(list),
        CapacityKind::OnDemand => {
            let left = list.nano_usd() as f64 * (1.0 - policy.discount_ratio);
            HourlyRate::from_nano_usd(left.ceil() as i64)
        }
    }
}

/// Groups by what a virtual CPU of theirs costs, the cheapest first; those whose price or size is not known come last. The
/// number is the place, from 0; groups of the same price share one.
pub(super) fn ranked<'a>(groups: impl Iterator<Item = &'a Group>) -> Vec<(usize, &'a Group)> {
    let mut all: Vec<(i64, &Group)> = groups
        .map(|group| {
            let price = group.price().filter(|_| 0 < group.vcpu());
            (price.map_or(i64::MAX, |price| price.nano_usd() / group.vcpu().max(1)), group)
        })
        .collect();
    all.sort_by(|a, b| (a.0, &a.1.name).cmp(&(b.0, &b.1.name)));
    let mut ranked: Vec<(usize, &Group)> = Vec::new();
    let mut before = None;
    for (price, group) in all {
        let place = match ranked.last() {
            None => 0,
            Some((place, _)) if before == Some(price) => *place,
            Some((place, _)) => place + 1,
        };
        before = Some(price);
        ranked.push((place, group));
    }
    ranked
}
