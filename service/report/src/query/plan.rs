//! A question as a plan of polars.

use jiff::Timestamp;
use plimsoll_domain::ledger::{Condition, CostQuery, Dimension, Granularity};
use polars::prelude::*;

use crate::parquet::guarded;
use crate::place::Place;
use crate::select::{Pick, collect, only_hours, scan};
use crate::words::Word;

/// The four costs, in the order of [`super::sums`], and the columns that they are added up from.
pub const COSTS: [&str; 4] = ["ListCost", "ContractedCost", "EffectiveCost", "BilledCost"];
/// Sum of effective costs that are not measured.
pub const ESTIMATED: &str = "estimated";
/// Rows that were added up.
pub const COUNT: &str = "count";
/// Microseconds since 1970 of the hour or day.
pub const START: &str = "start";

const DAY_MICROS: i64 = 86_400_000_000;

/// The column that holds a dimension.
pub fn column(dimension: Dimension) -> &'static str {
    match dimension {
        Dimension::Cluster => "x_Cluster",
        Dimension::Namespace => "x_Namespace",
        Dimension::Team => "x_Team",
        Dimension::Workload => "x_Workload",
        Dimension::Pod => "x_Pod",
        Dimension::NodeGroup => "x_NodeGroup",
        Dimension::Resource => "ResourceId",
        Dimension::InstanceType => "x_InstanceType",
        Dimension::Capacity => "x_Capacity",
        Dimension::Zone => "AvailabilityZone",
        Dimension::Item => "x_Item",
        Dimension::Kind => "x_AllocationKind",
        Dimension::Model => "x_Model",
    }
}

/// Adds up a batch: whole files, or one of which some hours count.
pub fn run(place: &Place, query: &CostQuery, batch: &[Pick]) -> PolarsResult<DataFrame> {
    let paths: Vec<String> = batch.iter().map(|file| file.path.clone()).collect();
    let mut rows = scan(place, &paths)?;
    if let [file] = batch
        && !file.whole
    {
        rows = rows.filter(only_hours(&file.hours));
    }
    for condition in &query.filter {
        rows = rows.filter(holds(condition));
    }
    let keys = keys(query);
    let estimated = when(col("x_Quality").neq(lit(plimsoll_domain::ledger::Quality::Measured.text())))
        .then(col("EffectiveCost"))
        .otherwise(lit(NULL));
    let mut sums: Vec<Expr> = COSTS.iter().map(|cost| col(*cost).sum()).collect();
    sums.extend([estimated.sum().alias(ESTIMATED), len().cast(DataType::Int64).alias(COUNT)]);
    let plan = if keys.is_empty() { rows.select(sums) } else { rows.group_by(keys).agg(sums) };
    collect(plan)
}

fn holds(condition: &Condition) -> Expr {
    let cell = col(column(condition.dimension));
    match (condition.value.as_str(), condition.equal) {
        ("", true) => cell.is_null(),
        ("", false) => cell.is_not_null(),
        (value, true) => cell.eq(lit(value)),
        (value, false) => cell.neq_missing(lit(value)),
    }
}

/// The dimensions, each once, and the start of the hour or day; months are made from days later.
fn keys(query: &CostQuery) -> Vec<Expr> {
    let micros = || col("ChargePeriodStart").cast(DataType::Int64);
    let mut keys: Vec<Expr> = match query.granularity {
        Granularity::Total => Vec::new(),
        Granularity::Hour => vec![micros().alias(START)],
        Granularity::Day | Granularity::Month => {
            vec![(micros() - micros() % lit(DAY_MICROS)).alias(START)]
        }
    };
    let mut columns: Vec<&str> = query.group_by.iter().map(|dimension| column(*dimension)).collect();
    columns.sort_unstable();
    columns.dedup();
    keys.extend(columns.into_iter().map(col));
    keys
}

/// Rows of one hour of a frame.
pub fn only_hour(frame: &DataFrame, hour: Option<Timestamp>) -> PolarsResult<DataFrame> {
    let Some(hour) = hour else { return Ok(frame.slice(0, 0)) };
    guarded(|| frame.clone().lazy().filter(only_hours(&[hour])).collect())
}
