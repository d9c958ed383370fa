//! The problem, as in `plimsoll.v1.Problem`, whose comments say what each field means.
//!
//! Fields are declared in the order of their names: serialised compactly, a problem is then in the form of
//! RFC 8785, of which the digest is taken.

use serde::{Deserialize, Serialize};

use crate::json;

/// Everything that a plan was computed from.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Problem {
    /// What has to be carried. Referred to by index.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub demands: Vec<Demand>,
    /// Nodes that run now.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub nodes: Vec<ExistingNode>,
    /// What can be bought, and what is there. Referred to by index.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub offerings: Vec<Offering>,
    /// Names of the resources, in the order of every `capacity` and `request`.
    #[serde(deserialize_with = "json::short_list", skip_serializing_if = "Vec::is_empty")]
    pub resources: Vec<String>,
    /// Rules over the whole fleet; none: no limits.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rules: Option<Rules>,
    /// Version of the rules of the message; 1.
    #[serde(deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub version: i32,
}

/// How capacity is bought.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CapacityKind {
    /// Not said; no offering may be of it.
    #[default]
    #[serde(rename = "CAPACITY_KIND_UNSPECIFIED")]
    Unspecified,
    /// At the list price, kept until given back.
    #[serde(rename = "CAPACITY_KIND_ON_DEMAND")]
    OnDemand,
    /// Cheaper, reclaimed by AWS with two minutes' notice.
    #[serde(rename = "CAPACITY_KIND_SPOT")]
    Spot,
}

/// Instance type x zone x capacity kind x node template; or a class of equal nodes that run now.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Offering {
    /// What one node holds, in the order of `Problem::resources`; 0 or more each.
    #[serde(deserialize_with = "json::ints", serialize_with = "json::write_int64s")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub capacity: Vec<i64>,
    /// Unique in the problem.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// EC2 instance type.
    #[serde(alias = "instanceType")]
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub instance_type: String,
    /// How it is bought.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "json::is_default")]
    pub kind: CapacityKind,
    /// What AWS bills, in nano-USD per hour; 0 or more.
    #[serde(alias = "priceNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub price_nano_usd_per_hour: i64,
    /// Most nodes of it; none: no limit.
    #[serde(alias = "quantityMax", deserialize_with = "json::optional_int")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub quantity_max: Option<i32>,
    /// Expected cost of interruptions, in nano-USD per hour; 0 or more.
    #[serde(alias = "riskNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub risk_nano_usd_per_hour: i64,
    /// Name of the node template.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub template: String,
    /// Availability zone.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub zone: String,
}

/// Equal pods.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Demand {
    /// Indexes of other demands that may not share a node with them, ascending; symmetric.
    #[serde(deserialize_with = "json::ints", skip_serializing_if = "Vec::is_empty")]
    pub conflicts: Vec<i32>,
    /// How many; 1 or more.
    #[serde(deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub count: i32,
    /// Unique in the problem.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// Most of them on one node; none: no limit.
    #[serde(alias = "maxPerNode", deserialize_with = "json::optional_int")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_node: Option<i32>,
    /// Most of them in one zone; none: no limit.
    #[serde(alias = "maxPerZone", deserialize_with = "json::optional_int")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_per_zone: Option<i32>,
    /// What moving one of them off its node costs, in nano-USD per hour; 0 or more.
    #[serde(alias = "moveCostNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub move_cost_nano_usd_per_hour: i64,
    /// Indexes of the offerings that may carry them, ascending.
    #[serde(deserialize_with = "json::ints", skip_serializing_if = "Vec::is_empty")]
    pub offerings: Vec<i32>,
    /// Names of the pods: `count` of them, or none.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub pods: Vec<String>,
    /// What each asks for, in the order of `Problem::resources`; 0 or more each.
    #[serde(deserialize_with = "json::ints", serialize_with = "json::write_int64s")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub request: Vec<i64>,
    /// Rules on how they spread.
    #[serde(deserialize_with = "json::short_list", skip_serializing_if = "Vec::is_empty")]
    pub spreads: Vec<Spread>,
    /// Demands with the same value share one zone (`zone/...`) or one node (`node/...`). Empty: free.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub together: String,
    /// Indexes of other demands that may not share a zone with them, ascending; symmetric.
    #[serde(alias = "zoneConflicts", deserialize_with = "json::ints")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub zone_conflicts: Vec<i32>,
}

/// Where a spread counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Topology {
    /// Not said; no spread may be of it.
    #[default]
    #[serde(rename = "TOPOLOGY_UNSPECIFIED")]
    Unspecified,
    /// Zones.
    #[serde(rename = "TOPOLOGY_ZONE")]
    Zone,
    /// Single nodes.
    #[serde(rename = "TOPOLOGY_NODE")]
    Node,
}

/// A rule on how pods spread over domains.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Spread {
    /// Indexes of the demands whose pods count, ascending.
    #[serde(alias = "countedDemands", deserialize_with = "json::ints")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub counted_demands: Vec<i32>,
    /// Indexes of the offerings whose nodes make a domain, ascending. Empty: all offerings.
    #[serde(alias = "domainOfferings", deserialize_with = "json::ints")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub domain_offerings: Vec<i32>,
    /// 1 or more.
    #[serde(alias = "maxSkew", deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub max_skew: i32,
    /// 1 or more.
    #[serde(alias = "minDomains", deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub min_domains: i32,
    /// What the domains are.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "json::is_default")]
    pub topology: Topology,
}

/// A node that runs now. An offering that any existing node refers to is theirs alone.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ExistingNode {
    /// What draining it costs beside the moves of its pods, in nano-USD per hour; 0 or more.
    #[serde(alias = "drainCostNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub drain_cost_nano_usd_per_hour: i64,
    /// Node group it belongs to; may be empty.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub group: String,
    /// May not be removed.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "json::is_default")]
    pub kept: bool,
    /// Name of the node.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Index of its offering.
    #[serde(deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub offering: i32,
    /// What runs on it, by ascending demand.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub residents: Vec<Placed>,
    /// Takes no newcomers: at most its residents, of each demand.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "json::is_default")]
    pub sealed: bool,
}

/// So many pods of one demand.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Placed {
    /// How many; 1 or more.
    #[serde(deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub count: i32,
    /// Index of the demand.
    #[serde(deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub demand: i32,
}

/// Rules over the whole fleet. Shares are of the first resource's capacity, summed over the plan's nodes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Rules {
    /// Most node groups, existing ones that keep a node included. 0: no groups are formed.
    #[serde(alias = "groupsMax", deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub groups_max: i32,
    /// Most resident pods that may leave their node; none: no limit.
    #[serde(alias = "movedPodsMax", deserialize_with = "json::optional_int")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub moved_pods_max: Option<i32>,
    /// Most nodes. 0: no limit.
    #[serde(alias = "nodesMax", deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub nodes_max: i32,
    /// Most nodes in one new group. 0: no limit.
    #[serde(alias = "nodesPerGroupMax", deserialize_with = "json::int")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub nodes_per_group_max: i32,
    /// Fewest on-demand nodes.
    #[serde(alias = "onDemandBaseCount", deserialize_with = "json::int")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub on_demand_base_count: i32,
    /// Largest share on spot, 0 to 1000 permille; none: no limit.
    #[serde(alias = "spotShareMaxPermille", deserialize_with = "json::optional_int")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub spot_share_max_permille: Option<i32>,
    /// Fewest types in a new spot group. 0: no limit.
    #[serde(alias = "typesPerSpotGroupMin", deserialize_with = "json::int")]
    #[serde(skip_serializing_if = "json::is_default")]
    pub types_per_spot_group_min: i32,
    /// Largest share in one zone, 1 to 1000 permille; none: no limit.
    #[serde(alias = "zoneShareMaxPermille", deserialize_with = "json::optional_int")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone_share_max_permille: Option<i32>,
}
