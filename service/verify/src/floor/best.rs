//! What the best content of a node is worth, at most.

use std::cmp::Reverse;

use super::knapsack::{Entry, Knapsack, PART_BITS};
use super::labels::Search;
use super::lp;
use super::prices::Prices;

/// Contents that are followed at once, first few, then more where few were not enough.
const WIDTHS: [usize; 4] = [16, 128, 1024, 8192];
/// Not more than so many once a content above the goal is known: then it matters little by how much.
const ABOVE_WIDTH: usize = 128;
/// Most contents that are looked at in one proof: some five seconds on one core. Then prices alone decide.
const CONTENTS_MAX: usize = 10_000_000;
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
        let found = Search::new(&rest, width, goal - base).run(effort);
        least = least.min(base + found.most);
        let is_above = goal < base + found.best && ABOVE_WIDTH <= width;
        if found.is_exact || is_above || least <= goal {
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

#[cfg(test)]
mod tests {
    use rand::rngs::SmallRng;
    use rand::{Rng, SeedableRng};

    use super::*;
    use crate::floor::knapsack::Item;

    struct Case {
        capacity: Vec<i64>,
        /// Value, count, request.
        items: Vec<(i64, i64, Vec<i64>)>,
    }

    impl Case {
        /// Values are about what the items take, so that many contents are nearly as good as the best.
        fn random(random: &mut SmallRng) -> Self {
            let resources = random.random_range(1..=3);
            let top = [10, 1000, 1 << 44][random.random_range(0..3)];
            let capacity: Vec<i64> = (0..resources).map(|_| random.random_range(top / 2..=top)).collect();
            let item = |random: &mut SmallRng| {
                let request: Vec<i64> =
                    capacity.iter().map(|room| random.random_range(0..=room / 2 + 1)).collect();
                let taken: i128 =
                    request.iter().zip(&capacity).map(|(w, c)| i128::from(*w) * 1000 / i128::from(*c)).sum();
                let value = i64::try_from(taken).expect("a few thousand") + random.random_range(0..100);
                (value, random.random_range(0..4), request)
            };
            let items = (0..random.random_range(1..=6)).map(|_| item(random)).collect();
            Self { capacity, items }
        }

        fn knapsack(&self) -> Knapsack {
            let item = |(demand, (value, count, request)): (usize, &'_ (i64, i64, Vec<i64>))| {
                (demand, i128::from(*value), *count, request.clone())
            };
            let items: Vec<_> = self.items.iter().enumerate().map(item).collect();
            let items = items.iter().map(|(demand, value, count, request)| Item {
                demand: *demand,
                value: *value,
                count: *count,
                request,
            });
            Knapsack::new(&self.capacity, items).expect("small values")
        }

        /// The best content, by trying all.
        fn best(&self, place: usize, room: &[i64]) -> i128 {
            let Some((value, count, request)) = self.items.get(place) else { return 0 };
            let mut best = 0;
            for taken in 0..=*count {
                let rest: Vec<i64> =
                    room.iter().zip(request).map(|(room, size)| room - size * taken).collect();
                if rest.iter().all(|room| 0 <= *room) {
                    best = best.max(i128::from(value * taken) + self.best(place + 1, &rest));
                }
            }
            best
        }
    }

    /// What is above the goal is found exactly; what is not, is known not to be.
    #[test]
    fn the_best_content_is_worth_what_trying_all_finds() {
        let mut random = SmallRng::seed_from_u64(7);
        for round in 0..3000 {
            let case = Case::random(&mut random);
            let best = case.best(0, &case.capacity);
            for goal in [0, best / 2, best - 1, best, best + 1] {
                let found = Worth::above(case.knapsack(), goal, &mut Effort::default());
                assert_eq!(found.most, best.max(goal).max(0), "round {round}, goal {goal}");
                if (0..best).contains(&goal) {
                    assert!(found.core(goal).next().is_some(), "round {round}, goal {goal}");
                }
            }
        }
    }

    /// Without effort, and where most contents are given up, what is said still holds.
    #[test]
    fn what_is_given_up_is_conceded() {
        let mut random = SmallRng::seed_from_u64(8);
        for round in 0..3000 {
            let case = Case::random(&mut random);
            let best = case.best(0, &case.capacity);
            let found = Worth::above(case.knapsack(), 0, &mut Effort { left: 0 });
            assert!(best <= found.most, "round {round}");
            for width in [1, 2] {
                let found = Search::new(&case.knapsack(), width, 0).run(&mut Effort::default());
                let best = best << PART_BITS;
                assert!(found.best <= best && best <= found.most, "round {round}, width {width}");
                assert!(!found.is_exact || found.most == best, "round {round}, width {width}");
            }
        }
    }
}
