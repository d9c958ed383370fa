//! What is best: the cheapest fleet that carries the demand, and the proof of how good it is.
//!
//! Pure: no clock, no thread that outlives a call, the same input and seed give the same answer. Start at
//! [`solve`]; [`model`] is the problem as the kernels see it, [`bound`] proves floors, [`price`] finds the
//! best content of a node, [`pack`] plans where capacity is all there is, [`fleet`] everything else.

pub mod bound;
mod budget;
pub mod columns;
mod error;
pub mod fleet;
mod infeasible;
pub mod model;
pub mod pack;
pub mod price;
mod solve;

pub use budget::{Budget, Progress, Stage};
pub use error::{SolveError, Uncarried, Why};
pub use solve::solve;
