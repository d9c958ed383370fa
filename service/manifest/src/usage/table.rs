//! Usage as CSV: `time,namespace,pod,container,cpu_milli,memory_bytes`, and `kind,workload` where known.
//!
//! `time` is RFC 3339 or seconds since 1970. An empty amount was not observed.

use jiff::Timestamp;
use plimsoll_domain::usage::Sample;
use plimsoll_domain::workload::WorkloadRef;

use super::Summary;
use crate::error::{Fault, ReadError};
use crate::input::Text;
use crate::kube;
use crate::table::{Row, Table};

/// Columns that must be there.
pub(crate) const COLUMNS: [&str; 6] = ["time", "namespace", "pod", "container", "cpu_milli", "memory_bytes"];

/// Reads a table.
pub(super) fn read(
    text: Text<'_>,
    mut each: impl FnMut(Sample) -> Result<(), ReadError>,
) -> Result<Summary, ReadError> {
    let mut table = Table::open(text, &COLUMNS)?;
    let mut summary = Summary::default();
    while let Some(row) = table.next()? {
        let mut amount = |column: &str| -> Result<Option<f64>, Fault> {
            let number = number(&row, column)?;
            let sound = number.filter(|number| number.is_finite() && 0.0 <= *number);
            summary.dropped += u64::from(number.is_some() && sound.is_none());
            Ok(sound)
        };
        let (cpu_milli, memory) = (amount("cpu_milli")?, amount("memory_bytes")?);
        if cpu_milli.is_none() && memory.is_none() {
            continue;
        }
        summary.samples += 1;
        each(Sample {
            time: time(&row)?,
            namespace: row.name("namespace")?.to_owned(),
            pod: row.name("pod")?.to_owned(),
            container: row.name("container")?.to_owned(),
            cpu_milli,
            memory_bytes: memory.map(|bytes| bytes.ceil() as i64),
            workload: workload(&row)?,
        })?;
    }
    Ok(summary)
}

fn number(row: &Row<'_>, column: &str) -> Result<Option<f64>, Fault> {
    match row.text(column) {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| row.fault(column, format!("{text:?} is no number"))),
    }
}

fn time(row: &Row<'_>) -> Result<Timestamp, Fault> {
    let text = row.name("time")?;
    let seconds = text.parse::<i64>().ok().and_then(|seconds| Timestamp::from_second(seconds).ok());
    seconds
        .or_else(|| text.parse().ok())
        .ok_or_else(|| row.fault("time", format!("{text:?} is neither RFC 3339 nor seconds since 1970")))
}

fn workload(row: &Row<'_>) -> Result<Option<WorkloadRef>, Fault> {
    let (kind, name) = (row.text("kind"), row.text("workload"));
    match (kind.is_empty(), name.is_empty()) {
        (true, true) => Ok(None),
        (false, false) => Ok(Some(WorkloadRef {
            kind: kube::workload_kind(kind),
            namespace: row.name("namespace")?.to_owned(),
            name: name.to_owned(),
        })),
        (true, false) => Err(row.fault("kind", "is empty, though workload is not")),
        (false, true) => Err(row.fault("workload", "is empty, though kind is not")),
    }
}
