//! The pods that have to move, and the order in which they are tried.

use std::cmp::Reverse;

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::workload::{DisruptionBudget, Pod};

use super::super::super::{NodeId, PodId, Simulation};
use super::super::Inputs;
use super::super::world::{Mover, World};

/// A pod that is not yet where the plan wants it.
#[derive(Clone, Debug)]
pub(super) struct Trip<'a> {
    pub id: PodId,
    pub pod: &'a Pod,
    pub target: NodeId,
    /// Budgets that its eviction draws on.
    pub budgets: Vec<usize>,
}

/// All trips: pending pods first, by priority; then those whose target is new, for new nodes have
/// room and leave room behind. Later attempts shuffle equals.
pub(super) fn all<'a>(
    world: &World<'a>,
    inputs: &Inputs<'_>,
    today: &Simulation,
    attempt: u64,
) -> Vec<Trip<'a>> {
    let is_trip = |mover: &&Mover<'a>| today.node_of(mover.id) != Some(mover.target);
    let trip = |mover: &Mover<'a>| Trip {
        id: mover.id,
        pod: mover.pod,
        target: mover.target,
        budgets: drawn_on(&inputs.state.budgets, mover.pod).collect(),
    };
    let mut trips: Vec<Trip<'a>> = world.movers.iter().filter(is_trip).map(trip).collect();
    if attempt > 0 {
        let seed = inputs.settings.seed.wrapping_add(attempt);
        trips.shuffle(&mut SmallRng::seed_from_u64(seed));
    }
    let target_stays = |trip: &Trip<'_>| {
        let name = today.node_name(trip.target);
        inputs.state.nodes.iter().any(|node| node.name == name)
    };
    trips.sort_by_cached_key(|trip| {
        let pending = today.node_of(trip.id).is_none();
        let priority = if pending { today.priority(trip.id) } else { 0 };
        (!pending, Reverse(priority), target_stays(trip))
    });
    trips
}

/// Budgets that speak of a pod.
pub(super) fn drawn_on<'b>(
    budgets: &'b [DisruptionBudget],
    pod: &'b Pod,
) -> impl Iterator<Item = usize> + 'b {
    let concerns =
        |budget: &DisruptionBudget| budget.namespace == pod.namespace && budget.selector.matches(&pod.labels);
    budgets.iter().enumerate().filter(move |(_, budget)| concerns(budget)).map(|(index, _)| index)
}
