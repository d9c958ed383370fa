//! What the service remembers, as a seam. Implementations keep every promise written here.

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use crate::catalog::Catalog;
use crate::ids::{CatalogId, ClusterId, OperationId, PlanId, SnapshotId};
use crate::offer::Unavailable;
use crate::operation::Operation;
use crate::plan::Plan;
use crate::policy::Policy;
use crate::snapshot::Snapshot;

/// How long a request id is remembered, from the write that used it first. What the wire promises.
pub const REQUEST_ID_LIFE: SignedDuration = SignedDuration::from_hours(24);

/// Operations that may wait for one cluster. Resizes of one group wait as one, so that this is more than twice the groups
/// that EKS lets a cluster have (450).
pub const QUEUED_MAX: u32 = 1_000;

/// Why the store did not do as told. One variant for each thing a caller would do differently.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// There is no such thing. Carries its resource name.
    #[error("{0} does not exist")]
    NotFound(String),
    /// There is one already. Carries its resource name.
    #[error("{0} exists already")]
    Exists(String),
    /// Somebody else wrote in between: read again.
    #[error("etag of {resource} is {current}, not {given}")]
    EtagMismatch {
        /// Resource name of what was to be written.
        resource: String,
        /// What the caller had.
        given: String,
        /// What is stored.
        current: String,
    },
    /// Another operation, which is not over, holds the cluster: wait for it.
    #[error("{cluster} is held by {holder}")]
    Busy {
        /// Resource name of the cluster.
        cluster: String,
        /// Resource name of the operation.
        holder: String,
    },
    /// The fleet changed after it was looked at: look again.
    #[error("the fleet is at generation {current}, not {base}")]
    Stale {
        /// The generation that the caller saw.
        base: i64,
        /// The generation that is.
        current: i64,
    },
    /// Another writer has written the operation since: whoever holds this copy is not its runner any more.
    #[error("{0} was written by another runner")]
    Superseded(String),
    /// The request id was used before for something else.
    #[error("request id {0} was used for another request")]
    RequestIdReused(String),
    /// The page token is none of ours.
    #[error("page token {0:?} is not valid")]
    BadPageToken(String),
    /// Too many writes wait for the disk: try again in a while. Nothing was written.
    #[error("{waiting} writes wait for the database")]
    Overloaded {
        /// How many wait.
        waiting: usize,
    },
    /// The disk is full. Nothing was written.
    #[error("no space left for the database")]
    Full,
    /// Locked, corrupt, unreachable. Nothing was written.
    #[error("database failed")]
    Failed(#[source] Box<dyn std::error::Error + Send + Sync>),
}

/// How a cluster is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Mode {
    /// Through AWS and its API server.
    Live,
    /// Only through imports.
    Offline,
    /// In the simulator.
    Simulated,
}

/// A cluster as registered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterRecord {
    /// Id.
    pub id: ClusterId,
    /// How it is reached.
    pub mode: Mode,
    /// AWS region.
    pub region: String,
    /// AWS account, twelve digits; may be empty for an offline cluster.
    pub aws_account_id: String,
    /// Role to assume; may be empty.
    pub role_arn: String,
    /// Kubernetes version, such as `1.35`; may be empty.
    pub kubernetes_version: String,
    /// Counts changes of node groups as snapshots show them.
    pub generation: i64,
    /// Changes with every write.
    pub etag: String,
    /// When it was registered.
    pub create_time: Timestamp,
}

/// A write that may be repeated: the same id with the same body takes effect once within [`REQUEST_ID_LIFE`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestKey {
    /// The caller's id; empty: not idempotent.
    pub id: String,
    /// Full method name.
    pub method: String,
    /// SHA-256 of the request without its id, hex.
    pub body_digest: String,
}

/// Who writes what, when; goes to the audit log in the same transaction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Write {
    /// The request.
    pub request: RequestKey,
    /// Who asks; `anonymous` on loopback.
    pub actor: String,
    /// When.
    pub time: Timestamp,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PageRequest {
    /// Most items, 1..=1000.
    pub size: u32,
    /// `next_token` of the page before; empty: the first.
    pub token: String,
}

/// Items and how to go on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Page<T> {
    /// Items, newest first for plans, snapshots and catalogs, by id else.
    pub items: Vec<T>,
    /// Empty: this was the last.
    pub next_token: String,
}

/// A snapshot with its name and digest.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredSnapshot {
    /// Generation of the fleet that it shows.
    pub generation: i64,
    /// Id within its cluster.
    pub id: SnapshotId,
    /// SHA-256 of the stored form, hex.
    pub digest: String,
    /// When it was stored.
    pub create_time: Timestamp,
    /// What it shows.
    pub snapshot: Snapshot,
}

/// What a list says of a snapshot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SnapshotHead {
    /// Id within its cluster.
    pub id: SnapshotId,
    /// SHA-256 of the stored form, hex.
    pub digest: String,
    /// Generation of the fleet that it shows.
    pub generation: i64,
    /// When it was stored.
    pub create_time: Timestamp,
}

/// A policy with its etag.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredPolicy {
    /// Changes with every write.
    pub etag: String,
    /// The policy.
    pub policy: Policy,
}

/// A catalog with its name.
#[derive(Clone, Debug, PartialEq)]
pub struct StoredCatalog {
    /// Id.
    pub id: CatalogId,
    /// What it says.
    pub catalog: Catalog,
}

/// What a list says of a catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CatalogHead {
    /// Id.
    pub id: CatalogId,
    /// AWS region.
    pub region: String,
    /// When it was stored; none: it is built in.
    pub create_time: Option<Timestamp>,
}

/// Which operations a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OperationFilter {
    /// Of this cluster; none: of all.
    pub cluster: Option<ClusterId>,
    /// That carry out this plan of `cluster`; none: all.
    pub plan: Option<PlanId>,
    /// Only those that carry out a plan, whichever.
    pub applies: bool,
    /// Only those that are not final.
    pub open: bool,
}

/// An operation that is not over, in brief.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OpenOperation {
    /// Its id.
    pub id: OperationId,
    /// Whether it waits for its cluster.
    pub is_queued: bool,
    /// The node group that it resizes, and to which size; none if it does something else.
    pub size: Option<(String, u32)>,
}

/// A line of the audit log: a write that changed something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AuditEntry {
    /// Counts the lines; a later write has a greater number.
    pub number: i64,
    /// When, to the millisecond.
    pub time: Timestamp,
    /// Who.
    pub actor: String,
    /// Full method name, or the name of what the service did by itself.
    pub method: String,
    /// The caller's id of the request; may be empty.
    pub request_id: String,
    /// Resource name of what was written.
    pub resource: String,
    /// The cluster that it belongs to; none: to none.
    pub cluster: Option<ClusterId>,
}

/// Which lines of the audit log a list has.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuditFilter {
    /// Of this cluster; none: of all, and of none.
    pub cluster: Option<ClusterId>,
    /// Of this actor; none: of all.
    pub actor: Option<String>,
    /// Of this method, by its full name or the last part of it; none: of all.
    pub method: Option<String>,
    /// About this resource; none: about all.
    pub resource: Option<String>,
    /// Not before.
    pub since: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

/// What one process at a time does for a cluster.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
    /// Running its operations.
    Operations,
    /// Accounting for its costs.
    Costs,
}

/// The right to a duty for a cluster, for a while.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// Of which cluster.
    pub cluster: ClusterId,
    /// To what.
    pub duty: Duty,
    /// Tells it from every other lease of the same; the newest is the largest.
    pub token: i64,
}

/// How long something is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// What was written after this is kept.
    pub since: Timestamp,
    /// So many snapshots of each cluster, plans of each cluster, and catalogs of each region are kept however old they
    /// are, the newest.
    pub newest_min: u32,
    /// So many snapshots of each cluster are kept at most, beside those that plans rest on.
    pub snapshots_max: u32,
}

/// What was dropped.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Dropped {
    /// Operations.
    pub operations: u64,
    /// Plans.
    pub plans: u64,
    /// Snapshots.
    pub snapshots: u64,
    /// Catalogs.
    pub catalogs: u64,
}

/// Everything that outlives the process.
///
/// Every method is one transaction: all of it happens or nothing. A write whose request id was seen
/// with the same body changes nothing and returns the resource that the first one made, as it is now: a
/// snapshot, a catalog and a plan never change, a cluster and a policy may have changed since. With another body
/// it is [`StoreError::RequestIdReused`]. After [`REQUEST_ID_LIFE`] an id is as good as new. Every write that
/// changes something adds one row to the audit log.
#[async_trait]
pub trait Store: Send + Sync {
    /// The resource name that an earlier request with this key produced, if it is not older than
    /// [`REQUEST_ID_LIFE`]. Saves work; the write that follows decides by the same rule.
    async fn earlier(&self, write: &Write) -> Result<Option<String>, StoreError>;

    /// Adds a cluster with its policy. `Exists` if the id is taken.
    async fn create_cluster(
        &self,
        write: &Write,
        cluster: &ClusterRecord,
        policy: &Policy,
    ) -> Result<ClusterRecord, StoreError>;
    /// Replaces how a cluster is reached (`mode`) and its Kubernetes version; all else of the record stays as it is.
    async fn put_cluster(&self, write: &Write, cluster: &ClusterRecord) -> Result<ClusterRecord, StoreError>;
    /// Reads a cluster.
    async fn cluster(&self, id: &ClusterId) -> Result<ClusterRecord, StoreError>;
    /// Lists clusters by id.
    async fn clusters(&self, page: &PageRequest) -> Result<Page<ClusterRecord>, StoreError>;

    /// Reads a cluster's policy.
    async fn policy(&self, cluster: &ClusterId) -> Result<StoredPolicy, StoreError>;
    /// Replaces a cluster's policy. `EtagMismatch` if `etag` is not empty and not the current one.
    async fn put_policy(
        &self,
        write: &Write,
        cluster: &ClusterId,
        policy: &Policy,
        etag: &str,
    ) -> Result<StoredPolicy, StoreError>;

    /// Adds a snapshot; if the fleet in it differs from the one before, `generation` rises by one.
    async fn create_snapshot(
        &self,
        write: &Write,
        cluster: &ClusterId,
        id: &SnapshotId,
        snapshot: &Snapshot,
    ) -> Result<StoredSnapshot, StoreError>;
    /// Reads a snapshot; `None` for the id means the newest, which `NotFound` calls `latest`.
    async fn snapshot(
        &self,
        cluster: &ClusterId,
        id: Option<&SnapshotId>,
    ) -> Result<StoredSnapshot, StoreError>;

    /// Lists a cluster's snapshots, newest first, without what they show.
    async fn snapshots(
        &self,
        cluster: &ClusterId,
        page: &PageRequest,
    ) -> Result<Page<SnapshotHead>, StoreError>;

    /// Adds a catalog.
    async fn create_catalog(
        &self,
        write: &Write,
        id: &CatalogId,
        catalog: &Catalog,
    ) -> Result<StoredCatalog, StoreError>;
    /// Reads a catalog.
    async fn catalog(&self, id: &CatalogId) -> Result<StoredCatalog, StoreError>;
    /// Lists the imported catalogs, newest first, without what they say.
    async fn catalogs(&self, page: &PageRequest) -> Result<Page<CatalogHead>, StoreError>;
    /// The newest imported catalog of a region, if any.
    async fn newest_catalog(&self, region: &str) -> Result<Option<StoredCatalog>, StoreError>;

    /// Adds a plan.
    async fn create_plan(&self, write: &Write, plan: &Plan) -> Result<Plan, StoreError>;
    /// Reads a plan.
    async fn plan(&self, cluster: &ClusterId, id: &PlanId) -> Result<Plan, StoreError>;
    /// Lists a cluster's plans, newest first.
    async fn plans(&self, cluster: &ClusterId, page: &PageRequest) -> Result<Page<Plan>, StoreError>;

    /// Adds an operation that holds its cluster until it is final: `Busy` if another one does, `Stale` if the
    /// cluster's generation is not `generation`. A repeated request returns the operation as it is now.
    async fn start_operation(
        &self,
        write: &Write,
        operation: &Operation,
        generation: i64,
    ) -> Result<Operation, StoreError>;
    /// Adds an operation that rests on no plan. One that is final is only written down. One that is queued waits for its
    /// cluster behind those that wait already; see [`Store::next_operation`]. If a resize of the same group waits whose
    /// end nobody asked for, it joins that one ([`Operation::joined_by`]), and that one is returned: the request id and the
    /// audit log name it. Any other takes its cluster: `Busy` if another one holds it, or waits for it. `Busy` too if
    /// [`QUEUED_MAX`] wait. A repeated request returns the operation as it is now.
    async fn add_operation(&self, write: &Write, operation: &Operation) -> Result<Operation, StoreError>;
    /// Gives a cluster that nobody holds to the operation that has waited longest for it, which runs from then on, and
    /// returns it. None if the cluster is held or nobody waits. No request and no line in the audit log.
    async fn next_operation(&self, cluster: &ClusterId) -> Result<Option<Operation>, StoreError>;
    /// Writes how far an operation is, and returns it with its new revision and whether its end was asked for.
    /// `Superseded` if `operation.revision` is not the newest. No request and no line in the audit log.
    async fn update_operation(&self, operation: &Operation) -> Result<Operation, StoreError>;
    /// As [`Store::update_operation`], because somebody asked for it: with a line in the audit log.
    async fn intervene(&self, write: &Write, operation: &Operation) -> Result<Operation, StoreError>;
    /// Asks for the end of an operation; no change if it is final.
    async fn cancel_operation(&self, write: &Write, id: &OperationId) -> Result<Operation, StoreError>;
    /// Operations of a cluster that are not over, the first first. None for a cluster that is not there.
    async fn open_operations(&self, cluster: &ClusterId) -> Result<Vec<OpenOperation>, StoreError>;
    /// Reads an operation.
    async fn operation(&self, id: &OperationId) -> Result<Operation, StoreError>;
    /// Lists operations, newest first.
    async fn operations(
        &self,
        filter: &OperationFilter,
        page: &PageRequest,
    ) -> Result<Page<Operation>, StoreError>;

    /// Lists the audit log, newest first.
    async fn audit(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>, StoreError>;

    /// Replaces a cluster's usage checkpoint (opaque bytes with their own version). Batches that
    /// were folded in are remembered by id: see [`Store::usage_batch_seen`].
    async fn put_usage(
        &self,
        write: &Write,
        cluster: &ClusterId,
        checkpoint: &[u8],
        batch_ids: &[String],
    ) -> Result<(), StoreError>;
    /// Reads a cluster's usage checkpoint.
    async fn usage(&self, cluster: &ClusterId) -> Result<Option<Vec<u8>>, StoreError>;
    /// Whether a batch of samples was folded in before.
    async fn usage_batch_seen(&self, cluster: &ClusterId, batch_id: &str) -> Result<bool, StoreError>;

    /// Takes the right to a duty for a cluster until `until`. None if it belongs to another holder whose time is not over
    /// `now`. Whoever had it before, be it a process of the same name, is shut out: [`Store::renew_lease`] answers it false
    /// and, if it ran operations, the next [`Store::update_operation`] of what holds the cluster `Superseded`. No
    /// request and no line in the audit log, as with everything about leases.
    async fn take_lease(
        &self,
        cluster: &ClusterId,
        duty: Duty,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError>;
    /// Keeps the right until `until`, even if its time was over and nobody took it. False if somebody did.
    async fn renew_lease(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError>;
    /// Gives the right up. A lease that was lost is lost.
    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError>;

    /// Notes what a cloud refused to sell; of the same offering the latest end counts.
    async fn put_unavailable(
        &self,
        write: &Write,
        cluster: &ClusterId,
        refused: &[Unavailable],
    ) -> Result<(), StoreError>;
    /// What is not to be had `now`, by offering.
    async fn unavailable(&self, cluster: &ClusterId, now: Timestamp) -> Result<Vec<Unavailable>, StoreError>;

    /// Drops what is older than it has to be: operations that are over; plans that no operation that is kept carries out;
    /// snapshots and catalogs that no plan that is kept rests on. The audit log keeps everything.
    async fn retain(&self, keep: &Retention) -> Result<Dropped, StoreError>;
}
