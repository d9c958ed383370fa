//! The steered migration: pods move one at a time, each offered its target alone.
//!
//! A pod is evicted, created anew by its workload, and finds one node open: its target. All others
//! are cordoned meanwhile. So a move succeeds if the filters accept the target then, with everything
//! else where it is at that time. Pods of one workload never move together, and a disruption budget
//! is never overdrawn.

use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;

use crate::plan::{Move, NodeRemoval, RefereeReport, Stranding};
use crate::workload::{DisruptionBudget, Pod};

use super::super::{NodeId, PodId, Simulation};
use super::world::{Mover, World};
use super::{Inputs, STEERING};

/// Most orders that are tried: the first nearly always works, and others only help where one move
/// spoils another.
const ATTEMPTS_MAX: u64 = 3;
/// Most pods that are parked on a third node during one migration.
const PARKINGS_MAX: usize = 200;
/// Most pods that are looked at, to be parked in favour of one pod.
const BLOCKERS_MAX: usize = 16;

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

/// A pod that is not yet where the plan wants it.
#[derive(Clone, Debug)]
struct Trip<'a> {
    id: PodId,
    pod: &'a Pod,
    target: NodeId,
    /// Budgets that its eviction draws on.
    budgets: Vec<usize>,
}

/// A migration on its way.
struct Migration<'a> {
    simulation: Simulation,
    trips: Vec<Trip<'a>>,
    /// Pending pods that the plan does not place; they would take any open node that suits them.
    waiting: Vec<PodId>,
    /// Evictions that each budget allows with every pod healthy, and its pods that are pending.
    budgets: Vec<(i32, i32)>,
    /// Nodes that leave, as long as they are there.
    leaving: Vec<NodeId>,
    moves: Vec<Move>,
    removals: Vec<NodeRemoval>,
    parkings: usize,
}

impl<'a> Migration<'a> {
    fn new(world: &World<'a>, inputs: &Inputs<'_>, attempt: u64) -> Self {
        let mut simulation = world.simulation.clone();
        for mover in &world.movers {
            if let Some(node) = home(&simulation, mover.pod) {
                simulation.bind(mover.id, node);
            }
        }
        let mut waiting = Vec::new();
        for pod in &world.placeless {
            let id = simulation.add_pod(pod);
            match home(&simulation, pod) {
                Some(node) => simulation.bind(id, node),
                None => waiting.push(id),
            }
        }
        let names = inputs.state.nodes.iter().map(|node| node.name.as_str());
        let stays = |name: &str| inputs.nodes_after.iter().any(|node| node.name == name);
        let leaving = names.filter(|name| !stays(name)).filter_map(|name| simulation.node(name));
        let leaving = leaving.collect();
        let budgets = &inputs.state.budgets;
        let mut migration = Self {
            trips: trips(world, inputs, &simulation, attempt),
            simulation,
            waiting,
            budgets: budgets.iter().map(|budget| (budget.allowed, 0)).collect(),
            leaving,
            moves: Vec::new(),
            removals: Vec::new(),
            parkings: 0,
        };
        for pod in inputs.state.pods.iter().filter(|pod| pod.node.is_none()) {
            for budget in drawn_on(budgets, pod) {
                migration.budgets[budget].1 += 1;
            }
        }
        migration
    }

    /// Moves whatever can be moved, and helps where nothing can, until neither leads on.
    fn run(&mut self, stop: &dyn Fn() -> bool) {
        while !self.trips.is_empty() && !stop() {
            let before = self.trips.len();
            let mut trips = std::mem::take(&mut self.trips);
            trips.retain(|trip| !self.go(trip, trip.target));
            self.trips = trips;
            if self.trips.len() == before && !self.remove_drained() && !self.unblock() {
                return;
            }
        }
    }

    /// Moves a pod to a node, if it may be evicted and would land there.
    fn go(&mut self, trip: &Trip<'_>, to: NodeId) -> bool {
        let from = self.simulation.node_of(trip.id);
        if from.is_some() && self.evictable(trip).is_err() {
            return false;
        }
        self.simulation.evict(trip.id);
        let taken = self.waiting.iter().any(|pod| self.simulation.accepts(*pod, to));
        if taken || !self.simulation.accepts(trip.id, to) {
            if let Some(from) = from {
                self.simulation.bind(trip.id, from);
            }
            return false;
        }
        self.arrive(trip, from, to);
        true
    }

    /// Binds a pod that was evicted and writes the move down.
    fn arrive(&mut self, trip: &Trip<'_>, from: Option<NodeId>, to: NodeId) {
        self.simulation.bind(trip.id, to);
        if from.is_none() {
            for budget in &trip.budgets {
                self.budgets[*budget].1 -= 1;
            }
        }
        let name = |node| self.simulation.node_name(node).to_owned();
        self.moves.push(Move { pod: trip.pod.key(), from: from.map(name), to: name(to) });
    }

    /// Whether a running pod may be evicted now; else why not.
    fn evictable(&self, trip: &Trip<'_>) -> Result<(), &'static str> {
        if trip.pod.owner.is_none() {
            return Err("nobody would create it again");
        }
        if trip.pod.do_not_disrupt.is_some() {
            return Err("it must not be disrupted");
        }
        match trip.budgets.as_slice() {
            [] => Ok(()),
            [budget] => {
                let (allowed, pending) = self.budgets[*budget];
                if pending < allowed { Ok(()) } else { Err("its disruption budget allows no eviction") }
            }
            _ => Err("it has more than one disruption budget, so the API server refuses to evict it"),
        }
    }

    /// Removes the leaving nodes that no pod has to leave any more. As long as they are there, they
    /// count as domains of topology spreads.
    fn remove_drained(&mut self) -> bool {
        let stays_behind = |pod: &PodId, trips: &[Trip<'_>]| trips.iter().any(|trip| trip.id == *pod);
        let drained =
            |node: &NodeId| !self.simulation.pods_on(*node).any(|pod| stays_behind(&pod, &self.trips));
        let (gone, left): (Vec<_>, Vec<_>) = self.leaving.iter().copied().partition(drained);
        self.leaving = left;
        for node in &gone {
            self.remove(*node);
        }
        !gone.is_empty()
    }

    fn remove(&mut self, node: NodeId) {
        let own: Vec<PodId> = self.simulation.pods_on(node).collect();
        for pod in own {
            self.simulation.evict(pod);
        }
        self.simulation.set_present(node, false);
        self.removals.push(NodeRemoval {
            node: self.simulation.node_name(node).to_owned(),
            before_move: u32::try_from(self.moves.len()).unwrap_or(u32::MAX),
        });
    }

    /// Makes way for one pod that is stuck. The trip itself ends with the next round.
    fn unblock(&mut self) -> bool {
        for index in 0..self.trips.len() {
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
        let Some(from) = self.simulation.node_of(trip.id) else { return false };
        let on_node = |other: &&Trip<'_>| self.simulation.node_of(other.id) == Some(from);
        let is_last = self.trips.iter().filter(on_node).count() == 1;
        if !is_last || !self.leaving.contains(&from) || self.evictable(trip).is_err() {
            return false;
        }
        let before = (self.simulation.clone(), self.removals.len());
        self.simulation.evict(trip.id);
        self.remove(from);
        if self.simulation.accepts(trip.id, trip.target) {
            self.leaving.retain(|node| *node != from);
            self.arrive(trip, Some(from), trip.target);
            return true;
        }
        self.simulation = before.0;
        self.removals.truncate(before.1);
        false
    }

    /// Parks pods that stand on a trip's target, and have to leave it anyway, on third nodes.
    fn park_for(&mut self, trip: &Trip<'a>) -> bool {
        let blockers = self.blockers(trip);
        if blockers.is_empty() || PARKINGS_MAX < self.parkings + blockers.len() {
            return false;
        }
        let moves = self.moves.len();
        let parked = blockers.iter().take_while(|blocker| self.park(blocker, trip.target)).count();
        if parked == blockers.len() && self.would_go(trip) {
            self.parkings += parked;
            return true;
        }
        for blocker in &blockers[..parked] {
            self.simulation.bind(blocker.id, trip.target);
        }
        self.moves.truncate(moves);
        false
    }

    /// The fewest pods, taken in turn, without which a trip could end; empty if that does not help.
    fn blockers(&mut self, trip: &Trip<'a>) -> Vec<Trip<'a>> {
        let in_the_way = |other: &&Trip<'a>| {
            self.simulation.node_of(other.id) == Some(trip.target) && self.evictable(other).is_ok()
        };
        let candidates: Vec<Trip<'a>> =
            self.trips.iter().filter(in_the_way).take(BLOCKERS_MAX).cloned().collect();
        let mut taken: Vec<Trip<'a>> = Vec::new();
        for candidate in candidates {
            self.simulation.evict(candidate.id);
            taken.push(candidate);
            if self.would_go(trip) {
                break;
            }
        }
        let helps = self.would_go(trip);
        let needed = |blocker: &Trip<'a>, simulation: &mut Simulation| {
            simulation.bind(blocker.id, trip.target);
            let needed = helps && !simulation.accepts(trip.id, trip.target);
            if needed {
                simulation.evict(blocker.id);
            }
            needed
        };
        let from = self.simulation.evict(trip.id);
        taken.retain(|blocker| needed(blocker, &mut self.simulation));
        for blocker in &taken {
            self.simulation.bind(blocker.id, trip.target);
        }
        if let Some(from) = from {
            self.simulation.bind(trip.id, from);
        }
        taken
    }

    /// Moves a pod to any node but one.
    fn park(&mut self, blocker: &Trip<'a>, but: NodeId) -> bool {
        self.simulation.evict(blocker.id);
        let nodes: Vec<NodeId> = self.simulation.accepting(blocker.id).collect();
        self.simulation.bind(blocker.id, but);
        nodes.into_iter().any(|node| node != but && self.go(blocker, node))
    }

    /// Whether a trip could end now.
    fn would_go(&mut self, trip: &Trip<'_>) -> bool {
        let from = self.simulation.node_of(trip.id);
        if from.is_some() && self.evictable(trip).is_err() {
            return false;
        }
        self.simulation.evict(trip.id);
        let would = self.simulation.accepts(trip.id, trip.target);
        if let Some(from) = from {
            self.simulation.bind(trip.id, from);
        }
        would
    }

    fn report(mut self, report: &mut RefereeReport) {
        for trip in std::mem::take(&mut self.trips) {
            let message = self.obstacle(&trip);
            let event = STEERING.to_owned();
            report.strandings.push(Stranding { event, pod: trip.pod.key(), message });
        }
        report.steered_moves = self.moves;
        report.steered_removals = self.removals;
    }

    /// What keeps a pod from its target.
    fn obstacle(&mut self, trip: &Trip<'_>) -> String {
        let from = self.simulation.node_of(trip.id);
        if let (Some(_), Err(why)) = (from, self.evictable(trip)) {
            return why.to_owned();
        }
        self.simulation.evict(trip.id);
        let reasons = self.simulation.reasons(trip.id, trip.target);
        if let Some(from) = from {
            self.simulation.bind(trip.id, from);
        }
        let reasons: Vec<String> = reasons.iter().map(ToString::to_string).collect();
        match reasons.as_slice() {
            [] => "a pending pod would take its place".to_owned(),
            _ => format!("{}: {}", self.simulation.node_name(trip.target), reasons.join(", ")),
        }
    }
}

/// Where a pod runs today.
fn home(simulation: &Simulation, pod: &Pod) -> Option<NodeId> {
    pod.node.as_ref().and_then(|name| simulation.node(name))
}

/// The pods that have to move: pending ones first, by priority; then those whose target is new, for
/// new nodes have room and leave room behind. Later attempts shuffle equals.
fn trips<'a>(world: &World<'a>, inputs: &Inputs<'_>, simulation: &Simulation, attempt: u64) -> Vec<Trip<'a>> {
    let is_trip = |mover: &&Mover<'a>| simulation.node_of(mover.id) != Some(mover.target);
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
        let name = simulation.node_name(trip.target);
        inputs.state.nodes.iter().any(|node| node.name == name)
    };
    trips.sort_by_cached_key(|trip| {
        let pending = simulation.node_of(trip.id).is_none();
        let priority = if pending { simulation.priority(trip.id) } else { 0 };
        (!pending, std::cmp::Reverse(priority), target_stays(trip))
    });
    trips
}

/// Budgets that speak of a pod.
fn drawn_on<'b>(budgets: &'b [DisruptionBudget], pod: &'b Pod) -> impl Iterator<Item = usize> + 'b {
    let concerns =
        |budget: &DisruptionBudget| budget.namespace == pod.namespace && budget.selector.matches(&pod.labels);
    budgets.iter().enumerate().filter(move |(_, budget)| concerns(budget)).map(|(index, _)| index)
}
