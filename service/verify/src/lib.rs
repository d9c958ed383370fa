//! Is it true? Reads a [`Bundle`] of problem, plan and certificate, and proves or rejects it.
//!
//! Exact integers only, and no code in common with those who plan: whoever wrote the plan, this room
//! believes nothing but the problem. It never panics, whatever a bundle holds, and never does I/O beside
//! the reader that it is given.
//!
//! Start at [`verify`]: first [`digest`](mod@digest), then [`feasible`], then [`cost`], then [`floor`].

pub mod bundle;
pub mod certificate;
pub mod cost;
pub mod digest;
pub mod feasible;
pub mod floor;
mod json;
pub mod plan;
pub mod problem;
pub mod proof;
pub mod rejection;
pub mod wellformed;

pub use bundle::{Bundle, ReadError, read};
pub use certificate::{Certificate, RowDual};
pub use digest::digest;
pub use plan::{Group, Placement, Plan};
pub use problem::Problem;
pub use proof::{Proof, verify};
pub use rejection::Rejection;
