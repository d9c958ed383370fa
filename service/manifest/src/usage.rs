//! Samples of what containers really used: from Prometheus, metrics-server, and CSV.
//!
//! Samples are handed on one by one, for a file may hold millions. A value that is no number is dropped and
//! counted; a gap stays a gap.

mod pod_metrics;
mod prometheus;
mod table;

use plimsoll_domain::usage::Sample;

use crate::error::ReadError;
use crate::input::Text;

pub(crate) use table::COLUMNS;

/// What a file held.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Samples handed on.
    pub samples: u64,
    /// Values that are no number: NaN, infinite, negative.
    pub dropped: u64,
    /// Series that are of no container, such as sums over a pod.
    pub skipped_series: u64,
    /// Warnings of the source: what it returned may be incomplete.
    pub warnings: Vec<String>,
}

/// What values of a series measure, where the format leaves it open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Measure {
    /// CPU, in cores.
    CpuCores,
    /// Memory, in bytes.
    MemoryBytes,
}

impl Measure {
    /// What the name of a metric or of a file speaks of, such as `container_memory_rss` or `shop-cpu.json`.
    pub fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        match (name.contains("cpu"), name.contains("mem")) {
            (true, false) => Some(Self::CpuCores),
            (false, true) => Some(Self::MemoryBytes),
            _ => None,
        }
    }
}

/// Formats of usage.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Format {
    /// What Prometheus answers to `query_range` (or `query`).
    Prometheus,
    /// A `PodMetricsList` of metrics-server.
    PodMetrics,
    /// CSV `time,namespace,pod,container,cpu_milli,memory_bytes[,kind,workload]`.
    Table,
}

/// Reads samples. `measure` tells what a Prometheus series measures that does not carry its metric's name.
///
/// # Errors
/// [`ReadError`]: a value that is not what the format promises, with its place.
pub fn read(
    text: Text<'_>,
    format: Format,
    measure: Option<Measure>,
    each: impl FnMut(Sample) -> Result<(), ReadError>,
) -> Result<Summary, ReadError> {
    match format {
        Format::Prometheus => prometheus::read(text, measure, each),
        Format::PodMetrics => pod_metrics::read(text, each),
        Format::Table => table::read(text, each),
    }
}

#[cfg(test)]
mod tests;
