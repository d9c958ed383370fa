//! What can be done to a world, as data: it can be written down and done again.

use std::fmt;

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::GroupSpec;
use serde::{Deserialize, Serialize};

use crate::demand::Demand;
use crate::fault::{Call, Fault};

/// A line of a journal file.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Line {
    /// When, in virtual time.
    pub at: Timestamp,
    /// What.
    pub act: Act,
}

/// Something that was done.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Act {
    /// A cluster was taken in.
    Load {
        cluster: ClusterId,
        state: Box<ClusterState>,
        #[serde(default)]
        demand: Demand,
    },
    /// The cloud was told.
    Order { cluster: ClusterId, order: Order },
    /// A node was cordoned, or the cordon lifted.
    Cordon { cluster: ClusterId, node: String, cordoned: bool },
    /// A pod was evicted.
    Evict { cluster: ClusterId, pod: String, node: String },
    /// A fault of the world began.
    Fault { fault: Fault },
    /// A fault of the world ended.
    Lift { fault: Fault },
    /// The world may have been looked at until then.
    Lease { until: Timestamp },
}

/// What the cloud is told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Order {
    EnsureGroup { spec: GroupSpec },
    EnsureSize { group: String, count: u32 },
    EnsureInstanceGone { group: String, provider_id: String },
    GiveUpMissing { group: String },
    EnsureGroupGone { group: String },
}

impl Order {
    /// The method that it is.
    pub fn call(&self) -> Call {
        match self {
            Self::EnsureGroup { .. } => Call::EnsureGroup,
            Self::EnsureSize { .. } => Call::EnsureSize,
            Self::EnsureInstanceGone { .. } => Call::EnsureInstanceGone,
            Self::GiveUpMissing { .. } => Call::GiveUpMissing,
            Self::EnsureGroupGone { .. } => Call::EnsureGroupGone,
        }
    }
}

impl fmt::Display for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::EnsureGroup { spec } => write!(f, "ensure group {}", spec.name),
            Self::EnsureSize { group, count } => write!(f, "ensure size of {group}: {count}"),
            Self::EnsureInstanceGone { group, provider_id } => {
                write!(f, "ensure {provider_id} of {group} gone")
            }
            Self::GiveUpMissing { group } => write!(f, "give up what {group} misses"),
            Self::EnsureGroupGone { group } => write!(f, "ensure group {group} gone"),
        }
    }
}
