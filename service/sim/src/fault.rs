//! What tests let go wrong.

use plimsoll_domain::fleet::{CapacityKind, Node};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::world::GroupSpec;
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
    /// `Cloud::notices`.
    Notices,
    /// `Prices::quotes`.
    Quotes,
    /// `Prices::spot_changes`.
    SpotChanges,
    /// `Cluster::state`.
    State,
    /// `Cluster::left_on`.
    LeftOn,
    /// `Cluster::set_cordon`.
    SetCordon,
    /// `Cluster::evict`.
    Evict,
    /// `Metrics::usage`.
    Usage,
}

impl Call {
    pub(crate) fn is_of_the_cloud(self) -> bool {
        !matches!(self, Self::State | Self::LeftOn | Self::SetCordon | Self::Evict | Self::Usage)
    }
}

/// Something that goes wrong. What belongs to the world a journal file remembers; what happens on the way to it (`Throttle`,
/// `Storm`, `Fail`, `FailAfter`) or to its clock ends with the process.
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
    /// A zone has only so many machines of a type for this world, until it is lifted.
    PoolDepth {
        /// Type.
        instance_type: String,
        /// Zone.
        zone: String,
        /// How they are bought.
        kind: CapacityKind,
        /// How many, those that run among them.
        count: u32,
    },
    /// The cloud says at once that it will take spot machines back.
    SpotReclaim {
        /// Type.
        instance_type: String,
        /// Zone.
        zone: String,
        /// How many in each cluster, those launched first first; none: all that have no notice yet.
        count: Option<u32>,
    },
    /// A machine breaks: its node is not ready at once, and after minutes its group launches another in its place.
    NodeLoss {
        /// Its cluster.
        cluster: ClusterId,
        /// Its node's name. Nothing happens if there is none of that name.
        node: String,
    },
    /// Somebody else changes something.
    Foreign {
        /// In which cluster.
        cluster: ClusterId,
        /// What.
        edit: Edit,
    },
    /// A group that meets a shortage is DEGRADED and takes no change for so long, until it is lifted.
    Degrade {
        /// How long.
        seconds: u32,
    },
    /// What the cloud does takes so many times as long, until it is lifted. No effect on what is under way.
    Slow {
        /// How many times, 1 to 20.
        factor: u32,
    },
    /// The clock jumps forward: everything that was due on the way happens late.
    ClockJump {
        /// How far.
        seconds: u32,
    },
    /// A disruption budget blocks every eviction until it is lifted.
    StuckBudget {
        /// `namespace/name`.
        budget: String,
    },
    /// A pod that is told to end does not, as if a finalizer held it, until it is lifted.
    StuckPod {
        /// `namespace/name`.
        pod: String,
    },
    /// A volume does not let go of its node until it is detached by force, until it is lifted.
    StuckVolume {
        /// Its claim, `namespace/name`.
        claim: String,
    },
    /// The next calls to the cloud are answered with `Throttled`, and do nothing.
    Throttle {
        /// How many.
        count: u32,
    },
    /// All calls to the cloud are answered with `Throttled` for so long, and do nothing.
    Storm {
        /// How long.
        seconds: u32,
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
    /// A fault that comes later. Lifting it lifts the other, but does not keep it from coming.
    Later {
        /// In how many seconds.
        seconds: u32,
        /// Which.
        fault: Box<Fault>,
    },
}

/// What somebody else does to a cluster, past every rule of ours.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Edit {
    /// Sets a group's size. If it is lower, the group terminates the machines launched first, whatever runs there.
    Resize {
        /// Which.
        group: String,
        /// To how many.
        count: u32,
    },
    /// Makes a group, of size 0.
    AddGroup {
        /// What it is like.
        spec: GroupSpec,
    },
    /// Terminates a node's machine, and lowers its group's size with it.
    Terminate {
        /// The node's name.
        node: String,
    },
    /// The node of a machine that another cloud runs joins.
    Join {
        /// The node.
        node: Box<Node>,
    },
    /// Such a machine ends.
    Leave {
        /// The node's name.
        node: String,
        /// Whether its cloud took it back, rather than somebody of ours terminating it.
        reclaimed: bool,
    },
}

impl Fault {
    /// Whether it changes what the world does, rather than what is answered or what time it is.
    pub(crate) fn is_of_the_world(&self) -> bool {
        match self {
            Self::ClockJump { .. }
            | Self::Throttle { .. }
            | Self::Storm { .. }
            | Self::Fail { .. }
            | Self::FailAfter { .. } => false,
            Self::Later { fault, .. } => fault.is_of_the_world(),
            _ => true,
        }
    }
}
