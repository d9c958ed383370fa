//! Snapshots, and the generation of the fleet that they show.

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::{ClusterId, SnapshotId};
use plimsoll_domain::snapshot::{Content, Snapshot};
use plimsoll_domain::store::{Page, PageRequest, SnapshotHead, StoreError, StoredSnapshot, Write};
use plimsoll_domain::workload::Taint;
use sqlx::{SqliteConnection, SqlitePool};

use super::write::{note, repeated};
use super::writer::Work;
use super::{clusters, database, page};
use crate::body::{Body, decode, encode, failed};

type Row = (String, String, i64, i64, Vec<u8>);

/// Adds a snapshot.
pub struct Create {
    write: Write,
    cluster: ClusterId,
    id: SnapshotId,
    snapshot: Snapshot,
    body: Body,
    fleet: String,
}

impl Create {
    /// With what is stored of it, so that the writer has no work with that.
    pub fn new(
        write: &Write,
        cluster: &ClusterId,
        id: &SnapshotId,
        snapshot: &Snapshot,
    ) -> Result<Self, StoreError> {
        Ok(Self {
            write: write.clone(),
            cluster: cluster.clone(),
            id: id.clone(),
            body: encode(snapshot)?,
            fleet: fleet_digest(snapshot)?,
            snapshot: snapshot.clone(),
        })
    }
}

#[async_trait]
impl Work for Create {
    type Done = StoredSnapshot;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<StoredSnapshot, StoreError> {
        let Self { write, cluster, id, snapshot, body, fleet } = self;
        if let Some(id) = repeated(connection, write, |name| SnapshotId::from_name(name, cluster)).await? {
            return read_or_newest(connection, cluster, Some(&id)).await;
        }
        clusters::exists(connection, cluster).await?;
        if read(connection, cluster, id.as_str()).await?.is_some() {
            return Err(StoreError::Exists(id.name(cluster)));
        }
        sqlx::query("UPDATE clusters SET generation = generation + 1, fleet_digest = ?1, etag = CAST(CAST(etag AS INTEGER) + 1 AS TEXT) WHERE id = ?2 AND fleet_digest <> ?1")
            .bind(fleet)
            .bind(cluster.as_str())
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        let generation: i64 = sqlx::query_scalar("SELECT generation FROM clusters WHERE id = ?")
            .bind(cluster.as_str())
            .fetch_one(&mut *connection)
            .await
            .map_err(database)?;
        sqlx::query("INSERT INTO snapshots (cluster, id, digest, create_time, generation, body) VALUES (?, ?, ?, ?, ?, ?)")
            .bind(cluster.as_str())
            .bind(id.as_str())
            .bind(&body.digest)
            .bind(write.time.as_millisecond())
            .bind(generation)
            .bind(&body.bytes)
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        note(connection, write, Some(cluster), &id.name(cluster)).await?;
        Ok(StoredSnapshot {
            generation,
            id: id.clone(),
            digest: body.digest.clone(),
            create_time: millisecond(write.time.as_millisecond())?,
            snapshot: snapshot.clone(),
        })
    }
}

pub async fn get(
    pool: &SqlitePool,
    cluster: &ClusterId,
    id: Option<&SnapshotId>,
) -> Result<StoredSnapshot, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    read_or_newest(&mut connection, cluster, id).await
}

async fn read_or_newest(
    connection: &mut SqliteConnection,
    cluster: &ClusterId,
    id: Option<&SnapshotId>,
) -> Result<StoredSnapshot, StoreError> {
    clusters::exists(connection, cluster).await?;
    let row = match id {
        Some(id) => read(connection, cluster, id.as_str()).await?,
        None => newest(connection, cluster).await?,
    };
    let wanted = || id.map_or_else(|| SnapshotId::latest_name(cluster), |id| id.name(cluster));
    stored(row.ok_or_else(|| StoreError::NotFound(wanted()))?)
}

async fn read(
    connection: &mut SqliteConnection,
    cluster: &ClusterId,
    id: &str,
) -> Result<Option<Row>, StoreError> {
    sqlx::query_as(
        "SELECT id, digest, generation, create_time, body FROM snapshots WHERE cluster = ? AND id = ?",
    )
    .bind(cluster.as_str())
    .bind(id)
    .fetch_optional(connection)
    .await
    .map_err(database)
}

async fn newest(connection: &mut SqliteConnection, cluster: &ClusterId) -> Result<Option<Row>, StoreError> {
    sqlx::query_as(
        "SELECT id, digest, generation, create_time, body FROM snapshots WHERE cluster = ? ORDER BY seq DESC LIMIT 1",
    )
    .bind(cluster.as_str())
    .fetch_optional(connection)
    .await
    .map_err(database)
}

/// Newest first, without their bodies.
pub async fn list(
    pool: &SqlitePool,
    cluster: &ClusterId,
    request: &PageRequest,
) -> Result<Page<SnapshotHead>, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    clusters::exists(&mut connection, cluster).await?;
    let rows: Vec<(i64, String, String, i64, i64)> = sqlx::query_as("SELECT seq, id, digest, generation, create_time FROM snapshots WHERE cluster = ? AND seq < ? ORDER BY seq DESC LIMIT ?")
        .bind(cluster.as_str())
        .bind(page::position(request)?.unwrap_or(i64::MAX))
        .bind(page::rows_wanted(request))
        .fetch_all(&mut *connection)
        .await
        .map_err(database)?;
    page::page(page::cut(request, rows, |row| row.0.to_string()), |(_, id, digest, generation, time)| {
        let id = SnapshotId::try_from(id).map_err(failed)?;
        Ok(SnapshotHead { id, digest, generation, create_time: millisecond(time)? })
    })
}

fn stored((id, digest, generation, time, body): Row) -> Result<StoredSnapshot, StoreError> {
    let id = SnapshotId::try_from(id).map_err(failed)?;
    Ok(StoredSnapshot { generation, id, digest, create_time: millisecond(time)?, snapshot: decode(&body)? })
}

fn millisecond(time: i64) -> Result<Timestamp, StoreError> {
    Timestamp::from_millisecond(time).map_err(failed)
}

/// Digest of what a generation counts: each node's name and what its group is. A ready instance has none.
fn fleet_digest(snapshot: &Snapshot) -> Result<String, StoreError> {
    let nodes: Vec<_> = match &snapshot.content {
        Content::Cluster(state) => state.nodes.iter().map(specification).collect(),
        Content::Ready(_) => Vec::new(),
    };
    Ok(encode(&nodes)?.digest)
}

/// What makes two nodes different to a plan, without what comes and goes by itself (conditions, their taints).
fn specification(node: &Node) -> impl serde::Serialize {
    let taints: Vec<Taint> = node.lasting_taints().cloned().collect();
    let names = [&node.name, &node.group, &node.instance_type, &node.zone].map(Clone::clone);
    (names, node.kind, node.labels.clone(), taints)
}
