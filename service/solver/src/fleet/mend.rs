//! Tears down what breaks a rule, so that rebuilding can keep it.

use rand::Rng;
use rand::rngs::SmallRng;

use super::ruin::{at_home, call_back, pick, take};
use super::state::State;

/// Most nodes that one attempt closes for a rule.
const NODES_MAX: usize = 4;

/// A rule that is broken, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Fault {
    /// Too many pods in a zone: the rule on spreading, the zone, how many.
    Zone(usize, usize, u32),
    /// Too many pods on a node.
    Node(usize),
    /// Too much on spot.
    Spot,
    /// Too much in a zone.
    ZoneShare(usize),
    /// Too many nodes, or too many groups.
    Number,
    /// Too many pods moved.
    Moves,
}

/// Tears down a part of what breaks one of the broken rules. Returns the running nodes that it closed.
pub(super) fn mend(state: &mut State<'_>, rng: &mut SmallRng) -> Vec<usize> {
    let faults = faults(state);
    if faults.is_empty() {
        return Vec::new();
    }
    match faults[rng.random_range(0..faults.len())] {
        Fault::Zone(rule, zone, count) => thin_zone(state, rule, zone, count, rng),
        Fault::Node(rule) => thin_nodes(state, rule, rng),
        Fault::Spot => return close_some(state, |state, bin| place_of(state, bin).spot, rng),
        Fault::ZoneShare(zone) => return close_some(state, |state, bin| state.zone_of(bin) == zone, rng),
        Fault::Number => return close_group(state, rng),
        Fault::Moves => call_back(state, NODES_MAX, rng),
    }
    Vec::new()
}

fn place_of<'s>(state: &'s State<'_>, bin: usize) -> &'s super::place::Place {
    &state.terms.places[state.bins[bin].place]
}

fn faults(state: &State<'_>) -> Vec<Fault> {
    let (terms, totals) = (state.terms, &state.totals);
    let mut faults: Vec<Fault> = Vec::new();
    let zones = state.zone_counts.overfull(terms);
    faults.extend(zones.into_iter().map(|(rule, zone, count)| Fault::Zone(rule, zone, count)));
    faults.extend(state.node_counts.broken(terms).map(Fault::Node));
    if totals.is_above_spot_share(terms) {
        faults.push(Fault::Spot);
    }
    faults.extend(
        (0..terms.zones).filter(|zone| totals.is_above_zone_share(terms, *zone)).map(Fault::ZoneShare),
    );
    let rules = &terms.problem.rules;
    let is_above = |have: u32, most: u32| 0 < most && most < have;
    if is_above(totals.nodes, rules.nodes_max) || is_above(totals.groups(), rules.groups_max) {
        faults.push(Fault::Number);
    }
    if rules.moved_pods_max.is_some_and(|most| u64::from(most) < totals.moved) {
        faults.push(Fault::Moves);
    }
    faults
}

/// Takes surplus pods of a rule out of a zone, newcomers and residents alike.
fn thin_zone(state: &mut State<'_>, rule: usize, zone: usize, count: u32, rng: &mut SmallRng) {
    let counted = &state.terms.zone_spreads[rule].counted;
    let mut bins: Vec<usize> = state.open_bins().filter(|bin| state.zone_of(*bin) == zone).collect();
    bins.retain(|bin| state.bins[*bin].content.iter().any(|(demand, _)| counted[*demand]));
    let mut left = rng.random_range(1..=count);
    while 0 < left && !bins.is_empty() {
        let bin = bins.swap_remove(rng.random_range(0..bins.len()));
        let here = state.bins[bin].content.iter().find(|(demand, _)| counted[*demand]).copied();
        let Some((demand, have)) = here else { continue };
        let out = have.min(left);
        take(state, bin, demand, out);
        left -= out;
    }
}

/// Takes surplus pods of a rule off the nodes that hold too many.
fn thin_nodes(state: &mut State<'_>, rule: usize, rng: &mut SmallRng) {
    let spread = &state.terms.node_spreads[rule];
    for (bin, surplus) in state.node_counts.overfull(state, rule) {
        let content = state.bins[bin].content.clone();
        let mut left = surplus;
        for (demand, have) in content.into_iter().filter(|(demand, _)| spread.counted[*demand]) {
            let out = have.min(left);
            if 0 < out && rng.random_bool(0.8) {
                take(state, bin, demand, out);
                left -= out;
            }
        }
    }
}

/// Closes a few nodes of a kind, as far as the budget of moves allows.
fn close_some(
    state: &mut State<'_>,
    is_meant: impl Fn(&State<'_>, usize) -> bool,
    rng: &mut SmallRng,
) -> Vec<usize> {
    let mut open: Vec<usize> =
        state.open_bins().filter(|bin| is_meant(state, *bin) && may_close(state, *bin)).collect();
    let mut closed = Vec::new();
    for _ in 0..rng.random_range(1..=NODES_MAX) {
        open.retain(|bin| may_close(state, *bin));
        let Some(bin) = pick(&open, rng) else { break };
        open.retain(|other| *other != bin);
        state.empty_and_close(bin);
        closed.extend(state.bins[bin].node);
    }
    closed
}

fn may_close(state: &State<'_>, bin: usize) -> bool {
    state.bins[bin].node.is_none_or(|node| {
        !state.terms.problem.nodes[node].kept && at_home(state, node) <= state.totals.moves_left(state.terms)
    })
}

/// Closes the nodes of one existing group, if the budget of moves allows, or a few nodes.
fn close_group(state: &mut State<'_>, rng: &mut SmallRng) -> Vec<usize> {
    let terms = state.terms;
    if terms.groups == 0 || rng.random_bool(0.5) {
        return close_some(state, |_, _| true, rng);
    }
    let group = rng.random_range(0..terms.groups);
    let of_group = |node: &usize| terms.group_of_node[*node] == Some(group) && state.bins[*node].is_open;
    let nodes: Vec<usize> = (0..terms.place_of_node.len()).filter(of_group).collect();
    let mut closed = Vec::new();
    for node in nodes {
        if may_close(state, node) {
            state.empty_and_close(node);
            closed.push(node);
        }
    }
    closed
}
