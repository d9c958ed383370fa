//! Trying something out: a cluster in a world of its own, as a seam. What happens there happens nowhere else.

use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::ids::ClusterId;
use crate::snapshot::ClusterState;
use crate::world::World;

/// What a rehearsal begins with. The same scene and the same calls at the same times give the same rehearsal.
#[derive(Clone, Debug)]
pub struct Scene {
    /// Name of the cluster.
    pub cluster: ClusterId,
    /// The cluster as it was seen.
    pub state: ClusterState,
    /// When it begins, in its own time.
    pub start: Timestamp,
    /// Seed of whatever is random.
    pub seed: u64,
    /// What machines cost at the start; spot prices may move on from here.
    pub catalog: Arc<Catalog>,
    /// What goes wrong, beside what the seed brings.
    pub mishaps: Vec<Mishap>,
}

/// Something that goes wrong at some time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mishap {
    /// What.
    pub trouble: Trouble,
    /// From when on; not before the scene's start.
    pub begin: Timestamp,
    /// Until when; none: to the end. Of no meaning for [`Trouble::NodeLoss`].
    pub end: Option<Timestamp>,
}

/// What can go wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Trouble {
    /// No machine of a type can be had in a zone, however it is bought.
    NoCapacity {
        /// Type.
        instance_type: String,
        /// Zone.
        zone: String,
    },
    /// All spot machines of a type in a zone are taken back, two minutes after the word, and none can be had meanwhile.
    SpotReclaim {
        /// Type.
        instance_type: String,
        /// Zone.
        zone: String,
    },
    /// A disruption budget lets nobody go.
    StuckBudget {
        /// `namespace/name`.
        budget: String,
    },
    /// A machine breaks; its group launches another. Nothing happens if the node is not there.
    NodeLoss {
        /// Name of its node.
        node: String,
    },
}

/// What a rehearsal has cost a cluster beside money, since its start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Toll {
    /// Nodes now.
    pub node_count: u32,
    /// Most nodes at a time.
    pub node_count_max: u32,
    /// Pods that wait for a place now.
    pub pending_count: u32,
    /// Most pods that waited at a time.
    pub pending_count_max: u32,
    /// Milliseconds that pods waited for a place, in sum over pods.
    pub pending_pod_millis: u64,
    /// Evictions that a disruption budget refused.
    pub budget_wait_count: u32,
    /// Pods that were made again: evicted, or lost with their node.
    pub restart_count: u32,
}

/// A world that is tried out. Its time stands still but when its clock is slept on, and that takes no real time.
///
/// To be driven by one task: of several sleepers, each would move time on by its own span.
pub trait Rehearsal: Send + Sync {
    /// Its doors.
    fn world(&self) -> World;
    /// What was counted until now.
    fn toll(&self) -> Toll;
}
