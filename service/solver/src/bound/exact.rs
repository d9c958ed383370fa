//! Whether no content of a node is worth more than a price: in integers, first by prices of resources,
//! then by branch and bound with a limit, as anyone may do who doubts it.

use crate::price::{Knapsack, lp};

/// Binary digits behind the point of the prices of resources.
const SHIFT: u32 = 24;
/// Nodes of the branch and bound before it gives up: a quarter of what a judge can be expected to spend.
pub(super) const BRANCHES_MAX: u32 = 50_000;

/// A knapsack in integers: values in 1e-15 USD per hour, weights in the units of the problem.
#[derive(Clone, Debug, Default)]
pub(super) struct Test {
    pub values: Vec<i64>,
    pub most: Vec<u32>,
    /// By entry and row.
    pub weights: Vec<i64>,
    pub capacity: Vec<i64>,
}

/// What is known about the best content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// Nothing is worth more than the price.
    Holds,
    /// This much is reached by some content.
    Exceeds(i128),
    /// Not decided; nothing is worth more than this.
    Open(i128),
}

impl Test {
    /// Takes a knapsack's weights and the integer values of its entries.
    pub fn new(knapsack: &Knapsack, values: Vec<i64>) -> Self {
        Self {
            values,
            most: knapsack.most.clone(),
            weights: knapsack.weights.iter().map(|weight| *weight as i64).collect(),
            capacity: knapsack.capacity.iter().map(|capacity| *capacity as i64).collect(),
        }
    }

    fn rows(&self) -> usize {
        self.capacity.len()
    }

    fn weight(&self, entry: usize) -> &[i64] {
        &self.weights[entry * self.rows()..(entry + 1) * self.rows()]
    }

    /// Value beyond the price of its resources, shifted.
    fn surplus(&self, entry: usize, lambda: &[i128]) -> i128 {
        let cost: i128 = self.weight(entry).iter().zip(lambda).map(|(w, l)| i128::from(*w) * l).sum();
        (i128::from(self.values[entry]) << SHIFT) - cost
    }

    fn room_value(&self, room: &[i64], lambda: &[i128]) -> i128 {
        room.iter().zip(lambda).map(|(room, l)| i128::from(*room) * l).sum()
    }

    /// Nothing is worth more than this at the prices `lambda`, shifted.
    fn bound(&self, lambda: &[i128]) -> i128 {
        let positive =
            (0..self.values.len()).map(|e| self.surplus(e, lambda).max(0) * i128::from(self.most[e]));
        self.room_value(&self.capacity, lambda) + positive.sum::<i128>()
    }
}

/// Decides whether any content is worth more than `price`.
pub(super) fn decide(test: &Test, guide: &Knapsack, price: i128) -> Verdict {
    let lambda: Vec<i128> = lp::multipliers(guide).iter().map(|price| to_fixed(*price)).collect();
    let bound = test.bound(&lambda);
    if bound <= price << SHIFT {
        return Verdict::Holds;
    }
    let mut branching = Branching::new(test, &lambda, bound, price, Until::Exceeded);
    branching.run();
    match branching {
        Branching { best: Some(best), .. } => Verdict::Exceeds(best),
        Branching { branches: BRANCHES_MAX.., .. } => Verdict::Open((bound >> SHIFT) + 1),
        _ => Verdict::Holds,
    }
}

/// What the best content is worth, or `least` if none is worth more; a bound of it where that is too
/// hard to tell.
pub(super) fn most(test: &Test, guide: &Knapsack, least: i128) -> i128 {
    let lambda: Vec<i128> = lp::multipliers(guide).iter().map(|price| to_fixed(*price)).collect();
    let bound = test.bound(&lambda);
    if bound <= least << SHIFT {
        return least;
    }
    let mut branching = Branching::new(test, &lambda, bound, least, Until::Best);
    branching.run();
    if branching.branches >= BRANCHES_MAX { (bound >> SHIFT) + 1 } else { branching.best.unwrap_or(least) }
}

/// USD per hour and unit, in 1e-15 USD and shifted.
fn to_fixed(usd: f64) -> i128 {
    (usd.max(0.0) * 1e15 * f64::from(1u32 << SHIFT)) as i128
}

struct Branching<'a> {
    test: &'a Test,
    lambda: &'a [i128],
    threshold: i128,
    /// Entries that may take part in a content above the threshold, and their surplus; largest first.
    core: Vec<(usize, i128)>,
    /// Most that the entries from each place on add.
    rest: Vec<i128>,
    /// Worth of the best content above the price.
    best: Option<i128>,
    branches: u32,
    until: Until,
}

/// When to stop branching.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Until {
    Exceeded,
    Best,
}

impl<'a> Branching<'a> {
    fn new(test: &'a Test, lambda: &'a [i128], bound: i128, price: i128, until: Until) -> Self {
        let threshold = price << SHIFT;
        let surplus = |entry: usize| (entry, test.surplus(entry, lambda));
        let mut core: Vec<(usize, i128)> = (0..test.values.len()).map(surplus).collect();
        core.retain(|(_, surplus)| bound + (*surplus).min(0) > threshold);
        let size = |entry: usize| {
            let rows = test.weight(entry).iter().zip(&test.capacity);
            rows.map(|(w, c)| *w as f64 / (*c).max(1) as f64).fold(0.0, f64::max)
        };
        let rank = |(entry, surplus): &(usize, i128)| {
            size(*entry) + surplus.unsigned_abs() as f64 / (bound - threshold) as f64
        };
        core.sort_by(|a, b| rank(b).total_cmp(&rank(a)).then(a.0.cmp(&b.0)));
        let mut rest = vec![0; core.len() + 1];
        for place in (0..core.len()).rev() {
            rest[place] = rest[place + 1] + core[place].1.max(0) * i128::from(test.most[core[place].0]);
        }
        Self { test, lambda, threshold, core, rest, best: None, branches: 0, until }
    }

    fn run(&mut self) {
        let mut room = self.test.capacity.clone();
        self.descend(0, 0, &mut room);
    }

    /// Tries every count of the entries from `place` on.
    fn descend(&mut self, place: usize, value: i128, room: &mut [i64]) {
        if value << SHIFT > self.threshold {
            self.best = Some(value);
            self.threshold = value << SHIFT;
        }
        let is_done = self.until == Until::Exceeded && self.best.is_some();
        if is_done || self.branches >= BRANCHES_MAX || place == self.core.len() {
            return;
        }
        self.branches += 1;
        let above = (value << SHIFT) + self.test.room_value(room, self.lambda) + self.rest[place];
        if above <= self.threshold {
            return;
        }
        let (entry, surplus) = self.core[place];
        let most = crate::model::fitting(self.test.weight(entry), room, self.test.most[entry]);
        for step in 0..=most {
            let count = if surplus > 0 { most - step } else { step };
            let worth = value + i128::from(self.test.values[entry]) * i128::from(count);
            shift(room, self.test.weight(entry), -i64::from(count));
            self.descend(place + 1, worth, room);
            shift(room, self.test.weight(entry), i64::from(count));
        }
    }
}

fn shift(room: &mut [i64], weight: &[i64], count: i64) {
    room.iter_mut().zip(weight).for_each(|(room, weight)| *room += weight * count);
}
