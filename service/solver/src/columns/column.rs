//! One content of one node of a supply.

use crate::model::{Model, Supply};
use crate::pack::Load;
use crate::price::{Content, Knapsack};

/// A content and what it costs.
#[derive(Clone, Debug, PartialEq)]
pub struct Column {
    /// Index into [`Model::supplies`].
    pub supply: u32,
    /// Item and how many of it, at least 1; by ascending item.
    pub content: Vec<(u32, u32)>,
    /// Resident pods that stay.
    pub stays: u32,
    /// Price less the moves that it saves, USD per hour.
    pub cost: f64,
}

impl Column {
    /// From what a search found.
    pub(super) fn of_content(
        supply_index: u32,
        supply: &Supply,
        knapsack: &Knapsack,
        found: &Content,
    ) -> Self {
        let mut content: Vec<(u32, u32)> = Vec::with_capacity(found.len());
        let (mut stays, mut saved_nano) = (0, 0i64);
        for &(slot, count) in found {
            let entry = &supply.entries[knapsack.entries[slot as usize] as usize];
            if entry.resident {
                stays += count;
                saved_nano = saved_nano.saturating_add(entry.bonus_nano.saturating_mul(i64::from(count)));
            }
            match content.last_mut() {
                Some((item, total)) if *item == entry.item => *total += count,
                _ => content.push((entry.item, count)),
            }
        }
        let cost = (supply.price_nano.saturating_sub(saved_nano)) as f64 * 1e-9;
        Self { supply: supply_index, content, stays, cost }
    }

    /// From a node of a plan that may only hold newcomers.
    pub fn of_load(model: &Model, load: &Load) -> Self {
        let cost = model.supplies[load.supply as usize].price();
        Self { supply: load.supply, content: load.content.clone(), stays: 0, cost }
    }

    /// Every running node with all that lives on it.
    pub(super) fn of_residents(model: &Model) -> Vec<Self> {
        let running = (0u32..).zip(&model.supplies).filter(|(_, supply)| !supply.nodes.is_empty());
        running.map(|(index, supply)| residents(model, index, supply)).collect()
    }

    /// What its items are worth at some prices.
    pub fn worth(&self, items: &[f64]) -> f64 {
        self.content.iter().map(|(item, count)| items[*item as usize] * f64::from(*count)).sum()
    }
}

/// The residents of a running node, as many as it holds.
fn residents(model: &Model, index: u32, supply: &Supply) -> Column {
    let mut room = supply.capacity.clone();
    let (mut content, mut stays, mut saved_nano) = (Vec::new(), 0, 0i64);
    for entry in supply.entries.iter().filter(|entry| entry.resident) {
        let weight = &model.items[entry.item as usize].weight;
        let count = crate::model::fitting(weight, &room, entry.most);
        if count > 0 {
            room.iter_mut().zip(weight).for_each(|(room, w)| *room -= w * i64::from(count));
            content.push((entry.item, count));
            stays += count;
            saved_nano = saved_nano.saturating_add(entry.bonus_nano.saturating_mul(i64::from(count)));
        }
    }
    let cost = (supply.price_nano.saturating_sub(saved_nano)) as f64 * 1e-9;
    Column { supply: index, content, stays, cost }
}
