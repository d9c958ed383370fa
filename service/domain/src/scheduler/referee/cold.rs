//! Cold start: every pod arrives at once on the empty planned fleet, in random order.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::plan::RefereeReport;

use super::super::{PodId, Simulation};
use super::world::World;
use super::{Inputs, ORDERS_MAX, reserve};

/// Fills in the cold-start part of the report.
pub(super) fn judge(world: &World<'_>, inputs: &Inputs<'_>, report: &mut RefereeReport) {
    report.cold_pods = u32::try_from(world.movers.len()).unwrap_or(u32::MAX);
    let orders = inputs.orders.min(ORDERS_MAX);
    let mut worst: Option<Start> = None;
    for order in 0..orders {
        if (inputs.stop)() {
            report.omissions.push(format!("cold start: {order} of {orders} orders tried"));
            break;
        }
        let start = start(&world.simulation, world, inputs.settings.seed, order);
        report.cold_pending.push(u32::try_from(start.pending.len()).unwrap_or(u32::MAX));
        report.cold_orders += 1;
        if worst.as_ref().is_none_or(|worst| worst.pending.len() < start.pending.len()) {
            worst = Some(start);
        }
    }
    report.cold_pending.sort_unstable();
    match worst {
        Some(worst) if !worst.pending.is_empty() => reserve::price(world, inputs, worst, report),
        Some(_) => report.cold_reserve_complete = true,
        None => {}
    }
}

/// A cluster after a cold start, and who stayed pending.
pub(super) struct Start {
    pub simulation: Simulation,
    pub pending: Vec<PodId>,
}

/// One cold start.
///
/// The queue holds all pods when the first is taken, so higher priority goes first, and the order
/// is random among equals.
pub(super) fn start(fleet: &Simulation, world: &World<'_>, seed: u64, order: u32) -> Start {
    let seed = seed.wrapping_add(u64::from(order));
    let mut simulation = fleet.clone();
    simulation.reseed(seed);
    let mut queue: Vec<PodId> = world.movers.iter().map(|mover| mover.id).collect();
    queue.shuffle(&mut SmallRng::seed_from_u64(seed));
    queue.sort_by_key(|pod| std::cmp::Reverse(fleet.priority(*pod)));
    let pending = schedule_all(&mut simulation, queue);
    Start { simulation, pending }
}

/// Schedules pods in turn, and those that found no place again after the others, as long as that
/// helps. Returns who stayed pending.
pub(super) fn schedule_all(simulation: &mut Simulation, mut queue: Vec<PodId>) -> Vec<PodId> {
    loop {
        let before = queue.len();
        queue.retain(|pod| simulation.schedule(*pod).is_err());
        if queue.is_empty() || queue.len() == before {
            return queue;
        }
    }
}
