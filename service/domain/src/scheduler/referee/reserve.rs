//! What it would cost to let every cold start end without a pending pod: nodes are added greedily
//! to the fleet until each order starts.

use crate::fleet::{LABEL_HOSTNAME, Node};
use crate::plan::RefereeReport;

use super::super::{NodeId, PodId, Simulation};
use super::cold::{Start, schedule_all, start};
use super::world::{World, add_own_pods};
use super::{Inputs, ORDERS_MAX, Offer};

/// Most offers that are considered, in the caller's order.
pub const OFFERS_MAX: usize = 64;
/// Most nodes that a reserve is made of.
pub const NODES_MAX: usize = 200;
/// Most times that all orders are started again with a larger reserve.
const ROUNDS_MAX: u32 = 8;

/// Prices the reserve, beginning with the worst order.
pub(super) fn price(world: &World<'_>, inputs: &Inputs<'_>, worst: Start, report: &mut RefereeReport) {
    let offers = &inputs.offers[..inputs.offers.len().min(OFFERS_MAX)];
    if offers.len() < inputs.offers.len() {
        report.omissions.push(format!("reserve: {OFFERS_MAX} of {} offers considered", inputs.offers.len()));
    }
    let mut reserve = Reserve { inputs, offers, fleet: world.simulation.clone(), bought: Vec::new() };
    report.cold_reserve_complete = reserve.buy(world, worst);
    let bought = reserve.bought.iter().map(|offer| &offers[*offer]);
    report.cold_reserve = bought.clone().map(|offer| offer.price).sum();
    report.cold_reserve_nodes = bought.map(|offer| offer.node.name.clone()).collect();
}

struct Reserve<'a> {
    inputs: &'a Inputs<'a>,
    offers: &'a [Offer],
    /// The planned fleet and what was bought, without the pods that move.
    fleet: Simulation,
    /// Offers, one for each node.
    bought: Vec<usize>,
}

impl Reserve<'_> {
    /// Buys until every order starts; false if that was not reached.
    fn buy(&mut self, world: &World<'_>, worst: Start) -> bool {
        let mut failing = worst;
        for _ in 0..ROUNDS_MAX {
            if !self.buy_for(failing) || (self.inputs.stop)() {
                return false;
            }
            match self.worst(world) {
                Some(start) => failing = start,
                None => return !(self.inputs.stop)(),
            }
        }
        false
    }

    /// Buys nodes for the pods that one order left pending; false if nothing on offer carries them.
    fn buy_for(&mut self, start: Start) -> bool {
        let Start { mut simulation, mut pending } = start;
        let samples: Vec<NodeId> = self.offers.iter().map(|it| self.sample(&mut simulation, it)).collect();
        while !pending.is_empty() {
            let Some(offer) = self.best(&mut simulation, &samples, &pending) else { return false };
            if self.bought.len() == NODES_MAX || (self.inputs.stop)() {
                return false;
            }
            let node = named(&self.offers[offer].node, &format!("reserve-{}", self.bought.len()));
            self.bought.push(offer);
            for fleet in [&mut self.fleet, &mut simulation] {
                let id = fleet.add_node(&node);
                add_own_pods(fleet, self.inputs, &node, id);
            }
            pending = schedule_all(&mut simulation, pending);
        }
        true
    }

    /// A node of an offer, to try pods on: no part of the cluster.
    fn sample(&self, simulation: &mut Simulation, offer: &Offer) -> NodeId {
        let node = named(&offer.node, &format!("sample-{}", offer.node.name));
        let id = simulation.add_node(&node);
        add_own_pods(simulation, self.inputs, &node, id);
        simulation.set_present(id, false);
        id
    }

    /// The offer that carries pending pods at the lowest price for each; none if none carries any.
    fn best(&self, simulation: &mut Simulation, samples: &[NodeId], pending: &[PodId]) -> Option<usize> {
        let mut best: Option<(usize, i128, i128)> = None;
        for (offer, sample) in samples.iter().enumerate() {
            let carried = carried(simulation, *sample, pending);
            let price = i128::from(self.offers[offer].price.nano_usd());
            let is_better = best.is_none_or(|(_, least, most)| price * most < least * carried);
            if 0 < carried && is_better {
                best = Some((offer, price, carried));
            }
        }
        best.map(|(offer, ..)| offer)
    }

    /// The order that leaves most pods pending on the fleet with the reserve; none if none does.
    fn worst(&self, world: &World<'_>) -> Option<Start> {
        let orders = self.inputs.orders.min(ORDERS_MAX);
        let starts = (0..orders)
            .take_while(|_| !(self.inputs.stop)())
            .map(|order| start(&self.fleet, world, self.inputs.settings.seed, order))
            .filter(|start| !start.pending.is_empty());
        starts.max_by_key(|start| start.pending.len())
    }
}

/// How many of these pods a sample node takes, in turn.
fn carried(simulation: &mut Simulation, sample: NodeId, pending: &[PodId]) -> i128 {
    simulation.set_present(sample, true);
    let mut taken = Vec::new();
    for pod in pending {
        if simulation.accepts(*pod, sample) {
            simulation.bind(*pod, sample);
            taken.push(*pod);
        }
    }
    for pod in &taken {
        simulation.evict(*pod);
    }
    simulation.set_present(sample, false);
    i128::try_from(taken.len()).unwrap_or(i128::MAX)
}

/// The same node by another name.
fn named(node: &Node, name: &str) -> Node {
    let mut node = node.clone();
    node.name = name.to_owned();
    node.labels.insert(LABEL_HOSTNAME.to_owned(), name.to_owned());
    node
}
