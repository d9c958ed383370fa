//! From a plan to steps: what has to happen, in which order, each as an end.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::build::stated;
use plimsoll_domain::fleet::Node;
use plimsoll_domain::operation::{PodMove, Step, StepRecord};
use plimsoll_domain::plan::{Change, ChangeKind, Move, NodeGroup, Plan, RefereeReport};
use plimsoll_domain::problem::Problem;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::WorkloadRef;
use plimsoll_domain::world::GroupSpec;

use super::present::Minima;
use crate::planning::NO_GROUP;

/// The steps of a plan. Growing comes first, then pods move in the order that the referee found, then what is empty
/// goes. `problem` is the plan's own: it tells the order of prices. `minima`: groups that may have more nodes than the
/// plan says, for others were promised them.
pub fn of_plan(plan: &Plan, problem: &Problem, state: &ClusterState, minima: &Minima) -> Vec<StepRecord> {
    let mut steps: Vec<Step> = Vec::new();
    let created: Vec<&NodeGroup> =
        plan.groups.iter().filter(|group| !group.existing && 0 < group.to_count).collect();
    steps.extend(created.iter().map(|group| Step::EnsureGroup { spec: spec(plan, problem, group) }));
    steps.extend(created.iter().map(|group| Step::Grow {
        group: group.name.clone(),
        from: 0,
        to: group.to_count,
    }));
    let leaving = leaving(plan);
    if !leaving.is_empty() {
        steps.push(Step::Cordon { nodes: leaving.keys().map(|node| (*node).to_owned()).collect() });
    }
    let (moving, removing) = match &plan.referee {
        Some(referee) => migration(referee, &leaving, state),
        None => Default::default(),
    };
    let moves_pods = !moving.is_empty();
    steps.extend(moving);
    // Before the last nodes are emptied: what is left on them may go wherever there is room.
    if moves_pods || !created.is_empty() {
        let groups = created.iter().map(|group| group.name.clone()).collect();
        steps.push(Step::Open { groups, nodes: staying(&leaving, state) });
    }
    steps.extend(removing);
    let deleted = plan.changes.iter().filter(|change| change.kind == ChangeKind::Delete);
    steps.extend(deleted.map(|change| Step::DeleteGroup { group: change.group.clone() }));
    steps.push(Step::Verify {
        sizes: plan
            .groups
            .iter()
            .filter(|group| group.name != NO_GROUP)
            .map(|group| {
                let least = minima.get(&group.name).copied().unwrap_or(0);
                (group.name.clone(), group.to_count.max(least))
            })
            .collect(),
    });
    steps.into_iter().map(StepRecord::new).collect()
}

/// Nodes that leave, each with its group.
fn leaving(plan: &Plan) -> BTreeMap<&str, &str> {
    let shrinks = |change: &&Change| matches!(change.kind, ChangeKind::Shrink | ChangeKind::Delete);
    let changes = plan.changes.iter().filter(shrinks);
    changes
        .flat_map(|change| change.nodes.iter().map(|node| (node.as_str(), change.group.as_str())))
        .collect()
}

/// Nodes that stay, and take pods now.
fn staying(leaving: &BTreeMap<&str, &str>, state: &ClusterState) -> Vec<String> {
    let stays = |node: &&Node| !node.unschedulable && !leaving.contains_key(node.name.as_str());
    state.nodes.iter().filter(stays).map(|node| node.name.clone()).collect()
}

/// Moves in the referee's order, cut where a node has to be gone before the next; and the removals of the rest.
fn migration(
    referee: &RefereeReport,
    leaving: &BTreeMap<&str, &str>,
    state: &ClusterState,
) -> (Vec<Step>, Vec<Step>) {
    let owners: BTreeMap<String, WorkloadRef> =
        state.pods.iter().filter_map(|pod| Some((pod.key(), pod.owner.clone()?))).collect();
    let mut steps = Vec::new();
    let mut removed: BTreeSet<&str> = BTreeSet::new();
    let mut begin = 0;
    let mut early: Vec<_> = referee.steered_removals.iter().collect();
    early.sort_by_key(|removal| removal.before_move);
    for removal in early {
        let Some(group) = leaving.get(removal.node.as_str()) else { continue };
        let end = (removal.before_move as usize).clamp(begin, referee.steered_moves.len());
        push_moves(&mut steps, &owners, &referee.steered_moves[begin..end]);
        begin = end;
        removed.insert(&removal.node);
        steps.push(Step::Remove { group: (*group).to_owned(), nodes: vec![removal.node.clone()] });
    }
    push_moves(&mut steps, &owners, &referee.steered_moves[begin..]);
    let mut by_group: BTreeMap<&str, Vec<String>> = BTreeMap::new();
    for (node, group) in leaving.iter().filter(|(node, _)| !removed.contains(**node)) {
        by_group.entry(group).or_default().push((*node).to_owned());
    }
    let removing = by_group.into_iter().map(|(group, nodes)| Step::Remove { group: group.to_owned(), nodes });
    (steps, removing.collect())
}

fn push_moves(steps: &mut Vec<Step>, owners: &BTreeMap<String, WorkloadRef>, moves: &[Move]) {
    let owned = |one: &Move| PodMove {
        pod: one.pod.clone(),
        owner: owners.get(&one.pod).cloned(),
        from: one.from.clone(),
        to: one.to.clone(),
    };
    if !moves.is_empty() {
        steps.push(Step::Migrate { moves: moves.iter().map(owned).collect() });
    }
}

fn spec(plan: &Plan, problem: &Problem, group: &NodeGroup) -> GroupSpec {
    let faces = group.solution_group.and_then(|index| plan.solution.groups.get(index as usize));
    let mut types: Vec<_> = faces
        .into_iter()
        .flat_map(|group| &group.offerings)
        .map(|index| &problem.offerings[*index as usize])
        .map(|offering| (offering.price, offering.instance_type.clone()))
        .collect();
    types.sort();
    let mut instance_types: Vec<String> = types.into_iter().map(|(_, name)| name).collect();
    instance_types.dedup();
    if instance_types.is_empty() {
        instance_types.clone_from(&group.instance_types);
    }
    GroupSpec {
        name: group.name.clone(),
        zone: group.zones.first().cloned().unwrap_or_default(),
        kind: group.kind,
        instance_types,
        labels: stated(&group.labels),
        taints: group.taints.clone(),
    }
}
