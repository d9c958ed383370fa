//! What is not decided about a knapsack once only contents above a threshold matter.

use super::{Content, Knapsack, lp};

/// Rounds of fixing counts by prices of resources.
const REDUCTIONS_MAX: u32 = 4;
/// A count is fixed only if the other choice stays this part of the bound below the threshold.
const FIX_MARGIN: f64 = 1e-12;

/// The undecided rest: a knapsack of its own, in the order in which it is best decided.
pub(super) struct Core {
    /// What is left. Its entries refer to those of the knapsack it came from.
    pub rest: Knapsack,
    /// What every content above the threshold holds, and its value.
    pub base: Content,
    pub base_value: f64,
    /// No content is worth more than this, or than the threshold.
    pub bound: f64,
}

/// Takes out of a knapsack what is in every content worth more than `threshold`, or in none. `lambda` are
/// good prices of its rows. None: there is no such content.
pub(super) fn reduce(knapsack: &Knapsack, lambda: &[f64], threshold: f64) -> Option<Core> {
    let mut rest = knapsack.clone();
    rest.entries = (0..knapsack.len() as u32).collect();
    let mut core = Core { rest, base: Content::new(), base_value: 0.0, bound: f64::INFINITY };
    let mut counts = vec![0u32; knapsack.len()];
    let mut lambda = lambda.to_vec();
    for round in 0..REDUCTIONS_MAX {
        if round > 0 {
            lambda = lp::multipliers(&core.rest);
        }
        core.bound = core.bound.min(core.base_value + core.rest.bound(&lambda));
        if core.bound <= threshold {
            return None;
        }
        if !core.fix(&lambda, threshold, &mut counts)? {
            break;
        }
    }
    core.order(&lambda);
    core.base = (0u32..).zip(counts).filter(|(_, count)| *count > 0).collect();
    Some(core)
}

impl Core {
    /// Fixes counts. None: what is fixed does not fit; else whether much changed.
    fn fix(&mut self, lambda: &[f64], threshold: f64, counts: &mut [u32]) -> Option<bool> {
        let bound = self.base_value + self.rest.bound(lambda);
        let gap = bound - threshold + bound.abs() * FIX_MARGIN;
        let rows = self.rest.rows;
        let before: u64 = self.rest.most.iter().map(|most| u64::from(*most)).sum();
        for entry in 0..self.rest.len() {
            let surplus = self.rest.surplus(entry, lambda);
            let most = self.rest.most[entry];
            let free = if surplus == 0.0 { most } else { (gap / surplus.abs()).min(f64::from(most)) as u32 };
            let sure = if surplus > 0.0 { most - free } else { 0 };
            self.rest.most[entry] = free;
            if sure > 0 {
                counts[self.rest.entries[entry] as usize] += sure;
                self.base_value += self.rest.values[entry] * f64::from(sure);
                let weight = &self.rest.weights[entry * rows..(entry + 1) * rows];
                let room = self.rest.capacity.iter_mut().zip(weight);
                room.for_each(|(room, weight)| *room -= weight * f64::from(sure));
            }
        }
        if self.rest.capacity.iter().any(|room| *room < 0.0) {
            return None;
        }
        for entry in 0..self.rest.len() {
            self.rest.most[entry] =
                fitting(self.rest.weight(entry), &self.rest.capacity, self.rest.most[entry]);
        }
        let keep: Vec<usize> = (0..self.rest.len()).filter(|entry| self.rest.most[*entry] > 0).collect();
        self.pick(&keep);
        let after: u64 = self.rest.most.iter().map(|most| u64::from(*most)).sum();
        Some(after * 10 < before * 9)
    }

    /// The largest first, and those that are far from indifferent: small ones are bounded well by prices.
    fn order(&mut self, lambda: &[f64]) {
        let rank = |entry: usize| {
            let surplus = self.rest.surplus(entry, lambda);
            self.rest.values[entry] - surplus + SURPLUS_WEIGHT * surplus.abs()
        };
        let mut ranked: Vec<(f64, usize)> = (0..self.rest.len()).map(|entry| (rank(entry), entry)).collect();
        ranked.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let order: Vec<usize> = ranked.into_iter().map(|(_, entry)| entry).collect();
        self.pick(&order);
    }

    /// Keeps these entries, in this order.
    fn pick(&mut self, order: &[usize]) {
        let rest = &mut self.rest;
        let weights = order.iter().flat_map(|entry| rest.weight(*entry).iter().copied()).collect();
        rest.values = order.iter().map(|entry| rest.values[*entry]).collect();
        rest.most = order.iter().map(|entry| rest.most[*entry]).collect();
        rest.entries = order.iter().map(|entry| rest.entries[*entry]).collect();
        rest.weights = weights;
    }
}

/// What a surplus counts against a size when entries are ordered.
const SURPLUS_WEIGHT: f64 = 4.0;

/// How many of an entry fit into some room.
pub(super) fn fitting(weight: &[f64], room: &[f64], most: u32) -> u32 {
    let rows = weight.iter().zip(room).filter(|(weight, _)| **weight > 0.0);
    rows.map(|(weight, room)| (room / weight).floor().max(0.0)).fold(f64::from(most), f64::min) as u32
}
