//! Usage checkpoints and the batches folded into them.

use jiff::SignedDuration;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::store::{StoreError, Write};
use sqlx::SqlitePool;

use super::write::{Open, begin, finish};
use super::{clusters, database};

/// Batches are remembered as long as samples of their age are accepted.
const BATCH_LIFE: SignedDuration = SignedDuration::from_hours(35 * 24);

pub async fn put(
    pool: &SqlitePool,
    write: &Write,
    cluster: &ClusterId,
    checkpoint: &[u8],
    batch_ids: &[String],
) -> Result<(), StoreError> {
    let Open::Fresh(mut transaction) = begin(pool, write).await? else { return Ok(()) };
    clusters::exists(&mut transaction, cluster).await?;
    let time = write.time.as_millisecond();
    sqlx::query("INSERT INTO usage_checkpoints (cluster, update_time, body) VALUES (?1, ?2, ?3) ON CONFLICT (cluster) DO UPDATE SET update_time = ?2, body = ?3")
        .bind(cluster.as_str())
        .bind(time)
        .bind(checkpoint)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    sqlx::query("DELETE FROM usage_batches WHERE create_time < ?")
        .bind(time - BATCH_LIFE.as_millis() as i64)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    for id in batch_ids {
        sqlx::query(
            "INSERT INTO usage_batches (cluster, id, create_time) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
        )
        .bind(cluster.as_str())
        .bind(id)
        .bind(time)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    }
    finish(transaction, write, &cluster.usage_name()).await
}

pub async fn get(pool: &SqlitePool, cluster: &ClusterId) -> Result<Option<Vec<u8>>, StoreError> {
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT body FROM usage_checkpoints WHERE cluster = ?")
        .bind(cluster.as_str())
        .fetch_optional(pool)
        .await
        .map_err(database)?;
    Ok(row.map(|row| row.0))
}

pub async fn batch_seen(pool: &SqlitePool, cluster: &ClusterId, batch_id: &str) -> Result<bool, StoreError> {
    let row: Option<(i64,)> = sqlx::query_as("SELECT 1 FROM usage_batches WHERE cluster = ? AND id = ?")
        .bind(cluster.as_str())
        .bind(batch_id)
        .fetch_optional(pool)
        .await
        .map_err(database)?;
    Ok(row.is_some())
}
