//! Bounds of the objective from below.
//!
//! [`fluid`] is fast and fits any model; [`crate::columns`] raises what it finds; [`certify`] turns any
//! prices into a proof.

mod certify;
pub mod fluid;
mod whole;

pub use certify::{Certified, certify, certify_float};
pub use fluid::{FloatDuals, fluid};
pub use whole::{of_problem, value};
