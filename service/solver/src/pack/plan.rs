//! From a model to a plan: every stage leaves a plan and a bound, and takes its part of the time.

use plimsoll_domain::solution::Stop;

use super::{Packing, Shop, greedy};
use crate::bound::{self, FloatDuals};
use crate::budget::{Budget, Progress, Stage};
use crate::error::SolveError;
use crate::model::Model;

/// A packing, the prices that bound it, and why the search stopped.
pub struct Plan {
    /// The nodes.
    pub packing: Packing,
    /// Prices to certify.
    pub duals: FloatDuals,
    /// Value of the linear program over columns, unproven.
    pub estimate_nano_usd: Option<i64>,
    /// Why the search stopped.
    pub stop: Stop,
}

/// Width of the search for the content of each node of the first plan.
const GREEDY_WIDTH: usize = 3;

/// Packs every item of a model.
///
/// # Errors
/// [`SolveError::Infeasible`] if offerings of limited quantity run out, [`SolveError::Cancelled`].
pub fn plan(
    model: &Model,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<Plan, SolveError> {
    let duals = bound::fluid(model, &bound::fluid::Options::default());
    let floor = bound_nano(model, &duals);
    report(&Progress { stage: Stage::Bound, incumbent_nano_usd: None, floor_nano_usd: floor });
    let shop = Shop::new(model);
    let mut remaining: Vec<u32> = model.items.iter().map(|item| item.count).collect();
    let packing = greedy(&shop, &duals, &mut remaining, &mut shop.quantities(), GREEDY_WIDTH, budget);
    if budget.is_cancelled() {
        return Err(SolveError::Cancelled);
    }
    report(&Progress {
        stage: Stage::Greedy,
        incumbent_nano_usd: Some(packing.cost_nano),
        floor_nano_usd: floor,
    });
    Ok(Plan { packing, duals, estimate_nano_usd: None, stop: Stop::Work })
}

/// What a fluid solution bounds the cost by, nano-USD per hour.
fn bound_nano(model: &Model, duals: &FloatDuals) -> i64 {
    let worth = model.items.iter().zip(&duals.items).map(|(item, dual)| f64::from(item.count) * dual);
    (worth.sum::<f64>() * 1e9) as i64
}
