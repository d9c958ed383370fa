//! Merges demands that no packing can tell apart.

use std::collections::BTreeMap;

use plimsoll_domain::problem::{Demand, OfferingIndex, Problem};

use super::Item;

/// Merges equal demands without a limit per node. The bound may forget every other rule on them;
/// the pure packing path is only taken where there is none.
pub(super) fn merge(problem: &Problem) -> (Vec<Item>, Vec<u32>) {
    let resident = resident_demands(problem);
    let mut seen: BTreeMap<(&[i64], &[OfferingIndex]), usize> = BTreeMap::new();
    let mut items: Vec<Item> = Vec::new();
    let mut item_of = Vec::with_capacity(problem.demands.len());
    for (index, demand) in problem.demands.iter().enumerate() {
        let alone = demand.max_per_node.is_some() || resident[index];
        let slot = if alone {
            items.len()
        } else {
            *seen.entry((&demand.request, &demand.offerings)).or_insert(items.len())
        };
        if slot == items.len() {
            items.push(item(demand));
        }
        let item = &mut items[slot];
        item.demands.push(index as u32);
        item.count = item.count.saturating_add(demand.count);
        item_of.push(slot as u32);
    }
    for item in &mut items {
        let limit = item.demands.iter().find_map(|&demand| problem.demands[demand as usize].max_per_node);
        item.cap = limit.unwrap_or(item.count).min(item.count);
    }
    (items, item_of)
}

fn item(demand: &Demand) -> Item {
    Item { weight: demand.request.clone(), count: 0, cap: 0, demands: Vec::new() }
}

fn resident_demands(problem: &Problem) -> Vec<bool> {
    let mut resident = vec![false; problem.demands.len()];
    for placed in problem.nodes.iter().flat_map(|node| &node.residents) {
        if let Some(flag) = resident.get_mut(placed.demand as usize) {
            *flag = true;
        }
    }
    resident
}
