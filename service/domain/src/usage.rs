//! What pods really use: decaying histograms and exact daily peaks per container of a workload.
//!
//! Samples of all replicas, also of those long gone, are folded into one [`ContainerUsage`] per
//! workload and container; the samples themselves are not kept here.

mod histogram;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use histogram::{Histogram, Layout};

use crate::workload::WorkloadRef;

/// Daily memory peaks are kept so long.
pub const PEAK_DAYS_MAX: i64 = 35;
/// Samples older than this are refused: they could not change anything.
pub const SAMPLE_AGE_DAYS_MAX: i64 = 35;
/// Samples further ahead than this are refused: a clock is wrong.
pub const SAMPLE_AHEAD_HOURS_MAX: i64 = 1;
/// Most CPU that a container can have used, milli-CPU: ten times the largest EC2 type's 1,920 vCPU.
pub const CPU_MILLI_MAX: f64 = 20_000_000.0;
/// Most memory that a container can have used, bytes: 64 TiB, twice the largest EC2 type's.
pub const MEMORY_BYTES_MAX: i64 = 1 << 46;
/// Containers that one cluster's usage is kept for.
pub const CONTAINERS_MAX: usize = 400_000;

const SECONDS_PER_DAY: i64 = 86_400;

/// One observation of one container.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Sample {
    /// End of the window it covers.
    pub time: Timestamp,
    /// Namespace.
    pub namespace: String,
    /// Pod.
    pub pod: String,
    /// Container.
    pub container: String,
    /// Mean CPU over the window, milli-CPU; none: not observed.
    pub cpu_milli: Option<f64>,
    /// Working set (or its peak in the window), bytes; none: not observed.
    pub memory_bytes: Option<i64>,
    /// The pod's workload, if the source tells; else it is looked up by the pod's name.
    pub workload: Option<WorkloadRef>,
}

impl Sample {
    /// Whether the figures can have been measured: neither negative nor beyond [`CPU_MILLI_MAX`] and
    /// [`MEMORY_BYTES_MAX`].
    pub fn is_measurable(&self) -> bool {
        self.cpu_milli.is_none_or(|cpu| (0.0..=CPU_MILLI_MAX).contains(&cpu))
            && self.memory_bytes.is_none_or(|bytes| (0..=MEMORY_BYTES_MAX).contains(&bytes))
    }
}

/// Why a sample is not folded in.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Rejected {
    /// Further ahead than [`SAMPLE_AHEAD_HOURS_MAX`].
    Ahead,
    /// Older than [`SAMPLE_AGE_DAYS_MAX`].
    Old,
    /// Negative, not finite, or more than any machine has: see [`Sample::is_measurable`].
    NotANumber,
    /// Nobody knows which workload the pod belongs to.
    UnknownPod,
    /// More than [`CONTAINERS_MAX`] containers.
    TooMany,
}

/// Whose usage it is.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Key {
    /// The workload.
    pub workload: WorkloadRef,
    /// The container's name.
    pub container: String,
}

/// Usage of one container over all replicas of its workload.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContainerUsage {
    /// CPU in milli-CPU; buckets grow by 2 % from 1 m, weight halves every seven days.
    pub cpu: Histogram,
    /// CPU samples folded in.
    pub cpu_count: u64,
    /// Largest working set by day (days since 1970), not decayed.
    pub memory_peaks: BTreeMap<i64, i64>,
    /// Memory samples folded in.
    pub memory_count: u64,
    /// First sample.
    pub first: Timestamp,
    /// Last sample.
    pub last: Timestamp,
}

impl ContainerUsage {
    fn new(time: Timestamp) -> Self {
        let cpu = Histogram::new(Layout::CPU);
        Self { cpu, cpu_count: 0, memory_peaks: BTreeMap::new(), memory_count: 0, first: time, last: time }
    }

    /// Days between the first and the last sample.
    pub fn days(&self) -> f64 {
        self.last.duration_since(self.first).as_secs_f64() / SECONDS_PER_DAY as f64
    }

    /// Largest working set of the last [`PEAK_DAYS_MAX`] days.
    pub fn memory_peak(&self) -> Option<i64> {
        self.memory_peaks.values().copied().max()
    }

    fn add(&mut self, sample: &Sample) {
        if let Some(cpu) = sample.cpu_milli {
            self.cpu.add(cpu, 1.0, sample.time);
            self.cpu_count += 1;
        }
        if let Some(memory) = sample.memory_bytes {
            let day = sample.time.as_second().div_euclid(SECONDS_PER_DAY);
            let peak = self.memory_peaks.entry(day).or_insert(memory);
            *peak = (*peak).max(memory);
            let newest = self.memory_peaks.keys().next_back().copied().unwrap_or(day);
            self.memory_peaks.retain(|day, _| newest - *day < PEAK_DAYS_MAX);
            self.memory_count += 1;
        }
        self.first = self.first.min(sample.time);
        self.last = self.last.max(sample.time);
    }
}

/// Usage of a whole cluster; what a checkpoint stores.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct ClusterUsage {
    /// By workload and container. A list, for JSON knows no such keys.
    #[serde(with = "entries")]
    pub containers: BTreeMap<Key, ContainerUsage>,
}

impl ClusterUsage {
    /// Folds one sample in. `workload` tells whose pod it is, where the sample itself doesn't.
    ///
    /// # Errors
    /// [`Rejected`] tells why the sample was left out; the usage is then as before.
    pub fn add(
        &mut self,
        sample: &Sample,
        workload: impl FnOnce(&str, &str) -> Option<WorkloadRef>,
        now: Timestamp,
    ) -> Result<(), Rejected> {
        let ahead = sample.time.duration_since(now);
        if SAMPLE_AHEAD_HOURS_MAX * 3600 < ahead.as_secs() {
            return Err(Rejected::Ahead);
        }
        if SAMPLE_AGE_DAYS_MAX * SECONDS_PER_DAY < -ahead.as_secs() {
            return Err(Rejected::Old);
        }
        if !sample.is_measurable() {
            return Err(Rejected::NotANumber);
        }
        let owner = sample.workload.clone().or_else(|| workload(&sample.namespace, &sample.pod));
        let key = Key { workload: owner.ok_or(Rejected::UnknownPod)?, container: sample.container.clone() };
        if self.containers.len() == CONTAINERS_MAX && !self.containers.contains_key(&key) {
            return Err(Rejected::TooMany);
        }
        self.containers.entry(key).or_insert_with(|| ContainerUsage::new(sample.time)).add(sample);
        Ok(())
    }

    /// First and last sample of all, if there is any.
    pub fn window(&self) -> Option<(Timestamp, Timestamp)> {
        let first = self.containers.values().map(|usage| usage.first).min()?;
        let last = self.containers.values().map(|usage| usage.last).max()?;
        Some((first, last))
    }
}

/// A map as a list of pairs.
mod entries {
    use std::collections::BTreeMap;

    use serde::{Deserialize, Deserializer, Serializer};

    use super::{ContainerUsage, Key};

    pub fn serialize<S: Serializer>(map: &BTreeMap<Key, ContainerUsage>, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(map)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<BTreeMap<Key, ContainerUsage>, D::Error> {
        Ok(Vec::<(Key, ContainerUsage)>::deserialize(from)?.into_iter().collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::workload::WorkloadKind;

    fn at(hours: i64) -> Timestamp {
        Timestamp::from_second(1_790_000_000 + hours * 3600).expect("in range")
    }

    fn sample(hours: i64, cpu: f64, memory: i64) -> Sample {
        Sample {
            time: at(hours),
            namespace: "shop".into(),
            pod: "web-1".into(),
            container: "main".into(),
            cpu_milli: Some(cpu),
            memory_bytes: Some(memory),
            workload: None,
        }
    }

    fn web(namespace: &str, _: &str) -> Option<WorkloadRef> {
        Some(WorkloadRef { kind: WorkloadKind::Deployment, namespace: namespace.into(), name: "web".into() })
    }

    #[test]
    fn samples_out_of_time_or_reason_are_refused() {
        let mut usage = ClusterUsage::default();
        let cases = [
            (sample(2, 1.0, 1), Some(Rejected::Ahead)),
            (sample(1, 1.0, 1), None),
            (sample(-35 * 24 - 1, 1.0, 1), Some(Rejected::Old)),
            (sample(0, f64::NAN, 1), Some(Rejected::NotANumber)),
            (sample(0, -1.0, 1), Some(Rejected::NotANumber)),
            (sample(0, 1.0, -1), Some(Rejected::NotANumber)),
        ];
        for (sample, want) in cases {
            assert_eq!(usage.add(&sample, web, at(0)).err(), want, "{sample:?}");
        }
        assert_eq!(usage.add(&sample(0, 1.0, 1), |_, _| None, at(0)), Err(Rejected::UnknownPod));
        assert_eq!(usage.containers.len(), 1);
    }

    #[test]
    fn a_lone_memory_peak_is_not_forgotten_for_five_weeks() {
        let mut usage = ClusterUsage::default();
        usage.add(&sample(0, 1.0, 900), web, at(0)).expect("taken");
        for day in 1..35 {
            usage.add(&sample(day * 24, 1.0, 600), web, at(day * 24)).expect("taken");
        }
        let peak =
            |usage: &ClusterUsage| usage.containers.values().next().and_then(ContainerUsage::memory_peak);
        assert_eq!(peak(&usage), Some(900));
        usage.add(&sample(35 * 24, 1.0, 600), web, at(35 * 24)).expect("taken");
        assert_eq!(peak(&usage), Some(600));
    }

    #[test]
    fn a_checkpoint_gives_back_what_was_folded_in() {
        let mut usage = ClusterUsage::default();
        for hour in 0..100 {
            usage.add(&sample(hour, (hour % 7) as f64 * 100.0, hour), web, at(hour)).expect("taken");
        }
        let json = serde_json::to_string(&usage).expect("serialises");
        assert_eq!(serde_json::from_str::<ClusterUsage>(&json).expect("reads back"), usage);
    }
}
