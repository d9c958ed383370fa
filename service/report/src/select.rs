//! The files that answer a question, and polars sent to read them.

use jiff::Timestamp;
use jiff::civil::Date;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::{LedgerError, Span};
use polars::prelude::*;

use crate::manifest::{self, Entry, Manifest, Table, day_folder};
use crate::place::Place;
use crate::schema::{FOCUS, schema};
use crate::time;

/// A file and which of its hours are asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pick {
    /// Path in the place.
    pub path: String,
    /// Start of the hours, ascending.
    pub hours: Vec<Timestamp>,
    /// Whether there is nothing else in it.
    pub whole: bool,
    /// Rows in it, at most as many are asked for.
    pub rows: u64,
}

/// The files of a table for a span, by cluster, day and hour.
pub async fn picks(
    place: &Place,
    cluster: Option<&ClusterId>,
    span: Span,
    table: Table,
) -> Result<Vec<Pick>, LedgerError> {
    let clusters = match cluster {
        Some(cluster) => vec![cluster.clone()],
        None => manifest::clusters(place).await?,
    };
    let mut found = Vec::new();
    for cluster in &clusters {
        for date in manifest::dates(place, cluster).await? {
            if time::touches(span, date) {
                let manifest = Manifest::read(place, cluster, date).await?;
                let folder = day_folder(table.folder(), cluster, date);
                found.extend(manifest.of(table).filter_map(|entry| pick(&folder, entry, date, span)));
            }
        }
    }
    Ok(found)
}

fn pick(folder: &str, entry: &Entry, date: Date, span: Span) -> Option<Pick> {
    let inside = entry.hours.iter().filter(|hour| time::begins_in(span, date, **hour));
    let hours: Vec<Timestamp> = inside.filter_map(|hour| time::hour_start(date, *hour)).collect();
    let whole = entry.replaced.is_empty() && hours.len() == entry.hours.len();
    let path = format!("{folder}/{}", entry.name);
    (!hours.is_empty()).then_some(Pick { path, hours, whole, rows: entry.rows })
}

/// Reads whole files. A column that one of them lacks is null in it; one that we do not know is passed over.
pub fn scan(place: &Place, paths: &[String]) -> PolarsResult<LazyFrame> {
    let paths: Vec<PlRefPath> = paths.iter().map(|path| place.scan_path(path)).collect();
    let cloud = place.cloud_options().map_err(|error| PolarsError::ComputeError(error.to_string().into()))?;
    let scan = UnifiedScanArgs {
        cloud_options: cloud,
        hive_options: HiveOptions::new_disabled(),
        cache: false,
        glob: false,
        missing_columns_policy: MissingColumnsPolicy::Insert,
        extra_columns_policy: ExtraColumnsPolicy::Ignore,
        ..UnifiedScanArgs::default()
    };
    let parquet = ParquetOptions {
        schema: Some(schema(&FOCUS)),
        parallel: ParallelStrategy::Auto,
        low_memory: false,
        use_statistics: true,
    };
    let sources = ScanSources::Paths(paths.into_iter().collect());
    Ok(DslBuilder::scan_parquet(sources, parquet, scan)?.build().into())
}

/// Keeps rows of these hours.
pub fn only_hours(hours: &[Timestamp]) -> Expr {
    let starts =
        Int64Chunked::from_iter_values("hours".into(), hours.iter().map(|hour| hour.as_microsecond()));
    let starts = starts.into_datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)).into_series();
    let first_and_last = hours.first().zip(hours.last());
    let between = first_and_last.map_or(lit(false), |(first, last)| {
        col("ChargePeriodStart").gt_eq(moment(*first)).and(col("ChargePeriodStart").lt_eq(moment(*last)))
    });
    between.and(col("ChargePeriodStart").is_in(lit(starts).implode(true), false))
}

fn moment(time: Timestamp) -> Expr {
    let micros = Scalar::new(
        DataType::Datetime(TimeUnit::Microseconds, Some(TimeZone::UTC)),
        AnyValue::DatetimeOwned(
            time.as_microsecond(),
            TimeUnit::Microseconds,
            Some(std::sync::Arc::new(TimeZone::UTC)),
        ),
    );
    lit(micros)
}

/// Runs a plan in chunks that do not have to fit in memory together.
///
/// # Panics
/// Where polars does; so under [`crate::parquet::guarded`].
pub fn collect(plan: LazyFrame) -> PolarsResult<DataFrame> {
    Ok(plan.collect_with_engine(Engine::Streaming)?.unwrap_single())
}
