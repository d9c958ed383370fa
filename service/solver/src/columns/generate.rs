//! The rounds of column generation, between the prices that are proven and those of the program.

use std::collections::BTreeSet;

use super::Column;
use super::master::{Master, Optimum};
use super::pricer::{Effort, Pricer, Round, priced_at};
use crate::bound::FloatDuals;
use crate::budget::Budget;
use crate::model::Model;

/// When to stop.
#[derive(Clone, Copy, Debug)]
pub struct Options {
    /// Seconds since the solve began.
    pub until: f64,
    /// Stop when the program is this close to the bound, as a part of it.
    pub gap: f64,
    /// Rounds, at most.
    pub rounds: u32,
}

/// What generation arrived at.
#[derive(Clone, Debug, Default)]
pub struct Generated {
    /// Proven prices, up to float error.
    pub duals: FloatDuals,
    /// What they bound the objective by, USD per hour.
    pub bound: f64,
    /// Columns of the last program.
    pub columns: Vec<Column>,
    /// How often it takes each.
    pub shares: Vec<f64>,
    /// Value of the last program, if every pod was carried; unproven.
    pub estimate: Option<f64>,
    /// Prices of the last program.
    pub program: FloatDuals,
    /// Rounds it took.
    pub rounds: u32,
    /// Whether the gap was reached.
    pub converged: bool,
}

/// Weights of the proven prices against the program's.
const WEIGHTS: [f64; 3] = [0.8, 0.5, 0.0];
/// Labels by stage, from the first rounds to the last.
const WIDTHS: [usize; 5] = [5, 20, 60, 200, 1000];
/// Pricing leaves this part of the gap undecided.
const TOLERANCE_OF_GAP: f64 = 0.04;
/// Rounds without a better bound before the search gets wider.
const STALLED_ROUNDS_MAX: u32 = 6;
/// Uncarried demand costs this many times what the proven prices say, and so much more whenever some is left
/// though no column was found or the gap is small.
const PENALTY: f64 = 1.5;
const PENALTY_FACTOR: f64 = 2.0;
const PENALTY_GAP: f64 = 1e-2;
/// Suggestions are asked for above this gap, at this mix of prices.
const SUGGESTED_GAP_MIN: f64 = 0.02;
const SUGGESTED_WEIGHT: f64 = 0.5;
/// An item without a price costs this part of the dearest.
const PENALTY_MIN: f64 = 1e-3;
/// Columns of the program before those out of use are dropped, as a multiple of its rows, and at least.
const COLUMNS_FACTOR: usize = 6;
const COLUMNS_MIN: usize = 2000;

/// Improves the bound of `center`, which is proven to be `bound`, and finds columns for a plan. Starts from
/// `first`.
///
/// As long as the gap is wide, `suggest` is asked in every round for contents that go together, at prices
/// near those of the program.
pub fn generate(
    model: &Model,
    center: FloatDuals,
    bound: f64,
    first: Vec<Column>,
    options: &Options,
    budget: &Budget<'_>,
    suggest: &mut dyn FnMut(&FloatDuals) -> Vec<Column>,
) -> Generated {
    let mut state = Generation {
        model,
        budget,
        options,
        seen: BTreeSet::new(),
        fresh: 0,
        penalties: penalties(&center),
        result: Generated { duals: center, bound, ..Generated::default() },
    };
    state.take(first);
    state.take(Column::of_residents(model));
    // Any failure of HiGHS ends generation; what was proven until then stands.
    let _ = state.run(suggest);
    state.result
}

struct Generation<'a> {
    model: &'a Model,
    budget: &'a Budget<'a>,
    options: &'a Options,
    seen: BTreeSet<(u32, Vec<(u32, u32)>)>,
    /// Columns from here on are not in the master yet.
    fresh: usize,
    /// What uncarried demand costs, by item, and a move too many.
    penalties: Vec<f64>,
    result: Generated,
}

impl<'a> Generation<'a> {
    fn is_over(&self) -> bool {
        self.budget.is_spent_at(self.options.until)
    }

    /// Notes columns that were not there before; says how many.
    fn take(&mut self, columns: Vec<Column>) -> usize {
        let before = self.result.columns.len();
        for column in columns {
            if self.seen.insert((column.supply, column.content.clone())) {
                self.result.columns.push(column);
            }
        }
        self.result.columns.len() - before
    }

    fn run(&mut self, suggest: &mut dyn FnMut(&FloatDuals) -> Vec<Column>) -> Option<()> {
        let mut pricer = Pricer::new(self.model);
        let mut master = self.master()?;
        let (mut width, mut stalled) = (0, 0);
        for round in 0..self.options.rounds {
            self.result.rounds = round;
            let optimum = self.optimum(&mut master)?;
            let gap = (optimum.value - self.result.bound) / optimum.value.abs().max(1e-12);
            if gap <= self.options.gap.max(PENALTY_GAP) && master.raise(&optimum, PENALTY_FACTOR) {
                continue;
            }
            if gap <= self.options.gap {
                self.result.converged = true;
                return Some(());
            }
            let effort = Effort { width: WIDTHS[width], tolerance: TOLERANCE_OF_GAP * gap };
            let before = self.result.bound;
            if gap > SUGGESTED_GAP_MIN {
                let prices = mix(&self.result.duals, &optimum.duals, SUGGESTED_WEIGHT);
                self.take(suggest(&prices));
            }
            let added = self.price(&mut pricer, &optimum, effort)?;
            stalled = if self.result.bound > before + before.abs() * gap * 0.02 { 0 } else { stalled + 1 };
            if added == 0 && master.raise(&optimum, PENALTY_FACTOR) {
                continue;
            }
            if added == 0 || stalled > STALLED_ROUNDS_MAX {
                if added == 0 && width + 1 == WIDTHS.len() {
                    return Some(());
                }
                width = (width + 1).min(WIDTHS.len() - 1);
                stalled = 0;
            }
            if self.result.columns.len() > COLUMNS_MIN.max(COLUMNS_FACTOR * self.model.items.len()) {
                self.purge(&optimum);
                self.penalties = master.penalties();
                master = self.master()?;
            }
        }
        Some(())
    }

    /// A program with the columns that are left.
    fn master(&mut self) -> Option<Master<'a>> {
        self.fresh = 0;
        Master::new(self.model, &self.penalties).ok()
    }

    fn optimum(&mut self, master: &mut Master<'_>) -> Option<Optimum> {
        for column in &self.result.columns[self.fresh..] {
            master.add(column).ok()?;
        }
        self.fresh = self.result.columns.len();
        let optimum = master.solve(self.budget.elapsed, &|| self.is_over())?;
        self.result.shares.clone_from(&optimum.shares);
        self.result.program = optimum.duals.clone();
        self.result.estimate = optimum.is_complete().then_some(optimum.value);
        Some(optimum)
    }

    /// Prices between the proven prices and the program's; says how many columns were new.
    fn price(&mut self, pricer: &mut Pricer<'_>, optimum: &Optimum, effort: Effort) -> Option<usize> {
        for weight in WEIGHTS {
            let duals = mix(&self.result.duals, &optimum.duals, weight);
            let Round { columns, repaired, bound } = pricer.price(&duals, effort, &|| self.is_over())?;
            if bound > self.result.bound {
                self.result.bound = bound;
                self.result.duals = FloatDuals { items: repaired, ..duals };
            }
            let gains = |column: &Column| {
                let supply = &self.model.supplies[column.supply as usize];
                let due = optimum.quantities[column.supply as usize]
                    + priced_at(self.model, supply, &optimum.duals)
                    - supply.price();
                let worth =
                    column.worth(&optimum.duals.items) + f64::from(column.stays) * optimum.duals.moved_pods;
                worth > (column.cost + due) * (1.0 + GAIN_MIN)
            };
            let added = self.take(columns.into_iter().filter(gains).collect());
            if added > 0 {
                return Some(added);
            }
        }
        Some(0)
    }

    /// Drops the columns that are dearest at the program's prices.
    fn purge(&mut self, optimum: &Optimum) {
        let reduced = |column: &Column| column.cost - column.worth(&optimum.duals.items);
        let mut ranked: Vec<(f64, usize)> = self.result.columns.iter().map(reduced).zip(0..).collect();
        ranked.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
        let mut keep = vec![false; ranked.len()];
        let most = (COLUMNS_MIN.max(COLUMNS_FACTOR * self.model.items.len())) / 2;
        ranked.iter().take(most).for_each(|(_, index)| keep[*index] = true);
        optimum.shares.iter().zip(&mut keep).for_each(|(share, keep)| *keep |= *share > 0.0);
        let flags = keep.iter().copied();
        let kept = std::mem::take(&mut self.result.columns).into_iter().zip(flags).filter(|(_, keep)| *keep);
        self.result.columns = kept.map(|(column, _)| column).collect();
        let shares = optimum.shares.iter().copied().chain(std::iter::repeat(0.0)).zip(keep);
        self.result.shares = shares.filter(|(_, keep)| *keep).map(|(share, _)| share).collect();
        self.seen =
            self.result.columns.iter().map(|column| (column.supply, column.content.clone())).collect();
    }
}

/// A column gains if its worth exceeds its price by this part.
const GAIN_MIN: f64 = 1e-9;

fn penalties(center: &FloatDuals) -> Vec<f64> {
    let dearest = center.items.iter().copied().fold(0.0, f64::max);
    let mut penalties: Vec<f64> =
        center.items.iter().map(|price| PENALTY * price.max(dearest * PENALTY_MIN)).collect();
    penalties.push(PENALTY * dearest);
    penalties
}

fn mix(proven: &FloatDuals, program: &FloatDuals, weight: f64) -> FloatDuals {
    let mix = |proven: f64, program: f64| weight * proven + (1.0 - weight) * program;
    FloatDuals {
        items: proven.items.iter().zip(&program.items).map(|(a, b)| mix(*a, *b)).collect(),
        resources: Vec::new(),
        spot_share: mix(proven.spot_share, program.spot_share),
        moved_pods: mix(proven.moved_pods, program.moved_pods),
    }
}
