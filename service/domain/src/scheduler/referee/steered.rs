//! The steered migration: pods move one at a time, each offered its target alone.
//!
//! A pod is evicted, created anew by its workload, and finds one node open: its target. All others
//! are cordoned meanwhile. So a move succeeds if the filters accept the target then, with everything
//! else where it is at that time. Pods of one workload never move together, and a disruption budget
//! is never overdrawn.

mod stage;
mod trip;

use crate::plan::{RefereeReport, Stranding};

use super::super::NodeId;
use super::world::World;
use super::{Inputs, STEERING};
use stage::Stage;
use trip::Trip;

/// Most orders that are tried: the first nearly always works, and others only help where one move
/// spoils another.
const ATTEMPTS_MAX: u64 = 3;
/// Most pods that are parked on a third node during one migration.
const PARKINGS_MAX: usize = 200;
/// Most pods that are looked at, to be parked in favour of one pod.
const BLOCKERS_MAX: usize = 16;

/// Most times that a way is looked for around a pod that is stuck. A look copies the state, which
/// takes a fraction of a millisecond.
const LOOKS_MAX: usize = 2_000;

/// Fills in the steering part of the report.
pub(super) fn judge(inputs: &Inputs<'_>, report: &mut RefereeReport) {
    let world = World::between(inputs);
    let mut best: Option<Migration<'_>> = None;
    for attempt in 0..ATTEMPTS_MAX {
        let mut migration = Migration::new(&world, inputs, attempt);
        migration.run(inputs.stop);
        if best.as_ref().is_none_or(|best| migration.trips.len() < best.trips.len()) {
            best = Some(migration);
        }
        if best.as_ref().is_some_and(|best| best.trips.is_empty()) || (inputs.stop)() {
            break;
        }
    }
    if let Some(best) = best {
        best.report(report);
    }
    for pod in world.placeless.iter().filter(|pod| pod.node.is_some()) {
        let message = "the plan has no place for it".to_owned();
        report.strandings.push(Stranding { event: STEERING.to_owned(), pod: pod.key(), message });
    }
    let stuck = report.strandings.iter().filter(|stranding| stranding.event == STEERING);
    report.steered_pending = stuck.map(|stranding| stranding.pod.clone()).collect();
    report.steered_pending.sort();
}

/// A migration on its way.
struct Migration<'a> {
    trips: Vec<Trip<'a>>,
    stage: Stage,
    parkings: usize,
    looks: usize,
}

impl<'a> Migration<'a> {
    fn new(world: &World<'a>, inputs: &Inputs<'_>, attempt: u64) -> Self {
        let stage = Stage::new(world, inputs);
        Self { trips: trip::all(world, inputs, &stage.simulation, attempt), stage, parkings: 0, looks: 0 }
    }

    /// Moves whatever can be moved, and helps where nothing can, until neither leads on.
    fn run(&mut self, stop: &dyn Fn() -> bool) {
        while !self.trips.is_empty() && !stop() {
            let before = self.trips.len();
            self.trips.retain(|trip| !self.stage.go(trip, trip.target));
            let stuck = self.trips.len() == before;
            if stuck && !self.remove_drained() && !self.unblock() {
                return;
            }
        }
    }

    /// Removes the leaving nodes that no pod has to leave any more. As long as they are there, they
    /// count as domains of topology spreads.
    fn remove_drained(&mut self) -> bool {
        let nodes_of_trips = self.trips.iter().filter_map(|trip| self.stage.simulation.node_of(trip.id));
        let busy: Vec<NodeId> = nodes_of_trips.collect();
        let drained: Vec<NodeId> =
            self.stage.leaving.iter().copied().filter(|node| !busy.contains(node)).collect();
        for node in &drained {
            self.stage.remove(*node);
        }
        !drained.is_empty()
    }

    /// Makes way for one pod that is stuck.
    fn unblock(&mut self) -> bool {
        for index in 0..self.trips.len() {
            if self.looks == LOOKS_MAX {
                return false;
            }
            self.looks += 1;
            let trip = self.trips[index].clone();
            if self.leave_last(&trip) {
                self.trips.remove(index);
                return true;
            }
            if self.park_for(&trip) {
                return true;
            }
        }
        false
    }

    /// The last pod of a leaving node may have to wait until the node is gone.
    fn leave_last(&mut self, trip: &Trip<'_>) -> bool {
        let Some(from) = self.stage.simulation.node_of(trip.id) else { return false };
        let on_node = |other: &&Trip<'_>| self.stage.simulation.node_of(other.id) == Some(from);
        let is_last = self.trips.iter().filter(on_node).count() == 1;
        if !is_last || !self.stage.leaving.contains(&from) || self.stage.evictable(trip).is_err() {
            return false;
        }
        let before = self.stage.clone();
        self.stage.simulation.evict(trip.id);
        self.stage.remove(from);
        if self.stage.arrive(trip, Some(from), trip.target) {
            return true;
        }
        self.stage = before;
        false
    }

    /// Parks pods that stand on a trip's target, and have to leave it anyway, on third nodes.
    fn park_for(&mut self, trip: &Trip<'a>) -> bool {
        let before = self.stage.clone();
        let blockers = self.blockers(trip);
        self.stage = before.clone();
        if blockers.is_empty() || PARKINGS_MAX < self.parkings + blockers.len() {
            return false;
        }
        let parked = blockers.iter().all(|blocker| self.stage.park(blocker, trip.target));
        if parked && self.stage.would_go(trip) {
            self.parkings += blockers.len();
            return true;
        }
        self.stage = before;
        false
    }

    /// Pods in a trip's way, none of them for nothing; empty if it would be stuck without them, too.
    /// Leaves the stage in disorder.
    fn blockers(&mut self, trip: &Trip<'a>) -> Vec<Trip<'a>> {
        let in_the_way = |other: &&Trip<'a>| {
            let there = self.stage.simulation.node_of(other.id) == Some(trip.target);
            // Whatever a Job's pod did until then is lost each time.
            there && !other.pod.is_of_job() && self.stage.evictable(other).is_ok()
        };
        let candidates = self.trips.iter().filter(in_the_way).take(BLOCKERS_MAX);
        let mut blockers: Vec<Trip<'a>> = candidates.cloned().collect();
        for blocker in &blockers {
            self.stage.simulation.evict(blocker.id);
        }
        if !self.stage.would_go(trip) {
            return Vec::new();
        }
        let simulation = &mut self.stage.simulation;
        simulation.evict(trip.id);
        blockers.retain(|blocker| {
            simulation.bind(blocker.id, trip.target);
            let in_the_way = !simulation.accepts(trip.id, trip.target);
            if in_the_way {
                simulation.evict(blocker.id);
            }
            in_the_way
        });
        blockers
    }

    fn report(mut self, report: &mut RefereeReport) {
        for trip in &self.trips {
            let message = self.stage.obstacle(trip);
            let event = STEERING.to_owned();
            report.strandings.push(Stranding { event, pod: trip.pod.key(), message });
        }
        if self.looks == LOOKS_MAX {
            report.omissions.push(format!("steering: gave up after {LOOKS_MAX} looks for a way round"));
        }
        report.steered_moves = self.stage.moves;
        report.steered_removals = self.stage.removals;
    }
}
