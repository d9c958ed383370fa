//! Judges a fleet: shares no code with any solver, and believes nothing that it can count.
//!
//! [`check`] reads a problem that passed [`Problem::validate`](crate::problem::Problem::validate) and the
//! bins and groups of an answer, and names every rule that the answer breaks. What the rules are is
//! said in the comments of `plimsoll.v1.Problem`. Linear in bins, contents and rules.

mod contents;
mod door;
mod groups;
mod rules;
#[cfg(test)]
mod tests;
mod topology;
mod violation;

pub use door::ProblemError;
pub use violation::Violation;

use crate::problem::{OfferingIndex, Problem};
use crate::solution::{Bin, Group};

/// Names every rule of `problem` that a fleet breaks; none: the fleet may be built.
///
/// Deterministic: violations come in the order of the bins, then of the demands, then of the rules.
/// An index out of range, in a bin or a group, ends the judgement with that violation alone.
pub fn check(problem: &Problem, bins: &[Bin], groups: &[Group]) -> Vec<Violation> {
    let case = Case::new(problem, bins, groups);
    let mut found = contents::malformed(&case);
    if !found.is_empty() {
        return found;
    }
    contents::judge(&case, &mut found);
    groups::judge(&case, &mut found);
    topology::judge(&case, &mut found);
    rules::judge(&case, &mut found);
    found
}

/// What is judged, with the few figures that several judges look up.
struct Case<'a> {
    problem: &'a Problem,
    bins: &'a [Bin],
    groups: &'a [Group],
    /// By offering: whether a running node refers to it, so that it cannot be bought.
    is_existing: Vec<bool>,
}

impl<'a> Case<'a> {
    fn new(problem: &'a Problem, bins: &'a [Bin], groups: &'a [Group]) -> Self {
        let mut is_existing = vec![false; problem.offerings.len()];
        for node in &problem.nodes {
            is_existing[node.offering as usize] = true;
        }
        Self { problem, bins, groups, is_existing }
    }

    /// The offerings that a bin may turn out to be: those of its group, or its own.
    fn faces(&self, bin: &'a Bin) -> &'a [OfferingIndex] {
        match bin.group {
            Some(group) => &self.groups[group as usize].offerings,
            None => std::slice::from_ref(&bin.offering),
        }
    }

    /// A bin's name for people: its node's, or its position.
    fn name(&self, bin: usize) -> String {
        match self.bins[bin].node {
            Some(node) => self.problem.nodes[node as usize].name.clone(),
            None => format!("#{bin}"),
        }
    }

    fn demand(&self, index: u32) -> String {
        self.problem.demands[index as usize].id.clone()
    }

    fn offering(&self, index: u32) -> String {
        self.problem.offerings[index as usize].id.clone()
    }

    fn zone(&self, bin: &Bin) -> &'a str {
        &self.problem.offerings[bin.offering as usize].zone
    }
}
