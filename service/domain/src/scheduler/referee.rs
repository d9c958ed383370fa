//! Asks of a plan what no packer asks: whether the stock scheduler, which knows nothing of the
//! plan, gets and keeps every pod running on its nodes.

mod churn;
mod cold;
mod reserve;
mod rollout;
mod steered;
mod world;

use std::collections::BTreeMap;

use crate::fleet::Node;
use crate::plan::RefereeReport;
use crate::snapshot::ClusterState;
use crate::units::HourlyRate;

use super::Settings;
use world::World;

/// Most random arrival orders that are tried, whatever was asked for: twenty take 0.3 s at 1,200
/// pods on 100 nodes.
pub const ORDERS_MAX: u32 = 100;

/// Event of the strandings that steering reports.
pub const STEERING: &str = "steered migration";

/// A node that could be bought in addition, and its price.
#[derive(Clone, Debug, PartialEq)]
pub struct Offer {
    /// What would join: complete labels, taints, allocatable. The report names it by its name.
    pub node: Node,
    /// What AWS bills for it.
    pub price: HourlyRate,
}

/// A plan and the cluster it is for.
pub struct Inputs<'a> {
    /// The cluster as it runs now.
    pub state: &'a ClusterState,
    /// All nodes after the plan: those that stay, as they are, and new ones with complete labels
    /// (host name too), taints and allocatable.
    pub nodes_after: &'a [Node],
    /// Target node by `namespace/name`. A pod that is missing stays where it is.
    pub assignment: &'a BTreeMap<String, String>,
    /// What the cold-start reserve may be made of; empty: it is not priced.
    pub offers: &'a [Offer],
    /// The scheduler's setting, and the seed of every random choice.
    pub settings: Settings,
    /// Random arrival orders of the cold start, at most [`ORDERS_MAX`].
    pub orders: u32,
    /// Asked between two pieces of work; true: leave out the rest and say so.
    pub stop: &'a dyn Fn() -> bool,
}

/// Judges a plan. Deterministic, unless `stop` ends it early; then `omissions` says what is missing.
pub fn judge(inputs: &Inputs<'_>) -> RefereeReport {
    let mut report = RefereeReport::default();
    steered::judge(inputs, &mut report);
    let world = World::after(inputs);
    churn::judge(&world, inputs, &mut report);
    cold::judge(&world, inputs, &mut report);
    if (inputs.stop)() {
        report.omissions.push("the time ran out before everything was tried".to_owned());
    }
    report
}

#[cfg(test)]
mod tests;
