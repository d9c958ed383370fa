//! What a cluster cost and who caused it: charges, their allocation, and the questions asked of them.
//!
//! A [`Charge`] is one priced thing in one hour; [`Allocation`]s divide it among those who caused it, to the nano-dollar.
//! Both are made by [`settle()`] from what was seen ([`Observation`], [`Inventory`]) and from what the cloud says it
//! billed ([`crate::world::MachineLife`]); making them again gives the same rows.

pub mod alarm;
pub mod commitment;
mod fargate;
pub mod forecast;
mod inventory;
pub mod money;
mod observe;
mod pool;
mod replay;
mod rows;
pub mod savings;
mod seen;
mod settle;
pub mod split;
mod store;
mod support;
pub mod tariffs;
#[cfg(test)]
mod tests;
pub mod volumes;
pub mod waste;

pub use fargate::{FARGATE_RESERVE_MIB, FARGATE_SECONDS_MIN, FargateSize};
pub use inventory::{BalancerUse, Inventory, Room, User, VolumeUse};
pub use observe::{LABEL_MODEL, LABEL_TEAM, Used, observe};
pub use pool::{Pool, pools};
pub use replay::{OldGroup, REPLAY_NODES_MAX, ReplayError, ReplayedHour, replay};
pub use rows::{Allocation, AllocationKind, Charge, HourRows, Item, Quality, Quantity, Share, SplitMethod};
pub use seen::{Observation, PodSeen};
pub use settle::{GAP_SECONDS_MAX, HourInput, SpotSteps, life_cost, settle};
pub use store::{
    Chunk, Condition, CostQuery, CostRow, CostTable, Dimension, ExportFormat, ExportOrder, ExportTable,
    Granularity, Ledger, LedgerError, Span,
};
pub use support::Support;
