//! Traces of pods without Kubernetes objects.

use std::collections::BTreeSet;

use jiff::Timestamp;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::policy::Preset;
use plimsoll_domain::snapshot::{Content, ReadyInstance, ReadyKind, Snapshot, TracePod};

use crate::error::ReadError;
use crate::input::Text;
use crate::kube::PODS_MAX;
use crate::table::{Row, Table};

/// Columns that are read of an openb pod list.
pub(crate) const OPENB_COLUMNS: [&str; 6] =
    ["name", "cpu_milli", "memory_mib", "num_gpu", "gpu_milli", "pod_phase"];

const BYTES_PER_MIB: i64 = 1 << 20;
/// Milli-CPU of one pod: far above any machine.
const CPU_MILLI_MAX: i64 = 1_000_000_000;
/// MiB of memory of one pod: a pebibyte.
const MEMORY_MIB_MAX: i64 = 1 << 30;
const GPUS_MAX: i64 = 10_000;
const MILLI: i64 = 1000;

/// Reads the pod list of Alibaba's GPU cluster trace of 2023 ("openb"). Pods that have ended count only with
/// `include_finished`. A share of a GPU counts as a whole one, which a finding tells.
///
/// # Errors
/// [`ReadError`]: a row that is none, a name twice, no pods or more than [`PODS_MAX`].
pub fn read_openb(text: Text<'_>, include_finished: bool, now: Timestamp) -> Result<Snapshot, ReadError> {
    let mut table = Table::open(text, &OPENB_COLUMNS)?;
    let mut pods: Vec<TracePod> = Vec::new();
    let mut names = BTreeSet::new();
    let (mut finished, mut shares) = (0_u64, 0_u64);
    while let Some(row) = table.next()? {
        let (pod, is_share) = pod(&row)?;
        if !names.insert(pod.name.clone()) {
            return Err(row.fault("name", format!("pod {} is there twice", pod.name)).into());
        }
        let has_ended = matches!(row.text("pod_phase"), "Succeeded" | "Failed");
        finished += u64::from(has_ended);
        if has_ended && !include_finished {
            continue;
        }
        if PODS_MAX <= pods.len() {
            return Err(ReadError::TooLarge { what: "pods", limit: PODS_MAX as u64 });
        }
        shares += u64::from(is_share);
        pods.push(pod);
    }
    if pods.is_empty() {
        return Err(ReadError::Empty { what: "pods" });
    }
    let findings = findings(finished, include_finished, shares);
    let instance = ReadyInstance { preset: Preset::None, kind: ReadyKind::Pods(pods) };
    Ok(Snapshot { capture_time: now, content: Content::Ready(Box::new(instance)), findings })
}

/// A pod, and whether it asks for a share of a GPU only.
fn pod(row: &Row<'_>) -> Result<(TracePod, bool), ReadError> {
    let gpus = row.number("num_gpu", GPUS_MAX)?;
    let share = row.number("gpu_milli", GPUS_MAX * MILLI)?;
    let pod = TracePod {
        name: row.name("name")?.to_owned(),
        cpu_milli: row.number("cpu_milli", CPU_MILLI_MAX)?,
        memory_bytes: row.number("memory_mib", MEMORY_MIB_MAX)? * BYTES_PER_MIB,
        gpus,
    };
    Ok((pod, 0 < gpus && share < MILLI))
}

fn findings(finished: u64, include_finished: bool, shares: u64) -> Vec<Finding> {
    let ended =
        if include_finished { "have ended and count all the same" } else { "have ended and are no demand" };
    let cases = [
        (finished, Severity::Info, "FINISHED_PODS", format!("{finished} pod(s) {ended}.")),
        (
            shares,
            Severity::Warning,
            "GPU_SHARE",
            format!("{shares} pod(s) ask for a share of a GPU, which counts as a whole one."),
        ),
    ];
    let applies = cases.into_iter().filter(|(count, ..)| 0 < *count);
    applies.map(|(_, severity, code, message)| Finding::new(severity, code, "", message)).collect()
}
