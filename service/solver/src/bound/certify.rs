//! Turns dual prices into a proof: integers that no fleet can beat, whatever the floats said.
//!
//! Prices are lowered until no content of any supply is worth more than its price, by a margin that
//! exceeds every error of the floats used here a thousandfold. So an exact judge finds the same.

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{DUALS_PER_NANO_USD, Duals};

use super::FloatDuals;
use crate::model::{Exchange, Model, Options, Supply};
use crate::price::{Knapsack, labels, lp, search};

/// Dual prices and what they prove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certified {
    /// The prices, lowered where the proof failed.
    pub duals: Duals,
    /// No fleet has a smaller objective, nano-USD per hour.
    pub floor_nano_usd: i64,
}

/// Labels by stage of the searches for a better content: first few, then more where few were not enough.
const WIDTHS: [usize; 3] = [16, 100, 600];
/// Part of a price by which contents stay below it. Floats err by 1e-12 at most.
const MARGIN: f64 = 1e-9;

/// Proves what it can of `duals` for a problem.
pub fn certify(problem: &Problem, duals: &Duals) -> Certified {
    let exchange = if duals.spot_share > 0 { Exchange::SameKind } else { Exchange::Free };
    let model = Model::new(problem, &Options { exchange, ..Options::default() });
    let items = model.items.iter().map(|item| {
        let of = |demand: &u32| duals.shapes.get(*demand as usize).copied().unwrap_or(0).max(0);
        item.demands.iter().map(of).min().unwrap_or(0)
    });
    certify_items(&model, items.collect(), duals.spot_share.max(0), duals.moved_pods.max(0))
}

/// Proves what it can of float prices of a model's items. The model must hold all that the problem
/// offers.
pub fn certify_float(model: &Model, duals: &FloatDuals) -> Certified {
    let to_fixed = |usd: &f64| (usd * 1e15).clamp(0.0, i64::MAX as f64 / 4.0) as i64;
    let items = duals.items.iter().map(to_fixed).collect();
    certify_items(model, items, to_fixed(&duals.spot_share), to_fixed(&duals.moved_pods))
}

fn certify_items(model: &Model, items: Vec<i64>, spot_share: i64, moved_pods: i64) -> Certified {
    let mut proof = Proof { model, items, spot_share, moved_pods, knapsack: Knapsack::default() };
    if proof.is_any_free_supply_below_zero() {
        proof.spot_share = 0;
    }
    for supply in model.supplies.iter().filter(|supply| supply.quantity.is_none()) {
        proof.settle(supply);
    }
    proof.certified()
}

struct Proof<'a> {
    model: &'a Model,
    /// By item, in 1e-15 USD per hour.
    items: Vec<i64>,
    spot_share: i64,
    moved_pods: i64,
    knapsack: Knapsack,
}

impl Proof<'_> {
    /// Price of one node in 1e-15 USD per hour, the spot-share rule included.
    fn price(&self, supply: &Supply) -> i128 {
        i128::from(supply.price_nano) * i128::from(DUALS_PER_NANO_USD)
            + i128::from(self.spot_share) * i128::from(self.model.spot_load(supply))
    }

    fn is_any_free_supply_below_zero(&self) -> bool {
        self.model.supplies.iter().any(|supply| supply.quantity.is_none() && self.price(supply) < 0)
    }

    /// What the best content of a node of a supply is worth at most, or `least` if that is more; in USD per
    /// hour. Leaves the supply in the knapsack.
    fn most(&mut self, supply: &Supply, least: f64) -> f64 {
        let worth: Vec<f64> = self.items.iter().map(|dual| *dual as f64 * 1e-15).collect();
        self.knapsack.load(self.model, supply, &worth, self.moved_pods as f64 * 1e-15, None);
        let lambda = lp::multipliers(&self.knapsack);
        let mut upper = self.knapsack.bound(&lambda).max(least);
        for width in WIDTHS {
            if upper <= least {
                break;
            }
            upper = search(&self.knapsack, &lambda, &labels::Options { threshold: least, width })
                .upper
                .max(least);
        }
        upper
    }

    /// Lowers prices until no content of a free supply is worth more than it costs: those of the items that
    /// can occur in such a content.
    fn settle(&mut self, supply: &Supply) {
        let price = self.price(supply) as f64 * 1e-15 * (1.0 - MARGIN);
        let most = self.most(supply, price);
        if most <= price {
            return;
        }
        let lambda = lp::multipliers(&self.knapsack);
        let above = self.knapsack.bound(&lambda) - price;
        let occurs = |slot: &usize| self.knapsack.surplus(*slot, &lambda) >= -above - price * MARGIN;
        let ratio = price / most * (1.0 - MARGIN);
        for slot in (0..self.knapsack.len()).filter(occurs) {
            let item = supply.entries[self.knapsack.entries[slot] as usize].item;
            let dual = &mut self.items[item as usize];
            *dual = (*dual as f64 * ratio) as i64;
        }
    }

    /// What the best content of one node of a limited supply is worth at most above its price, in 1e-15 USD
    /// per hour.
    fn excess(&mut self, supply: &Supply) -> i128 {
        let price = self.price(supply);
        let least = price.max(0) as f64 * 1e-15 * (1.0 - MARGIN);
        let most = self.most(supply, least);
        if most <= least {
            return (-price).max(0);
        }
        ((most * (1.0 + MARGIN) * 1e15) as i128 - price).max(0)
    }

    fn certified(mut self) -> Certified {
        let model = self.model;
        let worth = |(item, dual): (&crate::model::Item, &i64)| i128::from(item.count) * i128::from(*dual);
        let mut sum: i128 = model.items.iter().zip(&self.items).map(worth).sum();
        sum += model.due_nano * i128::from(DUALS_PER_NANO_USD);
        if let Some(most) = model.rules.moved_pods_max {
            let free = i128::from(model.resident_count) - i128::from(most);
            sum += free * i128::from(self.moved_pods);
        }
        for supply in &model.supplies {
            if let Some(quantity) = supply.quantity {
                sum -= i128::from(quantity) * self.excess(supply);
            }
        }
        let floor = sum.div_euclid(i128::from(DUALS_PER_NANO_USD)).max(0);
        let shapes = model.item_of.iter().map(|item| self.items[*item as usize]).collect();
        Certified {
            duals: Duals { shapes, spot_share: self.spot_share, moved_pods: self.moved_pods },
            floor_nano_usd: i64::try_from(floor).unwrap_or(i64::MAX),
        }
    }
}
