//! Tears down and rebuilds parts of a fleet for as long as it pays.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use crate::budget::Budget;

use super::buy::Choice;
use super::recreate::{Taste, recreate};
use super::ruin::ruin;
use super::state::State;

/// Attempts without a better fleet after which the search ends: twenty cycles.
const STALL_MAX: u64 = 40_000;
/// Attempts in one cycle of cooling.
const CYCLE: u64 = 2_000;
/// How much dearer a fleet may be to go on from, at the start and the end of a cycle: as a share of the
/// price of a node of average price.
const HEAT: (f64, f64) = (0.3, 0.002);

/// What is better: keeping rules first, then cost, then moving less, then fewer nodes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Score {
    pub(super) excess: u64,
    pub(super) cost: i128,
    moved: u64,
    nodes: u32,
}

/// A fleet written down: place, running node and content of every node.
pub(super) type Record = Vec<(usize, Option<usize>, Vec<(usize, u32)>)>;

/// Why the search came to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Nothing better was found for long.
    Stalled,
    /// The time ran out, or nobody waits any more.
    Spent,
    /// The caller said that it is good enough.
    GoodEnough,
}

pub(super) fn score(state: &State<'_>) -> Score {
    let totals = &state.totals;
    Score { excess: state.excess(), cost: totals.cost, moved: totals.moved, nodes: totals.nodes }
}

pub(super) fn record(state: &State<'_>) -> Record {
    let open = state.bins.iter().filter(|bin| bin.is_open);
    open.map(|bin| (bin.place, bin.node, bin.content.clone())).collect()
}

/// Improves a fleet. `found` hears of every better one, and says whether it is good enough.
pub(super) fn improve(
    state: &mut State<'_>,
    budget: &Budget<'_>,
    found: &mut dyn FnMut(&Score, Record) -> bool,
) -> End {
    let mut rng = SmallRng::seed_from_u64(budget.seed);
    let mut best = score(state);
    let mut best_record = record(state);
    let mut now = best;
    let mut stalled = 0;
    let mut attempt = 0_u64;
    while stalled < STALL_MAX {
        if budget.is_spent() {
            return End::Spent;
        }
        if attempt % CYCLE == 0 {
            restore(state, &best_record);
            now = best;
        }
        let heat = heat(state, attempt % CYCLE);
        now = step(state, &mut rng, now, heat);
        (attempt, stalled) = (attempt + 1, stalled + 1);
        if now < best {
            stalled = if now.excess < best.excess || now.cost < best.cost { 0 } else { stalled };
            best = now;
            best_record = record(state);
            if found(&best, best_record.clone()) {
                return End::GoodEnough;
            }
        }
    }
    End::Stalled
}

/// One attempt; returns the score of the fleet to go on from.
fn step(state: &mut State<'_>, rng: &mut SmallRng, now: Score, heat: f64) -> Score {
    let mark = state.mark();
    let Some(closed) = ruin(state, rng) else { return now };
    recreate(state, &taste(rng), &closed, rng);
    let then = score(state);
    let slack = (-heat * rng.random::<f64>().max(f64::MIN_POSITIVE).ln()) as i128;
    let is_taken = then.excess < now.excess || then.excess == now.excess && then.cost <= now.cost + slack;
    if is_taken {
        state.commit();
        return then;
    }
    state.undo_to(mark);
    now
}

fn heat(state: &State<'_>, attempt_in_cycle: u64) -> f64 {
    let progress = attempt_in_cycle as f64 / CYCLE as f64;
    let share = HEAT.0 * (HEAT.1 / HEAT.0).powf(progress);
    share * state.totals.cost as f64 / f64::from(state.totals.nodes.max(1))
}

fn taste(rng: &mut SmallRng) -> Taste {
    let choice = match rng.random_bool(0.3) {
        true => Choice::Ratio,
        false => Choice::Rest(0.8 + 0.8 * rng.random::<f64>()),
    };
    let blink = if rng.random_bool(0.5) { 0.0 } else { 0.2 * rng.random::<f64>() };
    Taste { blink, shake: rng.random::<f64>(), choice, sample: rng.random_range(4..40) }
}

/// Makes a state the fleet of a record.
pub(super) fn restore(state: &mut State<'_>, record: &Record) {
    for bin in 0..state.bins.len() {
        if state.bins[bin].is_open {
            state.empty_and_close(bin);
        }
    }
    for (place, node, content) in record {
        let bin = match node {
            Some(node) => {
                state.open(*node);
                *node
            }
            None => state.buy(*place),
        };
        for (demand, count) in content {
            state.add(bin, *demand, *count);
        }
    }
    state.commit();
}
