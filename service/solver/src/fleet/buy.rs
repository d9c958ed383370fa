//! Which node to open for the pods that found no room.

use rand::Rng;
use rand::rngs::SmallRng;

use super::admit::{Care, copies, meets_conflict, room, zone_room};
use super::recreate::Taste;
use super::state::State;

/// What makes one node better than another.
#[derive(Clone, Copy, Debug)]
pub(super) enum Choice {
    /// Least price for what it carries: right where many pods wait.
    Ratio,
    /// Least price, plus the worth times this factor of the pods that it leaves waiting.
    Rest(f64),
}

/// Most running nodes that are compared for being kept after all.
const REOPEN_MAX: usize = 8;
/// Most nodes like those bought already that are compared.
const KNOWN_MAX: usize = 1;

/// A node that may be opened.
#[derive(Clone, Copy, Debug)]
enum Candidate {
    New(usize),
    /// A running node that the plan had left out.
    Again(usize),
}

/// What a node would carry.
struct Load {
    /// Price and fee, less what is saved by not draining it and by pods that need not move.
    price: f64,
    /// Worth of the pods.
    worth: f64,
}

/// Opens nodes.
pub(super) struct Buyer<'t> {
    pub(super) taste: &'t Taste,
    pub(super) banned: &'t [usize],
    pub(super) care: Care,
}

impl Buyer<'_> {
    /// Opens nodes until every pod of these demands has a place, or can have none.
    pub(super) fn buy_for(&self, state: &mut State<'_>, waiting: &[usize], rng: &mut SmallRng) {
        let mut waiting = waiting.to_vec();
        while let Some(first) = waiting.first().copied() {
            if state.terms.is_cancelled() {
                return;
            }
            match self.best(state, &waiting, rng) {
                Some(candidate) => {
                    let left = state.unplaced[first];
                    self.open(state, candidate, &waiting);
                    waiting.retain(|demand| 0 < state.unplaced[*demand]);
                    if state.unplaced[first] == left {
                        waiting.retain(|demand| *demand != first);
                    }
                }
                None => drop(waiting.remove(0)),
            }
        }
    }

    fn best(&self, state: &State<'_>, waiting: &[usize], rng: &mut SmallRng) -> Option<Candidate> {
        let limits = Limits::new(state, waiting, self.care);
        let all: f64 = waiting
            .iter()
            .map(|demand| state.terms.shapes[*demand].worth * f64::from(state.unplaced[*demand]))
            .sum();
        let mut best: Option<(f64, Candidate)> = None;
        for candidate in self.candidates(state, waiting, &limits, rng) {
            let Some(load) = self.load(state, waiting, &limits, candidate) else { continue };
            let score = match self.taste.choice {
                Choice::Ratio => load.price / load.worth,
                Choice::Rest(factor) => load.price + factor * (all - load.worth),
            };
            if best.is_none_or(|(least, _)| score < least) {
                best = Some((score, candidate));
            }
        }
        best.map(|(_, candidate)| candidate)
    }

    /// Nodes that can carry the first waiting demand: some like those bought already, a sample of what else
    /// is for sale, and some running nodes that were left out.
    fn candidates(
        &self,
        state: &State<'_>,
        waiting: &[usize],
        limits: &Limits,
        rng: &mut SmallRng,
    ) -> Vec<Candidate> {
        let (terms, first) = (state.terms, waiting[0]);
        let is_on_sale = |place: &usize| {
            0 < limits.zone_room(0, terms.places[*place].zone)
                && state.totals.may_buy(terms, *place)
                && (self.care == Care::Lenient || state.totals.keeps_shares(terms, *place))
        };
        let bought = (0..terms.places.len()).filter(|place| 0 < state.totals.bought[*place]);
        let known: Vec<usize> = bought.filter(|place| terms.can_hold(*place, first)).collect();
        let mut sale: Vec<usize> = around(&known, rng).filter(is_on_sale).take(KNOWN_MAX).collect();
        let all = &terms.sale_by_demand[first];
        if all.len() <= self.taste.sample || sale.is_empty() {
            sale.extend(around(all, rng).filter(is_on_sale).take(self.taste.sample));
        } else {
            let drawn = (0..self.taste.sample).map(|_| all[rng.random_range(0..all.len())]);
            sale.extend(drawn.filter(is_on_sale));
        }
        let is_left_out = |node: &usize| {
            !state.bins[*node].is_open
                && !self.banned.contains(node)
                && terms.can_hold(state.bins[*node].place, first)
                && 0 < limits.zone_room(0, state.zone_of(*node))
                && state.totals.may_reopen(terms, *node)
        };
        let nodes: Vec<usize> = (0..terms.place_of_node.len()).collect();
        let again_max = if self.taste.reopens { REOPEN_MAX } else { 0 };
        let again = around(&nodes, rng).filter(is_left_out).take(again_max);
        sale.into_iter().map(Candidate::New).chain(again.map(Candidate::Again)).collect()
    }

    /// What a node would take of the waiting pods, in their order; none if not the first of them.
    fn load(
        &self,
        state: &State<'_>,
        waiting: &[usize],
        limits: &Limits,
        candidate: Candidate,
    ) -> Option<Load> {
        let terms = state.terms;
        let (index, node) = match candidate {
            Candidate::New(place) => (place, None),
            Candidate::Again(node) => (state.bins[node].place, Some(node)),
        };
        let place = &terms.places[index];
        let running = node.map(|node| &terms.problem.nodes[node]);
        let mut load = Load { price: place.price as f64, worth: 0.0 };
        let starts_group = match node {
            Some(node) => state.totals.revives_group(terms, node),
            None => state.totals.starts_group(terms, index),
        };
        if starts_group {
            load.price += self.taste.fee;
        }
        load.price -= running.map_or(0.0, |node| node.drain_cost.nano_usd() as f64);
        let mut free = place.capacity.clone();
        let mut content: Vec<(usize, u32)> = Vec::new();
        for (at, demand) in waiting.iter().enumerate() {
            if !terms.eligible.get(index, *demand) {
                continue;
            }
            let shape = &terms.shapes[*demand];
            let residents = node.map_or(0, |node| state.residents(node, *demand));
            let sealed_max = if running.is_some_and(|node| node.sealed) { residents } else { u32::MAX };
            let wanted = state.unplaced[*demand].min(shape.node_max).min(sealed_max);
            let wanted = wanted.min(limits.zone_room(at, place.zone)).min(limits.node_max[at]);
            let count = copies(&free, &shape.request, wanted);
            if count == 0 || meets_conflict(shape, &content) {
                continue;
            }
            for (free, ask) in free.iter_mut().zip(&shape.request) {
                *free -= ask * i64::from(count);
            }
            content.push((*demand, count));
            load.worth += shape.worth * f64::from(count);
            load.price -= shape.move_cost as f64 * f64::from(count.min(residents));
        }
        (content.first().is_some_and(|(demand, _)| *demand == waiting[0]) && 0.0 < load.worth).then_some(load)
    }

    fn open(&self, state: &mut State<'_>, candidate: Candidate, waiting: &[usize]) {
        let bin = match candidate {
            Candidate::New(place) => state.buy(place),
            Candidate::Again(node) => {
                state.open(node);
                node
            }
        };
        for demand in waiting {
            let count = room(state, bin, *demand, state.unplaced[*demand], self.care);
            if 0 < count {
                state.add(bin, *demand, count);
            }
        }
    }
}

/// A list once around from a random start.
fn around<'l>(list: &'l [usize], rng: &mut SmallRng) -> impl Iterator<Item = usize> + use<'l> {
    let start = if list.is_empty() { 0 } else { rng.random_range(0..list.len()) };
    list[start..].iter().chain(&list[..start]).copied()
}

/// How many pods of each waiting demand a zone, and a new node, admits.
struct Limits {
    zones: usize,
    zone_room: Vec<u32>,
    node_max: Vec<u32>,
}

impl Limits {
    fn new(state: &State<'_>, waiting: &[usize], care: Care) -> Self {
        let terms = state.terms;
        let mut limits = Self { zones: terms.zones, zone_room: Vec::new(), node_max: Vec::new() };
        for demand in waiting {
            let shape = &terms.shapes[*demand];
            let wanted = state.unplaced[*demand];
            for zone in 0..terms.zones {
                let any = || {
                    terms.sale_by_demand[*demand].iter().copied().find(|at| terms.places[*at].zone == zone)
                };
                let any_place = if shape.is_local { None } else { any() };
                let room = any_place.map_or(wanted, |place| zone_room(state, place, *demand, wanted, care));
                limits.zone_room.push(room);
            }
            let skews = shape.node_spreads.iter().filter(|rule| terms.node_spreads[**rule].counted[*demand]);
            let skew = skews.map(|rule| terms.node_spreads[*rule].skew).min();
            limits.node_max.push(if care == Care::Strict { skew.unwrap_or(u32::MAX) } else { u32::MAX });
        }
        limits
    }

    /// `at`: position of the demand among the waiting ones.
    fn zone_room(&self, at: usize, zone: usize) -> u32 {
        self.zone_room[at * self.zones + zone]
    }
}
