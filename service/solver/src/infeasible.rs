//! Demands that nothing can carry, and what comes closest.

use plimsoll_domain::problem::{Demand, OfferingIndex, Problem};

use crate::error::{Uncarried, Why};
use crate::model::Model;

/// Demands that no eligible offering can carry even alone.
pub(crate) fn hopeless(problem: &Problem) -> Vec<Uncarried> {
    let is_short = |demand: &Demand, offering: OfferingIndex| {
        let capacity = &problem.offerings[offering as usize].capacity;
        demand.request.iter().zip(capacity).any(|(request, capacity)| request > capacity)
    };
    (0u32..)
        .zip(&problem.demands)
        .filter(|(_, demand)| demand.offerings.iter().all(|&offering| is_short(demand, offering)))
        .map(|(index, demand)| {
            let why = if demand.offerings.is_empty() { Why::NoOffering } else { Why::TooLarge };
            explain(problem, index, demand, why)
        })
        .collect()
}

/// Demands of the items of which some remain though everything that could be bought was looked at.
pub(crate) fn exhausted(problem: &Problem, model: &Model, remaining: &[u32]) -> Vec<Uncarried> {
    let is_left = |index: &u32| remaining[model.item_of[*index as usize] as usize] > 0;
    let left = (0..problem.demands.len() as u32).filter(is_left);
    left.map(|index| explain(problem, index, &problem.demands[index as usize], Why::Exhausted)).collect()
}

/// Names the offering that comes closest to carrying one pod of a demand, and what it lacks.
pub(crate) fn explain(problem: &Problem, index: u32, demand: &Demand, why: Why) -> Uncarried {
    let lack = |&offering: &OfferingIndex| {
        let capacity = &problem.offerings[offering as usize].capacity;
        let ratio = |(r, (request, capacity)): (usize, (&i64, &i64))| {
            (*request as f64 / (*capacity).max(1) as f64, r, request > capacity)
        };
        let worst = demand.request.iter().zip(capacity).enumerate().map(ratio);
        worst.fold((0.0, 0, false), |worst, next| if next.0 > worst.0 { next } else { worst })
    };
    let nearest = demand
        .offerings
        .iter()
        .map(|offering| (*offering, lack(offering)))
        .min_by(|a, b| a.1.0.total_cmp(&b.1.0).then(a.0.cmp(&b.0)));
    Uncarried {
        demand: index,
        why,
        nearest: nearest.map(|(offering, _)| offering),
        short: nearest.filter(|(_, (_, _, is_short))| *is_short).map(|(_, (_, r, _))| r),
    }
}
