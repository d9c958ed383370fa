//! The first plan: always the node whose content is worth most for its price, at the bound's prices.

use std::collections::BinaryHeap;

use super::{Load, Packing, Shop};
use crate::bound::FloatDuals;
use crate::budget::Budget;
use crate::price::{Knapsack, fill};

/// A supply and what its best content was worth for its price when it was last looked at.
struct Offer {
    ratio: f64,
    supply: u32,
    /// Number of the round it was looked at.
    round: u64,
}

impl PartialEq for Offer {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other).is_eq()
    }
}
impl Eq for Offer {}
impl PartialOrd for Offer {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl Ord for Offer {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.ratio.total_cmp(&other.ratio).then(other.supply.cmp(&self.supply))
    }
}

/// Free nodes are taken first, but not infinitely gladly.
const PRICE_MIN: f64 = 1e-9;

/// Packs `remaining`, by item, into nodes of supplies with `left` nodes. `width` is that of the search for
/// each node's content. What no supply can take any more stays in `remaining`.
pub fn greedy(
    shop: &Shop<'_>,
    duals: &FloatDuals,
    remaining: &mut [u32],
    left: &mut [u32],
    width: usize,
    budget: &Budget<'_>,
) -> Packing {
    let mut packer = Packer { shop, duals, knapsack: Knapsack::default(), width };
    let mut heap: BinaryHeap<Offer> = (0..shop.model.supplies.len() as u32)
        .map(|supply| Offer { ratio: f64::INFINITY, supply, round: u64::MAX })
        .collect();
    let mut packing = Packing::default();
    let mut round = 0;
    let mut contents: Vec<Vec<(u32, u32)>> = vec![Vec::new(); shop.model.supplies.len()];
    while let Some(top) = heap.pop() {
        let supply = top.supply as usize;
        if left[supply] == 0 {
            continue;
        }
        if top.round != round {
            let (ratio, content) = packer.best(top.supply, remaining);
            contents[supply] = content;
            if ratio > 0.0 {
                heap.push(Offer { ratio, supply: top.supply, round });
            }
            if budget.is_cancelled() {
                break;
            }
            continue;
        }
        packing.buy(shop, top.supply, &contents[supply], remaining, left);
        heap.push(Offer { round: u64::MAX, ..top });
        round += 1;
    }
    packing
}

struct Packer<'a> {
    shop: &'a Shop<'a>,
    duals: &'a FloatDuals,
    knapsack: Knapsack,
    width: usize,
}

impl Packer<'_> {
    /// Best content of a supply and its worth for the price.
    fn best(&mut self, supply: u32, remaining: &[u32]) -> (f64, Vec<(u32, u32)>) {
        let model = self.shop.model;
        let from = &model.supplies[supply as usize];
        self.knapsack.load(model, from, &self.duals.items, 0.0, Some(remaining));
        if self.knapsack.is_empty() {
            return (0.0, Vec::new());
        }
        let (value, content) = fill(&self.knapsack, self.width);
        let item = |entry: u32| from.entries[self.knapsack.entries[entry as usize] as usize].item;
        let content = content.iter().map(|(entry, count)| (item(*entry), *count)).collect();
        (value / from.price().max(PRICE_MIN), content)
    }
}

impl Packing {
    /// Buys as many nodes with this content as there are pods for, each as small as it can be.
    pub(super) fn buy(
        &mut self,
        shop: &Shop<'_>,
        supply: u32,
        content: &[(u32, u32)],
        remaining: &mut [u32],
        left: &mut [u32],
    ) {
        let supply = shop.cheapest(content, left).unwrap_or(supply);
        let times = content.iter().map(|(item, count)| remaining[*item as usize] / count).min().unwrap_or(0);
        let times = times.min(left[supply as usize]);
        for (item, count) in content {
            remaining[*item as usize] -= count * times;
        }
        if left[supply as usize] != u32::MAX {
            left[supply as usize] -= times;
        }
        let load = Load { supply, content: content.to_vec() };
        self.loads.extend(std::iter::repeat_n(load, times as usize));
        self.cost_nano =
            self.cost_nano.saturating_add(shop.price_nano(supply).saturating_mul(i64::from(times)));
    }
}
