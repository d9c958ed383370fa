//! What the cloud refused to sell.

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::offer::Unavailable;
use plimsoll_domain::store::{StoreError, Write};
use sqlx::SqlitePool;

use super::write::{Open, begin, finish};
use super::{clusters, database};
use crate::body::failed;

pub async fn put(
    pool: &SqlitePool,
    write: &Write,
    cluster: &ClusterId,
    refused: &[Unavailable],
) -> Result<(), StoreError> {
    let Open::Fresh(mut transaction) = begin(pool, write).await? else { return Ok(()) };
    clusters::exists(&mut transaction, cluster).await?;
    for one in refused {
        sqlx::query("INSERT INTO unavailable_offerings (cluster, offer, until) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET until = MAX(until, ?3)")
            .bind(cluster.as_str())
            .bind(one.offer.to_string())
            .bind(one.until.as_millisecond())
            .execute(&mut *transaction)
            .await
            .map_err(database)?;
    }
    finish(transaction, write, &cluster.name()).await
}

pub async fn list(
    pool: &SqlitePool,
    cluster: &ClusterId,
    now: Timestamp,
) -> Result<Vec<Unavailable>, StoreError> {
    sqlx::query("DELETE FROM unavailable_offerings WHERE cluster = ? AND until <= ?")
        .bind(cluster.as_str())
        .bind(now.as_millisecond())
        .execute(pool)
        .await
        .map_err(database)?;
    let rows: Vec<(String, i64)> =
        sqlx::query_as("SELECT offer, until FROM unavailable_offerings WHERE cluster = ? ORDER BY offer")
            .bind(cluster.as_str())
            .fetch_all(pool)
            .await
            .map_err(database)?;
    let read = |(offer, until): (String, i64)| {
        let until = Timestamp::from_millisecond(until).map_err(failed)?;
        Ok(Unavailable { offer: offer.parse().map_err(failed)?, until })
    };
    rows.into_iter().map(read).collect()
}
