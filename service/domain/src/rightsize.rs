//! Requests that usage justifies, and when not to touch them.
//!
//! CPU from the pooled histogram, memory from exact daily peaks. What cannot be known (short history, an
//! autoscaler that looks at the same resource) is never shrunk. The quantiles, margins and steps below are
//! choices of ours, on the careful side of what the Vertical Pod Autoscaler's recommender does (P90 and 15 %
//! for both resources, one peak a day with decay); memory does not decay, for an OOM is not undone.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::finding::{Finding, Severity};
use crate::snapshot::ClusterState;
use crate::usage::{ClusterUsage, ContainerUsage, Key};
use crate::workload::{Container, Pod, WorkloadKind};

/// Share of CPU samples that the request covers, before the margin.
pub const CPU_QUANTILE: f64 = 0.95;
/// Margin on top of the CPU quantile.
pub const CPU_MARGIN: f64 = 1.10;
/// Smallest CPU request, milli-CPU.
pub const CPU_MILLI_MIN: i64 = 10;
/// Margin on top of the memory peak, up to [`MEMORY_LARGE_BYTES`].
pub const MEMORY_MARGIN: f64 = 1.15;
/// Margin on top of a larger memory peak.
pub const MEMORY_MARGIN_LARGE: f64 = 1.10;
/// Above this peak the smaller margin holds: 4 GiB.
pub const MEMORY_LARGE_BYTES: i64 = 4 << 30;
/// Smallest memory request: 32 MiB.
pub const MEMORY_BYTES_MIN: i64 = 32 << 20;
/// With less history than this, requests are only raised. Days.
pub const HISTORY_DAYS_MIN: f64 = 3.0;
/// With less history than this, margins are wider. Days.
pub const HISTORY_DAYS_FULL: f64 = 8.0;
/// Fewer samples than this are no evidence.
pub const SAMPLES_MIN: u64 = 100;
/// A request falls by this share at most in one step.
pub const SHRINK_RATIO_MAX: f64 = 0.5;
/// Changes below this share are not worth a rollout.
pub const CHANGE_RATIO_MIN: f64 = 0.1;

/// What one container should ask for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Recommendation {
    /// Which container of which workload.
    pub key: Key,
    /// CPU request now, milli-CPU.
    pub cpu_milli_now: i64,
    /// Recommended CPU request; the same as now if there is nothing to say.
    pub cpu_milli: i64,
    /// Memory request now, bytes.
    pub memory_bytes_now: i64,
    /// Recommended memory request; the same as now if there is nothing to say.
    pub memory_bytes: i64,
    /// Days of history behind it.
    pub history_days: f64,
    /// Pods that run with it.
    pub pod_count: u32,
}

/// Computes what every container with usage should ask for; only those that should change are returned.
pub fn recommend(state: &ClusterState, usage: &ClusterUsage) -> Vec<Recommendation> {
    let mut running: BTreeMap<Key, (&Container, u32)> = BTreeMap::new();
    for (key, container) in state.pods.iter().flat_map(containers) {
        running.entry(key).or_insert((container, 0)).1 += 1;
    }
    let advise = |(key, (container, pod_count)): (Key, (&Container, u32))| {
        let seen = usage.containers.get(&key)?;
        let advice = advice(state, key, container, seen, pod_count);
        (advice.cpu_milli != advice.cpu_milli_now || advice.memory_bytes != advice.memory_bytes_now)
            .then_some(advice)
    };
    running.into_iter().filter_map(advise).collect()
}

/// Says the recommendations to a person.
pub fn findings(recommendations: &[Recommendation]) -> Vec<Finding> {
    let say = |advice: &Recommendation| {
        let who = &advice.key.workload;
        let subject = format!("{:?}/{}/{}/{}", who.kind, who.namespace, who.name, advice.key.container);
        let message = format!(
            "requests of {} pods could go from {} m and {} MiB to {} m and {} MiB, by {:.1} days of usage",
            advice.pod_count,
            advice.cpu_milli_now,
            advice.memory_bytes_now >> 20,
            advice.cpu_milli,
            advice.memory_bytes >> 20,
            advice.history_days,
        );
        Finding::new(Severity::Advice, "RIGHTSIZE", subject, message)
    };
    recommendations.iter().map(say).collect()
}

/// Puts the recommended requests into the pods, so that a plan is made for them. A pod of another revision, with other
/// requests of its own, gets the same ones.
pub fn apply(state: &mut ClusterState, recommendations: &[Recommendation]) {
    let by_key: BTreeMap<&Key, &Recommendation> =
        recommendations.iter().map(|advice| (&advice.key, advice)).collect();
    for pod in &mut state.pods {
        let changes: Vec<(i64, i64)> = containers(pod)
            .filter_map(|(key, container)| Some((by_key.get(&key)?, container.requests.clone())))
            .map(|(advice, own)| {
                let memory = advice.memory_bytes.saturating_sub(own.memory_bytes);
                (advice.cpu_milli.saturating_sub(own.cpu_milli), memory)
            })
            .collect();
        for (cpu, memory) in changes {
            pod.requests.cpu_milli = pod.requests.cpu_milli.saturating_add(cpu).max(0);
            pod.requests.memory_bytes = pod.requests.memory_bytes.saturating_add(memory).max(0);
        }
    }
}

/// The long-running containers of a pod whose workload is known and sized by its template. DaemonSets
/// differ from node to node and are left alone; so are pods with init containers, whose peak may be
/// what the scheduler reserves.
fn containers(pod: &Pod) -> impl Iterator<Item = (Key, &Container)> {
    let owner = pod
        .owner
        .as_ref()
        .filter(|owner| owner.kind != WorkloadKind::DaemonSet && owner.kind != WorkloadKind::Node);
    let plain = pod.containers.iter().all(|container| !container.init);
    let workload = owner.filter(|_| plain).cloned();
    workload.into_iter().flat_map(move |workload| {
        pod.containers.iter().map(move |container| {
            (Key { workload: workload.clone(), container: container.name.clone() }, container)
        })
    })
}

fn advice(
    state: &ClusterState,
    key: Key,
    container: &Container,
    seen: &ContainerUsage,
    pod_count: u32,
) -> Recommendation {
    let scaled_by = |resource: &str| {
        state
            .autoscaled
            .iter()
            .any(|hpa| hpa.workload == key.workload && hpa.resources.iter().any(|name| name == resource))
    };
    let days = seen.days();
    let cpu_now = container.requests.cpu_milli;
    let memory_now = container.requests.memory_bytes;
    let cpu_want = seen.cpu.percentile(CPU_QUANTILE).filter(|_| SAMPLES_MIN <= seen.cpu_count);
    let cpu_want = cpu_want.map(|used| round_up(used, CPU_MARGIN, days).max(CPU_MILLI_MIN));
    let memory_want = seen.memory_peak().filter(|_| SAMPLES_MIN <= seen.memory_count).map(|peak| {
        let margin = if peak <= MEMORY_LARGE_BYTES { MEMORY_MARGIN } else { MEMORY_MARGIN_LARGE };
        round_up(peak as f64, margin, days).max(MEMORY_BYTES_MIN)
    });
    Recommendation {
        cpu_milli_now: cpu_now,
        cpu_milli: step(cpu_now, cpu_want, days, scaled_by("cpu")),
        memory_bytes_now: memory_now,
        memory_bytes: step(memory_now, memory_want, days, scaled_by("memory")),
        history_days: days,
        pod_count,
        key,
    }
}

/// Usage with its margin, which is wider while the history is short.
fn round_up(used: f64, margin: f64, days: f64) -> i64 {
    let doubt = if days < HISTORY_DAYS_FULL { 1.0 + 1.0 / days.max(1.0) } else { 1.0 };
    (used * (1.0 + (margin - 1.0) * doubt)).ceil() as i64
}

/// The request to move to: not below half of today's, not for less than a tenth, not down on thin evidence.
fn step(now: i64, want: Option<i64>, days: f64, autoscaled: bool) -> i64 {
    let Some(want) = want.filter(|_| !autoscaled && 0 < now) else { return now };
    let floor = (now as f64 * (1.0 - SHRINK_RATIO_MAX)).ceil() as i64;
    let next = want.max(floor);
    let small = ((next - now).abs() as f64) < now as f64 * CHANGE_RATIO_MIN;
    let unproven = next < now && days < HISTORY_DAYS_MIN;
    if small || unproven { now } else { next }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(now: i64, want: Option<i64>, days: f64, autoscaled: bool, expected: i64) {
        assert_eq!(step(now, want, days, autoscaled), expected, "{now} -> {want:?} after {days} days");
    }

    #[test]
    fn requests_move_by_careful_steps() {
        check(1000, Some(800), 10.0, false, 800);
        check(1000, Some(100), 10.0, false, 500);
        check(1000, Some(950), 10.0, false, 1000);
        check(1000, Some(500), 2.0, false, 1000);
        check(1000, Some(1500), 0.5, false, 1500);
        check(1000, Some(500), 10.0, true, 1000);
        check(1000, None, 10.0, false, 1000);
        check(0, Some(500), 10.0, false, 0);
    }

    #[test]
    fn margins_widen_while_history_is_short() {
        assert_eq!(round_up(1000.0, 1.1, 30.0), 1100);
        assert_eq!(round_up(1000.0, 1.1, 4.0), 1125);
        let peak = 900 << 20;
        assert_eq!(round_up(peak as f64, MEMORY_MARGIN, 30.0) >> 20, 1035);
    }
}
