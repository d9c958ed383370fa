//! What is worth doing to nodes after their content changed: close the empty, shrink the half-full.

use super::state::State;

/// Closes and shrinks nodes that changed since a mark, where it saves and breaks no rule; and buys
/// what the on-demand base lacks.
pub(super) fn tidy(state: &mut State<'_>, mark: usize) {
    for bin in state.touched_since(mark) {
        if !state.bins[bin].is_open {
            continue;
        }
        if state.bins[bin].content.is_empty() {
            try_close(state, bin);
        } else if state.bins[bin].node.is_none() {
            shrink(state, bin);
        }
    }
    buy_base(state);
}

/// Closes an empty node if that saves and breaks no rule.
pub(super) fn try_close(state: &mut State<'_>, bin: usize) {
    let is_kept = state.bins[bin].node.is_some_and(|node| state.terms.problem.nodes[node].kept);
    if is_kept {
        return;
    }
    let (mark, excess, cost) = (state.mark(), state.excess(), state.totals.cost);
    state.close(bin);
    if excess < state.excess() || cost <= state.totals.cost {
        state.undo_to(mark);
    }
}

/// Replaces a bought node by the cheapest of its zone that holds the same.
fn shrink(state: &mut State<'_>, bin: usize) {
    let terms = state.terms;
    let place = state.bins[bin].place;
    let used: Vec<i64> = terms.places[place]
        .capacity
        .iter()
        .zip(state.free(bin))
        .map(|(capacity, free)| capacity - free)
        .collect();
    let content = state.bins[bin].content.clone();
    let suits = |other: &usize| {
        used.iter().zip(&terms.places[*other].capacity).all(|(used, capacity)| used <= capacity)
            && content.iter().all(|(demand, _)| terms.eligible.get(*other, *demand))
            && terms.places[*other].quantity_max.is_none_or(|most| state.totals.bought[*other] < most)
    };
    let zone = &terms.sale_by_zone[terms.places[place].zone];
    let cheaper =
        zone.iter().copied().take_while(|other| terms.places[*other].price < terms.places[place].price);
    let Some(other) = cheaper.into_iter().find(suits) else { return };
    let (mark, excess) = (state.mark(), state.excess());
    state.empty_and_close(bin);
    let bin = state.buy(other);
    for (demand, count) in content {
        state.add(bin, demand, count);
    }
    if excess < state.excess() {
        state.undo_to(mark);
    }
}

/// Buys the cheapest on-demand nodes until there are as many as the rules want.
fn buy_base(state: &mut State<'_>) {
    let terms = state.terms;
    while state.totals.lacks_on_demand(terms) {
        let sale = terms.sale_by_zone.iter().flatten().copied();
        let on_demand =
            sale.filter(|place| !terms.places[*place].spot && state.totals.may_buy(terms, *place));
        let Some(cheapest) = on_demand.min_by_key(|place| (terms.places[*place].price, *place)) else {
            return;
        };
        state.buy(cheapest);
    }
}
