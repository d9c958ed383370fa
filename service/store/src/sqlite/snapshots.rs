//! Snapshots, and the generation of the fleet that they show.

use plimsoll_domain::ids::{ClusterId, SnapshotId};
use plimsoll_domain::snapshot::{Content, Snapshot};
use plimsoll_domain::store::{StoreError, StoredSnapshot, Write};
use sqlx::{SqliteConnection, SqlitePool};

use super::write::{Open, begin, finish};
use super::{clusters, database};
use crate::body::{decode, encode, failed};

type Row = (String, String, Vec<u8>);

/// The resource name of a snapshot.
fn name(cluster: &ClusterId, id: &str) -> String {
    format!("clusters/{cluster}/snapshots/{id}")
}

pub async fn create(
    pool: &SqlitePool,
    write: &Write,
    cluster: &ClusterId,
    id: &SnapshotId,
    snapshot: &Snapshot,
) -> Result<StoredSnapshot, StoreError> {
    let body = encode(snapshot)?;
    let fleet = fleet_digest(snapshot)?;
    let mut transaction = match begin(pool, write).await? {
        Open::Fresh(transaction) => transaction,
        Open::Done(resource) => return named(pool, cluster, &resource).await,
    };
    clusters::exists(&mut transaction, cluster).await?;
    if read(&mut transaction, cluster, id.as_str()).await?.is_some() {
        return Err(StoreError::Exists(name(cluster, id.as_str())));
    }
    sqlx::query("INSERT INTO snapshots (cluster, id, digest, create_time, body) VALUES (?, ?, ?, ?, ?)")
        .bind(cluster.as_str())
        .bind(id.as_str())
        .bind(&body.digest)
        .bind(write.time.as_millisecond())
        .bind(&body.bytes)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    sqlx::query("UPDATE clusters SET generation = generation + 1, fleet_digest = ?1, etag = CAST(CAST(etag AS INTEGER) + 1 AS TEXT) WHERE id = ?2 AND fleet_digest <> ?1")
        .bind(&fleet)
        .bind(cluster.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    finish(transaction, write, &name(cluster, id.as_str())).await?;
    Ok(StoredSnapshot { id: id.clone(), digest: body.digest, snapshot: snapshot.clone() })
}

pub async fn get(
    pool: &SqlitePool,
    cluster: &ClusterId,
    id: Option<&SnapshotId>,
) -> Result<StoredSnapshot, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    clusters::exists(&mut connection, cluster).await?;
    let row = match id {
        Some(id) => read(&mut connection, cluster, id.as_str()).await?,
        None => newest(&mut connection, cluster).await?,
    };
    let wanted = id.map_or("(newest)", |id| id.as_str());
    stored(row.ok_or_else(|| StoreError::NotFound(name(cluster, wanted)))?)
}

async fn named(pool: &SqlitePool, cluster: &ClusterId, resource: &str) -> Result<StoredSnapshot, StoreError> {
    let id = resource.rsplit('/').next().unwrap_or_default().to_owned();
    let id = SnapshotId::try_from(id).map_err(failed)?;
    get(pool, cluster, Some(&id)).await
}

async fn read(
    connection: &mut SqliteConnection,
    cluster: &ClusterId,
    id: &str,
) -> Result<Option<Row>, StoreError> {
    sqlx::query_as("SELECT id, digest, body FROM snapshots WHERE cluster = ? AND id = ?")
        .bind(cluster.as_str())
        .bind(id)
        .fetch_optional(connection)
        .await
        .map_err(database)
}

async fn newest(connection: &mut SqliteConnection, cluster: &ClusterId) -> Result<Option<Row>, StoreError> {
    sqlx::query_as("SELECT id, digest, body FROM snapshots WHERE cluster = ? ORDER BY seq DESC LIMIT 1")
        .bind(cluster.as_str())
        .fetch_optional(connection)
        .await
        .map_err(database)
}

fn stored((id, digest, body): Row) -> Result<StoredSnapshot, StoreError> {
    Ok(StoredSnapshot { id: SnapshotId::try_from(id).map_err(failed)?, digest, snapshot: decode(&body)? })
}

/// Digest of what a generation counts: each node's name, group and type. A ready instance has its
/// existing nodes.
fn fleet_digest(snapshot: &Snapshot) -> Result<String, StoreError> {
    let nodes: Vec<(&str, &str, &str)> = match &snapshot.content {
        Content::Cluster(state) => {
            state.nodes.iter().map(|node| (&*node.name, &*node.group, &*node.instance_type)).collect()
        }
        Content::Ready(_) => Vec::new(),
    };
    Ok(encode(&nodes)?.digest)
}
