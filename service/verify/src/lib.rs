//! Is it true? Reads a [`Bundle`] of problem, plan and certificate, and proves or rejects it.
//!
//! Exact integers only, and no code in common with those who plan: whoever wrote the plan, this room
//! believes nothing but the problem. It never panics, whatever a bundle holds, and never does I/O beside
//! the reader that it is given.
//!
//! Start at [`verify`]: is the problem `wellformed`, is everything about it by its [`digest()`], is the plan
//! `feasible`, does it `cost` what it says, do the duals prove the [`floor`]?

pub mod bundle;
pub mod certificate;
mod cost;
mod digest;
mod feasible;
pub mod floor;
mod json;
pub mod plan;
pub mod problem;
mod proof;
pub mod rejection;
mod wellformed;

pub use bundle::{Bundle, ReadError, read};
pub use certificate::{Certificate, RowDual};
pub use digest::digest;
pub use plan::{Group, Placement, Plan};
pub use problem::Problem;
pub use proof::{Proof, verify};
pub use rejection::Rejection;
