//! Dropping what is older than it has to be.

use async_trait::async_trait;
use plimsoll_domain::store::{Dropped, Retention, StoreError};
use sqlx::SqliteConnection;

use super::database;
use super::writer::Work;

/// Rows that one transaction drops of a table: others wait for it that long.
const ROWS_MAX: i64 = 1_000;

const OPERATIONS: &str = "DELETE FROM operations WHERE seq IN (SELECT seq FROM operations WHERE is_open = 0 AND create_time < ?1 LIMIT ?3)";
const PLANS: &str = "DELETE FROM plans WHERE seq IN (SELECT seq FROM (SELECT seq, cluster, id, create_time, ROW_NUMBER() OVER (PARTITION BY cluster ORDER BY seq DESC) AS place FROM plans) AS old WHERE create_time < ?1 AND ?2 < place AND NOT EXISTS (SELECT 1 FROM operations WHERE operations.cluster = old.cluster AND operations.plan = old.id AND operations.plan <> '') LIMIT ?3)";
const SNAPSHOTS: &str = "DELETE FROM snapshots WHERE seq IN (SELECT seq FROM (SELECT seq, cluster, id, create_time, ROW_NUMBER() OVER (PARTITION BY cluster ORDER BY seq DESC) AS place FROM snapshots) AS old WHERE ((create_time < ?1 AND ?2 < place) OR ?4 < place) AND NOT EXISTS (SELECT 1 FROM plans WHERE plans.cluster = old.cluster AND plans.snapshot IN (old.id, '')) LIMIT ?3)";
const CATALOGS: &str = "DELETE FROM catalogs WHERE seq IN (SELECT seq FROM (SELECT seq, id, create_time, ROW_NUMBER() OVER (PARTITION BY region ORDER BY seq DESC) AS place FROM catalogs) AS old WHERE create_time < ?1 AND ?2 < place AND NOT EXISTS (SELECT 1 FROM plans WHERE plans.catalog IN (old.id, '')) LIMIT ?3)";

/// Drops, in the order in which one needs the other; a table that has more than [`ROWS_MAX`] to drop is gone on with later.
pub struct Retain {
    pub keep: Retention,
}

#[async_trait]
impl Work for Retain {
    type Done = Dropped;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Dropped, StoreError> {
        let operations = drop_rows(connection, OPERATIONS, &self.keep).await?;
        let plans = drop_rows(connection, PLANS, &self.keep).await?;
        let snapshots = drop_rows(connection, SNAPSHOTS, &self.keep).await?;
        let catalogs = drop_rows(connection, CATALOGS, &self.keep).await?;
        Ok(Dropped { operations, plans, snapshots, catalogs })
    }
}

async fn drop_rows(
    connection: &mut SqliteConnection,
    statement: &'static str,
    keep: &Retention,
) -> Result<u64, StoreError> {
    let done = sqlx::query(statement)
        .bind(keep.since.as_millisecond())
        .bind(i64::from(keep.newest_min))
        .bind(ROWS_MAX)
        .bind(i64::from(keep.snapshots_max))
        .execute(connection)
        .await
        .map_err(database)?;
    Ok(done.rows_affected())
}
