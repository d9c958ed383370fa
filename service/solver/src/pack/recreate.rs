//! Packs a few pods into new nodes, well and fast, with some chance in it.

use rand::Rng;
use rand::rngs::SmallRng;

use super::Shop;
use super::state::{Bin, free_one, use_one};
use crate::price::{Knapsack, fill};

/// What recreation works with.
pub(super) struct Recreate<'a> {
    pub shop: &'a Shop<'a>,
    /// What an item is worth, USD per hour.
    pub worth: &'a [f64],
    /// By item: supplies worth trying for it.
    pub promising: &'a [Vec<u32>],
    /// Reused between calls.
    pub knapsack: Knapsack,
}

/// Supplies tried for each node.
const TRIES: (usize, usize) = (4, 12);
/// Largest part by which luck changes what an order looks at.
const NOISE: f64 = 0.25;
/// Labels of the search for a node's content, where one is made.
const WIDTH_MAX: usize = 8;
/// Pools of more kinds of pods than this are filled without search.
const SEARCHED_KINDS_MAX: usize = 60;

/// How the contents of one call are chosen.
struct Manner {
    tries: usize,
    noise: f64,
    by_density: bool,
    /// 0: rounded only.
    width: usize,
}

/// A node that could be bought for part of the pool.
struct Offer {
    supply: u32,
    content: Vec<(u32, u32)>,
    value: f64,
    price: f64,
}

impl Offer {
    /// What is paid beyond what is carried, relative to what is carried.
    fn badness(&self) -> f64 {
        (self.price - self.value) / self.value.max(1e-12)
    }
}

impl Recreate<'_> {
    /// Packs the pool into new bins, for less than `limit_nano`. None: not found; `left` is as before.
    pub fn run(
        &mut self,
        pool: &mut Vec<(u32, u32)>,
        left: &mut [u32],
        limit_nano: i64,
        random: &mut SmallRng,
    ) -> Option<(Vec<Bin>, i64)> {
        let manner = Manner {
            tries: random.random_range(TRIES.0..=TRIES.1),
            noise: NOISE * random.random::<f64>(),
            by_density: random.random_bool(0.3),
            width: if random.random_bool(0.4) { random.random_range(1..=WIDTH_MAX) } else { 0 },
        };
        let mut bins: Vec<Bin> = Vec::new();
        let mut cost_nano = 0i64;
        while !pool.is_empty() {
            let offer = self.offer(pool, left, &manner, random);
            let bought = offer.and_then(|offer| {
                let supply = self.shop.cheapest(&offer.content, left).unwrap_or(offer.supply);
                cost_nano = cost_nano.saturating_add(self.shop.price_nano(supply));
                (cost_nano < limit_nano).then_some((supply, offer.content))
            });
            let Some((supply, content)) = bought else {
                bins.iter().for_each(|bin| free_one(left, bin.supply));
                return None;
            };
            use_one(left, supply);
            remove(pool, &content);
            bins.push(Bin::new(self.shop, self.worth, supply, content));
        }
        Some((bins, cost_nano))
    }

    /// The best node found for part of the pool, or for all of it.
    fn offer(
        &mut self,
        pool: &[(u32, u32)],
        left: &[u32],
        manner: &Manner,
        random: &mut SmallRng,
    ) -> Option<Offer> {
        let mut best = self.finish(pool, left);
        for _ in 0..manner.tries {
            let (item, _) = pool[random.random_range(0..pool.len())];
            let supplies = &self.promising[item as usize];
            if supplies.is_empty() {
                continue;
            }
            let supply = supplies[random.random_range(0..supplies.len())];
            if left[supply as usize] == 0 {
                continue;
            }
            let offer = self.filled(supply, pool, manner, random);
            if !offer.content.is_empty() && best.as_ref().is_none_or(|best| offer.badness() < best.badness())
            {
                best = Some(offer);
            }
        }
        let best = best?;
        if manner.width == 0 || pool.len() > SEARCHED_KINDS_MAX {
            return Some(best);
        }
        let searched = self.searched(best.supply, pool, manner.width);
        Some(if searched.value > best.value { searched } else { best })
    }

    /// All of the pool in one node.
    fn finish(&self, pool: &[(u32, u32)], left: &[u32]) -> Option<Offer> {
        let supply = self.shop.cheapest(pool, left)?;
        let value = pool.iter().map(|(item, count)| self.worth[*item as usize] * f64::from(*count)).sum();
        let price = self.shop.model.supplies[supply as usize].price();
        Some(Offer { supply, content: pool.to_vec(), value, price })
    }

    /// A node filled in an order of worth or density, with luck.
    fn filled(&self, supply: u32, pool: &[(u32, u32)], manner: &Manner, random: &mut SmallRng) -> Offer {
        let from = &self.shop.model.supplies[supply as usize];
        let key = |item: u32, random: &mut SmallRng| {
            let mut key = self.worth[item as usize];
            if manner.by_density {
                let weight = self.shop.model.items[item as usize].weight.iter().zip(&from.capacity);
                key /= weight.map(|(w, c)| *w as f64 / (*c).max(1) as f64).sum::<f64>().max(1e-12);
            }
            key * (1.0 + manner.noise * random.random_range(-1.0..1.0))
        };
        let mut order: Vec<(f64, u32, u32)> = pool
            .iter()
            .filter(|(item, _)| self.shop.carries(supply, *item))
            .map(|(i, n)| (key(*i, random), *i, *n))
            .collect();
        order.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
        let mut room = from.capacity.clone();
        let (mut content, mut value) = (Vec::new(), 0.0);
        for (_, item, count) in order {
            let of = &self.shop.model.items[item as usize];
            let count = crate::model::fitting(&of.weight, &room, count.min(of.cap));
            if count > 0 {
                room.iter_mut().zip(&of.weight).for_each(|(room, weight)| *room -= weight * i64::from(count));
                value += self.worth[item as usize] * f64::from(count);
                content.push((item, count));
            }
        }
        content.sort_unstable();
        Offer { supply, content, value, price: from.price() }
    }

    /// A node filled by label setting.
    fn searched(&mut self, supply: u32, pool: &[(u32, u32)], width: usize) -> Offer {
        let from = &self.shop.model.supplies[supply as usize];
        self.knapsack.load_pool(self.shop.model, from, self.worth, pool);
        let (value, found) = fill(&self.knapsack, width);
        let item = |slot: u32| from.entries[self.knapsack.entries[slot as usize] as usize].item;
        let content = found.iter().map(|(slot, count)| (item(*slot), *count)).collect();
        Offer { supply, content, value, price: from.price() }
    }
}

/// Takes a content out of a pool that holds it.
fn remove(pool: &mut Vec<(u32, u32)>, content: &[(u32, u32)]) {
    let mut content = content.iter().peekable();
    pool.retain_mut(|(item, count)| {
        if let Some((_, taken)) = content.next_if(|(other, _)| other == item) {
            *count -= taken;
        }
        *count > 0
    });
}
