//! What a cluster cost and who caused it: charges, their allocation, and the questions asked of them.
//!
//! A [`Charge`] is one priced thing in one hour; [`Allocation`]s divide it among those who caused it, to the nano-dollar.
//! Both are made by [`settle()`] from what was seen ([`Observation`], [`Inventory`]) and from what the cloud says it
//! billed ([`crate::world::MachineLife`]); making them again gives the same rows.

mod inventory;
pub mod money;
mod observe;
mod rows;
mod seen;
mod settle;
pub mod split;
mod store;
mod support;
pub mod tariffs;
pub mod volumes;

pub use inventory::{BalancerUse, Inventory, Room, User, VolumeUse};
pub use observe::{LABEL_MODEL, LABEL_TEAM, Used, observe};
pub use rows::{Allocation, AllocationKind, Charge, HourRows, Item, Quality, Quantity, Share, SplitMethod};
pub use seen::{Observation, PodSeen};
pub use settle::{GAP_SECONDS_MAX, HourInput, SpotSteps, life_cost, settle};
pub use store::{
    Chunk, Condition, CostQuery, CostRow, CostTable, Dimension, ExportFormat, ExportOrder, ExportTable,
    Granularity, Ledger, LedgerError, Span,
};
pub use support::Support;
