//! From bins to what a person recognises: node groups, node names, changes.

use std::collections::BTreeMap;

use plimsoll_domain::build::Context;
use plimsoll_domain::fleet::LABEL_HOSTNAME;
use plimsoll_domain::plan::{Change, ChangeKind, NodeGroup};
use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{Bin, Group, billed_offering};

/// Name of the group of nodes that belong to none.
pub const NO_GROUP: &str = "(none)";

/// Node groups, changes and names of a fleet.
#[derive(Clone, Debug, Default)]
pub struct Shape {
    /// Groups that exist or will.
    pub groups: Vec<NodeGroup>,
    /// Names of the solution's groups, in its order.
    pub new_groups: Vec<String>,
    /// Name of each bin.
    pub node_names: Vec<String>,
    /// What to do.
    pub changes: Vec<Change>,
}

/// Names and counts everything in a fleet.
pub fn shape(problem: &Problem, context: &Context, bins: &[Bin], groups: &[Group]) -> Shape {
    let new_groups = name_groups(problem, groups);
    let node_names = name_nodes(problem, bins, &new_groups);
    let mut shape = Shape { new_groups, node_names, ..Shape::default() };
    existing(problem, context, bins, &mut shape);
    created(problem, context, bins, groups, &mut shape);
    shape.changes.sort_by(|a, b| {
        b.saving_nano_usd_per_hour.cmp(&a.saving_nano_usd_per_hour).then_with(|| a.group.cmp(&b.group))
    });
    shape
}

/// `plimsoll-spot-m7i-large-us-east-1a`, with the first type's name; numbered where that is taken.
fn name_groups(problem: &Problem, groups: &[Group]) -> Vec<String> {
    let mut taken: BTreeMap<String, u32> = BTreeMap::new();
    for node in &problem.nodes {
        taken.insert(node.group.clone(), 1);
    }
    let mut name = |group: &Group| {
        let first = group.offerings.first().map(|index| &problem.offerings[*index as usize]);
        let base = first.map_or_else(String::new, |offering| {
            let kind = offering.kind.label().to_lowercase().replace('_', "-");
            format!("plimsoll-{kind}-{}-{}", offering.instance_type.replace('.', "-"), offering.zone)
        });
        let number = taken.entry(base.clone()).and_modify(|number| *number += 1).or_insert(1);
        if *number == 1 { base } else { format!("{base}-{number}") }
    };
    groups.iter().map(&mut name).collect()
}

fn name_nodes(problem: &Problem, bins: &[Bin], groups: &[String]) -> Vec<String> {
    let mut counts: BTreeMap<String, u32> = BTreeMap::new();
    let mut name = |bin: &Bin| {
        if let Some(node) = bin.node {
            return problem.nodes[node as usize].name.clone();
        }
        let base = match bin.group {
            Some(group) => groups[group as usize].clone(),
            None => problem.offerings[bin.offering as usize].id.replace(['/', '.', ' '], "-"),
        };
        let count = counts.entry(base.clone()).and_modify(|count| *count += 1).or_insert(1);
        format!("{base}-new-{count}")
    };
    bins.iter().map(&mut name).collect()
}

/// Groups that exist: what stays, what leaves.
fn existing(problem: &Problem, context: &Context, bins: &[Bin], shape: &mut Shape) {
    let mut bin_of = vec![None; problem.nodes.len()];
    for bin in bins {
        if let Some(node) = bin.node {
            bin_of[node as usize] = Some(bin);
        }
    }
    let mut by_group: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (index, node) in problem.nodes.iter().enumerate() {
        by_group.entry(if node.group.is_empty() { NO_GROUP } else { &node.group }).or_default().push(index);
    }
    for (name, members) in by_group {
        let leaving: Vec<usize> = members.iter().copied().filter(|index| bin_of[*index].is_none()).collect();
        let from_count = members.len() as u32;
        let to_count = from_count - leaving.len() as u32;
        shape.groups.push(describe_existing(problem, context, name, &members, to_count));
        if leaving.is_empty() {
            continue;
        }
        let price =
            |index: &usize| problem.offerings[problem.nodes[*index].offering as usize].price.nano_usd();
        let pods =
            |index: &usize| problem.nodes[*index].residents.iter().map(|placed| placed.count).sum::<u32>();
        shape.changes.push(Change {
            kind: if to_count == 0 { ChangeKind::Delete } else { ChangeKind::Shrink },
            group: name.to_owned(),
            from_count,
            to_count,
            nodes: leaving.iter().map(|index| problem.nodes[*index].name.clone()).collect(),
            saving_nano_usd_per_hour: leaving.iter().map(price).sum(),
            moved_pod_count: leaving.iter().map(pods).sum(),
            why: Vec::new(),
        });
    }
}

fn describe_existing(
    problem: &Problem,
    context: &Context,
    name: &str,
    members: &[usize],
    to_count: u32,
) -> NodeGroup {
    let offerings =
        || members.iter().map(|index| &problem.offerings[problem.nodes[*index].offering as usize]);
    let node = |index: &usize| context.node(problem.nodes[*index].offering, &problem.nodes[*index].name);
    let first = node(&members[0]);
    let mut labels = first.labels.clone();
    for other in members[1..].iter().map(node) {
        labels.retain(|key, value| other.labels.get(key) == Some(value));
    }
    labels.remove(LABEL_HOSTNAME);
    NodeGroup {
        name: name.to_owned(),
        existing: true,
        solution_group: None,
        zones: distinct(offerings().map(|offering| offering.zone.clone())),
        kind: offerings().next().map(|offering| offering.kind).unwrap_or_default(),
        template: offerings().next().map(|offering| offering.template.clone()).unwrap_or_default(),
        instance_types: distinct(offerings().map(|offering| offering.instance_type.clone())),
        from_count: members.len() as u32,
        to_count,
        taints: first.lasting_taints().cloned().collect(),
        labels,
    }
}

/// Groups that will be made; where no groups are formed, one entry per offering.
fn created(problem: &Problem, context: &Context, bins: &[Bin], groups: &[Group], shape: &mut Shape) {
    let mut members: BTreeMap<(Option<u32>, u32), Vec<usize>> = BTreeMap::new();
    for (index, bin) in bins.iter().enumerate().filter(|(_, bin)| bin.node.is_none()) {
        let key = if bin.group.is_some() { (bin.group, 0) } else { (None, bin.offering) };
        members.entry(key).or_default().push(index);
    }
    for ((group, offering), members) in members {
        let (name, faces) = match group {
            Some(group) => {
                (shape.new_groups[group as usize].clone(), groups[group as usize].offerings.clone())
            }
            None => (problem.offerings[offering as usize].id.clone(), vec![offering]),
        };
        let price = |index: &usize| {
            problem.offerings[billed_offering(problem, &bins[*index], groups) as usize].price.nano_usd()
        };
        let pods = |index: &usize| bins[*index].placed.iter().map(|placed| placed.count).sum::<u32>();
        let offering = &problem.offerings[faces[0] as usize];
        let node = context.node(faces[0], &name);
        let count = members.len() as u32;
        shape.groups.push(NodeGroup {
            name: name.clone(),
            existing: false,
            solution_group: group,
            zones: vec![offering.zone.clone()],
            kind: offering.kind,
            template: offering.template.clone(),
            instance_types: distinct(
                faces.iter().map(|face| problem.offerings[*face as usize].instance_type.clone()),
            ),
            from_count: 0,
            to_count: count,
            labels: node.labels.into_iter().filter(|(key, _)| key != LABEL_HOSTNAME).collect(),
            taints: node.taints,
        });
        shape.changes.push(Change {
            kind: ChangeKind::Create,
            group: name,
            from_count: 0,
            to_count: count,
            nodes: members.iter().map(|index| shape.node_names[*index].clone()).collect(),
            saving_nano_usd_per_hour: -members.iter().map(price).sum::<i64>(),
            moved_pod_count: members.iter().map(pods).sum(),
            why: Vec::new(),
        });
    }
}

fn distinct(values: impl Iterator<Item = String>) -> Vec<String> {
    let mut values: Vec<String> = values.collect();
    values.sort();
    values.dedup();
    values
}
