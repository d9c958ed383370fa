//! Turns offerings and running nodes into supplies.

use std::collections::BTreeMap;

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::problem::{ExistingNode, NodeIndex, OfferingIndex, Placed, Problem};

use super::dominance::price_nano;
use super::{Entry, Item, Supply, fitting};

/// The supply of new nodes of an offering.
pub(super) fn bought(problem: &Problem, items: &[Item], index: OfferingIndex) -> Supply {
    let mut supply = empty(problem, index);
    supply.quantity = problem.offerings[index as usize].quantity_max;
    supply.entries = newcomers(problem, items, &supply, |_| 0);
    supply
}

/// One supply for each class of equal running nodes.
pub(super) fn running(problem: &Problem, items: &[Item], item_of: &[u32]) -> Vec<Supply> {
    let mut classes: BTreeMap<(OfferingIndex, i64, bool, &[Placed]), Vec<NodeIndex>> = BTreeMap::new();
    for (index, node) in problem.nodes.iter().enumerate() {
        let key = (node.offering, node.drain_cost.nano_usd(), node.sealed, node.residents.as_slice());
        classes.entry(key).or_default().push(index as u32);
    }
    let mut supplies: Vec<Supply> =
        classes.into_values().map(|nodes| class(problem, items, item_of, nodes)).collect();
    supplies.sort_by_key(|supply| supply.nodes[0]);
    supplies
}

fn class(problem: &Problem, items: &[Item], item_of: &[u32], nodes: Vec<NodeIndex>) -> Supply {
    let node = &problem.nodes[nodes[0] as usize];
    let mut supply = empty(problem, node.offering);
    supply.price_nano = supply.price_nano.saturating_sub(node.drain_cost.nano_usd());
    supply.quantity = Some(nodes.len() as u32);
    supply.nodes = nodes;
    let residents = residents(problem, items, item_of, node);
    let mut entries = residents.clone();
    if !node.sealed {
        let taken =
            |item: u32| residents.iter().find(|entry| entry.item == item).map_or(0, |entry| entry.most);
        entries.extend(newcomers(problem, items, &supply, taken));
    }
    entries.retain(|entry| entry.most > 0);
    entries.sort_by_key(|entry| (entry.item, !entry.resident));
    supply.entries = entries;
    supply
}

/// What is due if every running node left, nano-USD per hour.
pub(super) fn due_nano(problem: &Problem) -> i128 {
    problem.nodes.iter().map(|node| i128::from(node.drain_cost.nano_usd()) + moves_nano(problem, node)).sum()
}

fn moves_nano(problem: &Problem, node: &ExistingNode) -> i128 {
    let of = |resident: &Placed| {
        i128::from(problem.demands[resident.demand as usize].move_cost.nano_usd())
            * i128::from(resident.count)
    };
    node.residents.iter().map(of).sum()
}

fn empty(problem: &Problem, index: OfferingIndex) -> Supply {
    let offering = &problem.offerings[index as usize];
    Supply {
        offering: index,
        nodes: Vec::new(),
        capacity: offering.capacity.clone(),
        price_nano: price_nano(offering),
        quantity: None,
        spot: offering.kind == CapacityKind::Spot,
        entries: Vec::new(),
    }
}

fn newcomers(problem: &Problem, items: &[Item], supply: &Supply, taken: impl Fn(u32) -> u32) -> Vec<Entry> {
    let fits = |item: &Item| {
        let demand = &problem.demands[item.demands[0] as usize];
        demand.offerings.binary_search(&supply.offering).is_ok()
    };
    let entry = |(index, item): (usize, &Item)| {
        let index = index as u32;
        let most = fitting(&item.weight, &supply.capacity, item.cap.saturating_sub(taken(index)));
        (most > 0 && fits(item)).then_some(Entry { item: index, most, bonus_nano: 0, resident: false })
    };
    items.iter().enumerate().filter_map(entry).collect()
}

fn residents(problem: &Problem, items: &[Item], item_of: &[u32], node: &ExistingNode) -> Vec<Entry> {
    let capacity = &problem.offerings[node.offering as usize].capacity;
    let entry = |resident: &Placed| {
        let demand = &problem.demands[resident.demand as usize];
        demand.offerings.binary_search(&node.offering).ok()?;
        let item = item_of[resident.demand as usize];
        let most = items[item as usize].cap.min(resident.count);
        let most = fitting(&items[item as usize].weight, capacity, most);
        Some(Entry { item, most, bonus_nano: demand.move_cost.nano_usd(), resident: true })
    };
    node.residents.iter().filter_map(entry).collect()
}
