//! Prices of resources: with them, what a node's content is worth is bounded without trying contents.
//!
//! At any prices, a content is worth at most the price of the node's room plus, for every pod that is worth
//! more than it takes, the difference. So prices may be found by rules of thumb; the bound holds for all.

use super::knapsack::{Amounts, Entry, Knapsack, RESOURCES_MAX};

/// A price is of 2^40 units, a whole node's capacity or up to twice that, in 1e-15 USD per hour.
const PRICE_BITS: u32 = 40;
/// Most changes of the resources' weights. After 24 the bound is within a thousandth of the best.
const ROUNDS_MAX: i64 = 24;
/// Weights of resources add up to about this many bits.
const WEIGHT_BITS: u32 = 20;
/// An item may be cut into so many bits' parts.
const PART_BITS: u32 = 10;

/// A price of each resource, 0 or more, and the bound that they give.
#[derive(Clone, Copy)]
pub struct Prices {
    /// Prices of the resources, in the order of the knapsack.
    pub of: Amounts,
    /// No content is worth more.
    pub bound: i128,
}

impl Prices {
    /// What some room costs, rounded up.
    pub fn of_room(&self, room: &Amounts) -> i128 {
        -(-self.total(room) >> PRICE_BITS)
    }

    /// What an item is worth above what it takes. Never less than exactly so; may be negative.
    pub fn gain(&self, entry: &Entry) -> i128 {
        entry.value - (self.total(&entry.size) >> PRICE_BITS)
    }

    fn total(&self, amounts: &Amounts) -> i128 {
        self.of.iter().zip(amounts).map(|(price, amount)| i128::from(*price) * i128::from(*amount)).sum()
    }
}

/// The demands of which a pod may be in a content that is worth more than `price`.
pub fn core(knapsack: &Knapsack, price: i128) -> Vec<usize> {
    let prices = search(knapsack, price);
    let may = |entry: &&Entry| price < prices.bound + prices.gain(entry).min(0);
    knapsack.entries.iter().filter(may).map(|entry| entry.demand).collect()
}

/// Looks for prices with a low bound, and stops at one that is not above `goal`.
pub fn search(knapsack: &Knapsack, goal: i128) -> Prices {
    let mut weights = [0; RESOURCES_MAX];
    weights[..knapsack.dims].fill(1 << WEIGHT_BITS);
    let mut best = evaluate(knapsack, [0; RESOURCES_MAX]);
    let mut critical = Critical::default();
    for round in 0..ROUNDS_MAX {
        if best.bound <= goal || knapsack.dims == 0 {
            break;
        }
        let (prices, used) = surrogate(knapsack, &weights, &mut critical);
        if prices.bound < best.bound {
            best = prices;
        }
        shift(knapsack, &mut weights, &used, round);
    }
    polish(knapsack, best, goal, &mut critical)
}

/// Prices with their bound.
fn evaluate(knapsack: &Knapsack, of: Amounts) -> Prices {
    let mut prices = Prices { of, bound: 0 };
    let gains = knapsack.entries.iter().map(|entry| prices.gain(entry).max(0) * i128::from(entry.count));
    prices.bound = prices.of_room(&knapsack.room) + gains.sum::<i128>();
    prices
}

/// The best prices in proportion to weights, and what the best content of that one mixed resource takes
/// of each.
fn surrogate(
    knapsack: &Knapsack,
    weights: &Amounts,
    critical: &mut Critical,
) -> (Prices, [i128; RESOURCES_MAX]) {
    let mixed = |amounts: &Amounts| -> i64 {
        let total: i128 = weights
            .iter()
            .zip(amounts)
            .map(|(weight, amount)| i128::from(*weight) * i128::from(*amount))
            .sum();
        to_i64(total >> WEIGHT_BITS)
    };
    critical.fill(knapsack.entries.iter().map(|entry| (entry.value, entry.count, mixed(&entry.size))));
    let price = critical.price(mixed(&knapsack.room));
    let mut of = [0; RESOURCES_MAX];
    for (of, weight) in of.iter_mut().zip(weights) {
        *of = to_i64(price.saturating_mul(i128::from(*weight)) >> WEIGHT_BITS);
    }
    let mut used = [0; RESOURCES_MAX];
    for (index, taken) in &critical.taken {
        for (used, size) in used.iter_mut().zip(&knapsack.entries[*index].size) {
            *used += (i128::from(*size) * i128::from(*taken)) >> PART_BITS;
        }
    }
    (evaluate(knapsack, of), used)
}

/// Makes weightier what was overfull, and lighter what was not full; less so from round to round.
fn shift(knapsack: &Knapsack, weights: &mut Amounts, used: &[i128; RESOURCES_MAX], round: i64) {
    for dim in 0..knapsack.dims {
        let room = i128::from(knapsack.room[dim]).max(1);
        let weight = i128::from(weights[dim]);
        let over = (used[dim] - room).clamp(-room, 2 * room);
        let change = weight * over / (room * i128::from(1 + round / 3));
        weights[dim] = to_i64((weight + change).clamp(1, 1 << (WEIGHT_BITS + 10)));
    }
}

/// Improves the price of one resource at a time.
fn polish(knapsack: &Knapsack, mut best: Prices, goal: i128, critical: &mut Critical) -> Prices {
    for dim in (0..knapsack.dims).chain(0..knapsack.dims) {
        if best.bound <= goal {
            break;
        }
        let mut others = best;
        others.of[dim] = 0;
        let sized = knapsack.entries.iter().map(|entry| (others.gain(entry), entry.count, entry.size[dim]));
        critical.fill(sized.filter(|(gain, _, _)| 0 < *gain));
        others.of[dim] = to_i64(critical.price(knapsack.room[dim]));
        let found = evaluate(knapsack, others.of);
        if found.bound < best.bound {
            best = found;
        }
    }
    best
}

/// The knapsack in one resource whose items may be cut: at its best price, what is worth more fills it.
#[derive(Default)]
struct Critical {
    /// Worth of 2^40 units, place, count, size.
    items: Vec<(i128, usize, i64, i64)>,
    /// Which items were taken, and how many of each, in parts of 2^-10.
    taken: Vec<(usize, i64)>,
}

impl Critical {
    fn fill(&mut self, items: impl Iterator<Item = (i128, i64, i64)>) {
        self.items.clear();
        self.items.extend(items.enumerate().map(|(index, (value, count, size))| {
            let rate = (value.min(i64::MAX.into()) << PRICE_BITS) / i128::from(size.max(1));
            (rate, index, count, size)
        }));
        self.items.sort_unstable_by_key(|(rate, index, _, _)| (std::cmp::Reverse(*rate), *index));
    }

    /// The worth of 2^40 units of the first item that does not fit, 0 if all do.
    fn price(&mut self, room: i64) -> i128 {
        self.taken.clear();
        let mut left = room;
        for (rate, index, count, size) in &self.items {
            let fit = if *size == 0 { *count } else { (left / size).min(*count) };
            left -= fit * size;
            if fit < *count {
                self.taken.push((*index, (fit << PART_BITS) + (left << PART_BITS) / size));
                return *rate;
            }
            self.taken.push((*index, fit << PART_BITS));
        }
        0
    }
}

fn to_i64(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
