//! From a recorded fleet to an answer, and from a failure to its reason.

use plimsoll_domain::problem::{OfferingIndex, Placed, Problem};
use plimsoll_domain::solution::{Bin, Group};

use crate::error::{SolveError, Uncarried, Why};

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

/// Why there is no plan: the demands with pods that are nowhere, or, where all have a place, those that
/// declare rules; at least one.
pub(super) fn infeasible(state: &State<'_>) -> SolveError {
    let problem = state.terms.problem;
    let is_left = |demand: &usize| 0 < state.unplaced[*demand];
    let mut named: Vec<usize> = (0..problem.demands.len()).filter(is_left).collect();
    if named.is_empty() {
        named = (0..problem.demands.len()).collect();
    }
    SolveError::Infeasible(named.into_iter().map(|demand| uncarried(state.terms, demand)).collect())
}

fn uncarried(terms: &Terms<'_>, demand: usize) -> Uncarried {
    let problem = terms.problem;
    let offerings = &problem.demands[demand].offerings;
    let nearest = offerings.iter().copied().min_by(|a, b| {
        let lack = |index: &OfferingIndex| lacks(problem, demand, *index).0;
        lack(a).total_cmp(&lack(b)).then(a.cmp(b))
    });
    let (share, resource) = nearest.map_or((0.0, 0), |index| lacks(problem, demand, index));
    let is_limited = |index: &OfferingIndex| problem.offerings[*index as usize].quantity_max.is_some();
    let why = match nearest {
        None => Why::NoOffering,
        Some(_) if 1.0 < share => Why::TooLarge,
        Some(_) if offerings.iter().all(is_limited) => Why::Exhausted,
        Some(_) => Why::Rules,
    };
    let short = (1.0 < share).then_some(resource);
    Uncarried { demand: demand as u32, why, nearest, short }
}

/// The largest share of an offering that a pod asks for, above 1 if it does not fit, and of what.
fn lacks(problem: &Problem, demand: usize, offering: OfferingIndex) -> (f64, usize) {
    let asks = problem.demands[demand].request.iter().zip(&problem.offerings[offering as usize].capacity);
    let share = |(ask, has): (&i64, &i64)| match (*ask, *has) {
        (0, _) => 0.0,
        (_, 0) => f64::INFINITY,
        (ask, has) => ask as f64 / has as f64,
    };
    let shares = asks.map(share).zip(0..);
    shares.fold((0.0, 0), |most, next| if most.0 < next.0 { next } else { most })
}
