//! What a fleet costs, and what it is worth to leave things where they are.

use crate::feasible::{Fleet, Node};
use crate::plan::Plan;
use crate::rejection::Rejection;
use crate::wellformed::Sound;

/// The sums of a fleet, in nano-USD per hour; at most `i64::MAX`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sums {
    /// What AWS bills.
    pub cost: i64,
    /// With risk, drains and moves.
    pub objective: i64,
}

/// Adds up a fleet and compares with what its plan states.
///
/// # Errors
/// [`Rejection::Cost`] and [`Rejection::Objective`].
pub fn check(problem: &Sound, fleet: &Fleet, plan: &Plan) -> Result<Sums, Rejection> {
    let actual = sums(problem, fleet);
    let stated = plan.cost_after_nano_usd_per_hour;
    if stated != actual.cost {
        return Err(Rejection::Cost { stated, actual: actual.cost });
    }
    let stated = plan.objective_nano_usd_per_hour;
    if stated != actual.objective {
        return Err(Rejection::Objective { stated, actual: actual.objective });
    }
    Ok(actual)
}

fn sums(problem: &Sound, fleet: &Fleet) -> Sums {
    let (mut cost, mut rest) = (0_i128, 0_i128);
    for node in &fleet.nodes {
        let billed = &problem.offerings[billed(problem, fleet, node)];
        cost += i128::from(billed.price_nano_usd_per_hour);
        rest += i128::from(billed.risk_nano_usd_per_hour);
    }
    for (node, stays) in problem.nodes.iter().zip(&fleet.staying) {
        if stays.is_none() {
            rest += i128::from(node.drain_cost_nano_usd_per_hour);
        }
    }
    for (demand, moved) in fleet.moved_pods(problem) {
        rest += i128::from(problem.demands[demand].move_cost_nano_usd_per_hour) * i128::from(moved);
    }
    Sums { cost: clamp(cost), objective: clamp(cost + rest) }
}

/// The offering whose price a node is billed at: the dearest that it may turn out to be, the last of equals.
fn billed(problem: &Sound, fleet: &Fleet, node: &Node) -> usize {
    let price = |index: &usize| {
        let offering = &problem.offerings[*index];
        i128::from(offering.price_nano_usd_per_hour) + i128::from(offering.risk_nano_usd_per_hour)
    };
    fleet.alternatives(node).iter().copied().max_by_key(price).unwrap_or(node.offering)
}

/// The nearest 64-bit integer.
pub fn clamp(value: i128) -> i64 {
    let nearest = value.clamp(i64::MIN.into(), i64::MAX.into());
    i64::try_from(nearest).expect("a value between the least and the greatest i64 is one")
}
