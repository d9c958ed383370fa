//! Bounds of the objective from below.

mod certify;
pub mod fluid;

use plimsoll_domain::problem::Problem;

use crate::budget::Budget;
use crate::model::{Model, Options};
pub use certify::{Certified, certify, certify_float};
pub use fluid::{FloatDuals, fluid};

/// A proven bound of any problem.
pub fn of_problem(problem: &Problem, _budget: &Budget<'_>) -> Certified {
    let model = Model::new(problem, &Options::default());
    certify_float(&model, &fluid(&model, &fluid::Options::default()))
}
