//! New node groups: what makes one, and who is in it.

use std::collections::BTreeSet;

use super::{Case, Violation};
use crate::fleet::CapacityKind;
use crate::solution::{Bin, Group};

pub(super) fn judge(case: &Case<'_>, found: &mut Vec<Violation>) {
    for (index, bin) in case.bins.iter().enumerate() {
        if !membership_is_right(case, bin) {
            found.push(Violation::Membership { node: case.name(index) });
        }
    }
    let mut sizes = vec![0_u32; case.groups.len()];
    for group in case.bins.iter().filter_map(|bin| bin.group) {
        sizes[group as usize] = sizes[group as usize].saturating_add(1);
    }
    for ((index, group), count) in (0..).zip(case.groups).zip(&sizes) {
        one_group(case, index, group, *count, found);
    }
    number_of_groups(case, &sizes, found);
}

fn membership_is_right(case: &Case<'_>, bin: &Bin) -> bool {
    match (bin.node, bin.group) {
        (Some(_), group) => group.is_none(),
        (None, None) => case.problem.rules.groups_max == 0,
        (None, Some(group)) => case.groups[group as usize].offerings.contains(&bin.offering),
    }
}

fn one_group(case: &Case<'_>, index: u32, group: &Group, count: u32, found: &mut Vec<Violation>) {
    let Some(first) = group.offerings.first() else {
        return found.push(Violation::Group { group: index });
    };
    let offering = |index: &u32| &case.problem.offerings[*index as usize];
    let key = |index: &u32| (&offering(index).zone, offering(index).kind, &offering(index).template);
    let alike = group.offerings.iter().all(|other| key(other) == key(first));
    let for_sale = group.offerings.iter().all(|other| !case.is_existing[*other as usize]);
    let ascending = group.offerings.windows(2).all(|pair| pair[0] < pair[1]);
    if !(alike && for_sale && ascending) {
        found.push(Violation::Group { group: index });
    }
    let rules = &case.problem.rules;
    if 0 < rules.nodes_per_group_max && rules.nodes_per_group_max < count {
        found.push(Violation::GroupSize { group: index, count, max: rules.nodes_per_group_max });
    }
    let types: BTreeSet<&str> = group.offerings.iter().map(|other| &*offering(other).instance_type).collect();
    let min = rules.types_per_spot_group_min;
    if offering(first).kind == CapacityKind::Spot && 0 < count && types.len() < min as usize {
        found.push(Violation::SpotTypes { group: index, count: types.len(), min });
    }
}

/// New groups that have a node, and existing groups that keep one, count.
fn number_of_groups(case: &Case<'_>, sizes: &[u32], found: &mut Vec<Violation>) {
    let kept = case.bins.iter().filter_map(|bin| bin.node);
    let names: BTreeSet<&str> = kept
        .map(|node| &*case.problem.nodes[node as usize].group)
        .filter(|group| !group.is_empty())
        .collect();
    let count = names.len() + sizes.iter().filter(|size| 0 < **size).count();
    let max = case.problem.rules.groups_max;
    if 0 < max && (max as usize) < count {
        found.push(Violation::Groups { count, max });
    }
}
