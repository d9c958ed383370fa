//! The store on SQLite.

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
    CatalogHead, ClusterRecord, Dropped, Lease, OperationFilter, Page, PageRequest, Retention, SnapshotHead, Store, StoreError,
    StoredCatalog, StoredPolicy, StoredSnapshot, Write,
};
use sqlx::SqlitePool;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};

use crate::body::failed;

/// Connections to one file: one writes, the others read beside it (WAL).
const CONNECTIONS_MAX: u32 = 4;
/// How long a write waits for another before it fails.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);
/// SQLite's code for a full disk (`SQLITE_FULL`).
const CODE_FULL: &str = "13";

/// A store in one SQLite file, or in memory. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Sqlite {
    pool: SqlitePool,
}

impl Sqlite {
    /// Opens the file, creates it if it is missing, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::Failed`] if it is no database, cannot be written, or was made by a newer version.
    pub async fn open(path: &Path) -> Result<Self, StoreError> {
        Self::connect(Self::file(path), CONNECTIONS_MAX).await
    }

    /// Opens a file that may not grow beyond so many pages of 4 KiB, nor beyond what it has if that is more.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub async fn open_limited(path: &Path, pages: u32) -> Result<Self, StoreError> {
        let options = Self::file(path).pragma("max_page_count", pages.to_string());
        Self::connect(options, CONNECTIONS_MAX).await
    }

    fn file(path: &Path) -> SqliteConnectOptions {
        SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
    }

    /// A store that is gone with the process.
    ///
    /// # Errors
    /// As [`Sqlite::open`].
    pub async fn in_memory() -> Result<Self, StoreError> {
        Self::connect(SqliteConnectOptions::new().in_memory(true), 1).await
    }

    async fn connect(options: SqliteConnectOptions, connections: u32) -> Result<Self, StoreError> {
        let options = options.foreign_keys(true).busy_timeout(BUSY_TIMEOUT);
        let pool = SqlitePoolOptions::new()
            .max_connections(connections)
            .min_connections(1)
            .idle_timeout(None)
            .max_lifetime(None)
            .connect_with(options)
            .await
            .map_err(database)?;
        sqlx::migrate!().run(&pool).await.map_err(failed)?;
        Ok(Self { pool })
    }

    /// Finishes what runs and closes the file.
    pub async fn close(&self) {
        self.pool.close().await;
    }
}

/// Tells a full disk from everything else.
fn database(error: sqlx::Error) -> StoreError {
    let code = error.as_database_error().and_then(|error| error.code());
    if code.as_deref() == Some(CODE_FULL) { StoreError::Full } else { failed(error) }
}

#[async_trait]
impl Store for Sqlite {
    async fn earlier(&self, write: &Write) -> Result<Option<String>, StoreError> {
        let mut connection = self.pool.acquire().await.map_err(database)?;
        write::earlier(&mut connection, &write.request, write.time).await
    }

    async fn create_cluster(
        &self,
        write: &Write,
        cluster: &ClusterRecord,
        policy: &Policy,
    ) -> Result<ClusterRecord, StoreError> {
        clusters::create(&self.pool, write, cluster, policy).await
    }
    async fn cluster(&self, id: &ClusterId) -> Result<ClusterRecord, StoreError> {
        clusters::get(&self.pool, id).await
    }
    async fn clusters(&self, page: &PageRequest) -> Result<Page<ClusterRecord>, StoreError> {
        clusters::list(&self.pool, page).await
    }
    async fn policy(&self, cluster: &ClusterId) -> Result<StoredPolicy, StoreError> {
        clusters::policy(&self.pool, cluster).await
    }
    async fn put_policy(
        &self,
        write: &Write,
        cluster: &ClusterId,
        policy: &Policy,
        etag: &str,
    ) -> Result<StoredPolicy, StoreError> {
        clusters::put_policy(&self.pool, write, cluster, policy, etag).await
    }

    async fn create_snapshot(
        &self,
        write: &Write,
        cluster: &ClusterId,
        id: &SnapshotId,
        snapshot: &Snapshot,
    ) -> Result<StoredSnapshot, StoreError> {
        snapshots::create(&self.pool, write, cluster, id, snapshot).await
    }
    async fn snapshot(
        &self,
        cluster: &ClusterId,
        id: Option<&SnapshotId>,
    ) -> Result<StoredSnapshot, StoreError> {
        snapshots::get(&self.pool, cluster, id).await
    }
    async fn snapshots(
        &self,
        cluster: &ClusterId,
        page: &PageRequest,
    ) -> Result<Page<SnapshotHead>, StoreError> {
        snapshots::list(&self.pool, cluster, page).await
    }

    async fn create_catalog(
        &self,
        write: &Write,
        id: &CatalogId,
        catalog: &Catalog,
    ) -> Result<StoredCatalog, StoreError> {
        catalogs::create(&self.pool, write, id, catalog).await
    }
    async fn catalog(&self, id: &CatalogId) -> Result<StoredCatalog, StoreError> {
        catalogs::get(&self.pool, id).await
    }
    async fn catalogs(&self, page: &PageRequest) -> Result<Page<CatalogHead>, StoreError> {
        catalogs::list(&self.pool, page).await
    }
    async fn newest_catalog(&self, region: &str) -> Result<Option<StoredCatalog>, StoreError> {
        catalogs::newest(&self.pool, region).await
    }

    async fn create_plan(&self, write: &Write, plan: &Plan) -> Result<Plan, StoreError> {
        plans::create(&self.pool, write, plan).await
    }
    async fn plan(&self, cluster: &ClusterId, id: &PlanId) -> Result<Plan, StoreError> {
        plans::get(&self.pool, cluster, id).await
    }
    async fn plans(&self, cluster: &ClusterId, page: &PageRequest) -> Result<Page<Plan>, StoreError> {
        plans::list(&self.pool, cluster, page).await
    }

    async fn start_operation(
        &self,
        write: &Write,
        operation: &Operation,
        generation: i64,
    ) -> Result<Operation, StoreError> {
        operations::start(&self.pool, write, operation, generation).await
    }
    async fn add_operation(&self, write: &Write, operation: &Operation) -> Result<Operation, StoreError> {
        operations::add(&self.pool, write, operation).await
    }
    async fn next_operation(&self, cluster: &ClusterId) -> Result<Option<Operation>, StoreError> {
        operations::next(&self.pool, cluster).await
    }
    async fn update_operation(&self, operation: &Operation) -> Result<Operation, StoreError> {
        operations::update(&self.pool, operation).await
    }
    async fn cancel_operation(&self, write: &Write, id: &OperationId) -> Result<Operation, StoreError> {
        operations::cancel(&self.pool, write, id).await
    }
    async fn operation(&self, id: &OperationId) -> Result<Operation, StoreError> {
        operations::get(&self.pool, id).await
    }
    async fn operations(
        &self,
        filter: &OperationFilter,
        page: &PageRequest,
    ) -> Result<Page<Operation>, StoreError> {
        operations::list(&self.pool, filter, page).await
    }

    async fn put_usage(
        &self,
        write: &Write,
        cluster: &ClusterId,
        checkpoint: &[u8],
        batch_ids: &[String],
    ) -> Result<(), StoreError> {
        usage::put(&self.pool, write, cluster, checkpoint, batch_ids).await
    }
    async fn usage(&self, cluster: &ClusterId) -> Result<Option<Vec<u8>>, StoreError> {
        usage::get(&self.pool, cluster).await
    }
    async fn usage_batch_seen(&self, cluster: &ClusterId, batch_id: &str) -> Result<bool, StoreError> {
        usage::batch_seen(&self.pool, cluster, batch_id).await
    }

    async fn take_lease(
        &self,
        cluster: &ClusterId,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<Option<Lease>, StoreError> {
        leases::take(&self.pool, cluster, holder, now, until).await
    }
    async fn renew_lease(&self, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
        leases::renew(&self.pool, lease, until).await
    }
    async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        leases::release(&self.pool, lease).await
    }

    async fn put_unavailable(
        &self,
        write: &Write,
        cluster: &ClusterId,
        refused: &[Unavailable],
    ) -> Result<(), StoreError> {
        unavailable::put(&self.pool, write, cluster, refused).await
    }
    async fn unavailable(&self, cluster: &ClusterId, now: Timestamp) -> Result<Vec<Unavailable>, StoreError> {
        unavailable::list(&self.pool, cluster, now).await
    }

    async fn retain(&self, keep: &Retention) -> Result<Dropped, StoreError> {
        retain::retain(&self.pool, keep).await
    }
}
