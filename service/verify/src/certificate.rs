//! The proof of a floor, as in `plimsoll.v1.Certificate`, whose comment says how it proves.

use serde::{Deserialize, Serialize};

use crate::json;

/// Name of the dual price of the spot-share rule.
pub const ROW_SPOT_SHARE: &str = "spot_share";
/// Name of the dual price of the budget of moved pods.
pub const ROW_MOVED_PODS: &str = "moved_pods";

/// Dual prices: proof of the floor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Certificate {
    /// Version of the rules of the message; 1.
    #[serde(deserialize_with = "json::int", skip_serializing_if = "json::is_default")]
    pub version: i32,
    /// Digest of the problem that it is about.
    #[serde(alias = "problemDigest", deserialize_with = "json::or_default")]
    #[serde(skip_serializing_if = "String::is_empty")]
    pub problem_digest: String,
    /// Price of a pod of each demand, in 1e-15 USD per hour; 0 or more.
    #[serde(alias = "shapeDuals", deserialize_with = "json::ints", serialize_with = "json::write_int64s")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shape_duals: Vec<i64>,
    /// Prices of rules over the fleet.
    #[serde(alias = "rowDuals", deserialize_with = "json::short_list")]
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub row_duals: Vec<RowDual>,
    /// What is proven: no fleet has a smaller objective. In nano-USD per hour.
    #[serde(alias = "objectiveFloorNanoUsdPerHour", deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub objective_floor_nano_usd_per_hour: i64,
}

/// Price of one rule over the fleet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct RowDual {
    /// Which rule: [`ROW_SPOT_SHARE`] or [`ROW_MOVED_PODS`].
    #[serde(deserialize_with = "json::or_default", skip_serializing_if = "String::is_empty")]
    pub row: String,
    /// Its price in 1e-15 USD per hour; 0 or more.
    #[serde(deserialize_with = "json::int")]
    #[serde(serialize_with = "json::write_int64", skip_serializing_if = "json::is_default")]
    pub dual: i64,
}
