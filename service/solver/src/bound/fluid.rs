//! The bound as if pods could be split: entropic mirror ascent on the resource prices of each supply.
//!
//! Every supply k spreads its price over its resources, `lambda_kr = price_k * s_kr / capacity_kr` with
//! `s_k` in the simplex; an item is worth what the cheapest supply asks for it. That is feasible for the
//! dual at every iterate, so the best iterate is a bound whenever one stops.

use crate::model::{Model, Supply};

/// How hard to try.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Iterations, 1 or more.
    pub rounds: u32,
    /// Price of the spot-share rule, USD per hour, unit of the first resource and permille.
    pub spot_share: f64,
}

impl Default for Options {
    fn default() -> Self {
        Self { rounds: ROUNDS, spot_share: 0.0 }
    }
}

/// Enough to come within 0.1 % of the linear program on fleets of 100 to 100,000 pods.
const ROUNDS: u32 = 150;
/// Sharpness of the soft minimum over supplies, first and last round; relative to the least price.
const SHARPNESS: (f64, f64) = (20.0, 4000.0);
/// Step of the multiplicative update, first and last round.
const STEP: (f64, f64) = (0.5, 0.02);
/// Beyond this exponent a supply takes no share of an item.
const SHARE_EXPONENT_MAX: f64 = 12.0;
/// No resource of a supply gets less than this part of its price, so that it can come back.
const PART_MIN: f64 = 1e-7;

/// Dual prices as floats: a guide, and after repair a proof.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct FloatDuals {
    /// By item of the model, USD per hour and pod.
    pub items: Vec<f64>,
    /// By supply and resource, USD per hour and unit of the resource.
    pub resources: Vec<Vec<f64>>,
    /// Of the spot-share rule, USD per hour, unit of the first resource and permille.
    pub spot_share: f64,
    /// Of the budget of moved pods, USD per hour and pod.
    pub moved_pods: f64,
}

/// Runs the ascent. Items that only limited supplies can carry are priced by those.
pub fn fluid(model: &Model, options: &Options) -> FloatDuals {
    let mut ascent = Ascent::new(model, options.spot_share);
    let mut best = FloatDuals::default();
    let mut best_value = f64::NEG_INFINITY;
    let rounds = options.rounds.max(1);
    for round in 0..rounds {
        let progress = f64::from(round) / f64::from(rounds);
        let value = ascent.price(geometric(SHARPNESS, progress));
        if value > best_value {
            best_value = value;
            best.items.clone_from(&ascent.worth);
            best.resources.clone_from(&ascent.lambda);
        }
        ascent.step(geometric(STEP, progress));
    }
    best.spot_share = options.spot_share;
    best
}

fn geometric((first, last): (f64, f64), progress: f64) -> f64 {
    first * (last / first).powf(progress)
}

struct Ascent<'a> {
    model: &'a Model,
    /// Supplies that price each item.
    carriers: Vec<Vec<u32>>,
    price: Vec<f64>,
    /// Parts of the price by resource.
    parts: Vec<Vec<f64>>,
    lambda: Vec<Vec<f64>>,
    /// Nodes that the items of each supply would need, by resource.
    load: Vec<Vec<f64>>,
    worth: Vec<f64>,
    asked: Vec<f64>,
}

impl<'a> Ascent<'a> {
    fn new(model: &'a Model, spot_share: f64) -> Self {
        let price = |supply: &Supply| (supply.price() + spot_share * model.spot_load(supply) as f64).max(0.0);
        let used = used_resources(model);
        let parts = |supply: &Supply| -> Vec<f64> {
            let counts = |r: usize| used[r] && supply.capacity[r] > 0;
            let usable = (0..model.resources).filter(|&r| counts(r)).count().max(1) as f64;
            (0..model.resources).map(|r| if counts(r) { 1.0 / usable } else { 0.0 }).collect()
        };
        let mut carriers = model.carriers();
        for list in &mut carriers {
            let unlimited = |index: &u32| model.supplies[*index as usize].quantity.is_none();
            if list.iter().any(unlimited) {
                list.retain(unlimited);
            }
        }
        let mut ascent = Self {
            model,
            carriers,
            price: model.supplies.iter().map(price).collect(),
            parts: model.supplies.iter().map(parts).collect(),
            lambda: vec![vec![0.0; model.resources]; model.supplies.len()],
            load: vec![vec![0.0; model.resources]; model.supplies.len()],
            worth: vec![0.0; model.items.len()],
            asked: Vec::new(),
        };
        ascent.spread_prices();
        ascent
    }

    /// Prices every item, loads the supplies that ask least, and returns the bound.
    fn price(&mut self, sharpness: f64) -> f64 {
        self.load.iter_mut().for_each(|load| load.fill(0.0));
        let mut value = 0.0;
        for (index, item) in self.model.items.iter().enumerate() {
            self.asked.clear();
            let mut least = f64::INFINITY;
            for &supply in &self.carriers[index] {
                let lambda = &self.lambda[supply as usize];
                let asked: f64 = lambda.iter().zip(&item.weight).map(|(l, w)| l * *w as f64).sum();
                least = least.min(asked);
                self.asked.push(asked);
            }
            if !least.is_finite() {
                continue;
            }
            self.worth[index] = least;
            value += least * f64::from(item.count);
            self.spread_item(index, least, sharpness);
        }
        value
    }

    fn spread_item(&mut self, index: usize, least: f64, sharpness: f64) {
        let item = &self.model.items[index];
        let exponent = |asked: f64| sharpness * (asked / least.max(1e-300) - 1.0);
        let mut total = 0.0;
        for asked in &mut self.asked {
            let exponent = exponent(*asked);
            *asked = if exponent < SHARE_EXPONENT_MAX { (-exponent).exp() } else { 0.0 };
            total += *asked;
        }
        for (&supply, &share) in self.carriers[index].iter().zip(&self.asked) {
            if share == 0.0 {
                continue;
            }
            let count = f64::from(item.count) * share / total;
            let capacity = &self.model.supplies[supply as usize].capacity;
            let load = &mut self.load[supply as usize];
            for ((load, weight), capacity) in load.iter_mut().zip(&item.weight).zip(capacity) {
                if *weight > 0 {
                    *load += count * *weight as f64 / *capacity as f64;
                }
            }
        }
    }

    /// Moves each supply's price towards the resources that its items use most.
    fn step(&mut self, step: f64) {
        for (parts, load) in self.parts.iter_mut().zip(&self.load) {
            let most = load.iter().copied().fold(0.0, f64::max);
            if most <= 0.0 {
                continue;
            }
            for (part, load) in parts.iter_mut().zip(load) {
                if *part > 0.0 {
                    *part = (*part * (step * (load / most - 1.0)).exp()).max(PART_MIN);
                }
            }
            let sum: f64 = parts.iter().sum();
            parts.iter_mut().for_each(|part| *part /= sum);
        }
        self.spread_prices();
    }

    fn spread_prices(&mut self) {
        for (index, supply) in self.model.supplies.iter().enumerate() {
            for (r, lambda) in self.lambda[index].iter_mut().enumerate() {
                let part = self.parts[index][r];
                *lambda = if part > 0.0 { self.price[index] * part / supply.capacity[r] as f64 } else { 0.0 };
            }
        }
    }
}

/// Resources that any pod asks for.
fn used_resources(model: &Model) -> Vec<bool> {
    (0..model.resources).map(|r| model.items.iter().any(|item| item.weight[r] > 0)).collect()
}
