//! What is scripted to go wrong now, and what that does to calls.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{CloudError, ClusterError};

use crate::fault::{Call, Fault};
use crate::manners::SLOWNESS_MAX;
use crate::market::Pool;

/// Why a call did not reach the world, or its answer did not come back.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("throttled")]
    Throttled,
    #[error("{0}")]
    Failed(String),
}

impl From<Refusal> for CloudError {
    fn from(refusal: Refusal) -> Self {
        match refusal {
            Refusal::Throttled => Self::Throttled,
            Refusal::Failed(why) => Self::Failed(why),
        }
    }
}

impl From<Refusal> for ClusterError {
    fn from(refusal: Refusal) -> Self {
        Self::Failed(refusal.to_string())
    }
}

/// What is scripted to go wrong now.
#[derive(Clone, Debug, Default)]
pub(crate) struct Faults {
    /// By type, zone and kind: launches that will fail; none: all.
    shortages: BTreeMap<(Pool, CapacityKind), Option<u32>>,
    /// Machines that a pool has, those that run among them.
    depths: BTreeMap<(Pool, CapacityKind), u32>,
    /// How long a group that met a shortage takes no change.
    degraded_seconds: Option<u32>,
    /// How many times as long things of the cloud take.
    slowness: Option<u32>,
    /// Budgets that let nobody go.
    stuck: BTreeSet<String>,
    /// Pods that do not end.
    held_pods: BTreeSet<String>,
    /// Volumes that do not let go of their node.
    held_volumes: BTreeSet<String>,
    throttle: u32,
    /// Until when every call to the cloud is throttled.
    storm_until: Option<Timestamp>,
    fail: BTreeMap<Call, u32>,
    fail_after: BTreeMap<Call, u32>,
}

impl Faults {
    /// Takes a fault in that lasts, in place of one of its kind on the same thing.
    pub fn add(&mut self, fault: &Fault, now: Timestamp) {
        match fault.clone() {
            Fault::NoCapacity { instance_type, zone, kind, times } => {
                self.shortages.insert((Pool { instance_type, zone }, kind), times);
            }
            Fault::PoolDepth { instance_type, zone, kind, count } => {
                self.depths.insert((Pool { instance_type, zone }, kind), count);
            }
            Fault::Degrade { seconds } => self.degraded_seconds = Some(seconds),
            Fault::Slow { factor } => self.slowness = Some(factor),
            Fault::StuckBudget { budget } => drop(self.stuck.insert(budget)),
            Fault::StuckPod { pod } => drop(self.held_pods.insert(pod)),
            Fault::StuckVolume { claim } => drop(self.held_volumes.insert(claim)),
            Fault::Throttle { count } => self.throttle = count,
            Fault::Storm { seconds } => {
                self.storm_until = now.checked_add(SignedDuration::from_secs(seconds.into())).ok();
            }
            Fault::Fail { call, count } => drop(self.fail.insert(call, count)),
            Fault::FailAfter { call, count } => drop(self.fail_after.insert(call, count)),
            // These happen at once and are over.
            Fault::SpotReclaim { .. }
            | Fault::NodeLoss { .. }
            | Fault::Foreign { .. }
            | Fault::ClockJump { .. }
            | Fault::Later { .. } => {}
        }
    }

    /// Ends faults of this kind on the same thing.
    pub fn lift(&mut self, fault: &Fault) {
        match fault.clone() {
            Fault::NoCapacity { instance_type, zone, kind, .. } => {
                self.shortages.remove(&(Pool { instance_type, zone }, kind));
            }
            Fault::PoolDepth { instance_type, zone, kind, .. } => {
                self.depths.remove(&(Pool { instance_type, zone }, kind));
            }
            Fault::Degrade { .. } => self.degraded_seconds = None,
            Fault::Slow { .. } => self.slowness = None,
            Fault::StuckBudget { budget } => drop(self.stuck.remove(&budget)),
            Fault::StuckPod { pod } => drop(self.held_pods.remove(&pod)),
            Fault::StuckVolume { claim } => drop(self.held_volumes.remove(&claim)),
            Fault::Throttle { .. } => self.throttle = 0,
            Fault::Storm { .. } => self.storm_until = None,
            Fault::Fail { call, .. } => drop(self.fail.remove(&call)),
            Fault::FailAfter { call, .. } => drop(self.fail_after.remove(&call)),
            Fault::Later { fault, .. } => self.lift(&fault),
            Fault::SpotReclaim { .. }
            | Fault::NodeLoss { .. }
            | Fault::Foreign { .. }
            | Fault::ClockJump { .. } => {}
        }
    }

    /// Whether a call reaches the world.
    pub fn before(&mut self, call: Call, now: Timestamp) -> Result<(), Refusal> {
        let storms = self.storm_until.is_some_and(|until| now < until);
        if call.is_of_the_cloud() && (storms || take(&mut self.throttle)) {
            return Err(Refusal::Throttled);
        }
        match self.fail.get_mut(&call).is_some_and(take) {
            true => Err(Refusal::Failed("scripted: failed before it had an effect".to_owned())),
            false => Ok(()),
        }
    }

    /// Whether the answer of a call that had its effect comes back.
    pub fn after(&mut self, call: Call) -> Result<(), Refusal> {
        match self.fail_after.get_mut(&call).is_some_and(take) {
            true => Err(Refusal::Failed("scripted: failed after it had its effect".to_owned())),
            false => Ok(()),
        }
    }

    /// Whether a launch fails for lack of machines while so many run; it counts as a try.
    pub fn take_shortage(&mut self, pool: &Pool, kind: CapacityKind, running: u32) -> bool {
        let key = (pool.clone(), kind);
        if self.depths.get(&key).is_some_and(|depth| *depth <= running) {
            return true;
        }
        match self.shortages.get_mut(&key) {
            None => false,
            Some(None) => true,
            Some(Some(times)) => take(times),
        }
    }

    /// How long a group that met a shortage takes no change, if it does not.
    pub fn degraded(&self) -> Option<SignedDuration> {
        self.degraded_seconds.map(|seconds| SignedDuration::from_secs(seconds.into()))
    }

    /// How many times as long things of the cloud take.
    pub fn slowness(&self) -> i32 {
        let factor = self.slowness.unwrap_or(1).clamp(1, SLOWNESS_MAX);
        i32::try_from(factor).unwrap_or(1)
    }

    /// Whether a pod, `namespace/name`, does not end.
    pub fn holds_pod(&self, pod: &str) -> bool {
        self.held_pods.contains(pod)
    }

    /// Whether a volume, by its claim, does not let go of its node.
    pub fn holds_volume(&self, claim: &str) -> bool {
        self.held_volumes.contains(claim)
    }

    /// Whether a budget, `namespace/name`, lets nobody go.
    pub fn is_stuck(&self, budget: &str) -> bool {
        self.stuck.contains(budget)
    }
}

/// Counts one down; whether there was one.
fn take(count: &mut u32) -> bool {
    let any = 0 < *count;
    *count = count.saturating_sub(1);
    any
}
