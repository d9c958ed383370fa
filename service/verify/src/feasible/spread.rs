//! How pods spread over zones and nodes.

use std::collections::BTreeMap;

use super::fleet::{Fleet, Node};
use crate::problem::{Spread, Topology};
use crate::rejection::Rejection;
use crate::wellformed::{Sound, at};

/// Checks every spread of every demand.
pub fn check(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let holders = holders(problem, fleet);
    for (demand, entry) in problem.demands.iter().enumerate() {
        for (index, spread) in entry.spreads.iter().enumerate() {
            check_one(problem, fleet, &holders, demand, index, spread)?;
        }
    }
    Ok(())
}

/// The nodes of a demand, and how many pods of it each holds.
type Holders = Vec<Vec<(usize, i64)>>;

fn holders(problem: &Sound, fleet: &Fleet) -> Holders {
    let mut holders = vec![Vec::new(); problem.demands.len()];
    for (index, node) in fleet.nodes.iter().enumerate() {
        for entry in node.placed {
            holders[at(entry.demand)].push((index, i64::from(entry.count)));
        }
    }
    holders
}

fn check_one(
    problem: &Sound,
    fleet: &Fleet,
    holders: &Holders,
    demand: usize,
    index: usize,
    spread: &Spread,
) -> Result<(), Rejection> {
    let mut counted = BTreeMap::new();
    for node in fleet.nodes.iter().filter(|node| makes_domain(spread, node)) {
        counted.insert(place(problem, spread, node), 0);
    }
    let pods = spread.counted_demands.iter().flat_map(|other| &holders[at(*other)]);
    for (node, count) in pods {
        if let Some(counted) = counted.get_mut(place(problem, spread, &fleet.nodes[*node])) {
            *counted += count;
        }
    }
    let few = counted.len() < at(spread.min_domains);
    let emptiest = if few { 0 } else { counted.values().copied().min().unwrap_or(0) };
    let max = i64::from(spread.max_skew);
    let held = holders[demand].iter().map(|(node, _)| place(problem, spread, &fleet.nodes[*node]));
    for domain in held {
        if let Some(counted) = counted.get(domain).copied().filter(|counted| max < counted - emptiest) {
            let domain = domain.into();
            return Err(Rejection::Skew { demand, spread: index, domain, counted, emptiest, max });
        }
    }
    Ok(())
}

fn makes_domain(spread: &Spread, node: &Node) -> bool {
    let listed = || spread.domain_offerings.binary_search_by_key(&node.offering, |index| at(*index)).is_ok();
    spread.domain_offerings.is_empty() || listed()
}

fn place<'b>(problem: &'b Sound, spread: &Spread, node: &Node<'b>) -> &'b str {
    if spread.topology == Topology::Zone { &problem.offerings[node.offering].zone } else { node.name }
}
