//! What the best content of one node is worth: the kernel behind the bound, the columns and the repair.
//!
//! [`Knapsack`] is one supply at given prices; [`lp::multipliers`] prices its resources;
//! [`labels::search`] finds its best integer content, or proves how good that can be at most.

mod core;
mod knapsack;
pub mod labels;
pub mod lp;

pub use knapsack::{Content, Knapsack};
pub use labels::{Priced, fill, search};
