//! Dropping what is older than it has to be.

use plimsoll_domain::store::{Dropped, Retention, StoreError};
use sqlx::{Sqlite, SqlitePool, Transaction};

use super::database;

/// Rows that one transaction drops of a table: others wait for it that long.
const ROWS_MAX: i64 = 1_000;

const OPERATIONS: &str = "DELETE FROM operations WHERE seq IN (SELECT seq FROM operations WHERE is_open = 0 AND create_time < ?1 LIMIT ?3)";
const PLANS: &str = "DELETE FROM plans WHERE seq IN (SELECT seq FROM (SELECT seq, cluster, id, create_time, ROW_NUMBER() OVER (PARTITION BY cluster ORDER BY seq DESC) AS place FROM plans) AS old WHERE create_time < ?1 AND ?2 < place AND NOT EXISTS (SELECT 1 FROM operations WHERE operations.cluster = old.cluster AND operations.plan = old.id AND operations.plan <> '') LIMIT ?3)";
const SNAPSHOTS: &str = "DELETE FROM snapshots WHERE seq IN (SELECT seq FROM (SELECT seq, cluster, id, create_time, ROW_NUMBER() OVER (PARTITION BY cluster ORDER BY seq DESC) AS place FROM snapshots) AS old WHERE ((create_time < ?1 AND ?2 < place) OR ?4 < place) AND NOT EXISTS (SELECT 1 FROM plans WHERE plans.cluster = old.cluster AND plans.snapshot IN (old.id, '')) LIMIT ?3)";
const CATALOGS: &str = "DELETE FROM catalogs WHERE seq IN (SELECT seq FROM (SELECT seq, id, create_time, ROW_NUMBER() OVER (PARTITION BY region ORDER BY seq DESC) AS place FROM catalogs) AS old WHERE create_time < ?1 AND ?2 < place AND NOT EXISTS (SELECT 1 FROM plans WHERE plans.catalog IN (old.id, '')) LIMIT ?3)";

/// In the order in which one needs the other; a table that has more than [`ROWS_MAX`] to drop is gone on with later.
pub async fn retain(pool: &SqlitePool, keep: &Retention) -> Result<Dropped, StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    let operations = drop_rows(&mut transaction, OPERATIONS, keep).await?;
    let plans = drop_rows(&mut transaction, PLANS, keep).await?;
    let snapshots = drop_rows(&mut transaction, SNAPSHOTS, keep).await?;
    let catalogs = drop_rows(&mut transaction, CATALOGS, keep).await?;
    transaction.commit().await.map_err(database)?;
    Ok(Dropped { operations, plans, snapshots, catalogs })
}

async fn drop_rows(
    transaction: &mut Transaction<'static, Sqlite>,
    statement: &'static str,
    keep: &Retention,
) -> Result<u64, StoreError> {
    let done = sqlx::query(statement)
        .bind(keep.since.as_millisecond())
        .bind(i64::from(keep.newest_min))
        .bind(ROWS_MAX)
        .bind(i64::from(keep.snapshots_max))
        .execute(&mut **transaction)
        .await
        .map_err(database)?;
    Ok(done.rows_affected())
}
