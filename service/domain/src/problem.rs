//! What has to be decided, as one value in integers. The wire form is `plimsoll.v1.Problem`, whose
//! comments are the contract; this is the form that the solver and the checker compute with.

use serde::{Deserialize, Serialize};

use crate::fleet::CapacityKind;
use crate::units::HourlyRate;

/// Index into [`Problem::offerings`].
pub type OfferingIndex = u32;
/// Index into [`Problem::demands`].
pub type DemandIndex = u32;
/// Index into [`Problem::nodes`].
pub type NodeIndex = u32;

/// The complete input of the solver.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Problem {
    /// Names of the resources, in the order of every `capacity` and `request`.
    pub resources: Vec<String>,
    /// What can be bought, or is there.
    pub offerings: Vec<Offering>,
    /// What has to be carried.
    pub demands: Vec<Demand>,
    /// Nodes that run now.
    pub nodes: Vec<ExistingNode>,
    /// Rules over the whole fleet.
    pub rules: Rules,
}

/// Instance type x zone x capacity kind x node template; or a class of equal nodes that run now.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Offering {
    /// Unique in its problem.
    pub id: String,
    /// EC2 instance type.
    pub instance_type: String,
    /// Availability zone.
    pub zone: String,
    /// How it is bought.
    pub kind: CapacityKind,
    /// Name of the node template (labels, taints, AMI family).
    pub template: String,
    /// What one node holds for demands, after DaemonSets and headroom.
    pub capacity: Vec<i64>,
    /// What AWS bills.
    pub price: HourlyRate,
    /// Expected cost of interruptions.
    pub risk: HourlyRate,
    /// Most nodes of it; none: no limit.
    pub quantity_max: Option<u32>,
}

/// Equal pods.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Demand {
    /// Unique in its problem.
    pub id: String,
    /// How many, at least 1.
    pub count: u32,
    /// What each asks for.
    pub request: Vec<i64>,
    /// Most of them on one node; none: no limit.
    pub max_per_node: Option<u32>,
    /// Most of them in one zone; none: no limit.
    pub max_per_zone: Option<u32>,
    /// Offerings that may carry them, ascending, no duplicates.
    pub offerings: Vec<OfferingIndex>,
    /// Other demands that may not share a node with them, ascending; symmetric.
    pub conflicts: Vec<DemandIndex>,
    /// Other demands that may not share a zone with them, ascending; symmetric.
    pub zone_conflicts: Vec<DemandIndex>,
    /// Rules on how they spread.
    pub spreads: Vec<Spread>,
    /// Demands with the same value share one zone (`zone/...`) or one node (`node/...`).
    pub together: Option<String>,
    /// What moving one of them away from where it runs costs, spread over the horizon.
    pub move_cost: HourlyRate,
    /// Names of the pods, `namespace/name`; as many as `count`, or none at all.
    pub pods: Vec<String>,
}

/// Where a spread counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Topology {
    /// Zones.
    #[default]
    Zone,
    /// Single nodes.
    Node,
}

/// A rule on how pods spread over domains. A domain is a zone with at least one node of
/// `domain_offerings` in the plan (or such a node itself). In every domain that holds a pod of the
/// demand, the number of counted pods may exceed that of the emptiest domain by `max_skew` at most;
/// with fewer than `min_domains` domains the emptiest counts as zero.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Spread {
    /// Zones or nodes.
    pub topology: Topology,
    /// At least 1.
    pub max_skew: u32,
    /// At least 1.
    pub min_domains: u32,
    /// Demands whose pods count, ascending.
    pub counted: Vec<DemandIndex>,
    /// Offerings whose nodes make a domain, ascending; empty: every offering.
    pub domain_offerings: Vec<OfferingIndex>,
}

/// A node that runs now. An offering that any existing node refers to is theirs alone: no new node
/// can be bought of it, and its `quantity_max` is their number.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ExistingNode {
    /// Name.
    pub name: String,
    /// Node group it belongs to; may be empty.
    pub group: String,
    /// Its offering.
    pub offering: OfferingIndex,
    /// What draining it costs, spread over the horizon, beside the moves of its pods.
    pub drain_cost: HourlyRate,
    /// What runs on it, by ascending demand. A plan that leaves pods here moves nothing.
    pub residents: Vec<Placed>,
    /// Takes no newcomers: at most its residents, of each demand.
    pub sealed: bool,
    /// May not be removed.
    pub kept: bool,
}

/// So many pods of one demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Placed {
    /// Which demand.
    pub demand: DemandIndex,
    /// How many, at least 1.
    pub count: u32,
}

/// Rules over the whole fleet. Zero means no limit, except in `spot_share_max_permille`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rules {
    /// Largest share of the first resource's capacity on spot, 0..=1000.
    pub spot_share_max_permille: u32,
    /// Largest share of the first resource's capacity in one zone, 1..=1000.
    pub zone_share_max_permille: u32,
    /// Fewest on-demand nodes.
    pub on_demand_base_count: u32,
    /// Most nodes.
    pub nodes_max: u32,
    /// Most node groups, existing ones that keep a node included; 0: no groups are formed.
    pub groups_max: u32,
    /// Most nodes in one new group.
    pub nodes_per_group_max: u32,
    /// Fewest types in a new spot group.
    pub types_per_spot_group_min: u32,
    /// Most resident pods that may leave their node; none: no limit.
    pub moved_pods_max: Option<u32>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            spot_share_max_permille: 1000,
            zone_share_max_permille: 1000,
            on_demand_base_count: 0,
            nodes_max: 0,
            groups_max: 0,
            nodes_per_group_max: 0,
            types_per_spot_group_min: 0,
            moved_pods_max: None,
        }
    }
}

impl Problem {
    /// All pods.
    pub fn pod_count(&self) -> u64 {
        self.demands.iter().map(|demand| u64::from(demand.count)).sum()
    }

    /// What the fleet that runs now costs, if it keeps every node.
    pub fn price_now(&self) -> HourlyRate {
        self.nodes.iter().map(|node| self.offerings[node.offering as usize].price).sum()
    }
}
