//! Prices of resources: with them, what a node's content is worth is bounded without trying contents.
//!
//! At any prices, a content is worth at most the price of the node's room plus, for every pod that is worth
//! more than it takes, the difference. So prices may come from anywhere; the bound holds for all.

use super::knapsack::{Amounts, CAPACITY_BITS, Entry, Knapsack, RESOURCES_MAX};

/// Bits of the highest price; a higher one would bound nothing that can occur.
const PRICE_BITS: u32 = 80;

/// A price of each resource, and the bound that they give. In the knapsack's units of worth.
#[derive(Clone, Copy)]
pub struct Prices {
    /// Of a whole node's capacity, in the order of the knapsack's resources; 0 or more each.
    of: [i128; RESOURCES_MAX],
    /// No content is worth more.
    pub bound: i128,
}

impl Prices {
    /// These prices, those below 0 or beyond use put right, and what they bound.
    pub fn new(knapsack: &Knapsack, of: [i128; RESOURCES_MAX]) -> Self {
        let of = of.map(|price| price.clamp(0, 1 << PRICE_BITS));
        let mut prices = Self { of, bound: 0 };
        let gains = knapsack.entries.iter().map(|entry| prices.gain(entry).max(0) * i128::from(entry.count));
        prices.bound = prices.of_room(&knapsack.room) + gains.sum::<i128>();
        prices
    }

    /// The price of each resource.
    pub fn of(&self) -> &[i128; RESOURCES_MAX] {
        &self.of
    }

    /// What some room costs, rounded up.
    pub fn of_room(&self, room: &Amounts) -> i128 {
        -(-self.total(room) >> CAPACITY_BITS)
    }

    /// What an item is worth above what it takes, rounded up; may be negative.
    pub fn gain(&self, entry: &Entry) -> i128 {
        entry.value - (self.total(&entry.size) >> CAPACITY_BITS)
    }

    fn total(&self, amounts: &Amounts) -> i128 {
        self.of.iter().zip(amounts).map(|(price, amount)| price * i128::from(*amount)).sum()
    }
}
