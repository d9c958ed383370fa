//! The nodes of a plan, with every name and index resolved.

use std::collections::{BTreeMap, BTreeSet};

use crate::plan::{Placement, Plan};
use crate::problem::Placed;
use crate::rejection::{Member, Rejection};
use crate::wellformed::{Sound, ascending, at};

/// Every node of a plan.
pub struct Fleet<'a> {
    /// In the order of `Plan::placements`.
    pub nodes: Vec<Node<'a>>,
    /// New groups, in the order of `Plan::groups`.
    pub groups: Vec<NewGroup<'a>>,
    /// Which of [`Fleet::nodes`] an existing node is, if it stays.
    pub staying: Vec<Option<usize>>,
}

/// A node and what it holds.
pub struct Node<'a> {
    /// Name in the plan.
    pub name: &'a str,
    /// Index of its offering.
    pub offering: usize,
    /// Index of the existing node that it is; none: a new one.
    pub existing: Option<usize>,
    /// Index into [`Fleet::groups`].
    pub group: Option<usize>,
    /// What it holds, by ascending demand, 1 or more each.
    pub placed: &'a [Placed],
}

/// A group that a plan makes.
pub struct NewGroup<'a> {
    /// Name in the plan.
    pub name: &'a str,
    /// Indexes of its offerings, ascending, at least one.
    pub offerings: Vec<usize>,
}

impl Fleet<'_> {
    /// The offerings that a node may turn out to be: its own, or all of its group.
    pub fn alternatives<'b>(&'b self, node: &'b Node<'_>) -> &'b [usize] {
        match node.group {
            Some(group) => &self.groups[group].offerings,
            None => std::slice::from_ref(&node.offering),
        }
    }

    /// How many residents of each existing node leave it, by demand.
    pub fn moved_pods(&self, problem: &Sound) -> impl Iterator<Item = (usize, i64)> {
        let stays = problem.nodes.iter().zip(&self.staying);
        stays.flat_map(move |(node, stays)| {
            node.residents.iter().map(move |resident| {
                let stay = stays.map_or(0, |index| self.nodes[index].count_of(resident.demand));
                (at(resident.demand), i64::from(resident.count.saturating_sub(stay).max(0)))
            })
        })
    }
}

impl Node<'_> {
    /// How many pods of a demand it holds.
    pub fn count_of(&self, demand: i32) -> i32 {
        let found = self.placed.binary_search_by_key(&demand, |placed| placed.demand);
        found.map_or(0, |index| self.placed[index].count)
    }
}

/// Finds what the names and indexes of a plan stand for.
///
/// # Errors
/// The first that stands for nothing, or for what is taken.
pub fn resolve<'a>(problem: &Sound<'a>, plan: &'a Plan) -> Result<Fleet<'a>, Rejection> {
    let groups = new_groups(problem, plan)?;
    let groups_by_name = groups.iter().enumerate().map(|(index, group)| (group.name, index)).collect();
    let mut names = BTreeSet::new();
    let mut staying = vec![None; problem.nodes.len()];
    let mut nodes = Vec::with_capacity(plan.placements.len());
    for (index, placement) in plan.placements.iter().enumerate() {
        let node = resolve_node(problem, &groups_by_name, placement, index)?;
        if !names.insert(node.name) {
            return Err(Rejection::NodeTwice { node: node.name.into() });
        }
        if let Some(existing) = node.existing {
            staying[existing] = Some(index);
        }
        nodes.push(node);
    }
    let gone = problem.nodes.iter().zip(&staying).find(|(node, stays)| node.kept && stays.is_none());
    match gone {
        Some((node, _)) => Err(Rejection::NodeKept { node: node.name.clone() }),
        None => Ok(Fleet { nodes, groups, staying }),
    }
}

fn malformed(path: String, expected: &'static str) -> Rejection {
    Rejection::Malformed { member: Member::Plan, path, expected }
}

fn new_groups<'a>(problem: &Sound, plan: &'a Plan) -> Result<Vec<NewGroup<'a>>, Rejection> {
    let mut names = BTreeSet::new();
    let mut groups = Vec::new();
    for (index, group) in plan.groups.iter().enumerate() {
        if group.name.is_empty() {
            return Err(malformed(format!("groups[{index}].name"), "not empty"));
        }
        if !names.insert(&group.name) {
            return Err(Rejection::GroupTwice { group: group.name.clone() });
        }
        if !ascending(group.offerings.iter().copied(), problem.offerings.len()) {
            let expected = "ascending indexes of offerings";
            return Err(malformed(format!("groups[{index}].offerings"), expected));
        }
        if !group.offerings.is_empty() {
            let offerings = group.offerings.iter().map(|offering| at(*offering)).collect();
            groups.push(NewGroup { name: &group.name, offerings });
        }
    }
    Ok(groups)
}

fn resolve_node<'a>(
    problem: &Sound,
    groups: &BTreeMap<&str, usize>,
    placement: &'a Placement,
    index: usize,
) -> Result<Node<'a>, Rejection> {
    if placement.node.is_empty() {
        return Err(malformed(format!("placements[{index}].node"), "not empty"));
    }
    let offering = usize::try_from(placement.offering).ok().filter(|it| *it < problem.offerings.len());
    let offering = offering
        .ok_or_else(|| malformed(format!("placements[{index}].offering"), "the index of an offering"))?;
    let placed = &placement.placed;
    let demands = placed.iter().map(|placed| placed.demand);
    if !ascending(demands, problem.demands.len()) || placed.iter().any(|placed| placed.count < 1) {
        let expected = "counts of 1 or more by ascending index of demands";
        return Err(malformed(format!("placements[{index}].placed"), expected));
    }
    let existing = match &placement.existing_node {
        Some(name) => Some(resolve_existing(problem, placement, name, offering)?),
        None => check_new(problem, placement, offering).map(|()| None)?,
    };
    let group = resolve_group(problem, groups, placement)?;
    Ok(Node { name: &placement.node, offering, existing, group, placed })
}

fn resolve_existing(
    problem: &Sound,
    placement: &Placement,
    name: &str,
    offering: usize,
) -> Result<usize, Rejection> {
    let node = placement.node.clone();
    let found = problem.nodes_by_name.get(name).filter(|_| node == name);
    let index = *found.ok_or(Rejection::NodeUnknown { node: name.into() })?;
    let own = at(problem.nodes[index].offering);
    if own != offering {
        return Err(Rejection::NodeOffering { node, offering, own });
    }
    Ok(index)
}

fn check_new(problem: &Sound, placement: &Placement, offering: usize) -> Result<(), Rejection> {
    let node = placement.node.clone();
    if problem.nodes_by_name.contains_key(node.as_str()) {
        return Err(Rejection::NodeTwice { node });
    }
    if problem.owned[offering] {
        return Err(Rejection::OfferingOwned { node, offering });
    }
    Ok(())
}

fn resolve_group(
    problem: &Sound,
    groups: &BTreeMap<&str, usize>,
    placement: &Placement,
) -> Result<Option<usize>, Rejection> {
    let expected = placement.existing_node.is_none() && 0 < problem.rules.groups_max;
    if expected == placement.group.is_empty() {
        return Err(Rejection::GroupMembership { node: placement.node.clone() });
    }
    if !expected {
        return Ok(None);
    }
    let unknown = || Rejection::GroupUnknown { node: placement.node.clone(), group: placement.group.clone() };
    groups.get(placement.group.as_str()).copied().map(Some).ok_or_else(unknown)
}
