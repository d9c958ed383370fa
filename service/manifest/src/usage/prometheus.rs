//! What Prometheus answers to a range query: a matrix of series, each a list of `[seconds, "value"]`.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use plimsoll_domain::usage::Sample;
use serde::Deserialize;

use super::{Measure, Summary};
use crate::error::{At, Fault, ReadError};
use crate::input::Text;
use crate::json;

/// Warnings of one answer that are kept.
const WARNINGS_MAX: usize = 100;

const MILLI_PER_CORE: f64 = 1000.0;

/// Reads an answer.
pub(super) fn read(
    text: Text<'_>,
    measure: Option<Measure>,
    each: impl FnMut(Sample) -> Result<(), ReadError>,
) -> Result<Summary, ReadError> {
    let mut answer = Answer { measure, each, summary: Summary::default(), error: None };
    json::elements(text, &["data", "result"], &mut answer)?;
    match answer.error {
        Some(error) => Err(Fault::new(format!("Prometheus answered with an error: {error}")).into()),
        None => Ok(answer.summary),
    }
}

struct Answer<F> {
    measure: Option<Measure>,
    each: F,
    summary: Summary,
    error: Option<String>,
}

#[derive(Deserialize)]
struct Series {
    metric: BTreeMap<String, String>,
    /// Of a range query.
    #[serde(default)]
    values: Vec<Point>,
    /// Of an instant query.
    value: Option<Point>,
}

/// Seconds since 1970, and a number as text.
#[derive(Deserialize)]
struct Point(f64, String);

impl<F: FnMut(Sample) -> Result<(), ReadError>> json::Take for Answer<F> {
    fn field(&mut self, key: &str, text: &str) -> Result<(), Fault> {
        match key {
            "error" => self.error = Some(json::parse(text)?),
            "warnings" | "infos" => {
                let room = WARNINGS_MAX.saturating_sub(self.summary.warnings.len());
                self.summary.warnings.extend(json::parse::<Vec<String>>(text)?.into_iter().take(room));
            }
            "resultType" => {
                let found: String = json::parse(text)?;
                if found != "matrix" && found != "vector" {
                    return Err(Fault::new(format!("{found:?} is neither \"matrix\" nor \"vector\"")));
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn element(&mut self, text: &str) -> Result<(), ReadError> {
        let series: Series = json::parse(text)?;
        let container = series.metric.get("container").map_or("", String::as_str);
        if container.is_empty() || container == "POD" {
            self.summary.skipped_series += 1;
            return Ok(());
        }
        let measure = self.measure_of(&series).at("metric")?;
        let label = |name: &str| {
            let missing = || Fault::new("the label is missing").at(name).at("metric");
            series.metric.get(name).cloned().ok_or_else(missing)
        };
        let (namespace, pod) = (label("namespace")?, label("pod")?);
        let range =
            (0..).zip(&series.values).map(|(index, point)| (Cow::from(format!("values[{index}]")), point));
        let instant = series.value.iter().map(|point| (Cow::from("value"), point));
        for (path, point) in range.chain(instant) {
            let time = time(point.0).at(path.as_ref())?;
            let number: f64 = point.1.parse().map_err(|_| not_a_number(&point.1).at(path.as_ref()))?;
            if !number.is_finite() || number < 0.0 {
                self.summary.dropped += 1;
                continue;
            }
            let (cpu_milli, memory_bytes) = match measure {
                Measure::CpuCores => (Some(number * MILLI_PER_CORE), None),
                // A float beyond the range saturates.
                Measure::MemoryBytes => (None, Some(number.ceil() as i64)),
            };
            self.summary.samples += 1;
            (self.each)(Sample {
                time,
                namespace: namespace.clone(),
                pod: pod.clone(),
                container: container.to_owned(),
                cpu_milli,
                memory_bytes,
                workload: None,
            })?;
        }
        Ok(())
    }
}

impl<F> Answer<F> {
    fn measure_of(&self, series: &Series) -> Result<Measure, Fault> {
        let by_name = series.metric.get("__name__").and_then(|name| Measure::of_name(name));
        let unknown = || {
            Fault::new(
                "neither this series nor the file's name tells whether it measures CPU or memory; name the file \
                 as in usage-cpu.json",
            )
        };
        by_name.or(self.measure).ok_or_else(unknown)
    }
}

fn not_a_number(text: &str) -> Fault {
    let shown: String = text.chars().take(40).collect();
    Fault::new(format!("{shown:?} is no number"))
}

fn time(seconds: f64) -> Result<Timestamp, Fault> {
    let far = || Fault::new(format!("{seconds:?} is no time"));
    if !seconds.is_finite() {
        return Err(far());
    }
    Timestamp::from_millisecond((seconds * 1000.0).round() as i64).map_err(|_| far())
}
