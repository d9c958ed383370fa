//! Tears down and rebuilds parts of a fleet for as long as it pays.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::buy::Choice;
use super::recreate::{Taste, recreate};
use super::ruin::ruin;
use super::state::State;

/// How much dearer a fleet may be to go on from, at the start and the end of a cycle: as a share of the
/// price of a node of average price. Measured on clusters of 22 to 101 nodes; three times as much or as
/// little ends 0.5 % higher.
const HEAT: (f64, f64) = (0.05, 0.002);

/// Worth of a waiting pod at which a node that takes more is always better: needed where nodes or groups
/// are few.
const MOST: f64 = 100.0;

/// Largest fee on a new group where groups are few: so many nodes of average price.
const FEE_MAX: f64 = 2.0;

/// How often running nodes that were left out are among the nodes to choose from.
const REOPEN_CHANCE: f64 = 0.7;

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

pub(super) fn score(state: &State<'_>) -> Score {
    let totals = &state.totals;
    Score { excess: state.excess(), cost: totals.cost, moved: totals.moved, nodes: totals.nodes }
}

pub(super) fn record(state: &State<'_>) -> Record {
    let open = state.bins.iter().filter(|bin| bin.is_open);
    open.map(|bin| (bin.place, bin.node, bin.content.clone())).collect()
}

/// A search from one fleet, with the best fleet that it met.
pub(super) struct Search<'s, 'a> {
    state: &'s mut State<'a>,
    rng: SmallRng,
    now: Score,
    best: Score,
    saved: Record,
    /// Whether `saved` is the best fleet; if not, the state is.
    is_saved: bool,
}

impl<'s, 'a> Search<'s, 'a> {
    pub(super) fn new(state: &'s mut State<'a>, seed: u64) -> Self {
        let (now, saved) = (score(state), record(state));
        Self { state, rng: SmallRng::seed_from_u64(seed), now, best: now, saved, is_saved: true }
    }

    /// Goes on from the best fleet, boldly at first, for so many attempts, or until `go_on`, which hears
    /// of the best score, says no. Ends at the best fleet.
    pub(super) fn cycle(&mut self, attempts: u64, go_on: &mut dyn FnMut(&Score) -> bool) {
        for attempt in 0..attempts {
            if !go_on(&self.best) {
                break;
            }
            self.attempt(heat(self.state, attempt as f64 / attempts as f64));
        }
        if self.is_saved {
            restore(self.state, &self.saved);
        } else {
            self.save();
        }
        self.now = self.best;
    }

    pub(super) fn best(&self) -> (&Score, &Record) {
        (&self.best, &self.saved)
    }

    /// Tears down, rebuilds, and keeps the result if it is not much worse.
    fn attempt(&mut self, heat: f64) {
        let mark = self.state.mark();
        let Some(closed) = ruin(self.state, &mut self.rng) else { return };
        let taste = taste(self.state, &mut self.rng);
        recreate(self.state, &taste, &closed, &mut self.rng);
        let then = score(self.state);
        let slack = (-heat * self.rng.random::<f64>().max(f64::MIN_POSITIVE).ln()) as i128;
        let now = &self.now;
        let is_taken = then.excess < now.excess || then.excess == now.excess && then.cost <= now.cost + slack;
        if !is_taken || (!self.is_saved && self.best < then) {
            self.state.undo_to(mark);
            if is_taken {
                self.save();
            }
            return;
        }
        self.state.commit();
        self.now = then;
        if then < self.best {
            self.best = then;
            self.is_saved = false;
        }
    }

    /// Writes the state down: it is the best fleet, and about to be left.
    fn save(&mut self) {
        self.saved = record(self.state);
        self.is_saved = true;
    }
}

/// `progress`: share of the cycle that is over.
fn heat(state: &State<'_>, progress: f64) -> f64 {
    let share = HEAT.0 * (HEAT.1 / HEAT.0).powf(progress);
    share * node_price(state)
}

/// Price of a node of average price.
fn node_price(state: &State<'_>) -> f64 {
    state.totals.cost as f64 / f64::from(state.totals.nodes.max(1))
}

fn taste(state: &State<'_>, rng: &mut SmallRng) -> Taste {
    let choice = match rng.random_range(0..10_u32) {
        0..=2 => Choice::Ratio,
        3..=8 => Choice::Rest(0.8 + 0.8 * rng.random::<f64>()),
        _ => Choice::Rest(MOST),
    };
    let blink = if rng.random_bool(0.5) { 0.0 } else { 0.2 * rng.random::<f64>() };
    let fee = match state.totals.is_short_of_groups(state.terms) {
        true => FEE_MAX * rng.random::<f64>().powi(2) * node_price(state),
        false => 0.0,
    };
    let (shake, reopens) = (rng.random::<f64>(), rng.random_bool(REOPEN_CHANCE));
    Taste { blink, shake, choice, fee, reopens, sample: rng.random_range(4..40) }
}

/// Makes a state the fleet of a record.
fn restore(state: &mut State<'_>, record: &Record) {
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
