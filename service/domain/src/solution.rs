//! What a solver answers: a fleet with its contents, and the dual prices that bound every other.

use serde::{Deserialize, Serialize};

use crate::problem::{NodeIndex, OfferingIndex, Placed, Problem};
use crate::units::HourlyRate;

/// Duals are integers in 1e-15 USD per hour: this many in one nano-USD per hour.
pub const DUALS_PER_NANO_USD: i64 = 1_000_000;

/// Name of the dual price of the spot-share rule.
pub const ROW_SPOT_SHARE: &str = "spot_share";
/// Name of the dual price of the budget of moved pods.
pub const ROW_MOVED_PODS: &str = "moved_pods";

/// One node of the answer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bin {
    /// What it is.
    pub offering: OfferingIndex,
    /// Which running node it is; none: a new one.
    pub node: Option<NodeIndex>,
    /// Index into [`Solution::groups`], for a new node where groups are formed.
    pub group: Option<u32>,
    /// What it holds, by ascending demand.
    pub placed: Vec<Placed>,
}

/// A new node group: interchangeable offerings of one zone, kind and template. A node of it is
/// billed at the dearest and must fit into each.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Group {
    /// Offerings, ascending.
    pub offerings: Vec<OfferingIndex>,
}

/// Why the solver stopped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Stop {
    /// No fleet is cheaper.
    Optimal,
    /// The gap that was asked for is proven.
    Gap,
    /// The budget of work ran out.
    Work,
    /// The time ran out.
    #[default]
    Time,
}

/// Dual prices: proof of the floor.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Duals {
    /// By demand, in 1e-15 USD per hour and pod, never negative.
    pub shapes: Vec<i64>,
    /// Of the spot-share rule, in 1e-15 USD per hour, milli-CPU and permille; never negative.
    pub spot_share: i64,
    /// Of the budget of moved pods, in 1e-15 USD per hour and pod; never negative.
    pub moved_pods: i64,
}

/// The solver's answer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Solution {
    /// The nodes.
    pub bins: Vec<Bin>,
    /// New node groups.
    pub groups: Vec<Group>,
    /// Proof of the floor.
    pub duals: Duals,
    /// What no fleet can beat: a bound of the objective, rounded down to nano-USD per hour.
    pub floor_nano_usd: i64,
    /// The restricted linear program's value, unproven; none if it was not solved.
    pub estimate_nano_usd: Option<i64>,
    /// Why the solver stopped.
    pub stop: Stop,
}

/// The three sums that make up an objective.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Objective {
    /// What AWS bills.
    pub cost: HourlyRate,
    /// Expected interruptions.
    pub risk: HourlyRate,
    /// Moves and drains, spread over the horizon.
    pub moves: HourlyRate,
}

impl Objective {
    /// The sum.
    pub fn total(&self) -> HourlyRate {
        self.cost + self.risk + self.moves
    }
}

/// Adds up what a set of bins costs. A node of a mixed group counts at the dearest of its offerings
/// (price plus risk).
pub fn objective(problem: &Problem, bins: &[Bin], groups: &[Group]) -> Objective {
    let mut sum = Objective::default();
    let mut kept = vec![None; problem.nodes.len()];
    for bin in bins {
        let billed = billed_offering(problem, bin, groups);
        sum.cost += problem.offerings[billed as usize].price;
        sum.risk += problem.offerings[billed as usize].risk;
        if let Some(node) = bin.node {
            kept[node as usize] = Some(bin);
        }
    }
    for (node, bin) in problem.nodes.iter().zip(kept) {
        if bin.is_none() {
            sum.moves += node.drain_cost;
        }
        for resident in &node.residents {
            let stay = bin.map_or(0, |bin| count_of(&bin.placed, resident.demand));
            let moved = resident.count.saturating_sub(stay);
            sum.moves += problem.demands[resident.demand as usize].move_cost.times(moved);
        }
    }
    sum
}

/// The offering whose price a bin is billed at.
pub fn billed_offering(problem: &Problem, bin: &Bin, groups: &[Group]) -> OfferingIndex {
    let Some(group) = bin.group.and_then(|index| groups.get(index as usize)) else {
        return bin.offering;
    };
    let price = |index: &OfferingIndex| {
        let offering = &problem.offerings[*index as usize];
        (offering.price + offering.risk, *index)
    };
    group.offerings.iter().copied().max_by_key(price).unwrap_or(bin.offering)
}

/// How many pods of `demand` are in a list.
pub fn count_of(placed: &[Placed], demand: u32) -> u32 {
    placed.iter().find(|entry| entry.demand == demand).map_or(0, |entry| entry.count)
}
