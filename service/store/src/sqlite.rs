//! The store on SQLite.

mod audit;
mod catalogs;
mod clusters;
mod leases;
mod operations;
mod page;
mod plans;
mod retain;
mod snapshots;
mod unavailable;
mod usage;
mod write;
mod writer;

use std::path::Path;
use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::ids::{CatalogId, ClusterId, OperationId, PlanId, SnapshotId};
use plimsoll_domain::offer::Unavailable;
use plimsoll_domain::operation::Operation;
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::snapshot::Snapshot;
use plimsoll_domain::store::{
    AuditEntry, AuditFilter, CatalogHead, ClusterRecord, Dropped, Duty, Lease, OpenOperation,
    OperationFilter, Page, PageRequest, Retention, SnapshotHead, Store, StoreError, StoredCatalog,
    StoredPolicy, StoredSnapshot, Write,
};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use self::writer::Writer;
use crate::body::{encode, failed};

/// Connections that read one file, beside the one that writes (WAL).
const READERS_MAX: u32 = 4;
/// How long a write waits for another process to let go of the file before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite's code for a full disk (`SQLITE_FULL`).
const CODE_FULL: &str = "13";

/// A store in one SQLite file, or in memory. Cheap to clone.
///
/// One connection writes, for everybody, in groups (see [`writer`]); the others read what is committed. Every commit waits
/// for the disk (`synchronous = FULL`): what was answered outlives the power.
#[derive(Clone, Debug)]
pub struct Sqlite {
    readers: SqlitePool,
    writing: SqlitePool,
    writer: Writer,
}

impl Sqlite {
    /// Opens the file, creates it if it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it is no database, cannot be written, or was made by a newer version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::of_file(Self::file(path)).await
    }

    /// Opens a file that may not grow beyond so many pages of 4 KiB, nor beyond what it has if that is more.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub async fn open_limited(path: &Path, pages: u32) -> Result<Self, StoreError> {
        Self::of_file(Self::file(path).pragma("max_page_count", pages.to_string())).await
    }

    fn file(path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
    }

    async fn of_file(options: SqliteConnectOptions) -> Result<Self, StoreError> {
        let writing = connect(options.clone(), 1).await?;
        sqlx::migrate!().run(&writing).await.map_err(failed)?;
        // Nothing writes past the writer.
        let readers = connect(options.pragma("query_only", "on"), READERS_MAX).await?;
        Ok(Self { readers, writer: Writer::start(writing.clone()), writing })
    }

    /// A store that is gone with the process.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub async fn in_memory() -> Result<Self, StoreError> {
        // Each connection would be a memory of its own: readers and the writer take turns at one.
        let one = connect(SqliteConnectOptions::new().in_memory(true), 1).await?;
        sqlx::migrate!().run(&one).await.map_err(failed)?;
        Ok(Self { readers: one.clone(), writer: Writer::start(one.clone()), writing: one })
    }

    /// Finishes what runs and closes the file.
    pub async fn close(&self) {
        self.readers.close().await;
        self.writing.close().await;
    }
}

async fn connect(options: SqliteConnectOptions, connections: u32) -> Result<SqlitePool, StoreError> {
    SqlitePoolOptions::new()
        .max_connections(connections)
        .min_connections(1)
        .idle_timeout(None)
        .max_lifetime(None)
        // A caller that goes away while a connection is tested takes the connection with it, and the memory that is one.
        .test_before_acquire(false)
        .connect_with(options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT))
        .await
        .map_err(database)
}

/// Tells a full disk from everything else.
fn database(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(CODE_FULL) { StoreError::Full } else { failed(error) }
}

#[async_trait]
impl Store for Sqlite {
    async fn earlier(&self, write: &Write) -> Result<Option<String>, StoreError> {
        let mut connection = self.readers.acquire().await.map_err(database)?;
        write::earlier(&mut connection, &write.request, write.time).await
    }

    async fn create_cluster(
        &self,
        write: &Write,
        cluster: &ClusterRecord,
        policy: &Policy,
    ) -> Result<ClusterRecord, StoreError> {
        let (write, cluster, policy) = (write.clone(), cluster.clone(), policy.clone());
        self.writer.write(clusters::Create { write, cluster, policy }).await
    }
    async fn put_cluster(&self, write: &Write, cluster: &ClusterRecord) -> Result<ClusterRecord, StoreError> {
        self.writer.write(clusters::Put { write: write.clone(), cluster: cluster.clone() }).await
    }
    async fn cluster(&self, id: &ClusterId) -> Result<ClusterRecord, StoreError> {
        clusters::get(&self.readers, id).await
    }
    async fn clusters(&self, page: &PageRequest) -> Result<Page<ClusterRecord>, StoreError> {
        clusters::list(&self.readers, page).await
    }
    async fn policy(&self, cluster: &ClusterId) -> Result<StoredPolicy, StoreError> {
        clusters::policy(&self.readers, cluster).await
    }
    async fn put_policy(
        &self,
        write: &Write,
        cluster: &ClusterId,
        policy: &Policy,
        etag: &str,
    ) -> Result<StoredPolicy, StoreError> {
        let (write, cluster, policy) = (write.clone(), cluster.clone(), policy.clone());
        self.writer.write(clusters::PutPolicy { write, cluster, policy, etag: etag.to_owned() }).await
    }

    async fn create_snapshot(
        &self,
        write: &Write,
        cluster: &ClusterId,
        id: &SnapshotId,
        snapshot: &Snapshot,
    ) -> Result<StoredSnapshot, StoreError> {
        self.writer.write(snapshots::Create::new(write, cluster, id, snapshot)?).await
    }
    async fn snapshot(
        &self,
        cluster: &ClusterId,
        id: Option<&SnapshotId>,
    ) -> Result<StoredSnapshot, StoreError> {
        snapshots::get(&self.readers, cluster, id).await
    }
    async fn snapshots(
        &self,
        cluster: &ClusterId,
        page: &PageRequest,
    ) -> Result<Page<SnapshotHead>, StoreError> {
        snapshots::list(&self.readers, cluster, page).await
    }

    async fn create_catalog(
        &self,
        write: &Write,
        id: &CatalogId,
        catalog: &Catalog,
    ) -> Result<StoredCatalog, StoreError> {
        let (body, write, id, catalog) = (encode(catalog)?, write.clone(), id.clone(), catalog.clone());
        self.writer.write(catalogs::Create { write, id, catalog, body }).await
    }
    async fn catalog(&self, id: &CatalogId) -> Result<StoredCatalog, StoreError> {
        catalogs::get(&self.readers, id).await
    }
    async fn catalogs(&self, page: &PageRequest) -> Result<Page<CatalogHead>, StoreError> {
        catalogs::list(&self.readers, page).await
    }
    async fn newest_catalog(&self, region: &str) -> Result<Option<StoredCatalog>, StoreError> {
        catalogs::newest(&self.readers, region).await
    }

    async fn create_plan(&self, write: &Write, plan: &Plan) -> Result<Plan, StoreError> {
        let (body, write, plan) = (encode(plan)?, write.clone(), plan.clone());
        self.writer.write(plans::Create { write, plan, body }).await
    }
    async fn plan(&self, cluster: &ClusterId, id: &PlanId) -> Result<Plan, StoreError> {
        plans::get(&self.readers, cluster, id).await
    }
    async fn plans(&self, cluster: &ClusterId, page: &PageRequest) -> Result<Page<Plan>, StoreError> {
        plans::list(&self.readers, cluster, page).await
    }

    async fn start_operation(
        &self,
        write: &Write,
        operation: &Operation,
        generation: i64,
    ) -> Result<Operation, StoreError> {
        let (body, write, operation) = (encode(operation)?, write.clone(), operation.clone());
        self.writer.write(operations::Start { write, operation, body, generation }).await
    }
    async fn add_operation(&self, write: &Write, operation: &Operation) -> Result<Operation, StoreError> {
        let (body, write, operation) = (encode(operation)?, write.clone(), operation.clone());
        self.writer.write(operations::Add { write, operation, body }).await
    }
    async fn next_operation(&self, cluster: &ClusterId) -> Result<Option<Operation>, StoreError> {
        self.writer.write(operations::Next { cluster: cluster.clone() }).await
    }
    async fn update_operation(&self, operation: &Operation) -> Result<Operation, StoreError> {
        let (body, operation) = (encode(operation)?, operation.clone());
        self.writer.write(operations::Update { write: None, operation, body }).await
    }
    async fn intervene(&self, write: &Write, operation: &Operation) -> Result<Operation, StoreError> {
        let (body, operation) = (encode(operation)?, operation.clone());
        self.writer.write(operations::Update { write: Some(write.clone()), operation, body }).await
    }
    async fn cancel_operation(&self, write: &Write, id: &OperationId) -> Result<Operation, StoreError> {
        self.writer.write(operations::Cancel { write: write.clone(), id: id.clone() }).await
    }
    async fn open_operations(&self, cluster: &ClusterId) -> Result<Vec<OpenOperation>, StoreError> {
        operations::open(&self.readers, cluster).await
    }
    async fn operation(&self, id: &OperationId) -> Result<Operation, StoreError> {
        operations::get(&self.readers, id).await
    }
    async fn operations(
        &self,
        filter: &OperationFilter,
        page: &PageRequest,
    ) -> Result<Page<Operation>, StoreError> {
        operations::list(&self.readers, filter, page).await
    }

    async fn audit(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>, StoreError> {
        audit::list(&self.readers, filter, page).await
    }

    async fn put_usage(
        &self,
        write: &Write,
        cluster: &ClusterId,
        checkpoint: &[u8],
        batch_ids: &[String],
    ) -> Result<(), StoreError> {
        let (checkpoint, batch_ids) = (checkpoint.to_owned(), batch_ids.to_owned());
        let (write, cluster) = (write.clone(), cluster.clone());
        self.writer.write(usage::Put { write, cluster, checkpoint, batch_ids }).await
    }
    async fn usage(&self, cluster: &ClusterId) -> Result<Option<Vec<u8>>, StoreError> {
        usage::get(&self.readers, cluster).await
    }
    async fn usage_batch_seen(&self, cluster: &ClusterId, batch_id: &str) -> Result<bool, StoreError> {
        usage::batch_seen(&self.readers, cluster, batch_id).await
    }

    async fn take_lease(
        &self,
        cluster: &ClusterId,
        duty: Duty,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        let (cluster, holder) = (cluster.clone(), holder.to_owned());
        self.writer.write(leases::Take { cluster, duty, holder, now, until }).await
    }
    async fn renew_lease(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        self.writer.write(leases::Renew { lease: lease.clone(), until }).await
    }
    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        self.writer.write(leases::Release { lease: lease.clone() }).await
    }

    async fn put_unavailable(
        &self,
        write: &Write,
        cluster: &ClusterId,
        refused: &[Unavailable],
    ) -> Result<(), StoreError> {
        let (write, cluster, refused) = (write.clone(), cluster.clone(), refused.to_vec());
        self.writer.write(unavailable::Put { write, cluster, refused }).await
    }
    async fn unavailable(&self, cluster: &ClusterId, now: Timestamp) -> Result<Vec<Unavailable>, StoreError> {
        unavailable::list(&self.readers, cluster, now).await
    }

    async fn retain(&self, keep: &Retention) -> Result<Dropped, StoreError> {
        self.writer.write(retain::Retain { keep: *keep }).await
    }
}
