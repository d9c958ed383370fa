//! Ruin and recreate, guided by the bound's prices, until nothing is found or the budget is spent.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::recreate::Recreate;
use super::ruin::victims;
use super::state::{State, add, free_one};
use super::{Packing, Shop};
use crate::budget::Budget;
use crate::price::Knapsack;

/// What the search goes by.
pub(super) struct Guide<'a> {
    /// What an item is worth, USD per hour.
    pub worth: &'a [f64],
    /// By item: supplies worth trying for it.
    pub promising: &'a [Vec<u32>],
}

/// Rounds between two looks at what the other threads found: so many for each node, within limits.
const SEGMENT_ROUNDS_BY_NODE: usize = 20;
const SEGMENT_ROUNDS: (usize, usize) = (40, 400);
/// Segments from the highest threshold to the lowest.
const CYCLE_SEGMENTS: u32 = 40;
/// Cycles without a better packing before the search ends.
const IDLE_CYCLES_MAX: u32 = 8;
/// Threshold of acceptance at the start and the end of a cycle, as a part of the mean price of a node.
const THRESHOLD: (f64, f64) = (0.15, 0.001);
/// Threads.
const WALKERS: usize = 2;
/// Nodes looked at for free room, at most.
const ROOM_LOOKS_MAX: usize = 24;
/// How often pods first go into room that is free elsewhere.
const PUSH_PROBABILITY: f64 = 0.5;

/// How a search ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    /// Good enough.
    Reached,
    /// No better packing was found for long.
    Idle,
    /// The budget is spent.
    Spent,
}

/// Improves a packing until its cost is `goal_nano` or less. Tells about every better cost.
pub(super) fn improve(
    shop: &Shop<'_>,
    guide: &Guide<'_>,
    packing: Packing,
    goal_nano: i64,
    until: f64,
    budget: &Budget<'_>,
    told: &mut dyn FnMut(i64),
) -> (Packing, End) {
    let first = State::new(shop, guide.worth, &packing);
    let mut best = packing;
    let mut walkers: Vec<Walker<'_>> = (0..WALKERS as u64)
        .map(|number| Walker::new(shop, guide, first.clone(), budget, until, number))
        .collect();
    if best.cost_nano <= goal_nano {
        return (best, End::Reached);
    }
    let mut idle = 0;
    while idle < IDLE_CYCLES_MAX {
        let before = best.cost_nano;
        for segment in 0..CYCLE_SEGMENTS {
            let progress = f64::from(segment) / f64::from(CYCLE_SEGMENTS);
            let threshold = THRESHOLD.0 * (THRESHOLD.1 / THRESHOLD.0).powf(progress);
            std::thread::scope(|scope| {
                let mut others = walkers.iter_mut();
                let own = others.next();
                others.for_each(|walker| {
                    scope.spawn(move || walker.walk(threshold));
                });
                own.into_iter().for_each(|walker| walker.walk(threshold));
            });
            for walker in &walkers {
                if walker.best.cost_nano < best.cost_nano {
                    best = walker.best.clone();
                    told(best.cost_nano);
                }
            }
            if best.cost_nano <= goal_nano {
                return (best, End::Reached);
            }
            if budget.is_spent_at(until) {
                return (best, End::Spent);
            }
        }
        let state = State::new(shop, guide.worth, &best);
        walkers.iter_mut().for_each(|walker| walker.restart(&state));
        idle = if best.cost_nano < before { 0 } else { idle + 1 };
    }
    (best, End::Idle)
}

struct Walker<'a> {
    shop: &'a Shop<'a>,
    guide: &'a Guide<'a>,
    recreate: Recreate<'a>,
    state: State,
    best: Packing,
    random: SmallRng,
    budget: &'a Budget<'a>,
    until: f64,
}

impl<'a> Walker<'a> {
    fn new(
        shop: &'a Shop<'a>,
        guide: &'a Guide<'a>,
        state: State,
        budget: &'a Budget<'a>,
        until: f64,
        number: u64,
    ) -> Self {
        let recreate =
            Recreate { shop, worth: guide.worth, promising: guide.promising, knapsack: Knapsack::default() };
        let random = SmallRng::seed_from_u64(budget.seed.wrapping_mul(WALKERS as u64).wrapping_add(number));
        Self { shop, guide, recreate, best: state.packing(), state, random, budget, until }
    }

    fn restart(&mut self, state: &State) {
        self.state = state.clone();
    }

    /// Some rounds at one threshold, a part of the mean price of a node.
    fn walk(&mut self, threshold: f64) {
        let rounds =
            (SEGMENT_ROUNDS_BY_NODE * self.state.bins.len()).clamp(SEGMENT_ROUNDS.0, SEGMENT_ROUNDS.1);
        for _ in 0..rounds {
            if self.state.bins.is_empty() || self.budget.is_spent_at(self.until) {
                return;
            }
            let mean = self.state.cost_nano / self.state.bins.len() as i64;
            let slack = mean as f64 * threshold * self.random.random::<f64>();
            self.round(slack as i64);
            if self.state.cost_nano < self.best.cost_nano {
                self.best = self.state.packing();
            }
        }
    }

    fn round(&mut self, slack_nano: i64) {
        let victims = victims(self.shop, &self.state, &mut self.random);
        let mut pool: Vec<(u32, u32)> = Vec::new();
        let mut price = 0i64;
        for &index in &victims {
            let bin = &self.state.bins[index];
            bin.content.iter().for_each(|(item, count)| add(&mut pool, *item, *count));
            price += self.shop.price_nano(bin.supply);
        }
        let pushed = if self.random.random_bool(PUSH_PROBABILITY) {
            self.push(&victims, &mut pool)
        } else {
            Vec::new()
        };
        victims.iter().for_each(|&index| free_one(&mut self.state.left, self.state.bins[index].supply));
        let limit = price.saturating_add(slack_nano.max(1));
        let made = self.recreate.run(&mut pool, &mut self.state.left, limit, &mut self.random);
        let Some((bins, cost)) = made else {
            victims.iter().for_each(|&index| {
                super::state::use_one(&mut self.state.left, self.state.bins[index].supply)
            });
            return;
        };
        for (index, item, count) in pushed {
            self.state.bins[index].push(self.shop, self.guide.worth, item, count);
        }
        for &index in victims.iter().rev() {
            self.state.bins.swap_remove(index);
        }
        self.state.bins.extend(bins);
        self.state.cost_nano += cost - price;
    }

    /// Finds room for pods of the pool in nodes that stay: which node, item and count.
    fn push(&mut self, victims: &[usize], pool: &mut Vec<(u32, u32)>) -> Vec<(usize, u32, u32)> {
        let mut pushed = Vec::new();
        let bins = self.state.bins.len();
        for _ in 0..ROOM_LOOKS_MAX.min(bins) {
            let index = self.random.random_range(0..bins);
            if victims.contains(&index) || pushed.iter().any(|(other, _, _)| *other == index) {
                continue;
            }
            let bin = &self.state.bins[index];
            let found = pool.iter_mut().rev().find_map(|(item, count)| {
                let fits = bin.fits(self.shop, *item, *count);
                *count -= fits;
                (fits > 0).then_some((index, *item, fits))
            });
            pushed.extend(found);
            pool.retain(|(_, count)| *count > 0);
        }
        pushed
    }
}
