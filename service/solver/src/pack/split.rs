//! Gives merged items back to the demands they came from.

use plimsoll_domain::problem::{Placed, Problem};
use plimsoll_domain::solution::Bin;

use super::Load;
use crate::model::Model;

/// Turns loads into bins of demands. The loads hold every item exactly as often as it occurs.
pub fn bins(problem: &Problem, model: &Model, loads: &[Load]) -> Vec<Bin> {
    let mut pending: Vec<Vec<Placed>> = model
        .items
        .iter()
        .map(|item| {
            let placed =
                |demand: &u32| Placed { demand: *demand, count: problem.demands[*demand as usize].count };
            item.demands.iter().rev().map(placed).collect()
        })
        .collect();
    let mut bins: Vec<Bin> = loads.iter().map(|load| bin(model, load, &mut pending)).collect();
    bins.sort_by(|a, b| (a.offering, &a.placed).cmp(&(b.offering, &b.placed)));
    bins
}

fn bin(model: &Model, load: &Load, pending: &mut [Vec<Placed>]) -> Bin {
    let mut placed = Vec::with_capacity(load.content.len());
    for (item, count) in &load.content {
        let mut wanted = *count;
        let queue = &mut pending[*item as usize];
        while wanted > 0
            && let Some(next) = queue.last_mut()
        {
            let taken = wanted.min(next.count);
            placed.push(Placed { demand: next.demand, count: taken });
            next.count -= taken;
            wanted -= taken;
            if next.count == 0 {
                queue.pop();
            }
        }
    }
    placed.sort_unstable_by_key(|placed| placed.demand);
    Bin { offering: model.supplies[load.supply as usize].offering, placed, ..Bin::default() }
}
