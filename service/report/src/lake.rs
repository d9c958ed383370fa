//! The ledger on a lake: who may write when, and how a reader finds the files that count.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use futures::stream::BoxStream;
use jiff::Timestamp;
use jiff::civil::Date;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{
    Chunk, CostQuery, CostTable, ExportOrder, HourRows, Ledger, LedgerError, Observation, Span,
};
use polars::prelude::{DataFrame, PolarsResult};
use tokio::sync::Mutex as Turn;

use crate::focus::Account;
use crate::manifest::{self, Entry, Manifest, Table, day_folder};
use crate::parquet::{blocking, damaged, decode, guarded};
use crate::place::Place;
use crate::{compact, export, focus, query, samples, time, write};

/// Times that a reader looks again because a file was replaced under it. Each time needs a write in between.
pub(crate) const READS_MAX: usize = 5;

/// What a reader finds that looked up the names of files before it opened them.
pub(crate) enum Found<T> {
    /// All of it.
    All(T),
    /// A file was replaced meanwhile, or is lost.
    Missing(String),
}

/// How to open a lake.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Whose bill it is.
    pub account: Account,
    /// Settings of a bucket by object_store's names, such as `aws_endpoint`, `aws_region`, `aws_allow_http`; what is
    /// not among them is taken from the environment, as any AWS client does.
    pub s3: Vec<(String, String)>,
}

/// The ledger as Parquet files. One process may write to a cluster at a time.
pub struct Lake {
    pub(crate) place: Place,
    pub(crate) account: Account,
    /// Writers of a cluster take turns.
    turns: Mutex<HashMap<ClusterId, Arc<Turn<()>>>>,
}

impl Lake {
    /// Opens the lake at `url`: a folder, made if it is not there, or `s3://bucket/prefix`.
    ///
    /// # Errors
    /// [`LedgerError::ReadOnly`] and [`LedgerError::Full`] if the folder cannot be made; [`LedgerError::Failed`] if the
    /// URL or a setting makes no sense. A bucket is not asked for before the first read or write.
    pub fn open(url: &str, settings: &Settings) -> Result<Self, LedgerError> {
        Ok(Self::at(Place::open(url, &settings.s3)?, settings.account.clone()))
    }

    pub(crate) fn at(place: Place, account: Account) -> Self {
        Self { place, account, turns: Mutex::default() }
    }

    fn turn(&self, cluster: &ClusterId) -> Arc<Turn<()>> {
        let mut turns = self.turns.lock().unwrap_or_else(PoisonError::into_inner);
        turns.entry(cluster.clone()).or_default().clone()
    }

    /// Rows of one table of an hour.
    async fn rows<R: Send + 'static>(
        &self,
        (cluster, date, hour): (&ClusterId, Date, i8),
        entry: Option<Entry>,
        read: fn(&DataFrame) -> PolarsResult<Vec<R>>,
    ) -> Result<Found<Vec<R>>, LedgerError> {
        let Some(entry) = entry else { return Ok(Found::All(Vec::new())) };
        let path = format!("{}/{}", day_folder(entry.table.folder(), cluster, date), entry.name);
        let Some(bytes) = self.place.get(&path).await? else { return Ok(Found::Missing(path)) };
        let start = time::hour_start(date, hour);
        let rows = move || read(&query::only_hour(&decode(bytes)?, start)?);
        blocking(move || guarded(rows).map(Found::All).map_err(|error| damaged(&path, error))).await
    }

    /// Rows of both tables of an hour.
    async fn hour_of(
        &self,
        cluster: &ClusterId,
        hour: Timestamp,
    ) -> Result<Found<Option<HourRows>>, LedgerError> {
        let (date, hour) = time::split(hour);
        let (day, manifest) = ((cluster, date, hour), Manifest::read(&self.place, cluster, date).await?);
        let file = |table| manifest.of(table).find(|entry| entry.hours.contains(&hour)).cloned();
        let (charges, allocations) = (file(Table::Charges), file(Table::Allocations));
        if charges.is_none() && allocations.is_none() {
            return Ok(Found::All(None));
        }
        let charges = match self.rows(day, charges, focus::charges).await? {
            Found::All(charges) => charges,
            Found::Missing(path) => return Ok(Found::Missing(path)),
        };
        Ok(match self.rows(day, allocations, focus::allocations).await? {
            Found::All(allocations) => Found::All(Some(HourRows { charges, allocations })),
            Found::Missing(path) => Found::Missing(path),
        })
    }
}

/// Looks again while files are replaced under it.
async fn patient<T, F>(read: impl Fn() -> F + Send) -> Result<T, LedgerError>
where
    F: Future<Output = Result<Found<T>, LedgerError>> + Send,
{
    let mut lost = String::new();
    for _ in 0..READS_MAX {
        match read().await? {
            Found::All(found) => return Ok(found),
            Found::Missing(path) => lost = path,
        }
    }
    Err(damaged(&lost, "the file is missing"))
}

#[async_trait]
impl Ledger for Lake {
    async fn observe(&self, cluster: &ClusterId, seen: &Observation) -> Result<(), LedgerError> {
        samples::write(&self.place, cluster, seen).await
    }

    async fn observations(&self, cluster: &ClusterId, span: Span) -> Result<Vec<Observation>, LedgerError> {
        patient(|| samples::read(&self.place, cluster, span)).await
    }

    async fn put_hour(
        &self,
        cluster: &ClusterId,
        hour: Timestamp,
        rows: &HourRows,
    ) -> Result<(), LedgerError> {
        let turn = self.turn(cluster);
        let _mine = turn.lock().await;
        write::put_hour(self, cluster, hour, rows).await
    }

    async fn hours(&self, cluster: &ClusterId, span: Span) -> Result<Vec<Timestamp>, LedgerError> {
        let mut found = Vec::new();
        for date in manifest::dates(&self.place, cluster).await? {
            if time::touches(span, date) {
                let hours = Manifest::read(&self.place, cluster, date).await?.hours();
                let inside = hours.into_iter().filter(|hour| time::begins_in(span, date, *hour));
                found.extend(inside.filter_map(|hour| time::hour_start(date, hour)));
            }
        }
        Ok(found)
    }

    async fn hour(&self, cluster: &ClusterId, hour: Timestamp) -> Result<Option<HourRows>, LedgerError> {
        patient(|| self.hour_of(cluster, hour)).await
    }

    async fn query(&self, query: &CostQuery) -> Result<CostTable, LedgerError> {
        patient(|| query::answer(&self.place, query)).await
    }

    async fn export(&self, order: &ExportOrder) -> Result<BoxStream<'static, Chunk>, LedgerError> {
        export::stream(&self.place, order).await
    }

    async fn compact(
        &self,
        cluster: &ClusterId,
        before: Timestamp,
        keep_after: Timestamp,
    ) -> Result<(), LedgerError> {
        let turn = self.turn(cluster);
        let _mine = turn.lock().await;
        compact::days(&self.place, cluster, before).await?;
        samples::compact(&self.place, cluster, before, keep_after).await
    }
}
