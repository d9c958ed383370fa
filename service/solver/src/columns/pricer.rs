//! The best content of every supply at given prices, and the prices repaired by what was found.

use super::Column;
use crate::bound::FloatDuals;
use crate::model::{Model, Supply};
use crate::price::{Knapsack, labels, lp, search};

/// Keeps, from call to call, what speeds up the next: the resource prices of each supply.
pub(super) struct Pricer<'a> {
    model: &'a Model,
    lambdas: Vec<Vec<f64>>,
}

/// How to price.
#[derive(Clone, Copy, Debug)]
pub(super) struct Effort {
    /// Labels kept by stage.
    pub width: usize,
    /// Contents worth at most this much more than their price, as a part of it, do not matter.
    pub tolerance: f64,
}

/// What pricing found.
#[derive(Clone, Debug, Default)]
pub(super) struct Round {
    /// Best contents of supplies where they are worth more than their price.
    pub columns: Vec<Column>,
    /// The prices, lowered to where no free supply's content is worth more than its price.
    pub repaired: Vec<f64>,
    /// What the repaired prices bound the objective by, USD per hour.
    pub bound: f64,
}

/// What is known of one supply.
struct Known {
    upper: f64,
    column: Option<Column>,
    /// Items that may occur in a content worth more than the price.
    core: Vec<u32>,
}

/// Work below which a second thread does not pay: entries over all supplies.
const SHARED_ENTRIES_MIN: usize = 20_000;

impl<'a> Pricer<'a> {
    pub fn new(model: &'a Model) -> Self {
        Self { model, lambdas: vec![Vec::new(); model.supplies.len()] }
    }

    /// Prices all supplies.
    pub fn price(
        &mut self,
        duals: &FloatDuals,
        effort: Effort,
        stop: &(dyn Fn() -> bool + Sync),
    ) -> Option<Round> {
        let model = self.model;
        let entries: usize = model.supplies.iter().map(|supply| supply.entries.len()).sum();
        let chunk = if entries < SHARED_ENTRIES_MIN {
            model.supplies.len()
        } else {
            model.supplies.len().div_ceil(2)
        };
        let work = |first: usize, supplies: &[Supply], lambdas: &mut [Vec<f64>]| -> Option<Vec<Known>> {
            let mut knapsack = Knapsack::default();
            let numbered = (first as u32..).zip(supplies).zip(lambdas);
            let known = |((index, supply), lambda): ((u32, &Supply), &mut Vec<f64>)| {
                (!stop()).then(|| one(model, index, supply, duals, lambda, &mut knapsack, effort))
            };
            numbered.map(known).collect()
        };
        let (supplies, others) = model.supplies.split_at(chunk);
        let (lambdas, other_lambdas) = self.lambdas.split_at_mut(chunk);
        let (first, second) = std::thread::scope(|scope| {
            let other = (!others.is_empty()).then(|| scope.spawn(|| work(chunk, others, other_lambdas)));
            let first = work(0, supplies, lambdas);
            (first, other.map_or(Some(Vec::new()), |other| other.join().ok().flatten()))
        });
        let mut known = first?;
        known.extend(second?);
        Some(self.round(duals, known))
    }

    fn round(&self, duals: &FloatDuals, known: Vec<Known>) -> Round {
        let model = self.model;
        let mut scale = vec![1.0f64; model.items.len()];
        let mut excess = 0.0;
        for (supply, known) in model.supplies.iter().zip(&known) {
            let price = priced_at(model, supply, duals);
            match supply.quantity {
                Some(quantity) => excess += f64::from(quantity) * (known.upper - price).max(0.0),
                None => {
                    let ratio = (price / known.upper.max(1e-300)).clamp(0.0, 1.0);
                    known
                        .core
                        .iter()
                        .for_each(|item| scale[*item as usize] = scale[*item as usize].min(ratio));
                }
            }
        }
        let repaired: Vec<f64> = duals.items.iter().zip(&scale).map(|(dual, scale)| dual * scale).collect();
        let worth: f64 =
            model.items.iter().zip(&repaired).map(|(item, dual)| f64::from(item.count) * dual).sum();
        let bound = worth + fixed_part(model, duals) - excess;
        Round { columns: known.into_iter().filter_map(|known| known.column).collect(), repaired, bound }
    }
}

/// What is due whatever the fleet, USD per hour.
pub(crate) fn fixed_part(model: &Model, duals: &FloatDuals) -> f64 {
    let free = model.rules.moved_pods_max.map_or(0.0, |most| model.resident_count as f64 - f64::from(most));
    model.due_nano as f64 * 1e-9 + free * duals.moved_pods
}

/// Price of one node, the spot-share rule included, USD per hour.
pub(crate) fn priced_at(model: &Model, supply: &Supply, duals: &FloatDuals) -> f64 {
    supply.price()
        + duals.spot_share * if duals.spot_share > 0.0 { model.spot_load(supply) as f64 } else { 0.0 }
}

fn one(
    model: &Model,
    index: u32,
    supply: &Supply,
    duals: &FloatDuals,
    lambda: &mut Vec<f64>,
    knapsack: &mut Knapsack,
    effort: Effort,
) -> Known {
    knapsack.load(model, supply, &duals.items, duals.moved_pods, None);
    let price = priced_at(model, supply, duals);
    let threshold = (price + price.abs() * effort.tolerance).max(0.0);
    if !lambda.is_empty() {
        let bound = knapsack.bound(&knapsack.rows_of(lambda));
        if bound <= threshold {
            return Known {
                upper: bound,
                column: None,
                core: core(supply, knapsack, &knapsack.rows_of(lambda), price),
            };
        }
    }
    let rows = lp::multipliers(knapsack);
    lambda.clear();
    lambda.resize(model.resources, 0.0);
    knapsack.resources.iter().zip(&rows).for_each(|(r, row)| lambda[*r] = *row);
    let priced = search(knapsack, &rows, &labels::Options { threshold, width: effort.width });
    let column = priced.best.map(|(_, content)| Column::of_content(index, supply, knapsack, &content));
    Known { upper: priced.upper, column, core: core(supply, knapsack, &rows, price) }
}

/// Items that can occur in a content worth more than the price.
fn core(supply: &Supply, knapsack: &Knapsack, lambda: &[f64], price: f64) -> Vec<u32> {
    let bound = knapsack.bound(lambda);
    if bound <= price {
        return Vec::new();
    }
    let occurs = |slot: &usize| bound + knapsack.surplus(*slot, lambda) > price - price.abs() * 1e-12;
    let item = |slot: usize| supply.entries[knapsack.entries[slot] as usize].item;
    (0..knapsack.len()).filter(occurs).map(item).collect()
}
