//! Turns dual prices into a proof in integers: what no fleet can beat, whatever the floats said.

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{DUALS_PER_NANO_USD, Duals};

use super::FloatDuals;
use super::exact::{Test, Verdict, decide, most};
use crate::model::{Exchange, Model, Options, Supply};
use crate::price::{Knapsack, lp};

/// Dual prices and what they prove.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Certified {
    /// The prices, lowered where the proof failed.
    pub duals: Duals,
    /// No fleet has a smaller objective, nano-USD per hour.
    pub floor_nano_usd: i64,
}

/// How often the prices of one supply's items are lowered before all of them go to nothing.
const REPAIRS_MAX: u32 = 24;
/// Prices are lowered by this much more than needed, in parts of 1e9.
const MARGIN_PARTS: i128 = 1;

/// Proves what it can of `duals` for a problem.
pub fn certify(problem: &Problem, duals: &Duals) -> Certified {
    let mut exchange = Exchange::Free;
    if duals.spot_share > 0 {
        exchange = Exchange::SameKind;
    }
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
    if proof.free_supply_below_zero() {
        proof.spot_share = 0;
    }
    for supply in model.supplies.iter().filter(|supply| supply.quantity.is_none()) {
        proof.settle(supply);
    }
    proof.certified()
}

struct Proof<'a> {
    model: &'a Model,
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

    fn free_supply_below_zero(&self) -> bool {
        self.model.supplies.iter().any(|supply| supply.quantity.is_none() && self.price(supply) < 0)
    }

    /// The supply as a knapsack, in floats for guidance and in integers.
    fn load(&mut self, supply: &Supply) -> Test {
        let worth: Vec<f64> = self.items.iter().map(|dual| *dual as f64 * 1e-15).collect();
        let moved = self.moved_pods as f64 * 1e-15;
        let mut knapsack = std::mem::take(&mut self.knapsack);
        knapsack.load(self.model, supply, &worth, moved, None);
        let value = |index: &u32| {
            let entry = &supply.entries[*index as usize];
            let bonus = entry.bonus_nano.saturating_mul(DUALS_PER_NANO_USD).saturating_add(self.moved_pods);
            self.items[entry.item as usize].saturating_add(if entry.resident { bonus } else { 0 })
        };
        let values = knapsack.entries.iter().map(value).collect();
        let test = Test::new(&knapsack, values);
        self.knapsack = knapsack;
        test
    }

    /// Lowers prices until no content of the supply is worth more than it costs.
    fn settle(&mut self, supply: &Supply) {
        let price = self.price(supply);
        for repair in 0..REPAIRS_MAX {
            let test = self.load(supply);
            match decide(&test, &self.knapsack, price) {
                Verdict::Holds => return,
                Verdict::Exceeds(value) => self.shrink(supply, price, value << (repair / 4)),
                Verdict::Open(bound) => self.shrink(supply, price, bound),
            }
        }
        let entries = supply.entries.iter();
        entries.for_each(|entry| self.items[entry.item as usize] = 0);
    }

    /// Scales the items that can occur in a content worth more than `price` by `price / value`.
    fn shrink(&mut self, supply: &Supply, price: i128, value: i128) {
        let lambda = lp::multipliers(&self.knapsack);
        let gap = self.knapsack.bound(&lambda) - price as f64 * 1e-15;
        let is_core = |entry: &usize| self.knapsack.surplus(*entry, &lambda) >= -gap * (1.0 + 1e-9) - 1e-12;
        let core: Vec<usize> = (0..self.knapsack.len()).filter(is_core).collect();
        for entry in core {
            let item = supply.entries[self.knapsack.entries[entry] as usize].item;
            let dual = i128::from(self.items[item as usize]);
            let scaled = dual * price / value.max(1);
            let scaled = scaled - scaled * MARGIN_PARTS / 1_000_000_000 - 1;
            self.items[item as usize] = scaled.clamp(0, dual) as i64;
        }
    }

    /// What the best content of one node of a limited supply is worth at most above its price.
    fn excess(&mut self, supply: &Supply) -> i128 {
        let price = self.price(supply);
        let test = self.load(supply);
        let best = most(&test, &self.knapsack, 0);
        (best - price).max(0)
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
