//! From a recorded fleet to an answer, and from a failure to its reason.

use plimsoll_domain::problem::{Placed, Problem};
use plimsoll_domain::solution::{Bin, Group};

use crate::error::{SolveError, Uncarried, Why};
use crate::infeasible::{explain, hopeless};

use super::search::Record;
use super::state::State;
use super::terms::Terms;

/// A fleet as the contract writes it: running nodes in their order, then new ones by group.
pub(super) fn write(terms: &Terms<'_>, record: &Record) -> (Vec<Bin>, Vec<Group>) {
    let mut sorted: Vec<_> = record.iter().collect();
    sorted.sort_by_key(|(place, node, content)| (node.is_none(), *node, *place, content));
    let mut groups: Vec<Group> = Vec::new();
    let mut last: Option<(usize, u32)> = None;
    let mut bins = Vec::with_capacity(sorted.len());
    for (place, node, content) in sorted {
        let group = (node.is_none() && 0 < terms.problem.rules.groups_max).then(|| {
            last = Some(match last {
                Some((open, size)) if open == *place && !is_full(terms.problem, size) => (open, size + 1),
                _ => {
                    groups.push(Group { offerings: terms.places[*place].offerings.clone() });
                    (*place, 1)
                }
            });
            groups.len() as u32 - 1
        });
        let placed = content.iter().map(|(demand, count)| Placed { demand: *demand as u32, count: *count });
        bins.push(Bin {
            offering: terms.places[*place].offering,
            node: node.map(|node| node as u32),
            group,
            placed: placed.collect(),
        });
    }
    (bins, groups)
}

fn is_full(problem: &Problem, size: u32) -> bool {
    let most = problem.rules.nodes_per_group_max;
    0 < most && most <= size
}

/// Why there is no plan: the demands that fit nowhere, or those with pods that found no place, or, where
/// all have one, every demand: a rule over the fleet is broken.
pub(super) fn infeasible(state: &State<'_>) -> SolveError {
    let problem = state.terms.problem;
    let hopeless = hopeless(problem);
    if !hopeless.is_empty() {
        return SolveError::Infeasible(hopeless);
    }
    let is_left = |demand: &usize| 0 < state.unplaced[*demand];
    let mut named: Vec<usize> = (0..problem.demands.len()).filter(is_left).collect();
    if named.is_empty() {
        named = (0..problem.demands.len()).collect();
    }
    SolveError::Infeasible(named.into_iter().map(|demand| uncarried(problem, demand)).collect())
}

fn uncarried(problem: &Problem, demand: usize) -> Uncarried {
    let wanted = &problem.demands[demand];
    let quantity = |index: &u32| problem.offerings[*index as usize].quantity_max;
    let is_limited = wanted.offerings.iter().all(|index| quantity(index).is_some());
    let why = if is_limited { Why::Exhausted } else { Why::Rules };
    explain(problem, demand as u32, wanted, why)
}
