//! Offerings that share one proof: equal ones, and those that another one implies.

use std::collections::BTreeMap;

use super::duals::Duals;
use crate::rejection::Rejection;
use crate::wellformed::{Sound, at};

/// Most sets of demands that are compared with one another; above, only equal ones are.
const SETS_MAX: usize = 512;
/// Most classes that are compared with one another; above, each is proven by itself.
const CLASSES_MAX: usize = 20_000;

/// An offering of unlimited quantity whose proof holds for others, too.
pub struct Class {
    /// Index of the offering.
    pub offering: usize,
    /// Its price with what it does to the spot share, in 1e-15 USD per hour; 0 or more.
    pub price: i128,
}

/// The demands that each offering may carry, ascending.
pub fn demands_by_offering(problem: &Sound) -> Vec<Vec<usize>> {
    let mut demands = vec![Vec::new(); problem.offerings.len()];
    for (index, demand) in problem.demands.iter().enumerate() {
        for offering in &demand.offerings {
            demands[at(*offering)].push(index);
        }
    }
    demands
}

/// The offerings that can be bought without limit, less those that another one implies: one that carries
/// the same demands and more, holds as much and more, and costs no more.
///
/// # Errors
/// [`Rejection::Unbounded`] if one has a negative price.
pub fn unlimited(problem: &Sound, duals: &Duals, eligible: &[Vec<usize>]) -> Result<Vec<Class>, Rejection> {
    let mut classes = Vec::new();
    for (index, offering) in problem.offerings.iter().enumerate() {
        if offering.quantity_max.is_some() || problem.owned[index] {
            continue;
        }
        let price = duals.price(problem, index).filter(|price| 0 <= *price);
        classes
            .push(Class { offering: index, price: price.ok_or(Rejection::Unbounded { offering: index })? });
    }
    classes.sort_by_key(|class| (class.price, class.offering));
    if CLASSES_MAX < classes.len() {
        return Ok(classes);
    }
    Ok(undominated(problem, eligible, classes))
}

fn undominated(problem: &Sound, eligible: &[Vec<usize>], by_price: Vec<Class>) -> Vec<Class> {
    let sets = Sets::new(eligible);
    let holds = |more: usize, less: usize| {
        let amounts = problem.offerings[more].capacity.iter().zip(&problem.offerings[less].capacity);
        amounts.into_iter().all(|(more, less)| less <= more) && sets.include(more, less)
    };
    // Of equal price the larger may come later: look at those, too.
    let mut kept: Vec<Class> = Vec::new();
    for class in by_price {
        if kept.iter().any(|other| holds(other.offering, class.offering)) {
            continue;
        }
        kept.retain(|other| other.price < class.price || !holds(class.offering, other.offering));
        kept.push(class);
    }
    kept
}

/// Which set of demands each offering may carry, and which of the sets include which.
struct Sets {
    by_offering: Vec<usize>,
    included: Vec<Vec<bool>>,
}

impl Sets {
    fn new(eligible: &[Vec<usize>]) -> Self {
        let mut ids = BTreeMap::new();
        let by_offering = eligible.iter().map(|set| {
            let next = ids.len();
            *ids.entry(set.as_slice()).or_insert(next)
        });
        let by_offering = by_offering.collect();
        if SETS_MAX < ids.len() {
            return Self { by_offering, included: Vec::new() };
        }
        let mut included = vec![vec![false; ids.len()]; ids.len()];
        for (more, row) in &ids {
            for (less, column) in &ids {
                included[*row][*column] = less.iter().all(|demand| more.binary_search(demand).is_ok());
            }
        }
        Self { by_offering, included }
    }

    fn include(&self, more: usize, less: usize) -> bool {
        let (more, less) = (self.by_offering[more], self.by_offering[less]);
        more == less || self.included.get(more).is_some_and(|row| row[less])
    }
}
