//! What the best content of a node is worth, at most.

use std::cmp::Reverse;

use super::knapsack::{Entry, Knapsack, PART_BITS};
use super::labels::Search;
use super::lp;
use super::prices::Prices;

/// Contents that are followed at once, first few, then more where few were not enough.
const WIDTHS: [usize; 3] = [16, 128, 1024];
/// Most contents that are looked at in one proof: some seconds on one core. Then prices alone decide.
const CONTENTS_MAX: usize = 40_000_000;
/// What is above a goal by so small a part (2^-44) is not looked into: the floor loses less than a nano-USD
/// in 17,000 USD.
const NEGLIGIBLE_BITS: u32 = 44;
/// Most rounds of deciding what is in every good content, or in none.
const REDUCTIONS_MAX: usize = 4;

/// How much work one proof may still do, in contents.
pub struct Effort {
    /// What is left of it.
    pub left: usize,
}

impl Default for Effort {
    fn default() -> Self {
        Self { left: CONTENTS_MAX }
    }
}

/// What the best content of a knapsack is worth.
pub struct Worth {
    knapsack: Knapsack,
    prices: Prices,
    /// No content is worth more, in 1e-15 USD per hour; the goal if none is worth more than that.
    pub most: i128,
}

impl Worth {
    /// Looks for contents that are worth more than `goal`, in 1e-15 USD per hour, and than nothing.
    pub fn above(knapsack: Knapsack, goal: i128, effort: &mut Effort) -> Self {
        let goal = goal.max(0);
        let prices = lp::prices(&knapsack);
        let most = match goal.checked_mul(1 << PART_BITS) {
            Some(parts) if parts < prices.bound => most(&knapsack, &prices, parts, effort),
            _ => return Self { knapsack, prices, most: goal },
        };
        Self { knapsack, prices, most: -(-most >> PART_BITS) }
    }

    /// The demands of which a pod may be in a content that is worth more than `goal`.
    pub fn core(&self, goal: i128) -> impl Iterator<Item = usize> {
        let goal = goal << PART_BITS;
        let may = move |entry: &&Entry| goal < self.prices.bound + self.prices.gain(entry).min(0);
        self.knapsack.entries.iter().filter(may).map(|entry| entry.demand)
    }
}

/// As [`Worth::most`], in parts; `goal` is 0 or more.
fn most(knapsack: &Knapsack, prices: &Prices, goal: i128, effort: &mut Effort) -> i128 {
    if prices.bound - (prices.bound >> NEGLIGIBLE_BITS) <= goal {
        return prices.bound.max(goal);
    }
    let Some(rest) = reduce(knapsack, goal) else { return goal };
    let (base, mut least) = (rest.base, rest.bound);
    let rest = in_order(rest);
    for width in WIDTHS {
        if effort.left == 0 {
            break;
        }
        let (found, exact) = Search::new(&rest, width, goal - base).run(effort);
        least = least.min(base + found);
        if exact || base + found <= goal {
            break;
        }
    }
    least.max(goal)
}

/// A knapsack without what is decided already.
struct Rest {
    knapsack: Knapsack,
    /// What is in every content that is worth more than the goal.
    base: i128,
    /// No content is worth more.
    bound: i128,
}

/// Takes out what is in every content, or in none, that is worth more than `goal`. None: there is no such
/// content.
fn reduce(knapsack: &Knapsack, goal: i128) -> Option<Rest> {
    let mut rest = Rest { knapsack: knapsack.clone(), base: 0, bound: i128::MAX };
    for _ in 0..REDUCTIONS_MAX {
        let prices = lp::prices(&rest.knapsack);
        rest.bound = rest.bound.min(rest.base + prices.bound);
        if rest.bound <= goal {
            return None;
        }
        if !decide(&mut rest, &prices, goal)? {
            break;
        }
    }
    Some(rest)
}

/// Decides what the prices allow to decide. None: no content is worth more than `goal`; else whether anything
/// changed.
fn decide(rest: &mut Rest, prices: &Prices, goal: i128) -> Option<bool> {
    let slack = rest.base + prices.bound - goal - 1;
    let mut changed = false;
    let knapsack = &mut rest.knapsack;
    for entry in &mut knapsack.entries {
        let gain = prices.gain(entry);
        let free = if gain == 0 { entry.count } else { to_count(slack / gain.abs()).min(entry.count) };
        let sure = if 0 < gain { entry.count - free } else { 0 };
        changed |= free < entry.count;
        rest.base += i128::from(sure) * entry.value;
        for (room, size) in knapsack.room.iter_mut().zip(&entry.size) {
            *room = room.checked_sub(size.checked_mul(sure)?).filter(|room| 0 <= *room)?;
        }
        entry.count = free;
    }
    let room = knapsack.room;
    for index in 0..knapsack.entries.len() {
        let fits = knapsack.fits(&room, &knapsack.entries[index].size);
        let entry = &mut knapsack.entries[index];
        changed |= fits < entry.count;
        entry.count = entry.count.min(fits);
    }
    knapsack.entries.retain(|entry| 0 < entry.count);
    Some(changed)
}

/// The largest items first: small ones are bounded well by prices.
fn in_order(rest: Rest) -> Knapsack {
    let mut knapsack = rest.knapsack;
    let prices = lp::prices(&knapsack);
    let key = |entry: &Entry| {
        let gain = prices.gain(entry);
        entry.value - gain + gain.abs() * 4
    };
    knapsack.entries.sort_by_cached_key(|entry| (Reverse(key(entry)), entry.demand));
    knapsack
}

fn to_count(value: i128) -> i64 {
    i64::try_from(value).unwrap_or(i64::MAX)
}
