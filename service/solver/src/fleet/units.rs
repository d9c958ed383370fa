//! Demands that must share one node are carried as one unit.

use std::collections::BTreeMap;

use plimsoll_domain::problem::Problem;

use super::admit::{Care, room};
use super::state::State;

/// Sets of demands that share a node, all pods of each.
pub(super) struct Units {
    /// By unit: its demands, ascending.
    pub(super) members: Vec<Vec<usize>>,
    of: Vec<Option<usize>>,
}

impl Units {
    pub(super) fn new(problem: &Problem) -> Self {
        let mut by_key: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (index, demand) in problem.demands.iter().enumerate() {
            if let Some(key) = demand.together.as_deref().filter(|key| key.starts_with("node/")) {
                by_key.entry(key).or_default().push(index);
            }
        }
        let members: Vec<Vec<usize>> = by_key.into_values().collect();
        let mut of = vec![None; problem.demands.len()];
        for (unit, demands) in members.iter().enumerate() {
            for demand in demands {
                of[*demand] = Some(unit);
            }
        }
        Self { members, of }
    }

    pub(super) fn unit_of(&self, demand: usize) -> Option<usize> {
        self.of[demand]
    }
}

/// Places every unit of which a pod is nowhere. Pods of a unit leave their node together, so that a
/// unit is either whole on one node or nowhere.
pub(super) fn place_all(state: &mut State<'_>, banned: &[usize]) {
    for unit in 0..state.terms.units.members.len() {
        let is_waiting = state.terms.units.members[unit].iter().any(|demand| 0 < state.unplaced[*demand]);
        if is_waiting {
            place(state, unit, banned);
        }
    }
}

fn place(state: &mut State<'_>, unit: usize, banned: &[usize]) {
    let terms = state.terms;
    for care in [Care::Strict, Care::Lenient] {
        let home = |bin: &usize| {
            let at_home =
                |demand: &usize| state.bins[*bin].node.map_or(0, |node| state.residents(node, *demand));
            terms.units.members[unit].iter().map(at_home).sum::<u32>()
        };
        let mut open: Vec<usize> = state.open_bins().collect();
        open.sort_by_key(|bin| (std::cmp::Reverse(home(bin)), *bin));
        if open.into_iter().any(|bin| try_on(state, unit, bin, care)) {
            return;
        }
        let closed: Vec<usize> = (0..terms.place_of_node.len())
            .filter(|node| !state.bins[*node].is_open && !banned.contains(node))
            .collect();
        if closed.into_iter().any(|node| {
            try_opening(state, unit, care, |state| {
                state.open(node);
                node
            })
        }) {
            return;
        }
        let mut sale: Vec<usize> = terms.sale_by_zone.iter().flatten().copied().collect();
        sale.sort_by_key(|place| (terms.places[*place].price, *place));
        for place in sale {
            let may_buy = state.totals.may_buy(terms, place)
                && (care == Care::Lenient || state.totals.keeps_shares(terms, place));
            if may_buy && try_opening(state, unit, care, |state| state.buy(place)) {
                return;
            }
        }
    }
}

fn try_opening(
    state: &mut State<'_>,
    unit: usize,
    care: Care,
    open: impl FnOnce(&mut State<'_>) -> usize,
) -> bool {
    let mark = state.mark();
    let bin = open(state);
    let is_placed = try_on(state, unit, bin, care);
    if !is_placed {
        state.undo_to(mark);
    }
    is_placed
}

/// Puts a whole unit on a node, or changes nothing.
fn try_on(state: &mut State<'_>, unit: usize, bin: usize, care: Care) -> bool {
    let (terms, mark) = (state.terms, state.mark());
    for demand in &terms.units.members[unit] {
        let wanted = state.unplaced[*demand];
        let mut left = wanted;
        while 0 < left {
            let count = room(state, bin, *demand, left, care);
            if count == 0 {
                state.undo_to(mark);
                return false;
            }
            state.add(bin, *demand, count);
            left -= count;
        }
    }
    true
}

/// Takes the whole unit of a demand off the nodes that hold it.
pub(super) fn take_off(state: &mut State<'_>, unit: usize, bin: usize) {
    for demand in &state.terms.units.members[unit] {
        let count = state.count(bin, *demand);
        if 0 < count {
            state.remove(bin, *demand, count);
        }
    }
}
