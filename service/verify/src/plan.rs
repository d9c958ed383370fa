//! The part of `plimsoll.v1.Plan` that can be proven. Other fields of a plan are skipped.

use serde::{Deserialize, Serialize};

use crate::json;
use crate::problem::Placed;

/// A fleet, what it holds, and what is said about it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Plan {
    /// Resource name.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Digest of the problem that it solves.
    #[serde(alias = "problemDigest", deserialize_with = "json::or_default")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem_digest: String,
    /// What AWS will bill, in nano-USD per hour.
    #[serde(alias = "costAfterNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub cost_after_nano_usd_per_hour: i64,
    /// With risk, drains and moves, in nano-USD per hour.
    #[serde(alias = "objectiveNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub objective_nano_usd_per_hour: i64,
    /// What no fleet can beat, in nano-USD per hour.
    #[serde(alias = "objectiveFloorNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub objective_floor_nano_usd_per_hour: i64,
    /// Node groups.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<Group>,
    /// Every node of the fleet.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub placements: Vec<Placement>,
}

/// A node group.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Group {
    /// Unique in the plan.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub name: String,
    /// Indexes of its interchangeable offerings, ascending. Empty: the group exists already.
    #[serde(deserialize_with = "json::ints", skip_serializing_if = "Vec::is_empty")]
    pub offerings: Vec<i32>,
}

/// One node of a plan and what it holds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Placement {
    /// Name: an existing node's own, or a made-up one.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub node: String,
    /// Index of its offering.
    #[serde(deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub offering: i32,
    /// Name of the existing node that stays; none: a new node.
    #[serde(alias = "existingNode", skip_serializing_if = "Option::is_none")]
    pub existing_node: Option<String>,
    /// What it holds, by ascending demand.
    #[serde(deserialize_with = "json::list", skip_serializing_if = "Vec::is_empty")]
    pub placed: Vec<Placed>,
    /// New node group that the node is of. Empty: an existing node, or no groups are formed.
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub group: String,
}
