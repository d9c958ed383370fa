//! Usage checkpoints and the batches folded into them.

use async_trait::async_trait;
use jiff::SignedDuration;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::store::{StoreError, Write};
use sqlx::{SqliteConnection, SqlitePool};

use super::write::{earlier, note};
use super::writer::Work;
use super::{clusters, database};

/// Batches are remembered as long as samples of their age are accepted.
const BATCH_LIFE: SignedDuration = SignedDuration::from_hours(35 * 24);

/// Replaces a checkpoint, and remembers the batches in it.
pub struct Put {
    pub write: Write,
    pub cluster: ClusterId,
    pub checkpoint: Vec<u8>,
    pub batch_ids: Vec<String>,
}

#[async_trait]
impl Work for Put {
    type Done = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let Self { write, cluster, checkpoint, batch_ids } = self;
        if earlier(connection, &write.request, write.time).await?.is_some() {
            return Ok(());
        }
        clusters::exists(connection, cluster).await?;
        let time = write.time.as_millisecond();
        sqlx::query("INSERT INTO usage_checkpoints (cluster, update_time, body) VALUES (?1, ?2, ?3) ON CONFLICT (cluster) DO UPDATE SET update_time = ?2, body = ?3")
            .bind(cluster.as_str())
            .bind(time)
            .bind(checkpoint)
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        sqlx::query("DELETE FROM usage_batches WHERE create_time < ?")
            .bind(time - BATCH_LIFE.as_millis() as i64)
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        for id in batch_ids {
            sqlx::query(
                "INSERT INTO usage_batches (cluster, id, create_time) VALUES (?, ?, ?) ON CONFLICT DO NOTHING",
            )
            .bind(cluster.as_str())
            .bind(id)
            .bind(time)
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        }
        note(connection, write, Some(cluster), &cluster.usage_name()).await
    }
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
