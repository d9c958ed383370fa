//! The bound of any problem: running nodes, limited quantities, the share of spot and the budget of moves
//! included. Other rules are left out, which only lowers it.

use plimsoll_domain::problem::Problem;

use super::{Certified, FloatDuals, certify_float, fluid};
use crate::budget::Budget;
use crate::columns;
use crate::model::{Exchange, Model, Options};
use crate::price::{Knapsack, lp};

/// Prices of the spot-share rule that are tried, as parts of the largest that keeps every price above 0.
const SPOT_PRICES: [f64; 7] = [0.0, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7];
/// Rounds of the ascent at each of them.
const SPOT_ROUNDS: u32 = 60;
/// Column generation ends this close to the bound.
const COLUMNS_GAP: f64 = 2e-4;
/// Rounds of column generation.
const COLUMN_ROUNDS_MAX: u32 = 2000;

/// A proven bound of any problem, found by `until` seconds since the solve began, or soon after.
pub fn of_problem(problem: &Problem, until: f64, budget: &Budget<'_>) -> Certified {
    let limits_spot = problem.rules.spot_share_max_permille < 1000;
    let exchange = if limits_spot { Exchange::SameKind } else { Exchange::Free };
    let model = Model::new(problem, &Options { exchange, ..Options::default() });
    let duals = best_fluid(&model, budget);
    let bound = value(&model, &duals);
    let options = columns::Options { until, gap: COLUMNS_GAP, rounds: COLUMN_ROUNDS_MAX };
    let made =
        columns::generate(&model, duals.clone(), bound, Vec::new(), &options, budget, &mut |_| Vec::new());
    let raised = certify_float(&model, &made.duals);
    if made.bound > bound && to_nano(bound) > raised.floor_nano_usd {
        let plain = certify_float(&model, &duals);
        return if plain.floor_nano_usd > raised.floor_nano_usd { plain } else { raised };
    }
    raised
}

/// The fluid solution at the price of the spot-share rule that bounds best.
fn best_fluid(model: &Model, budget: &Budget<'_>) -> FloatDuals {
    let plain = fluid(model, &fluid::Options::default());
    if !model.limits_spot() {
        return plain;
    }
    let most = largest_spot_price(model);
    let mut best = (value(model, &plain), plain);
    for part in SPOT_PRICES.into_iter().filter(|part| *part > 0.0) {
        if budget.is_spent() {
            break;
        }
        let options = fluid::Options { rounds: SPOT_ROUNDS, spot_share: part * most };
        let duals = fluid(model, &options);
        let value = value(model, &duals);
        if value > best.0 {
            best = (value, duals);
        }
    }
    best.1
}

/// At a higher price of the spot-share rule, some node that can be bought would cost less than nothing.
fn largest_spot_price(model: &Model) -> f64 {
    let free = model.supplies.iter().filter(|supply| supply.quantity.is_none());
    let largest = |load: i64, price: f64| if load < 0 { price / -(load as f64) } else { f64::INFINITY };
    let most =
        free.map(|supply| largest(model.spot_load(supply), supply.price())).fold(f64::INFINITY, f64::min);
    if most.is_finite() { most } else { 0.0 }
}

/// What prices bound the objective by, USD per hour, if no content of a supply without limit is worth more
/// than its price; limited ones are taken at their linear bound.
pub fn value(model: &Model, duals: &FloatDuals) -> f64 {
    let worth = model.items.iter().zip(&duals.items).map(|(item, dual)| f64::from(item.count) * dual);
    let mut sum = worth.sum::<f64>() + columns::fixed_part(model, duals);
    let mut knapsack = Knapsack::default();
    for supply in &model.supplies {
        if let Some(quantity) = supply.quantity {
            knapsack.load(model, supply, &duals.items, duals.moved_pods, None);
            let most = knapsack.bound(&lp::multipliers(&knapsack));
            sum -= f64::from(quantity) * (most - columns::priced_at(model, supply, duals)).max(0.0);
        }
    }
    sum
}

fn to_nano(usd: f64) -> i64 {
    (usd * 1e9) as i64
}
