//! From fractions of nodes to nodes: whole parts of the linear program's columns, the rest by greedy.

use super::{Load, Packing, Shop, greedy};
use crate::budget::Budget;
use crate::columns::{Column, Generated};

/// Parts from which a column counts as whole, tried one after another.
const WHOLE_FROM: [f64; 4] = [1.0, 0.8, 0.65, 0.5];
/// Widths of the greedy's search for the rest.
const WIDTHS: [usize; 2] = [0, 6];
/// A share this close below a whole number is that number.
const WHOLE_TOLERANCE: f64 = 1e-6;

/// The best packing found by rounding until `until`. None: limited supplies ran out, or time did.
pub(super) fn round(shop: &Shop<'_>, made: &Generated, until: f64, budget: &Budget<'_>) -> Option<Packing> {
    if made.shares.is_empty() {
        return None;
    }
    let mut best: Option<Packing> = None;
    for width in WIDTHS {
        for whole_from in WHOLE_FROM {
            if best.is_some() && budget.is_spent_at(until) {
                return best;
            }
            let packing = one(shop, made, whole_from, width, budget);
            let is_better =
                |packing: &Packing| best.as_ref().is_none_or(|best| packing.cost_nano < best.cost_nano);
            best = packing.filter(is_better).or(best);
        }
    }
    best
}

fn one(
    shop: &Shop<'_>,
    made: &Generated,
    whole_from: f64,
    width: usize,
    budget: &Budget<'_>,
) -> Option<Packing> {
    let mut remaining: Vec<u32> = shop.model.items.iter().map(|item| item.count).collect();
    let mut left = shop.quantities();
    let mut used: Vec<(f64, usize)> =
        made.shares.iter().copied().zip(0..).filter(|(share, _)| *share > WHOLE_TOLERANCE).collect();
    used.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let mut packing = Packing::default();
    for (share, index) in used {
        let column = &made.columns[index];
        let whole = (share + WHOLE_TOLERANCE).floor();
        let times = whole + f64::from(u8::from(share - whole >= whole_from));
        for _ in 0..times as u32 {
            if !put(shop, column, &mut packing, &mut remaining, &mut left) {
                break;
            }
        }
    }
    let rest = greedy(shop, &made.duals, &mut remaining, &mut left, width, budget);
    packing.loads.extend(rest.loads);
    packing.cost_nano = packing.cost_nano.saturating_add(rest.cost_nano);
    remaining.iter().all(|count| *count == 0).then_some(packing)
}

/// What of a column is still to be carried.
fn trimmed(column: &Column, remaining: &[u32]) -> Vec<(u32, u32)> {
    let rest = column.content.iter().map(|(item, count)| (*item, (*count).min(remaining[*item as usize])));
    rest.filter(|(_, count)| *count > 0).collect()
}

/// Adds a node with what of a column is still to be carried. Says whether there was any, and a node.
pub(super) fn put(
    shop: &Shop<'_>,
    column: &Column,
    packing: &mut Packing,
    remaining: &mut [u32],
    left: &mut [u32],
) -> bool {
    let content = trimmed(column, remaining);
    if content.is_empty() || left[column.supply as usize] == 0 {
        return false;
    }
    let supply = shop.cheapest(&content, left).unwrap_or(column.supply);
    content.iter().for_each(|(item, count)| remaining[*item as usize] -= count);
    super::state::use_one(left, supply);
    packing.cost_nano = packing.cost_nano.saturating_add(shop.price_nano(supply));
    packing.loads.push(Load { supply, content });
    true
}
