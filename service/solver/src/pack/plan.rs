//! From a model to a plan: every stage leaves a plan and a bound, and takes its part of the time.

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::Stop;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::improve::{End, Guide, improve};
use super::integer::combine;
use super::round::round;
use super::{Packing, Shop, greedy};
use crate::bound::{self, FloatDuals};
use crate::budget::{Budget, Progress, Stage};
use crate::columns::{self, Column, Generated};
use crate::error::SolveError;
use crate::infeasible;
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

/// Part of the time for columns.
const COLUMNS_RATIO: f64 = 0.4;
/// Part of the time for rounding, at least: what columns leave of theirs is for rounding, too.
const ROUND_RATIO: f64 = 0.05;
/// Part of the rest of the time for the integer program.
const COMBINE_RATIO: f64 = 0.2;
/// Part of the time kept for the proof.
const PROOF_RATIO: f64 = 0.02;
/// Column generation ends this close to the bound.
const COLUMNS_GAP: f64 = 1e-4;
/// Rounds of column generation.
const COLUMN_ROUNDS_MAX: u32 = 3000;

/// Packs every item of a problem's model.
///
/// # Errors
/// [`SolveError::Infeasible`] if offerings of limited quantity run out, [`SolveError::Cancelled`].
pub fn plan(
    problem: &Problem,
    model: &Model,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<Plan, SolveError> {
    let duals = bound::fluid(model, &bound::fluid::Options::default());
    let bound = worth_of_all(model, &duals);
    let mut tell = |stage, incumbent_nano_usd, bound: f64| {
        report(&Progress { stage, incumbent_nano_usd, floor_nano_usd: Some(to_nano(bound)) });
    };
    tell(Stage::Bound, None, bound);
    let shop = Shop::new(model);
    let best = first(problem, &shop, &duals, budget)?;
    tell(Stage::Greedy, Some(best.cost_nano), bound);
    let options = columns::Options {
        until: budget.seconds * COLUMNS_RATIO,
        gap: COLUMNS_GAP,
        rounds: COLUMN_ROUNDS_MAX,
    };
    let mut seeds = Seeds { shop: &shop, best, random: SmallRng::seed_from_u64(budget.seed), budget };
    let columns = seeds.sow(&duals);
    tell(Stage::Greedy, Some(seeds.best.cost_nano), bound);
    let mut suggest = |duals: &FloatDuals| seeds.grow(duals, 0.0);
    let made = columns::generate(model, duals, bound, columns, &options, budget, &mut suggest);
    let mut best = seeds.best;
    tell(Stage::Columns, Some(best.cost_nano), made.bound);
    let round_until = options.until + budget.seconds * ROUND_RATIO;
    if let Some(rounded) = round(&shop, &made, round_until, budget)
        && rounded.cost_nano < best.cost_nano
    {
        best = rounded;
    }
    if !budget.is_spent()
        && let Some(combined) = combine(&shop, &made, &best, budget.left() * COMBINE_RATIO)
    {
        best = combined;
    }
    tell(Stage::Round, Some(best.cost_nano), made.bound);
    let promising = promising(&shop, &made, &best);
    let guide = Guide { worth: &made.duals.items, promising: &promising };
    let goal = goal_nano(model, made.bound, budget.gap_target_ratio);
    let until = budget.seconds * (1.0 - PROOF_RATIO);
    let mut told = |cost| tell(Stage::Improve, Some(cost), made.bound);
    let (packing, end) = improve(&shop, &guide, best, goal, until, budget, &mut told);
    let stop = match end {
        End::Reached => Stop::Gap,
        End::Idle => Stop::Work,
        End::Spent => Stop::Time,
    };
    Ok(Plan { packing, duals: made.duals, estimate_nano_usd: made.estimate.map(to_nano), stop })
}

/// The greedy packing of everything.
fn first(
    problem: &Problem,
    shop: &Shop<'_>,
    duals: &FloatDuals,
    budget: &Budget<'_>,
) -> Result<Packing, SolveError> {
    let mut remaining: Vec<u32> = shop.model.items.iter().map(|item| item.count).collect();
    let packing = greedy(shop, duals, &mut remaining, &mut shop.quantities(), 0, budget);
    if budget.is_cancelled() {
        return Err(SolveError::Cancelled);
    }
    let uncarried = infeasible::exhausted(problem, shop.model, &remaining);
    if uncarried.is_empty() { Ok(packing) } else { Err(SolveError::Infeasible(uncarried)) }
}

/// Greedy packings before the first linear program, and the part of the time that they may take.
const SEEDS_MAX: u32 = 10;
const SEEDS_RATIO: f64 = 0.06;
/// Largest part by which luck changes prices for them.
const SEEDS_NOISE: f64 = 0.15;

/// Greedy packings at ever other prices: contents that go together, for the linear program.
struct Seeds<'a> {
    shop: &'a Shop<'a>,
    best: Packing,
    random: SmallRng,
    budget: &'a Budget<'a>,
}

impl Seeds<'_> {
    /// Contents from many packings around some prices.
    fn sow(&mut self, duals: &FloatDuals) -> Vec<Column> {
        let mut columns: Vec<Column> =
            self.best.loads.iter().map(|load| Column::of_load(self.shop.model, load)).collect();
        let until = (self.budget.elapsed)() + self.budget.seconds * SEEDS_RATIO;
        for _ in 0..SEEDS_MAX {
            if self.budget.is_spent_at(until) {
                break;
            }
            columns.extend(self.grow(duals, SEEDS_NOISE));
        }
        columns
    }

    /// Contents of one packing at some prices.
    fn grow(&mut self, duals: &FloatDuals, noise: f64) -> Vec<Column> {
        let mut duals = duals.clone();
        if noise > 0.0 {
            duals
                .items
                .iter_mut()
                .for_each(|dual| *dual *= 1.0 + noise * self.random.random_range(-1.0..1.0));
        }
        let mut remaining: Vec<u32> = self.shop.model.items.iter().map(|item| item.count).collect();
        let packing = greedy(self.shop, &duals, &mut remaining, &mut self.shop.quantities(), 0, self.budget);
        let columns = packing.loads.iter().map(|load| Column::of_load(self.shop.model, load)).collect();
        if remaining.iter().all(|count| *count == 0) && packing.cost_nano < self.best.cost_nano {
            self.best = packing;
        }
        columns
    }
}

/// A supply is worth trying if some content of it came this near to its price.
const PROMISING_RATIO: f64 = 0.95;
/// Supplies tried for an item that no promising one carries: the cheapest.
const FALLBACK_SUPPLIES_MAX: usize = 12;

/// By item, the supplies worth trying.
fn promising(shop: &Shop<'_>, made: &Generated, best: &Packing) -> Vec<Vec<u32>> {
    let mut is_promising = vec![false; shop.model.supplies.len()];
    best.loads.iter().for_each(|load| is_promising[load.supply as usize] = true);
    for column in &made.columns {
        is_promising[column.supply as usize] |=
            column.worth(&made.duals.items) >= PROMISING_RATIO * column.cost;
    }
    let pick = |carriers: Vec<u32>| {
        let mut picked: Vec<u32> = carriers.iter().copied().filter(|k| is_promising[*k as usize]).collect();
        if picked.is_empty() {
            picked = carriers;
            picked.truncate(FALLBACK_SUPPLIES_MAX);
        }
        picked
    };
    shop.model.carriers().into_iter().map(pick).collect()
}

fn worth_of_all(model: &Model, duals: &FloatDuals) -> f64 {
    model.items.iter().zip(&duals.items).map(|(item, dual)| f64::from(item.count) * dual).sum()
}

/// Part by which a float bound may be too high.
const BOUND_ERROR: f64 = 1e-7;

/// A cost that is good enough: within the gap asked for, or the least sum of prices above the bound.
fn goal_nano(model: &Model, bound: f64, gap_ratio: f64) -> i64 {
    let within_gap = to_nano(bound / (1.0 - gap_ratio.clamp(0.0, 0.99)));
    let step = model.supplies.iter().fold(0, |step, supply| gcd(step, supply.price_nano)).max(1);
    let floor = to_nano(bound * (1.0 - BOUND_ERROR)).max(0);
    let attainable = floor.saturating_add(step - 1) / step * step;
    within_gap.max(attainable)
}

/// The greatest number that divides both.
pub(crate) fn gcd(one: i64, other: i64) -> i64 {
    if other == 0 { one.saturating_abs() } else { gcd(other, one % other) }
}

fn to_nano(usd: f64) -> i64 {
    (usd * 1e9) as i64
}
