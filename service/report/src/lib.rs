//! What it cost: the ledger, kept as Parquet files that other engines read, too.
//!
//! [`Lake`] implements [`plimsoll_domain::ledger::Ledger`] on a folder or a bucket. It never decides what a row says, and
//! never writes to a cluster from two processes at once: that is for whoever holds the cluster's lease.
//!
//! ```text
//! charges/cluster=<c>/date=<yyyy-mm-dd>/      hour-07-<digest>.parquet while the day is open, then day-<digest>.parquet
//! allocations/cluster=<c>/date=<yyyy-mm-dd>/  the same
//! samples/cluster=<c>/date=<yyyy-mm-dd>/      at-<nanoseconds>.parquet, then day-<digest>.parquet
//! manifests/cluster=<c>/date=<yyyy-mm-dd>.json  which files of the first two count, and which hours of each
//! ```
//!
//! A name never means other bytes, and a change is one manifest replaced: files are written before it and dropped after.
//! So whoever reads by manifests sees an hour once, always; whoever reads the folders (the engines of `ddl/`) may see one
//! twice between those two steps. Money is decimal(38, 9), prices and quantities decimal(38, 18), moments UTC in
//! microseconds, names are those of FOCUS 1.2; sums leave here as `i128`.
//!
//! Start at `lake.rs`; then `manifest.rs` for what counts, `write.rs` and `compact.rs` for the order of steps, `query.rs`.

mod compact;
mod export;
mod focus;
mod frame;
mod lake;
mod manifest;
mod parquet;
mod place;
mod query;
mod samples;
mod schema;
mod select;
#[cfg(test)]
mod tests;
mod time;
mod words;
mod write;

pub use focus::Account;
pub use lake::{Lake, Settings};
