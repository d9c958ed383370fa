//! The floor: what the dual prices of a certificate prove that no fleet can beat.
//!
//! Where the content of a node could be worth more than the node, the duals in it are lowered until it is
//! not. So whatever a certificate says, what comes out is proven; it may only be less than was hoped for.

mod best;
mod classes;
mod duals;
mod existing;
mod fixed;
mod knapsack;
mod labels;
mod lp;
mod prices;

use crate::certificate::Certificate;
use crate::cost::clamp;
use crate::problem::Problem;
use crate::rejection::Rejection;
use crate::wellformed::{self, Sound};

use best::{Effort, Worth};
use classes::Class;
use duals::Duals;
use knapsack::{Item, Knapsack};

/// Duals are in 1e-15 USD per hour: this many in a nano-USD per hour.
pub const DUALS_PER_NANO_USD: i128 = 1_000_000;

/// The objective, in nano-USD per hour, that no fleet can beat, as far as a certificate proves.
///
/// # Errors
/// [`Rejection::Malformed`] and [`Rejection::Unbounded`].
pub fn of(problem: &Problem, certificate: &Certificate) -> Result<i64, Rejection> {
    proven(&wellformed::check(problem)?, certificate)
}

/// As [`of`], for a problem that is known to be well-formed.
pub(crate) fn proven(problem: &Sound, certificate: &Certificate) -> Result<i64, Rejection> {
    let mut duals = duals::read(problem, certificate)?;
    let eligible = classes::demands_by_offering(problem);
    let mut effort = Effort::default();
    for class in classes::unlimited(problem, &duals, &eligible)? {
        lower(problem, &mut duals, &eligible, &class, &mut effort);
    }
    let due = duals.sum(problem) - duals.moved_pods_due(problem);
    let least = due.saturating_add(existing::if_all_left(problem, &duals));
    let excess = limited_excess(problem, &duals, &eligible, &mut effort)
        .and_then(|excess| excess.checked_add(existing::excess(problem, &duals, &eligible, &mut effort)?));
    let bound = excess.and_then(|excess| least.checked_sub(excess)).unwrap_or(i128::MIN);
    Ok(clamp(bound.div_euclid(DUALS_PER_NANO_USD)))
}

/// Lowers duals until no content of a class is worth more than its price.
fn lower(problem: &Sound, duals: &mut Duals, eligible: &[Vec<usize>], class: &Class, effort: &mut Effort) {
    let demands = &eligible[class.offering];
    let items = new_node_items(problem, duals, demands);
    let knapsack = Knapsack::new(&problem.offerings[class.offering].capacity, items);
    let Some(worth) = knapsack.map(|knapsack| Worth::above(knapsack, class.price, effort)) else {
        return demands.iter().for_each(|demand| duals.pods[*demand] = 0);
    };
    if class.price < worth.most {
        for demand in worth.core(class.price) {
            duals.pods[demand] = scaled(duals.pods[demand], class.price, worth.most);
        }
    }
}

/// `dual` times `price / worth`, rounded down; `0 <= price < worth`.
fn scaled(dual: i64, price: i128, worth: i128) -> i64 {
    let shift = (128 - worth.leading_zeros()).saturating_sub(63);
    let (price, worth) = (price >> shift, (worth >> shift) + i128::from(0 < shift));
    clamp(i128::from(dual) * price / worth)
}

/// What the best contents of offerings of limited quantity are worth above their prices, in total.
fn limited_excess(
    problem: &Sound,
    duals: &Duals,
    eligible: &[Vec<usize>],
    effort: &mut Effort,
) -> Option<i128> {
    let mut sum = 0_i128;
    for (index, offering) in problem.offerings.iter().enumerate() {
        let Some(nodes) = offering.quantity_max.filter(|max| 0 < *max && !problem.owned[index]) else {
            continue;
        };
        let price = duals.price(problem, index)?;
        let items = new_node_items(problem, duals, &eligible[index]);
        let worth = Worth::above(Knapsack::new(&offering.capacity, items)?, price, effort);
        sum = sum.checked_add(worth.most.checked_sub(price)?.checked_mul(nodes.into())?)?;
    }
    Some(sum)
}

fn new_node_items<'b>(
    problem: &'b Sound,
    duals: &Duals,
    demands: &'b [usize],
) -> impl Iterator<Item = Item<'b>> {
    demands.iter().map(|index| {
        let demand = &problem.demands[*index];
        let count = demand.max_per_node.unwrap_or(demand.count).min(demand.count);
        Item {
            demand: *index,
            value: duals.pods[*index].into(),
            count: count.into(),
            request: &demand.request,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::scaled;

    #[test]
    fn a_dual_is_scaled_down_and_rounded_down() {
        #[track_caller]
        fn check(dual: i64, price: i128, worth: i128, expected: i64) {
            assert_eq!(scaled(dual, price, worth), expected);
        }
        check(0, 1, 2, 0);
        check(7, 0, 2, 0);
        check(7, 1, 2, 3);
        check(i64::MAX, i128::from(i64::MAX) - 1, i64::MAX.into(), i64::MAX - 1);
        // Beyond 63 bits the digits that are dropped never raise it.
        check(8, 1 << 110, (1 << 110) + 1, 7);
        check(1 << 40, 3 << 100, (4 << 100) + 1, (3 << 38) - 1);
    }
}
