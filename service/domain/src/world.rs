//! The world outside, as seams: what AWS and Kubernetes are asked for.
//!
//! Every method states an end and may be called twice: the second call finds the end reached and changes nothing.
//! Two implementations keep these promises, a simulated world and the real one.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::catalog::quotes::Quotes;
use crate::clock::Clock;
use crate::commitments::Held;
use crate::estate::Estate;
use crate::fleet::CapacityKind;
use crate::ids::ClusterId;
use crate::ledger::Span;
use crate::rehearsal::{Rehearsal, Scene};
use crate::selector::Labels;
use crate::snapshot::ClusterState;
use crate::store::ClusterRecord;
use crate::units::HourlyRate;
use crate::usage::Sample;
use crate::workload::Taint;

/// A node group of ours: one zone, one capacity kind, one node template.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GroupSpec {
    /// Its name, unique in the cluster.
    pub name: String,
    /// Its only zone.
    pub zone: String,
    /// How its nodes are bought.
    pub kind: CapacityKind,
    /// Types that are interchangeable, the first tried first.
    pub instance_types: Vec<String>,
    /// Labels of its nodes beside the well-known ones.
    pub labels: Labels,
    /// Taints of its nodes.
    pub taints: Vec<Taint>,
}

/// A node group as the cloud reports it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupStatus {
    /// Its name.
    pub name: String,
    /// Nodes that it is asked to have.
    pub desired_count: u32,
    /// Whether it takes changes: not being made, changed or deleted just now.
    pub is_active: bool,
    /// Whether it may be deleted: what others made is left to them, empty or not.
    pub is_ours: bool,
    /// Its machines, in the order in which they were launched.
    pub instances: Vec<Instance>,
    /// Why it has fewer machines than it was asked for last; empty if all is well.
    pub issues: Vec<Issue>,
}

/// What keeps a group from having a machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Issue {
    /// Whether there is no machine of that kind now, or no more of them allowed: another offering may do.
    pub is_capacity: bool,
    /// In the cloud's words.
    pub words: String,
}

/// A machine of a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    /// `aws:///us-east-1a/i-0123...`.
    pub provider_id: String,
    /// Its instance type.
    pub instance_type: String,
}

/// A machine's life, as the cloud bills it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineLife {
    /// `aws:///us-east-1a/i-0123...`.
    pub provider_id: String,
    /// Its instance type.
    pub instance_type: String,
    /// Its zone.
    pub zone: String,
    /// How it is bought.
    pub kind: CapacityKind,
    /// Its node group; empty if it belongs to none.
    pub group: String,
    /// From when on it is billed.
    pub launch_time: Timestamp,
    /// Until when; none: it runs.
    pub end: Option<End>,
}

/// The end of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct End {
    /// When.
    pub time: Timestamp,
    /// Whether the cloud took it back, rather than somebody terminating it.
    pub reclaimed: bool,
}

/// The cloud's word that a machine will go.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notice {
    /// Which.
    pub provider_id: String,
    /// When.
    pub reclaim_time: Timestamp,
    /// Why.
    pub cause: Cause,
}

/// Why a machine will go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Cause {
    /// Its capacity is wanted elsewhere, two minutes after the word was given: others of its kind may be next.
    Reclaim,
    /// It is retired, or what it runs on is worked on, at a time that is told days before. It says nothing about its kind.
    Maintenance,
}

/// A spot price that is in force from a moment on.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotChange {
    /// Of which instance type.
    pub instance_type: String,
    /// In which zone.
    pub zone: String,
    /// From when on.
    pub time: Timestamp,
    /// The price.
    pub rate: HourlyRate,
}

/// Why the cloud did not do as told. One variant for each thing a caller would do differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CloudError {
    /// There is no machine of that kind now. Another offering may do.
    #[error("no capacity: {0}")]
    NoCapacity(String),
    /// The group is being changed. Later.
    #[error("group {0} is being changed")]
    Busy(String),
    /// Too many calls. Later.
    #[error("throttled")]
    Throttled,
    /// There is something else by that name, or it is not ours.
    #[error("{0}")]
    Conflict(String),
    /// It will not be done, however often it is asked for.
    #[error("{0}")]
    Refused(String),
    /// There is no such group.
    #[error("group {0} does not exist")]
    NotFound(String),
    /// Anything else: a second try may help.
    #[error("{0}")]
    Failed(String),
}

/// Node groups of an account.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Names of all groups of a cluster, ascending, those being made or deleted among them. Empty for a cluster that is
    /// not there.
    async fn groups(&self, cluster: &ClusterId) -> Result<Vec<String>, CloudError>;
    /// Reads a group; none if there is none.
    async fn group(&self, cluster: &ClusterId, name: &str) -> Result<Option<GroupStatus>, CloudError>;
    /// Makes a group of size 0. Left alone if it is there with the same specification; `Conflict` with another.
    /// Returns before it is active.
    async fn ensure_group(&self, cluster: &ClusterId, spec: &GroupSpec) -> Result<(), CloudError>;
    /// Raises a group's size to `count`; left alone if it has as many or more. Returns before nodes are ready; that
    /// there is no capacity may also show in [`GroupStatus::issues`] later. `NotFound`, `Busy`, `NoCapacity`.
    async fn ensure_size(&self, cluster: &ClusterId, name: &str, count: u32) -> Result<(), CloudError>;
    /// Terminates one machine and lowers the group's size with it. A machine that is gone is gone.
    async fn ensure_instance_gone(
        &self,
        cluster: &ClusterId,
        name: &str,
        provider_id: &str,
    ) -> Result<(), CloudError>;
    /// Lowers the size of a group to the machines it has: what it asked for and did not get is given up.
    async fn give_up_missing(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError>;
    /// Deletes a group that has no machines. A group that is gone is gone. `Conflict` if it is not ours.
    async fn ensure_group_gone(&self, cluster: &ClusterId, name: &str) -> Result<(), CloudError>;
    /// Every machine of a cluster that ran at any time since `since`, by provider id. A cloud forgets machines an hour
    /// after their end: ask more often than that.
    async fn lives(&self, cluster: &ClusterId, since: Timestamp) -> Result<Vec<MachineLife>, CloudError>;
    /// Machines that will go, by time: those whose notice was given and that still run.
    async fn notices(&self, cluster: &ClusterId) -> Result<Vec<Notice>, CloudError>;
}

/// What the cloud asks for capacity.
#[async_trait]
pub trait Prices: Send + Sync {
    /// Everything that is sold in a cluster's region now: each type with its facts, its zones and its prices. `Failed` for a
    /// cluster that is not there. Takes seconds.
    async fn quotes(&self, cluster: &ClusterId) -> Result<Quotes, CloudError>;
    /// Spot prices of the types and zones that a cluster's machines ran in since `since`: for each the price that was in
    /// force then, as of `since`, and every change after, by time. Nothing for a type that is not sold as spot.
    async fn spot_changes(
        &self,
        cluster: &ClusterId,
        since: Timestamp,
    ) -> Result<Vec<SpotChange>, CloudError>;
    /// Commitments in force of the account that a cluster is in, as far as they are for machines of its region.
    async fn commitments(&self, cluster: &ClusterId) -> Result<Vec<Held>, CloudError>;
}

/// What became of an eviction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Eviction {
    /// The pod is on its way out.
    Accepted,
    /// The pod does not run on that node any more.
    Gone,
    /// A disruption budget forbids it for now. Carries its `namespace/name`.
    Blocked(String),
}

/// Why the API server did not do as told.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClusterError {
    /// There is no such object.
    #[error("{0} does not exist")]
    NotFound(String),
    /// Anything else: a second try may help.
    #[error("{0}")]
    Failed(String),
}

/// Whether a node takes new pods.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cordon {
    /// It does.
    Lifted,
    /// Not for a while: what it runs serves on.
    Passing,
    /// Not any more, for it will go: load balancers leave it, too.
    Final,
}

/// A Kubernetes cluster.
#[async_trait]
pub trait Cluster: Send + Sync {
    /// Everything that planning and migrating look at, as it is now.
    async fn state(&self, cluster: &ClusterId) -> Result<ClusterState, ClusterError>;
    /// What is still on a node, so that it cannot go yet: pods (`namespace/name`), those on their way out among them, and
    /// volumes of pods that left that are not detached yet (`volume namespace/claim`). Pods of DaemonSets and of the kubelet
    /// itself go with the node and are not among them. Empty for a node that is gone.
    async fn left_on(&self, cluster: &ClusterId, node: &str) -> Result<Vec<String>, ClusterError>;
    /// Keeps new pods off a node, or lets them on again, if they were kept off through here: what others closed stays closed.
    /// A node that is gone needs neither.
    async fn set_cordon(&self, cluster: &ClusterId, node: &str, cordon: Cordon) -> Result<(), ClusterError>;
    /// Evicts a pod (`namespace/name`) through the eviction API, if it runs on `node`. Its workload makes another.
    async fn evict(&self, cluster: &ClusterId, pod: &str, node: &str) -> Result<Eviction, ClusterError>;
}

/// What a pod uses now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PodUse {
    /// Namespace.
    pub namespace: String,
    /// Name.
    pub name: String,
    /// CPU, thousandths of a core.
    pub cpu_milli: i64,
    /// Memory (working set), bytes.
    pub memory_bytes: i64,
}

/// What is measured in a Kubernetes cluster.
#[async_trait]
pub trait Metrics: Send + Sync {
    /// What pods use now, by namespace and name. A pod that is not measured yet is not among them.
    async fn usage(&self, cluster: &ClusterId) -> Result<Vec<PodUse>, ClusterError>;
    /// What containers used within a span that is over, from a system that remembers it. A gap stays a gap, and an answer is
    /// whole or an error. None: there is no such system.
    async fn samples(&self, _cluster: &ClusterId, _span: Span) -> Result<Option<Vec<Sample>>, ClusterError> {
        Ok(None)
    }
}

/// A world that exists only here, and takes in clusters as they were seen elsewhere.
pub trait Simulator: Send + Sync {
    /// Its doors.
    fn world(&self) -> World;
    /// Takes a cluster in; one of that name is replaced.
    ///
    /// # Errors
    /// Only if the world cannot write down what happens in it.
    fn load(&self, cluster: &ClusterId, state: ClusterState) -> Result<(), ClusterError>;
    /// A world of its own beside this one, with one cluster in it. It remembers nothing once it is dropped.
    ///
    /// # Errors
    /// Only if the world cannot take the cluster in.
    fn rehearse(&self, scene: Scene) -> Result<Arc<dyn Rehearsal>, ClusterError>;
}

/// The way to clusters that exist.
pub trait Atlas: Send + Sync {
    /// The doors of a cluster. Nothing is asked for before one of them is used.
    fn world(&self, cluster: &ClusterRecord) -> World;
}

/// What operations act on.
#[derive(Clone)]
pub struct World {
    /// Node groups.
    pub cloud: Arc<dyn Cloud>,
    /// Pods and nodes.
    pub cluster: Arc<dyn Cluster>,
    /// What pods use.
    pub metrics: Arc<dyn Metrics>,
    /// Prices that change.
    pub prices: Arc<dyn Prices>,
    /// The clusters themselves; none where they are not made but loaded.
    pub estate: Option<Arc<dyn Estate>>,
    /// Its time: virtual in a simulated world.
    pub clock: Arc<dyn Clock>,
}
