//! Fleets to start from: the one that runs now, and one from nothing.

use rand::SeedableRng;
use rand::rngs::SmallRng;

use super::admit::{Care, room};
use super::buy::Choice;
use super::recreate::{Taste, recreate};
use super::state::State;
use super::terms::Terms;
use super::tidy;

/// Most places that are compared for one node of a first plan.
const SAMPLE_MAX: usize = 600;
/// How much the order of the demands is shaken from one start to the next.
const SHAKE: f64 = 0.5;

/// The fleet as it is, with every pod where it runs and the rest in free room or on new nodes.
pub(super) fn today<'a>(terms: &'a Terms<'a>) -> State<'a> {
    let mut state = State::new(terms);
    for node in 0..terms.place_of_node.len() {
        state.open(node);
    }
    for care in [Care::Strict, Care::Lenient] {
        for node in 0..terms.place_of_node.len() {
            settle(&mut state, node, care);
        }
    }
    rebuild(&mut state, 0, 0.0, 0.0);
    for bin in 0..state.bins.len() {
        if state.bins[bin].is_open && state.bins[bin].content.is_empty() {
            tidy::try_close(&mut state, bin);
        }
    }
    state.commit();
    state
}

/// Puts the residents of a node back on it.
fn settle(state: &mut State<'_>, node: usize, care: Care) {
    for resident in &state.terms.problem.nodes[node].residents {
        let demand = resident.demand as usize;
        let away = resident.count.saturating_sub(state.count(node, demand)).min(state.unplaced[demand]);
        let count = room(state, node, demand, away, care);
        if 0 < count {
            state.add(node, demand, count);
        }
    }
}

/// A fleet that ignores what runs, but for the nodes that must stay. The first
/// draft takes the demands in the order of their worth; later ones shake it, and shun new groups ever more.
pub(super) fn from_nothing<'a>(terms: &'a Terms<'a>, seed: u64, draft: u32) -> State<'a> {
    let mut state = State::new(terms);
    for (node, running) in terms.problem.nodes.iter().enumerate() {
        if running.kept {
            state.open(node);
        }
    }
    let shake = if draft == 0 { 0.0 } else { SHAKE };
    let fee = f64::from(draft / 2).exp2() * f64::from(draft % 2) * typical_price(terms);
    rebuild(&mut state, seed, shake, fee);
    state.commit();
    state
}

fn rebuild(state: &mut State<'_>, seed: u64, shake: f64, fee: f64) {
    let taste = Taste { blink: 0.0, shake, choice: Choice::Ratio, fee, reopens: true, sample: SAMPLE_MAX };
    recreate(state, &taste, &[], &mut SmallRng::seed_from_u64(seed));
}

/// The middle of the prices of what is for sale, nano-USD per hour.
fn typical_price(terms: &Terms<'_>) -> f64 {
    let mut prices: Vec<i64> =
        terms.places.iter().filter(|place| place.for_sale).map(|place| place.price).collect();
    prices.sort_unstable();
    prices.get(prices.len() / 2).map_or(0.0, |price| *price as f64)
}
