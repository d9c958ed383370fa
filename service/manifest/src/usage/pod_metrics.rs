//! `PodMetricsList` of metrics-server: one window of each container that runs.

use jiff::Timestamp;
use plimsoll_domain::usage::Sample;
use serde::Deserialize;

use super::Summary;
use crate::error::{At, Fault, ReadError};
use crate::input::Text;
use crate::json;
use crate::quantity::{self, Rounding, Unit};

const NANO_PER_MILLI: f64 = 1e6;

/// Reads a list.
pub(super) fn read(
    text: Text<'_>,
    each: impl FnMut(Sample) -> Result<(), ReadError>,
) -> Result<Summary, ReadError> {
    let mut list = List { each, summary: Summary::default() };
    json::elements(text, &["items"], &mut list)?;
    Ok(list.summary)
}

struct List<F> {
    each: F,
    summary: Summary,
}

#[derive(Deserialize)]
struct PodMetrics {
    metadata: Metadata,
    timestamp: Timestamp,
    containers: Vec<Container>,
}

#[derive(Deserialize)]
struct Metadata {
    namespace: String,
    name: String,
}

#[derive(Deserialize)]
struct Container {
    name: String,
    usage: Usage,
}

#[derive(Deserialize)]
struct Usage {
    cpu: Option<String>,
    memory: Option<String>,
}

impl<F: FnMut(Sample) -> Result<(), ReadError>> json::Take for List<F> {
    fn field(&mut self, _: &str, _: &str) -> Result<(), Fault> {
        Ok(())
    }

    fn element(&mut self, text: &str) -> Result<(), ReadError> {
        let pod: PodMetrics = json::parse(text)?;
        for (index, container) in pod.containers.into_iter().enumerate() {
            let path = |field: &str| format!("containers[{index}].usage.{field}");
            let amount = |text: &Option<String>, unit, field: &str| match text {
                Some(text) => quantity::parse(text, unit, Rounding::Up).at(path(field)).map(Some),
                None => Ok(None),
            };
            let cpu_nano = amount(&container.usage.cpu, Unit::Nano, "cpu")?;
            let memory_bytes = amount(&container.usage.memory, Unit::One, "memory")?;
            self.summary.samples += 1;
            (self.each)(Sample {
                time: pod.timestamp,
                namespace: pod.metadata.namespace.clone(),
                pod: pod.metadata.name.clone(),
                container: container.name,
                cpu_milli: cpu_nano.map(|nano| nano as f64 / NANO_PER_MILLI),
                memory_bytes,
                workload: None,
            })?;
        }
        Ok(())
    }
}
