//! Costs: what the ledger is asked, and what is told from it.

mod meter;
mod outlook;
mod savings;

use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::stream::BoxStream;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{
    Chunk, Condition, CostQuery, CostTable, Dimension, ExportFormat, ExportOrder, ExportTable, Granularity,
    Ledger, Span,
};
use plimsoll_domain::rightsize::{self, Recommendation};
use plimsoll_domain::snapshot::Content;
use plimsoll_domain::store::Mode;

pub use outlook::{ForecastReport, WasteReport};
pub use savings::SavingsReport;

use crate::{Engine, Error};

/// What is shown where no window is asked for.
const SPAN_DEFAULT: SignedDuration = SignedDuration::from_hours(24);
/// Longest window: ten years of hours are more than any ledger has.
const SPAN_MAX: SignedDuration = SignedDuration::from_hours(10 * 366 * 24);
/// Questions that are answered, and files that are written out, at the same time. Each reads millions of rows at once.
pub(crate) const CONCURRENT_MAX: usize = 4;
/// Dimensions that an answer may be told apart by.
pub const GROUP_BY_MAX: usize = 5;

/// Which hours. What is not said is the last day until now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Window {
    /// Hours that begin at or after this.
    pub start: Option<Timestamp>,
    /// Hours that begin before this.
    pub end: Option<Timestamp>,
    /// Its length, where no start is given.
    pub length: Option<Duration>,
}

/// A question about costs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CostOrder {
    /// Of which cluster; none: of all.
    pub cluster: Option<ClusterId>,
    /// When.
    pub window: Window,
    /// How finely time is told apart.
    pub granularity: Granularity,
    /// By what costs are told apart.
    pub group_by: Vec<Dimension>,
    /// Which rows.
    pub filter: Vec<Condition>,
}

/// A question about costs, with what was left open filled in, and its answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Costs {
    /// What was answered.
    pub span: Span,
    /// The answer.
    pub table: CostTable,
}

impl Engine {
    /// Adds costs up.
    ///
    /// # Errors
    /// [`Error::NoLedger`], [`Error::InvalidArgument`], of the ledger any.
    pub async fn query_costs(&self, order: CostOrder) -> Result<Costs, Error> {
        if GROUP_BY_MAX < order.group_by.len() {
            let message = format!("at most {GROUP_BY_MAX} dimensions");
            return Err(Error::InvalidArgument { field: "group_by", message });
        }
        let span = self.span(order.cluster.as_ref(), order.window).await?;
        let _place = self.books.enter().await?;
        let CostOrder { cluster, window: _, granularity, group_by, filter } = order;
        let query = CostQuery { cluster, span, granularity, group_by, filter };
        Ok(Costs { span, table: self.ledger()?.query(&query).await? })
    }

    /// Writes charges or allocations out.
    ///
    /// # Errors
    /// As [`Self::query_costs`].
    pub async fn export_costs(
        &self,
        cluster: Option<ClusterId>,
        window: Window,
        table: ExportTable,
        format: ExportFormat,
    ) -> Result<BoxStream<'static, Chunk>, Error> {
        let span = self.span(cluster.as_ref(), window).await?;
        let place = self.books.enter().await?;
        let chunks = self.ledger()?.export(&ExportOrder { cluster, span, table, format }).await?;
        // The place is given back when the last chunk is taken, or the caller goes away.
        Ok(Box::pin(chunks.map(move |chunk| {
            let _held = &place;
            chunk
        })))
    }

    /// What workloads should ask for by their usage, the largest change first; and whether any usage is known.
    ///
    /// # Errors
    /// `NotFound` of the store where there is no snapshot.
    pub async fn rightsizings(&self, cluster: &ClusterId) -> Result<(Vec<Recommendation>, bool), Error> {
        let snapshot = self.store.snapshot(cluster, None).await?.snapshot;
        let usage = self.usage(cluster).await?;
        let (Content::Cluster(state), Some(usage)) = (&snapshot.content, &usage) else {
            return Ok((Vec::new(), usage.is_some()));
        };
        let mut advice = rightsize::recommend(state, usage);
        advice.sort_by_key(|one| {
            let cpu = (one.cpu_milli - one.cpu_milli_now).abs() * i64::from(one.pod_count);
            let memory = (one.memory_bytes - one.memory_bytes_now).abs().saturating_mul(one.pod_count.into());
            (std::cmp::Reverse(cpu), std::cmp::Reverse(memory))
        });
        Ok((advice, true))
    }

    /// The ledger, if this server keeps one.
    pub(crate) fn ledger(&self) -> Result<&Arc<dyn Ledger>, Error> {
        self.ledger.as_ref().ok_or(Error::NoLedger)
    }

    /// A cluster's time; no cluster: the server's.
    pub(crate) async fn time_of(&self, cluster: Option<&ClusterId>) -> Result<Timestamp, Error> {
        let Some(cluster) = cluster else { return Ok(self.clock.now()) };
        let record = self.store.cluster(cluster).await?;
        match record.mode {
            Mode::Offline => Ok(self.clock.now()),
            Mode::Simulated | Mode::Live => Ok(self.world_of(&record)?.clock.now()),
        }
    }

    async fn span(&self, cluster: Option<&ClusterId>, window: Window) -> Result<Span, Error> {
        let now = self.time_of(cluster).await?;
        let end = window.end.unwrap_or(now);
        let start = match window.start {
            Some(start) => start,
            None => {
                let length = window.length.and_then(|length| SignedDuration::try_from(length).ok());
                end.checked_sub(length.unwrap_or(SPAN_DEFAULT)).unwrap_or(Timestamp::MIN)
            }
        };
        let wrong = |field, message: &str| Err(Error::InvalidArgument { field, message: message.to_owned() });
        if end < start {
            return wrong("end_time", "must not be before start_time");
        }
        if SPAN_MAX < end.duration_since(start) {
            return wrong("start_time", "the window may have ten years at most");
        }
        Ok(Span { start, end })
    }
}
