//! What tests let go wrong.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{CloudError, ClusterError};
use serde::{Deserialize, Serialize};

/// A method of a world.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Call {
    /// `Cloud::groups`.
    Groups,
    /// `Cloud::group`.
    Group,
    /// `Cloud::ensure_group`.
    EnsureGroup,
    /// `Cloud::ensure_size`.
    EnsureSize,
    /// `Cloud::ensure_instance_gone`.
    EnsureInstanceGone,
    /// `Cloud::give_up_missing`.
    GiveUpMissing,
    /// `Cloud::ensure_group_gone`.
    EnsureGroupGone,
    /// `Cloud::lives`.
    Lives,
    /// `Cluster::state`.
    State,
    /// `Cluster::left_on`.
    LeftOn,
    /// `Cluster::set_cordoned`.
    SetCordoned,
    /// `Cluster::evict`.
    Evict,
}

impl Call {
    fn is_of_the_cloud(self) -> bool {
        !matches!(self, Self::State | Self::LeftOn | Self::SetCordoned | Self::Evict)
    }
}

/// Something that goes wrong. Shortages and stuck budgets belong to the world, and a journal file remembers them; the
/// others happen on the way to it, and end with the process.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fault {
    /// No machine of a type can be had in a zone.
    NoCapacity {
        /// Type.
        instance_type: String,
        /// Zone.
        zone: String,
        /// How it would be bought.
        kind: CapacityKind,
        /// How many launches fail, one for each machine and try; none: all, until it is lifted.
        times: Option<u32>,
    },
    /// A disruption budget blocks every eviction until it is lifted.
    StuckBudget {
        /// `namespace/name`.
        budget: String,
    },
    /// The next calls to the cloud are answered with `Throttled`, and do nothing.
    Throttle {
        /// How many.
        count: u32,
    },
    /// The next calls of a method are answered with `Failed`, and do nothing.
    Fail {
        /// Method.
        call: Call,
        /// How many.
        count: u32,
    },
    /// The next calls of a method have their effect, and are answered with `Failed`: a timeout after the effect.
    FailAfter {
        /// Method.
        call: Call,
        /// How many.
        count: u32,
    },
}

impl Fault {
    /// Whether it changes what the world does, rather than what is answered.
    pub(crate) fn is_of_the_world(&self) -> bool {
        matches!(self, Self::NoCapacity { .. } | Self::StuckBudget { .. })
    }
}

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
    shortages: BTreeMap<(String, String, CapacityKind), Option<u32>>,
    stuck: BTreeSet<String>,
    throttle: u32,
    fail: BTreeMap<Call, u32>,
    fail_after: BTreeMap<Call, u32>,
}

impl Faults {
    /// Takes a fault in, in place of one of its kind on the same thing.
    pub fn add(&mut self, fault: &Fault) {
        match fault.clone() {
            Fault::NoCapacity { instance_type, zone, kind, times } => {
                self.shortages.insert((instance_type, zone, kind), times);
            }
            Fault::StuckBudget { budget } => {
                self.stuck.insert(budget);
            }
            Fault::Throttle { count } => self.throttle = count,
            Fault::Fail { call, count } => {
                self.fail.insert(call, count);
            }
            Fault::FailAfter { call, count } => {
                self.fail_after.insert(call, count);
            }
        }
    }

    /// Ends faults of this kind on the same thing.
    pub fn lift(&mut self, fault: &Fault) {
        match fault.clone() {
            Fault::NoCapacity { instance_type, zone, kind, .. } => {
                self.shortages.remove(&(instance_type, zone, kind));
            }
            Fault::StuckBudget { budget } => {
                self.stuck.remove(&budget);
            }
            Fault::Throttle { .. } => self.throttle = 0,
            Fault::Fail { call, .. } => {
                self.fail.remove(&call);
            }
            Fault::FailAfter { call, .. } => {
                self.fail_after.remove(&call);
            }
        }
    }

    /// Whether a call reaches the world.
    pub fn before(&mut self, call: Call) -> Result<(), Refusal> {
        if call.is_of_the_cloud() && take(&mut self.throttle) {
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

    /// Whether a launch fails for lack of machines; it counts as a try.
    pub fn take_shortage(&mut self, instance_type: &str, zone: &str, kind: CapacityKind) -> bool {
        let key = (instance_type.to_owned(), zone.to_owned(), kind);
        match self.shortages.get_mut(&key) {
            None => false,
            Some(None) => true,
            Some(Some(times)) => take(times),
        }
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
