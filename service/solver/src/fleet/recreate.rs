//! Gives every pod that is nowhere a place: at home, in free room, or on a node that is bought for it.

use rand::Rng;
use rand::rngs::SmallRng;

use super::admit::{Care, room};
use super::buy::{Buyer, Choice};
use super::state::State;
use super::{tidy, units};

/// How to rebuild; drawn anew for every attempt.
#[derive(Clone, Debug)]
pub(super) struct Taste {
    /// Chance of passing over a node with room, so that not every attempt ends alike.
    pub(super) blink: f64,
    /// How much the order of the demands is shaken, 0: not at all.
    pub(super) shake: f64,
    /// What to look for in a node to buy.
    pub(super) choice: Choice,
    /// What the first node of a group costs more, nano-USD per hour.
    pub(super) fee: f64,
    /// Whether running nodes that were left out may be opened again.
    pub(super) reopens: bool,
    /// Most places to compare for one node.
    pub(super) sample: usize,
}

/// Places what can be placed. `banned`: running nodes, by index, that may not be opened again.
pub(super) fn recreate(state: &mut State<'_>, taste: &Taste, banned: &[usize], rng: &mut SmallRng) {
    let mark = state.mark();
    units::place_all(state, banned);
    let mut waiting = order(state, taste, rng);
    for demand in &waiting {
        go_home(state, *demand);
        use_free_room(state, *demand, taste.blink, Care::Strict, rng);
    }
    for care in [Care::Strict, Care::Lenient] {
        waiting.retain(|demand| 0 < state.unplaced[*demand]);
        if care == Care::Lenient {
            for demand in &waiting {
                use_free_room(state, *demand, 0.0, care, rng);
            }
        }
        Buyer { taste, banned, care }.buy_for(state, &waiting, rng);
    }
    tidy::tidy(state, mark);
}

/// The demands with pods that are nowhere: those with little choice of zones first, then the dearest pods.
fn order(state: &State<'_>, taste: &Taste, rng: &mut SmallRng) -> Vec<usize> {
    let shapes = &state.terms.shapes;
    let missing = (0..shapes.len()).filter(|demand| 0 < state.unplaced[*demand]);
    let mut keyed: Vec<(bool, f64, usize)> = missing
        .filter(|demand| shapes[*demand].unit.is_none())
        .map(|demand| {
            let shape = &shapes[demand];
            let is_tied = !shape.is_local && shape.zone_count < state.terms.zones;
            let factor = 1.0 + taste.shake * (rng.random::<f64>() - 0.5);
            (!is_tied, shape.worth * factor, demand)
        })
        .collect();
    keyed.sort_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)).then(a.2.cmp(&b.2)));
    keyed.into_iter().map(|(.., demand)| demand).collect()
}

/// Puts pods back on the running nodes they came from.
pub(super) fn go_home(state: &mut State<'_>, demand: usize) {
    let terms = state.terms;
    for (node, residents) in &terms.shapes[demand].homes {
        if state.unplaced[demand] == 0 {
            return;
        }
        if state.bins[*node].is_open {
            let away = residents.saturating_sub(state.count(*node, demand)).min(state.unplaced[demand]);
            let count = room(state, *node, demand, away, Care::Strict);
            if 0 < count {
                state.add(*node, demand, count);
            }
        }
    }
}

/// Puts pods into open nodes, the fullest first.
fn use_free_room(state: &mut State<'_>, demand: usize, blink: f64, care: Care, rng: &mut SmallRng) {
    while 0 < state.unplaced[demand] {
        let Some((bin, count)) = best_bin(state, demand, blink, care, rng) else { return };
        state.add(bin, demand, count);
    }
}

/// The open bin that has least left over, with how many pods it takes.
fn best_bin(
    state: &State<'_>,
    demand: usize,
    blink: f64,
    care: Care,
    rng: &mut SmallRng,
) -> Option<(usize, u32)> {
    let wanted = state.unplaced[demand];
    let mut best: Option<(f64, usize, u32)> = None;
    for bin in 0..state.bins.len() {
        if !state.bins[bin].is_open {
            continue;
        }
        let left = state.slack(bin);
        if best.is_some_and(|(least, ..)| least <= left) {
            continue;
        }
        let count = room(state, bin, demand, wanted, care);
        if 0 < count && !(0.0 < blink && rng.random::<f64>() < blink) {
            best = Some((left, bin, count));
        }
    }
    best.map(|(_, bin, count)| (bin, count))
}
