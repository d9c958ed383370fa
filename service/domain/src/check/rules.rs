//! Rules over the whole fleet.

use std::collections::BTreeMap;

use super::{Case, Violation};
use crate::fleet::CapacityKind;
use crate::problem::ExistingNode;
use crate::solution::{Bin, count_of};

/// A share of everything, in permille.
const ALL_PERMILLE: u32 = 1000;

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    shares(case, found);
    let rules = &case.problem.rules;
    let kind = |bin: &&Bin| case.problem.offerings[bin.offering as usize].kind;
    let on_demand = case.bins.iter().filter(|bin| kind(bin) == CapacityKind::OnDemand).count();
    if on_demand < rules.on_demand_base_count as usize {
        found.push(Violation::OnDemandBase { count: on_demand, min: rules.on_demand_base_count });
    }
    if 0 < rules.nodes_max && (rules.nodes_max as usize) < case.bins.len() {
        found.push(Violation::Nodes { count: case.bins.len(), max: rules.nodes_max });
    }
    if let Some(max) = rules.moved_pods_max {
        let count = moved_pods(case);
        if u64::from(max) < count {
            found.push(Violation::MovedPods { count, max });
        }
    }
}

fn shares(case: &Case<'_>, found: &mut Vec<Violation>) {
    let mut whole = 0_i128;
    let mut spot = 0_i128;
    let mut zones: BTreeMap<&str, i128> = BTreeMap::new();
    for bin in case.bins {
        let offering = &case.problem.offerings[bin.offering as usize];
        let size = i128::from(offering.capacity[0]);
        whole += size;
        *zones.entry(&offering.zone).or_default() += size;
        if offering.kind == CapacityKind::Spot {
            spot += size;
        }
    }
    let above = |part: i128, max: u32| i128::from(max) * whole < i128::from(ALL_PERMILLE) * part;
    let resource = || case.problem.resources[0].clone();
    let rules = &case.problem.rules;
    if above(spot, rules.spot_share_max_permille) {
        let max_permille = rules.spot_share_max_permille;
        found.push(Violation::SpotShare { resource: resource(), part: spot, whole, max_permille });
    }
    let max_permille = rules.zone_share_max_permille;
    for (zone, part) in zones {
        if 0 < max_permille && above(part, max_permille) {
            let zone = zone.to_owned();
            found.push(Violation::ZoneShare { zone, resource: resource(), part, whole, max_permille });
        }
    }
}

/// Residents that their node no longer holds.
fn moved_pods(case: &Case<'_>) -> u64 {
    let mut bin_of: Vec<Option<&Bin>> = vec![None; case.problem.nodes.len()];
    for bin in case.bins {
        if let Some(node) = bin.node {
            bin_of[node as usize] = Some(bin);
        }
    }
    let leave = |(node, bin): (&ExistingNode, Option<&Bin>)| -> u64 {
        let stay = |demand| bin.map_or(0, |bin| count_of(&bin.placed, demand));
        let residents = node.residents.iter();
        residents.map(|entry| u64::from(entry.count.saturating_sub(stay(entry.demand)))).sum()
    };
    case.problem.nodes.iter().zip(bin_of).map(leave).sum()
}
