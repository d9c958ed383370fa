//! Questions about costs, answered from allocations.
//!
//! polars adds up a batch of files at a time; the sums of batches are added here, in 128 bits, so that memory is bounded
//! by a batch and the answer, not by the span.

mod plan;
mod sums;

use plimsoll_domain::ledger::{CostQuery, CostTable, LedgerError};

use crate::lake::Found;
use crate::manifest::Table;
use crate::parquet::{blocking, damaged, guarded};
use crate::place::Place;
use crate::select::{Pick, picks};
use sums::Sums;

pub use plan::only_hour;

/// Most lines of an answer: what a reader can still use, 20 MB on the wire.
pub const ROWS_MAX: usize = 100_000;

/// Files and rows that polars reads at a time. Thousands of files eat memory (each has a footer), and in the worst case
/// each row is a group of its own, some 200 bytes.
const FILES_AT_ONCE_MAX: usize = 256;
const ROWS_AT_ONCE_MAX: u64 = 8_000_000;

/// Answers.
pub async fn answer(place: &Place, query: &CostQuery) -> Result<Found<CostTable>, LedgerError> {
    let files = picks(place, query.cluster.as_ref(), query.span, Table::Allocations).await?;
    let hours = picks(place, query.cluster.as_ref(), query.span, Table::Charges).await?;
    let mut sums = Sums::default();
    for batch in batches(files) {
        match add(place, query, batch.clone(), sums).await? {
            Ok(more) => sums = more,
            Err(why) => return culprit(place, query, batch, why).await,
        }
    }
    let hour_count = hours.iter().map(|file| file.hours.len() as u64).sum();
    Ok(Found::All(sums.into_table(hour_count)))
}

/// Files that are read together: whole ones as many as may be, each other one alone.
fn batches(files: Vec<Pick>) -> Vec<Vec<Pick>> {
    let mut batches: Vec<Vec<Pick>> = Vec::new();
    let (mut open, mut rows): (Vec<Pick>, u64) = (Vec::new(), 0);
    for file in files {
        if !file.whole {
            batches.push(vec![file]);
            continue;
        }
        if FILES_AT_ONCE_MAX <= open.len() || (!open.is_empty() && ROWS_AT_ONCE_MAX < rows + file.rows) {
            batches.push(std::mem::take(&mut open));
            rows = 0;
        }
        rows += file.rows;
        open.push(file);
    }
    batches.push(open);
    batches.retain(|batch| !batch.is_empty());
    batches
}

/// Adds a batch to the sums; if polars could not, says why.
async fn add(
    place: &Place,
    query: &CostQuery,
    batch: Vec<Pick>,
    mut sums: Sums,
) -> Result<Result<Sums, String>, LedgerError> {
    let (place, query) = (place.clone(), query.clone());
    blocking(move || match guarded(|| plan::run(&place, &query, &batch)) {
        Ok(frame) => {
            let added = guarded(|| sums.add(&query, &frame)).map_err(crate::parquet::failed)?;
            if added { Ok(Ok(sums)) } else { Err(LedgerError::TooLarge { max: ROWS_MAX }) }
        }
        Err(error) => Ok(Err(error.to_string())),
    })
    .await
}

/// Finds the file that a batch failed for.
async fn culprit(
    place: &Place,
    query: &CostQuery,
    batch: Vec<Pick>,
    why: String,
) -> Result<Found<CostTable>, LedgerError> {
    for file in batch {
        if !place.has(&file.path).await? {
            return Ok(Found::Missing(file.path));
        }
        let path = file.path.clone();
        if let Err(why) = add(place, query, vec![file], Sums::default()).await? {
            return Err(damaged(&path, why));
        }
    }
    Err(LedgerError::Failed(why.into()))
}
