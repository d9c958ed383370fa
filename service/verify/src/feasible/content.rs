//! What one node holds, and that every pod is on one.

use super::fleet::{Fleet, Node};
use crate::problem::Placed;
use crate::rejection::Rejection;
use crate::wellformed::{Sound, at};

/// Checks the content of a node against every offering that it may turn out to be.
pub fn check(problem: &Sound, fleet: &Fleet, node: &Node) -> Result<(), Rejection> {
    let used = used(problem, node.placed);
    for offering in fleet.alternatives(node) {
        check_eligible(problem, node, *offering)?;
        check_capacity(problem, node, *offering, &used)?;
    }
    check_per_node(problem, node)?;
    check_sealed(problem, node)?;
    check_conflicts(problem, node)
}

/// Checks that as many pods of each demand are placed as there are.
pub fn check_all_placed(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let mut placed = vec![0_i64; problem.demands.len()];
    for entry in fleet.nodes.iter().flat_map(|node| node.placed) {
        placed[at(entry.demand)] += i64::from(entry.count);
    }
    for (index, (demand, placed)) in problem.demands.iter().zip(placed).enumerate() {
        if placed != i64::from(demand.count) {
            return Err(Rejection::Unplaced { demand: index, placed, count: demand.count.into() });
        }
    }
    Ok(())
}

fn used(problem: &Sound, placed: &[Placed]) -> Vec<i128> {
    let mut used = vec![0; problem.resources.len()];
    for entry in placed {
        for (used, request) in used.iter_mut().zip(&problem.demands[at(entry.demand)].request) {
            *used += i128::from(*request) * i128::from(entry.count);
        }
    }
    used
}

fn check_eligible(problem: &Sound, node: &Node, offering: usize) -> Result<(), Rejection> {
    for entry in node.placed {
        let demand = at(entry.demand);
        if problem.demands[demand].offerings.binary_search_by_key(&offering, |index| at(*index)).is_err() {
            return Err(Rejection::Ineligible { node: node.name.into(), demand, offering });
        }
    }
    Ok(())
}

fn check_capacity(problem: &Sound, node: &Node, offering: usize, used: &[i128]) -> Result<(), Rejection> {
    let capacity = &problem.offerings[offering].capacity;
    for (resource, (used, capacity)) in used.iter().zip(capacity).enumerate() {
        if i128::from(*capacity) < *used {
            let (node, used, capacity) = (node.name.into(), *used, *capacity);
            return Err(Rejection::Overfull { node, offering, resource, used, capacity });
        }
    }
    Ok(())
}

fn check_per_node(problem: &Sound, node: &Node) -> Result<(), Rejection> {
    for entry in node.placed {
        let demand = at(entry.demand);
        if let Some(max) = problem.demands[demand].max_per_node.filter(|max| *max < entry.count) {
            let (placed, max) = (entry.count.into(), max.into());
            return Err(Rejection::PerNode { node: node.name.into(), demand, placed, max });
        }
    }
    Ok(())
}

fn check_sealed(problem: &Sound, node: &Node) -> Result<(), Rejection> {
    let Some(existing) = node.existing.map(|index| &problem.nodes[index]).filter(|it| it.sealed) else {
        return Ok(());
    };
    for entry in node.placed {
        let found = existing.residents.binary_search_by_key(&entry.demand, |resident| resident.demand);
        let residents = found.map_or(0, |index| existing.residents[index].count);
        if residents < entry.count {
            let (demand, placed, residents) = (at(entry.demand), entry.count.into(), residents.into());
            return Err(Rejection::NodeSealed { node: node.name.into(), demand, placed, residents });
        }
    }
    Ok(())
}

fn check_conflicts(problem: &Sound, node: &Node) -> Result<(), Rejection> {
    for entry in node.placed {
        let demand = at(entry.demand);
        let conflicts = &problem.demands[demand].conflicts;
        if let Some(other) = conflicts.iter().find(|other| 0 < node.count_of(**other)) {
            return Err(Rejection::Conflict { node: node.name.into(), demand, other: at(*other) });
        }
    }
    Ok(())
}
