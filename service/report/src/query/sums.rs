//! Sums of batches, added up in 128 bits.

use std::collections::HashMap;

use jiff::Timestamp;
use plimsoll_domain::ledger::{CostQuery, CostRow, CostTable, Granularity};
use polars::prelude::{DataFrame, PolarsResult};

use super::ROWS_MAX;
use super::plan::{COSTS, COUNT, ESTIMATED, START, column};
use crate::frame::Reader;
use crate::time;

/// Sums by start and keys.
#[derive(Default)]
pub struct Sums {
    groups: HashMap<(Option<Timestamp>, Vec<String>), [i128; 5]>,
    row_count: u64,
}

impl Sums {
    /// Adds the sums of a batch. False: there are more than an answer may hold.
    pub fn add(&mut self, query: &CostQuery, frame: &DataFrame) -> PolarsResult<bool> {
        let reader = Reader(frame);
        let (start, count) = (reader.integer(START)?, reader.integer(COUNT)?);
        let keys = query.group_by.iter().map(|dimension| reader.text(column(*dimension)));
        let keys = keys.collect::<PolarsResult<Vec<_>>>()?;
        let sums = COSTS.iter().chain([&ESTIMATED]).map(|name| reader.decimal(name));
        let sums = sums.collect::<PolarsResult<Vec<_>>>()?;
        for row in 0..frame.height() {
            let rows = count(row).unwrap_or_default();
            if rows == 0 {
                continue; // polars adds nothing up to one row without keys
            }
            self.row_count += rows.unsigned_abs();
            let start = start(row).and_then(|micros| Timestamp::from_microsecond(micros).ok());
            let start = match query.granularity {
                Granularity::Month => start.map(time::month_start),
                _ => start,
            };
            let key = (start, keys.iter().map(|key| key(row).to_owned()).collect());
            let group = self.groups.entry(key).or_default();
            group.iter_mut().zip(&sums).for_each(|(sum, more)| *sum += more(row).unwrap_or_default());
        }
        Ok(self.groups.len() <= ROWS_MAX)
    }

    /// The answer.
    pub fn into_table(self, hour_count: u64) -> CostTable {
        let row = |((start, keys), sums): ((Option<Timestamp>, Vec<String>), [i128; 5])| {
            let [list_cost, contracted_cost, effective_cost, billed_cost, estimated_cost] = sums;
            CostRow { start, keys, list_cost, contracted_cost, effective_cost, billed_cost, estimated_cost }
        };
        let mut rows: Vec<CostRow> = self.groups.into_iter().map(row).collect();
        rows.sort_by(|one, two| {
            let by_start = one.start.cmp(&two.start);
            by_start.then(two.effective_cost.cmp(&one.effective_cost)).then_with(|| one.keys.cmp(&two.keys))
        });
        CostTable { rows, hour_count, row_count: self.row_count }
    }
}
