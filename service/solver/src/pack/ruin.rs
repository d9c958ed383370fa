//! Takes a few nodes out of a packing, the wasteful ones rather, and such as can help one another.

use rand::Rng;
use rand::rngs::SmallRng;

use super::Shop;
use super::state::{Bin, State};

/// Nodes taken out at once.
const VICTIMS: (usize, usize) = (2, 8);
/// Nodes looked at for each that is taken.
const LOOKS: usize = 6;
/// Gain in rank of a node that could carry what the first victim carries.
const RELATED_FACTOR: f64 = 3.0;

/// Chooses victims: indexes of bins, ascending.
pub(super) fn victims(shop: &Shop<'_>, state: &State, random: &mut SmallRng) -> Vec<usize> {
    let count = random.random_range(VICTIMS.0..=VICTIMS.1).min(state.bins.len());
    let mut chosen = vec![most_wasteful(state, random)];
    for _ in 1..count {
        let first = &state.bins[chosen[0]];
        let mut best: Option<(f64, usize)> = None;
        for _ in 0..LOOKS {
            let index = random.random_range(0..state.bins.len());
            if chosen.contains(&index) {
                continue;
            }
            let bin = &state.bins[index];
            let luck = 0.2 + random.random::<f64>();
            let rank = waste_ratio(shop, bin)
                * luck
                * if is_related(shop, first, bin) { RELATED_FACTOR } else { 1.0 };
            if best.is_none_or(|(most, _)| rank > most) {
                best = Some((rank, index));
            }
        }
        chosen.extend(best.map(|(_, index)| index));
    }
    chosen.sort_unstable();
    chosen
}

fn most_wasteful(state: &State, random: &mut SmallRng) -> usize {
    let looks = random.random_range(1..=LOOKS);
    let mut best = random.random_range(0..state.bins.len());
    for _ in 1..looks {
        let index = random.random_range(0..state.bins.len());
        if state.bins[index].waste > state.bins[best].waste {
            best = index;
        }
    }
    best
}

fn waste_ratio(shop: &Shop<'_>, bin: &Bin) -> f64 {
    let price = shop.model.supplies[bin.supply as usize].price();
    0.01 + (bin.waste / price.max(1e-12)).max(0.0)
}

/// Whether one could carry something of the other.
fn is_related(shop: &Shop<'_>, one: &Bin, other: &Bin) -> bool {
    let takes = |to: &Bin, from: &Bin| from.content.iter().any(|(item, _)| shop.carries(to.supply, *item));
    takes(one, other) || takes(other, one)
}
