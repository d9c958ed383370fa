//! Diving: takes the nodes that the linear program is surest of, solves it again for the rest, and so on.

use rand::Rng;
use rand::rngs::SmallRng;

use super::round::put;
use super::{Packing, Shop, greedy};
use crate::budget::Budget;
use crate::columns::{self, Column, Generated};
use crate::model::Model;

/// Kinds of pods above which the programs take too long.
const ITEMS_MAX: usize = 300;
/// Part of the nodes still to come that one step fixes.
const STEP_RATIO: f64 = 0.07;
/// Rounds of column generation after each step.
const STEP_ROUNDS: u32 = 6;
/// A share this close below a whole number is that number.
const WHOLE_TOLERANCE: f64 = 1e-6;
/// Part by which luck changes the order in which nodes are taken.
const NOISE: f64 = 0.3;
/// Labels of the search for the contents of what is left at the end.
const REST_WIDTH: usize = 6;

/// Dives once. With `random`, not quite by the shares. None: time ran out, or there are too many kinds of pods.
pub(super) fn dive(
    shop: &Shop<'_>,
    made: &Generated,
    until: f64,
    budget: &Budget<'_>,
    mut random: Option<&mut SmallRng>,
) -> Option<Packing> {
    if shop.model.items.len() > ITEMS_MAX || made.shares.is_empty() {
        return None;
    }
    let mut remaining: Vec<u32> = shop.model.items.iter().map(|item| item.count).collect();
    let mut left = shop.quantities();
    let mut packing = Packing::default();
    let mut program = made.clone();
    while remaining.iter().any(|count| *count > 0) {
        if budget.is_spent_at(until) {
            return None;
        }
        let sure = surest(&program, random.as_deref_mut());
        let before = packing.loads.len();
        for (index, times) in sure {
            for _ in 0..times {
                put(shop, &program.columns[index], &mut packing, &mut remaining, &mut left);
            }
        }
        if packing.loads.len() == before {
            break;
        }
        program = again(shop, made, &program.columns, &remaining, &left, until, budget);
    }
    let rest = greedy(shop, &made.duals, &mut remaining, &mut left, REST_WIDTH, budget);
    packing.loads.extend(rest.loads);
    packing.cost_nano = packing.cost_nano.saturating_add(rest.cost_nano);
    remaining.iter().all(|count| *count == 0).then_some(packing)
}

/// Columns to take and how often: the whole parts of all shares, else the greatest shares.
fn surest(program: &Generated, mut random: Option<&mut SmallRng>) -> Vec<(usize, u32)> {
    let whole = |share: f64| (share + WHOLE_TOLERANCE).floor().max(0.0) as u32;
    let wholes = program.shares.iter().enumerate().map(|(index, share)| (index, whole(*share)));
    let wholes: Vec<(usize, u32)> = wholes.filter(|(_, times)| *times > 0).collect();
    if !wholes.is_empty() {
        return wholes;
    }
    let total: f64 = program.shares.iter().sum();
    let mut ranked: Vec<(f64, usize)> = Vec::new();
    for (index, share) in program.shares.iter().enumerate().filter(|(_, share)| **share > WHOLE_TOLERANCE) {
        let luck = random.as_deref_mut().map_or(1.0, |random| 1.0 + NOISE * random.random_range(-1.0..1.0));
        ranked.push((share * luck, index));
    }
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    let count = ((total * STEP_RATIO) as usize).max(1);
    ranked.into_iter().take(count).map(|(_, index)| (index, 1)).collect()
}

/// The linear program of what remains.
fn again(
    shop: &Shop<'_>,
    made: &Generated,
    columns: &[Column],
    remaining: &[u32],
    left: &[u32],
    until: f64,
    budget: &Budget<'_>,
) -> Generated {
    let rest: Model = shop.model.rest(remaining, left);
    let bound = remaining.iter().zip(&made.duals.items).map(|(count, dual)| f64::from(*count) * dual).sum();
    let fitting = columns.iter().filter_map(|column| trimmed(shop, column, remaining, left)).collect();
    let options = columns::Options { until, gap: 1e-4, rounds: STEP_ROUNDS };
    columns::generate(&rest, made.duals.clone(), bound, fitting, &options, budget, &mut |_| Vec::new())
}

/// What of a column remains to be carried, on the cheapest supply that carries it.
fn trimmed(shop: &Shop<'_>, column: &Column, remaining: &[u32], left: &[u32]) -> Option<Column> {
    let rest = column.content.iter().map(|(item, count)| (*item, (*count).min(remaining[*item as usize])));
    let content: Vec<(u32, u32)> = rest.filter(|(_, count)| *count > 0).collect();
    if content.is_empty() {
        return None;
    }
    let supply = shop.cheapest(&content, left)?;
    let cost = shop.model.supplies[supply as usize].price();
    Some(Column { supply, content, stays: 0, cost })
}
