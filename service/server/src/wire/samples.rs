//! Measurements of usage.

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::usage::{CPU_MILLI_MAX, MEMORY_BYTES_MAX, Sample};
use plimsoll_domain::workload::WorkloadRef;
use plimsoll_engine::SampleSummary;
use plimsoll_proto::v1 as pb;

use super::finding::findings;
use super::time::{parse_timestamp, window};
use super::{Invalid, names, workload};
use crate::limits::{BATCH_SAMPLES_MAX, REQUEST_ID_BYTES_MAX};

/// A batch that was understood.
#[derive(Clone, Debug)]
pub struct Batch {
    /// Whose usage; none: as in the batch before.
    pub cluster: Option<ClusterId>,
    /// Id; empty: it always counts.
    pub id: String,
    /// The measurements.
    pub samples: Vec<Sample>,
}

/// Reads a batch.
///
/// # Errors
/// Names the field that is not acceptable.
pub fn batch(from: pb::SampleBatch) -> Result<Batch, Invalid> {
    if REQUEST_ID_BYTES_MAX < from.batch_id.len() {
        return Err(Invalid::new("batch_id", format!("longer than {REQUEST_ID_BYTES_MAX} bytes")));
    }
    let cluster = match from.parent.as_str() {
        "" => None,
        parent => Some(names::parse_cluster("parent", parent)?),
    };
    Ok(Batch { cluster, id: from.batch_id, samples: samples(from.samples)? })
}

/// No batch of a stream says whose usage it is.
pub fn no_parent() -> Invalid {
    Invalid::new("parent", "the first batch must name a cluster, in the form clusters/{cluster}")
}

/// A batch is of another cluster than the one before.
pub fn other_parent(known: &ClusterId) -> Invalid {
    Invalid::new("parent", format!("all batches of a stream must be of the same cluster, here {known}"))
}

/// Adds what became of later batches.
pub fn add(total: &mut SampleSummary, later: SampleSummary) {
    total.accepted = total.accepted.saturating_add(later.accepted);
    total.skipped_batches = total.skipped_batches.saturating_add(later.skipped_batches);
    total.window = later.window;
    total.findings.extend(later.findings);
}

/// A summary as the wire has it.
pub fn summary(from: &SampleSummary) -> pb::PushSummary {
    let count = |number| i64::try_from(number).unwrap_or(i64::MAX);
    pb::PushSummary {
        accepted_sample_count: count(from.accepted),
        skipped_batch_count: count(from.skipped_batches),
        usage_window: from.window.map(window),
        findings: findings(&from.findings),
    }
}

/// Reads the samples of a batch.
///
/// # Errors
/// Names the first sample that is no measurement, by its position.
fn samples(from: Vec<pb::UsageSample>) -> Result<Vec<Sample>, Invalid> {
    if BATCH_SAMPLES_MAX < from.len() {
        let message = format!("{} are more than {BATCH_SAMPLES_MAX} in one batch", from.len());
        return Err(Invalid::new("samples", message));
    }
    from.into_iter().enumerate().map(|(index, sample)| read(index, sample)).collect()
}

fn read(index: usize, from: pb::UsageSample) -> Result<Sample, Invalid> {
    let field = |name: &str| format!("samples[{index}].{name}");
    for (name, text) in [("namespace", &from.namespace), ("pod", &from.pod), ("container", &from.container)] {
        if text.is_empty() {
            return Err(Invalid::new(field(name), "is required"));
        }
    }
    let time = from.sample_time.ok_or_else(|| Invalid::new(field("sample_time"), "is required"))?;
    let workload = workload(&field("workload_kind"), &from)?;
    let sample = Sample {
        time: parse_timestamp(&field("sample_time"), time)?,
        namespace: from.namespace,
        pod: from.pod,
        container: from.container,
        cpu_milli: from.cpu_milli,
        memory_bytes: from.memory_bytes,
        workload,
    };
    if !sample.is_measurable() {
        let message = format!(
            "cpu_milli must be a number from 0 to {CPU_MILLI_MAX}, memory_bytes from 0 to {MEMORY_BYTES_MAX}"
        );
        return Err(Invalid::new(format!("samples[{index}]"), message));
    }
    Ok(sample)
}

fn workload(field: &str, from: &pb::UsageSample) -> Result<Option<WorkloadRef>, Invalid> {
    match (from.workload_kind.as_str(), from.workload.as_str()) {
        ("", "") => Ok(None),
        ("", _) | (_, "") => Err(Invalid::new(field, "kind and name of a workload go together")),
        (kind, name) => Ok(Some(WorkloadRef {
            kind: workload::kind(kind),
            namespace: from.namespace.clone(),
            name: name.to_owned(),
        })),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> pb::UsageSample {
        pb::UsageSample {
            sample_time: Some(pbjson_types::Timestamp { seconds: 5, nanos: 0 }),
            namespace: "shop".into(),
            pod: "cart-0".into(),
            container: "app".into(),
            cpu_milli: Some(12.5),
            ..Default::default()
        }
    }

    #[test]
    fn a_sample_is_taken_over() {
        let named =
            pb::UsageSample { workload_kind: "StatefulSet".into(), workload: "cart".into(), ..sample() };
        let read = samples(vec![named, sample()]).unwrap();
        let owner = read[0].workload.as_ref().unwrap();
        assert_eq!((owner.kind, owner.name.as_str()), (workload::kind("StatefulSet"), "cart"));
        assert_eq!((read[1].cpu_milli, read[1].memory_bytes, &read[1].workload), (Some(12.5), None, &None));
    }

    #[track_caller]
    fn check(wrong: pb::UsageSample, field: &str) {
        assert_eq!(samples(vec![sample(), wrong]).unwrap_err().field, field);
    }

    #[test]
    fn what_is_no_measurement_is_named() {
        check(pb::UsageSample { pod: String::new(), ..sample() }, "samples[1].pod");
        check(pb::UsageSample { sample_time: None, ..sample() }, "samples[1].sample_time");
        check(pb::UsageSample { workload: "cart".into(), ..sample() }, "samples[1].workload_kind");
        assert_eq!(samples(vec![sample(); BATCH_SAMPLES_MAX + 1]).unwrap_err().field, "samples");
    }
}
