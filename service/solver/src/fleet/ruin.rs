//! What to tear down before rebuilding: nodes that may not be worth their price, and pods in the way.

use rand::Rng;
use rand::rngs::SmallRng;

use super::mend::mend;
use super::recreate::go_home;
use super::state::State;
use super::units;

/// Most running nodes that one attempt empties.
const NODES_MAX: usize = 4;
/// Most bought nodes that one attempt tears down.
const BOUGHT_MAX: usize = 8;
/// Most nodes of a place that is torn down as a whole.
const KIND_MAX: u32 = 48;
/// Most places that are torn down as a whole in one attempt: two groups may become one.
const KINDS_MAX: u32 = 3;
/// How often whole groups are torn down where groups are few.
const KINDS_CHANCE: f64 = 0.3;
/// Entrants of which the best is torn down: more make the choice greedier.
const ENTRANTS: usize = 3;

/// Ways of tearing down that are tried before an attempt is given up.
const TRIES_MAX: usize = 4;
/// How often what breaks a rule is torn down first, while a rule is broken.
const MEND_CHANCE: f64 = 0.7;
/// Most running nodes that one attempt keeps after all.
const REOPEN_MAX: usize = 3;

/// Tears down a part of the fleet. Returns the running nodes that it closed; none if it did nothing.
pub(super) fn ruin(state: &mut State<'_>, rng: &mut SmallRng) -> Option<Vec<usize>> {
    let mark = state.mark();
    if state.has_faults() && rng.random_bool(MEND_CHANCE) {
        let closed = mend(state, rng);
        if mark < state.mark() {
            return Some(closed);
        }
    }
    for _ in 0..TRIES_MAX {
        let closed = one_way(state, rng);
        if mark < state.mark() {
            return Some(closed);
        }
    }
    None
}

fn one_way(state: &mut State<'_>, rng: &mut SmallRng) -> Vec<usize> {
    let mut closed = Vec::new();
    if state.totals.is_short_of_groups(state.terms) && rng.random_bool(KINDS_CHANCE) {
        close_kinds(state, rng);
        return closed;
    }
    match rng.random_range(0..15_u32) {
        0..=3 => close_nodes(state, NODES_MAX, &mut closed, rng),
        4..=6 => close_bought(state, BOUGHT_MAX, rng),
        7 => {
            close_nodes(state, 2, &mut closed, rng);
            close_bought(state, 3, rng);
        }
        8 => close_kinds(state, rng),
        9 => loosen_demand(state, rng),
        10 => loosen_bins(state, rng),
        11 => call_back(state, 1, rng),
        _ => {
            call_back(state, REOPEN_MAX, rng);
            close_nodes(state, NODES_MAX, &mut closed, rng);
        }
    }
    closed
}

/// Empties and closes some running nodes, as far as the budget of moves allows.
fn close_nodes(state: &mut State<'_>, most: usize, closed: &mut Vec<usize>, rng: &mut SmallRng) {
    let wanted = rng.random_range(1..=most);
    let nodes = &state.terms.problem.nodes;
    let mut open: Vec<usize> =
        (0..nodes.len()).filter(|node| state.bins[*node].is_open && !nodes[*node].kept).collect();
    for _ in 0..wanted {
        open.retain(|node| at_home(state, *node) <= state.totals.moves_left(state.terms));
        let Some(at) = tournament(&open, rng, |node| node_gain(state, node)) else { return };
        let node = open.swap_remove(at);
        state.empty_and_close(node);
        closed.push(node);
    }
}

/// Pods on a running node that live there.
pub(super) fn at_home(state: &State<'_>, node: usize) -> u64 {
    let content = state.bins[node].content.iter();
    content.map(|(demand, count)| u64::from((*count).min(state.residents(node, *demand)))).sum()
}

/// What closing a running node saves by pod that has to move: the price, less what the pods would cost
/// elsewhere.
fn node_gain(state: &State<'_>, node: usize) -> f64 {
    let (terms, bin) = (state.terms, &state.bins[node]);
    let pods: f64 =
        bin.content.iter().map(|(demand, count)| pod_cost(state, *demand) * f64::from(*count)).sum();
    let number: u32 = bin.content.iter().map(|(_, count)| count).sum();
    let saved = terms.places[bin.place].price - terms.problem.nodes[node].drain_cost.nano_usd();
    (saved as f64 - pods) / f64::from(number + 1)
}

fn pod_cost(state: &State<'_>, demand: usize) -> f64 {
    let shape = &state.terms.shapes[demand];
    shape.worth + shape.move_cost as f64
}

/// Closes some bought nodes, those that carry little for their price first, often of one zone.
fn close_bought(state: &mut State<'_>, most: usize, rng: &mut SmallRng) {
    let wanted = rng.random_range(1..=most);
    let mut open: Vec<usize> = state.open_bins().filter(|bin| state.bins[*bin].node.is_none()).collect();
    let zone = rng.random_bool(0.5).then(|| rng.random_range(0..state.terms.zones));
    if let Some(zone) = zone.filter(|zone| open.iter().any(|bin| state.zone_of(*bin) == *zone)) {
        open.retain(|bin| state.zone_of(*bin) == zone);
    }
    for _ in 0..wanted {
        let Some(at) = tournament(&open, rng, |bin| bought_gain(state, bin)) else { return };
        let bin = open.swap_remove(at);
        state.empty_and_close(bin);
    }
}

/// Price of a bought node over what its pods are worth.
fn bought_gain(state: &State<'_>, bin: usize) -> f64 {
    let bin = &state.bins[bin];
    let shapes = &state.terms.shapes;
    let worth: f64 =
        bin.content.iter().map(|(demand, count)| shapes[*demand].worth * f64::from(*count)).sum();
    state.terms.places[bin.place].price as f64 / worth.max(1.0)
}

/// Closes all bought nodes of a few places.
fn close_kinds(state: &mut State<'_>, rng: &mut SmallRng) {
    for _ in 0..rng.random_range(1..=KINDS_MAX) {
        close_kind(state, rng);
    }
}

/// Closes all bought nodes of one place, so that a whole group goes, if they are not many.
fn close_kind(state: &mut State<'_>, rng: &mut SmallRng) {
    let used = |place: &usize| (1..=KIND_MAX).contains(&state.totals.bought[*place]);
    let used: Vec<usize> = (0..state.terms.places.len()).filter(used).collect();
    let Some(place) = pick(&used, rng) else { return };
    let is_of_place = |bin: &usize| state.bins[*bin].node.is_none() && state.bins[*bin].place == place;
    let bins: Vec<usize> = state.open_bins().filter(is_of_place).collect();
    for bin in bins {
        state.empty_and_close(bin);
    }
}

/// Takes a demand off every node where it does not live.
fn loosen_demand(state: &mut State<'_>, rng: &mut SmallRng) {
    if state.terms.shapes.is_empty() {
        return;
    }
    let demand = rng.random_range(0..state.terms.shapes.len());
    for bin in 0..state.bins.len() {
        if state.bins[bin].is_open {
            take_strangers(state, bin, demand);
        }
    }
}

/// Takes newcomers off some nodes, and some residents if there are moves to spare.
fn loosen_bins(state: &mut State<'_>, rng: &mut SmallRng) {
    let open: Vec<usize> = state.open_bins().collect();
    for _ in 0..rng.random_range(1..=BOUGHT_MAX) {
        let Some(bin) = pick(&open, rng) else { return };
        for (demand, count) in state.bins[bin].content.clone() {
            let draw = rng.random_range(0..8_u32);
            if draw < 4 {
                take_strangers(state, bin, demand);
            } else if draw == 4 && u64::from(count) <= state.totals.moves_left(state.terms) {
                take(state, bin, demand, count);
            }
        }
    }
}

/// Takes off the pods of a demand that do not live on the node.
fn take_strangers(state: &mut State<'_>, bin: usize, demand: usize) {
    let residents = state.bins[bin].node.map_or(0, |node| state.residents(node, demand));
    let count = state.count(bin, demand).saturating_sub(residents);
    if 0 < count {
        take(state, bin, demand, count);
    }
}

/// Takes pods off a node, with the whole unit if they are of one.
pub(super) fn take(state: &mut State<'_>, bin: usize, demand: usize, count: u32) {
    match state.terms.shapes[demand].unit {
        Some(unit) => units::take_off(state, unit, bin),
        None => {
            let count = count.min(state.count(bin, demand));
            if 0 < count {
                state.remove(bin, demand, count);
            }
        }
    }
}

/// Keeps some running nodes after all, and calls their pods home.
pub(super) fn call_back(state: &mut State<'_>, most: usize, rng: &mut SmallRng) {
    let nodes = state.terms.place_of_node.len();
    for _ in 0..rng.random_range(1..=most) {
        let closed: Vec<usize> = (0..nodes).filter(|node| !state.bins[*node].is_open).collect();
        let Some(node) = pick(&closed, rng) else { return };
        state.open(node);
        for resident in &state.terms.problem.nodes[node].residents {
            let demand = resident.demand as usize;
            if state.terms.eligible.get(state.bins[node].place, demand) {
                call_home(state, demand, resident.count);
                go_home(state, demand);
            }
        }
    }
}

/// Takes up to `count` pods of a demand off nodes where they are not at home, the newest nodes first.
fn call_home(state: &mut State<'_>, demand: usize, count: u32) {
    let mut left = count;
    for bin in (0..state.bins.len()).rev() {
        if left == 0 {
            return;
        }
        if !state.bins[bin].is_open {
            continue;
        }
        let residents = state.bins[bin].node.map_or(0, |node| state.residents(node, demand));
        let strangers = state.count(bin, demand).saturating_sub(residents).min(left);
        if 0 < strangers {
            take(state, bin, demand, strangers);
            left -= strangers;
        }
    }
}

pub(super) fn pick(list: &[usize], rng: &mut SmallRng) -> Option<usize> {
    if list.is_empty() { None } else { Some(list[rng.random_range(0..list.len())]) }
}

/// Position of the best of a few entrants drawn from a list.
fn tournament(list: &[usize], rng: &mut SmallRng, gain: impl Fn(usize) -> f64) -> Option<usize> {
    if list.is_empty() {
        return None;
    }
    let entrants = rng.random_range(1..=ENTRANTS);
    let drawn: Vec<usize> = (0..entrants).map(|_| rng.random_range(0..list.len())).collect();
    drawn.into_iter().max_by(|a, b| gain(list[*a]).total_cmp(&gain(list[*b])).then(b.cmp(a)))
}
