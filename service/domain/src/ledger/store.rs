//! The ledger as a seam: where rows are kept, and what is asked of them.

use async_trait::async_trait;
use futures_core::stream::BoxStream;
use jiff::Timestamp;

use super::{HourRows, Observation};
use crate::ids::ClusterId;

/// A span of time; the end is not part of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// First moment.
    pub start: Timestamp,
    /// First moment after it.
    pub end: Timestamp,
}

/// What costs can be told apart by.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Dimension {
    /// Cluster.
    Cluster,
    /// Namespace of the pod.
    Namespace,
    /// Team.
    Team,
    /// Workload, `deployment/cart`.
    Workload,
    /// Pod.
    Pod,
    /// Node group.
    NodeGroup,
    /// Instance, volume, load balancer.
    Resource,
    /// Instance type.
    InstanceType,
    /// On-demand or spot.
    Capacity,
    /// Zone.
    Zone,
    /// What is charged for.
    Item,
    /// Whose it is: a workload's, idle, shared.
    Kind,
    /// Model that is served.
    Model,
}

/// How finely time is told apart.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Granularity {
    /// Not at all.
    #[default]
    Total,
    /// By hour of UTC.
    Hour,
    /// By day of UTC.
    Day,
    /// By month of UTC.
    Month,
}

/// A condition on a dimension.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Condition {
    /// Of which.
    pub dimension: Dimension,
    /// Whether the value must be `value`, or must not.
    pub equal: bool,
    /// The value, as a row shows it.
    pub value: String,
}

/// A question. All conditions have to hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostQuery {
    /// Of this cluster; none: of all.
    pub cluster: Option<ClusterId>,
    /// When; hours that begin in it.
    pub span: Span,
    /// How finely.
    pub granularity: Granularity,
    /// By what, in the order of the keys.
    pub group_by: Vec<Dimension>,
    /// Which rows.
    pub filter: Vec<Condition>,
}

/// A line of an answer. Money in nano-USD.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CostRow {
    /// Start of the hour, day or month; none for a total.
    pub start: Option<Timestamp>,
    /// A value for each dimension that was asked for; empty text where there is none.
    pub keys: Vec<String>,
    /// Sum of list costs.
    pub list_cost: i128,
    /// Sum of contracted costs.
    pub contracted_cost: i128,
    /// Sum of effective costs.
    pub effective_cost: i128,
    /// Sum of billed costs.
    pub billed_cost: i128,
    /// Part of the effective cost that is not measured.
    pub estimated_cost: i128,
}

/// An answer.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostTable {
    /// By start, then by falling effective cost, then by keys.
    pub rows: Vec<CostRow>,
    /// Hours in the span that have rows, of all clusters in sum.
    pub hour_count: u64,
    /// Allocation rows that were added up.
    pub row_count: u64,
}

/// Which table is written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportTable {
    /// Charges, in FOCUS columns.
    Charges,
    /// Allocations, in FOCUS columns.
    Allocations,
}

/// How it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExportFormat {
    /// Comma-separated values with a header.
    Csv,
    /// One JSON object a line.
    Json,
    /// Parquet.
    Parquet,
}

/// What to write out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExportOrder {
    /// Of this cluster; none: of all.
    pub cluster: Option<ClusterId>,
    /// When; hours that begin in it.
    pub span: Span,
    /// Which table.
    pub table: ExportTable,
    /// How.
    pub format: ExportFormat,
}

/// Bytes of a file, in order.
pub type Chunk = Result<Vec<u8>, LedgerError>;

/// Why the ledger did not do as told. One variant for each thing a caller would do differently.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// A file of the ledger cannot be read: move it away, and its hours are made again or lost.
    #[error("{path} is damaged: {why}")]
    Damaged {
        /// Which file.
        path: String,
        /// What is wrong with it.
        why: String,
    },
    /// There is no room. Nothing was written.
    #[error("no space left for the ledger")]
    Full,
    /// The folder or bucket may not be written. Nothing was.
    #[error("the ledger cannot be written: {0}")]
    ReadOnly(String),
    /// More than one answer may hold.
    #[error("the answer has more than {max} rows: ask for less")]
    TooLarge {
        /// Most rows.
        max: usize,
    },
    /// Unreachable, or failed: a second try may help.
    #[error("the ledger failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// Where what was seen and what it cost is kept. Every method may be called twice.
#[async_trait]
pub trait Ledger: Send + Sync {
    /// Adds what was seen; of the same cluster and time, the last counts.
    async fn observe(&self, cluster: &ClusterId, seen: &Observation) -> Result<(), LedgerError>;
    /// What was seen in a span, by time, with the last observation before it, if there is one.
    async fn observations(&self, cluster: &ClusterId, span: Span) -> Result<Vec<Observation>, LedgerError>;
    /// Replaces the rows of an hour. All of it or nothing; the same rows give the same bytes.
    async fn put_hour(
        &self,
        cluster: &ClusterId,
        hour: Timestamp,
        rows: &HourRows,
    ) -> Result<(), LedgerError>;
    /// Hours in a span that have rows, ascending.
    async fn hours(&self, cluster: &ClusterId, span: Span) -> Result<Vec<Timestamp>, LedgerError>;
    /// Rows of an hour; none if it has none.
    async fn hour(&self, cluster: &ClusterId, hour: Timestamp) -> Result<Option<HourRows>, LedgerError>;
    /// Answers a question from allocations. Sums are exact.
    async fn query(&self, query: &CostQuery) -> Result<CostTable, LedgerError>;
    /// Writes rows out as a file, in chunks of at most 1 MiB.
    async fn export(&self, order: &ExportOrder) -> Result<BoxStream<'static, Chunk>, LedgerError>;
    /// Makes one file of each day that ended before `before`, and drops observations older than `keep_after`.
    async fn compact(
        &self,
        cluster: &ClusterId,
        before: Timestamp,
        keep_after: Timestamp,
    ) -> Result<(), LedgerError>;
}
