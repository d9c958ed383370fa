//! Rules over the whole fleet.

use std::collections::BTreeMap;

use super::fleet::Fleet;
use crate::problem::CapacityKind;
use crate::rejection::Rejection;
use crate::wellformed::{Sound, at};

/// Checks numbers of nodes, shares and the budget of moved pods.
pub fn check(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    check_quantities(problem, fleet)?;
    check_nodes(problem, fleet)?;
    check_shares(problem, fleet)?;
    check_moved(problem, fleet)
}

fn check_quantities(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let mut nodes = vec![0; problem.offerings.len()];
    for node in &fleet.nodes {
        nodes[node.offering] += 1;
    }
    for (index, (offering, nodes)) in problem.offerings.iter().zip(nodes).enumerate() {
        if let Some(max) = offering.quantity_max.map(at).filter(|max| *max < nodes) {
            return Err(Rejection::Quantity { offering: index, nodes, max });
        }
    }
    Ok(())
}

fn check_nodes(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let (nodes, max) = (fleet.nodes.len(), at(problem.rules.nodes_max));
    if 0 < max && max < nodes {
        return Err(Rejection::Nodes { nodes, max });
    }
    let on_demand = |offering: usize| problem.offerings[offering].kind == CapacityKind::OnDemand;
    let nodes = fleet.nodes.iter().filter(|node| on_demand(node.offering)).count();
    let min = at(problem.rules.on_demand_base_count);
    if nodes < min {
        return Err(Rejection::OnDemandBase { nodes, min });
    }
    Ok(())
}

fn check_shares(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let (mut total, mut spot, mut zones) = (0, 0, BTreeMap::new());
    for node in &fleet.nodes {
        let offering = &problem.offerings[node.offering];
        let amount = i128::from(offering.capacity[0]);
        total += amount;
        *zones.entry(offering.zone.as_str()).or_insert(0) += amount;
        if offering.kind == CapacityKind::Spot {
            spot += amount;
        }
    }
    let within = |part: i128, max: i32| part * 1000 <= total * i128::from(max);
    if let Some(max_permille) = problem.rules.spot_share_max_permille.filter(|max| !within(spot, *max)) {
        return Err(Rejection::SpotShare { spot, total, max_permille });
    }
    let Some(max_permille) = problem.rules.zone_share_max_permille else { return Ok(()) };
    match zones.into_iter().find(|(_, inside)| !within(*inside, max_permille)) {
        Some((zone, inside)) => Err(Rejection::ZoneShare { zone: zone.into(), inside, total, max_permille }),
        None => Ok(()),
    }
}

fn check_moved(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let Some(max) = problem.rules.moved_pods_max.map(i64::from) else { return Ok(()) };
    let moved = fleet.moved_pods(problem).map(|(_, moved)| moved).fold(0, i64::saturating_add);
    if max < moved {
        return Err(Rejection::MovedPods { moved, max });
    }
    Ok(())
}
