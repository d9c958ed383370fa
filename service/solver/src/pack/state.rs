//! A packing that changes: nodes with the room that is left in them.

use super::{Load, Packing, Shop};

/// A node of a packing.
#[derive(Clone, Debug)]
pub(super) struct Bin {
    /// Index into the model's supplies.
    pub supply: u32,
    /// Item and how many of it, at least 1; by ascending item.
    pub content: Vec<(u32, u32)>,
    /// What is free, by resource.
    pub room: Vec<i64>,
    /// Price less what the content is worth, USD per hour.
    pub waste: f64,
}

/// All nodes, and what they cost.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub bins: Vec<Bin>,
    pub cost_nano: i64,
    /// How many more nodes of each supply there may be.
    pub left: Vec<u32>,
}

impl Bin {
    pub fn new(shop: &Shop<'_>, worth: &[f64], supply: u32, content: Vec<(u32, u32)>) -> Self {
        let from = &shop.model.supplies[supply as usize];
        let size = shop.size(&content);
        let room = from.capacity.iter().zip(&size).map(|(capacity, size)| capacity - size).collect();
        let value: f64 = content.iter().map(|(item, count)| worth[*item as usize] * f64::from(*count)).sum();
        Self { supply, content, room, waste: from.price() - value }
    }

    /// Puts `count` more of an item in. There is room for them.
    pub fn push(&mut self, shop: &Shop<'_>, worth: &[f64], item: u32, count: u32) {
        add(&mut self.content, item, count);
        let weight = &shop.model.items[item as usize].weight;
        self.room.iter_mut().zip(weight).for_each(|(room, weight)| *room -= weight * i64::from(count));
        self.waste -= worth[item as usize] * f64::from(count);
    }

    /// How many more of an item fit.
    pub fn fits(&self, shop: &Shop<'_>, item: u32, most: u32) -> u32 {
        let of = &shop.model.items[item as usize];
        if of.weight.iter().zip(&self.room).any(|(weight, room)| weight > room)
            || !shop.carries(self.supply, item)
        {
            return 0;
        }
        let most = if of.cap < of.count {
            let held = self.content.iter().find(|(other, _)| *other == item).map_or(0, |(_, count)| *count);
            most.min(of.cap.saturating_sub(held))
        } else {
            most
        };
        crate::model::fitting(&of.weight, &self.room, most)
    }
}

/// Adds to a list of items, kept in order.
pub(super) fn add(content: &mut Vec<(u32, u32)>, item: u32, count: u32) {
    match content.binary_search_by_key(&item, |(item, _)| *item) {
        Ok(at) => content[at].1 += count,
        Err(at) => content.insert(at, (item, count)),
    }
}

impl State {
    pub fn new(shop: &Shop<'_>, worth: &[f64], packing: &Packing) -> Self {
        let mut left = shop.quantities();
        for load in &packing.loads {
            use_one(&mut left, load.supply);
        }
        let bin = |load: &Load| Bin::new(shop, worth, load.supply, load.content.clone());
        Self { bins: packing.loads.iter().map(bin).collect(), cost_nano: packing.cost_nano, left }
    }

    pub fn packing(&self) -> Packing {
        let load = |bin: &Bin| Load { supply: bin.supply, content: bin.content.clone() };
        Packing { loads: self.bins.iter().map(load).collect(), cost_nano: self.cost_nano }
    }
}

/// Takes one node of a supply.
pub(super) fn use_one(left: &mut [u32], supply: u32) {
    let left = &mut left[supply as usize];
    if *left != u32::MAX {
        *left -= 1;
    }
}

/// Gives one node of a supply back.
pub(super) fn free_one(left: &mut [u32], supply: u32) {
    // No limit stays none.
    let left = &mut left[supply as usize];
    *left = left.saturating_add(1);
}
