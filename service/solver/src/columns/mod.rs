//! Column generation: the linear program over contents of whole nodes, and the bound that it leads to.

mod column;
mod generate;
mod master;
mod pricer;

pub use column::Column;
pub use generate::{Generated, Options, generate};
pub(crate) use pricer::{fixed_part, priced_at};
