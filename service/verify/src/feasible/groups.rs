//! New node groups: what belongs together, and how many nodes and types.

use std::collections::BTreeSet;

use super::fleet::{Fleet, NewGroup};
use crate::problem::{CapacityKind, Offering};
use crate::rejection::Rejection;
use crate::wellformed::{Sound, at};

/// Checks each new group that has a node, and their number.
pub fn check(problem: &Sound, fleet: &Fleet) -> Result<(), Rejection> {
    let mut nodes = vec![0; fleet.groups.len()];
    for node in &fleet.nodes {
        let Some(index) = node.group else { continue };
        nodes[index] += 1;
        let group = &fleet.groups[index];
        if group.offerings.binary_search(&node.offering).is_err() {
            let (name, group) = (node.name.into(), group.name.into());
            return Err(Rejection::GroupOffering { node: name, group, offering: node.offering });
        }
    }
    let used = fleet.groups.iter().zip(&nodes).filter(|(_, nodes)| 0 < **nodes);
    for (group, nodes) in used.clone() {
        check_alike(problem, group)?;
        check_types(problem, group)?;
        let max = at(problem.rules.nodes_per_group_max);
        if 0 < max && max < *nodes {
            return Err(Rejection::GroupNodes { group: group.name.into(), nodes: *nodes, max });
        }
    }
    check_number(problem, fleet, used.count())
}

fn check_alike(problem: &Sound, group: &NewGroup) -> Result<(), Rejection> {
    let sort = |index: usize| {
        let Offering { zone, kind, template, .. } = &problem.offerings[index];
        (zone, *kind, template)
    };
    let first = group.offerings[0];
    let odd = group.offerings.iter().find(|index| problem.owned[**index] || sort(**index) != sort(first));
    match odd {
        Some(offering) => Err(Rejection::GroupMixed { group: group.name.into(), offering: *offering }),
        None => Ok(()),
    }
}

fn check_types(problem: &Sound, group: &NewGroup) -> Result<(), Rejection> {
    let types: BTreeSet<_> =
        group.offerings.iter().map(|index| &problem.offerings[*index].instance_type).collect();
    let min = at(problem.rules.types_per_spot_group_min);
    let spot = problem.offerings[group.offerings[0]].kind == CapacityKind::Spot;
    if spot && types.len() < min {
        return Err(Rejection::GroupTypes { group: group.name.into(), types: types.len(), min });
    }
    Ok(())
}

fn check_number(problem: &Sound, fleet: &Fleet, new: usize) -> Result<(), Rejection> {
    let staying = problem.nodes.iter().zip(&fleet.staying).filter(|(_, stays)| stays.is_some());
    let old: BTreeSet<_> =
        staying.map(|(node, _)| node.group.as_str()).filter(|group| !group.is_empty()).collect();
    let (groups, max) = (new + old.len(), at(problem.rules.groups_max));
    if 0 < max && max < groups {
        return Err(Rejection::Groups { groups, max });
    }
    Ok(())
}
