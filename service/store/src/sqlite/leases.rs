//! Who runs the operations of a cluster.

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::store::{Lease, StoreError};
use sqlx::SqlitePool;

use super::{clusters, database};

pub async fn take(
    pool: &SqlitePool,
    cluster: &ClusterId,
    holder: &str,
    now: Timestamp,
    until: Timestamp,
) -> Result<Option<Lease>, StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    clusters::exists(&mut transaction, cluster).await?;
    let token: Option<i64> = sqlx::query_scalar(
        "INSERT INTO leases (cluster, holder, token, until) VALUES (?1, ?2, 1, ?4) ON CONFLICT (cluster) DO UPDATE SET holder = ?2, token = token + 1, until = ?4 WHERE holder = ?2 OR until <= ?3 RETURNING token",
    )
    .bind(cluster.as_str())
    .bind(holder)
    .bind(now.as_millisecond())
    .bind(until.as_millisecond())
    .fetch_optional(&mut *transaction)
    .await
    .map_err(database)?;
    let Some(token) = token else { return Ok(None) };
    // Whoever ran it before holds a copy of this operation that is good no more.
    sqlx::query(
        "UPDATE operations SET revision = revision + 1 WHERE cluster = ? AND is_open = 1 AND is_queued = 0",
    )
    .bind(cluster.as_str())
    .execute(&mut *transaction)
    .await
    .map_err(database)?;
    transaction.commit().await.map_err(database)?;
    Ok(Some(Lease { cluster: cluster.clone(), token }))
}

pub async fn renew(pool: &SqlitePool, lease: &Lease, until: Timestamp) -> Result<bool, StoreError> {
    let renewed = sqlx::query("UPDATE leases SET until = ? WHERE cluster = ? AND token = ?")
        .bind(until.as_millisecond())
        .bind(lease.cluster.as_str())
        .bind(lease.token)
        .execute(pool)
        .await
        .map_err(database)?;
    Ok(0 < renewed.rows_affected())
}

/// The row stays, so that tokens go on rising.
pub async fn release(pool: &SqlitePool, lease: &Lease) -> Result<(), StoreError> {
    sqlx::query("UPDATE leases SET until = 0 WHERE cluster = ? AND token = ?")
        .bind(lease.cluster.as_str())
        .bind(lease.token)
        .execute(pool)
        .await
        .map_err(database)?;
    Ok(())
}
