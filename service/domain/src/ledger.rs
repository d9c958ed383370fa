//! What a cluster cost and who caused it: charges, their allocation, and the questions asked of them.
//!
//! A [`Charge`] is one priced thing in one hour; [`Allocation`]s divide it among those who caused it, to the nano-dollar.
//! Both are made from what was seen ([`Observation`]) and from what the cloud says it billed
//! ([`crate::world::MachineLife`]); making them again gives the same rows.

mod rows;
mod seen;
mod store;

pub use rows::{Allocation, AllocationKind, Charge, HourRows, Item, Quality, Quantity, Share, SplitMethod};
pub use seen::{Observation, PodSeen};
pub use store::{
    Chunk, Condition, CostQuery, CostRow, CostTable, Dimension, ExportFormat, ExportOrder, ExportTable,
    Granularity, Ledger, LedgerError, Span,
};
