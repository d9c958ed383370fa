//! What the cloud refused to sell.

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::offer::Unavailable;
use plimsoll_domain::store::{StoreError, Write};
use sqlx::{SqliteConnection, SqlitePool};

use super::write::{earlier, note};
use super::writer::Work;
use super::{clusters, database};
use crate::body::failed;

/// Notes what was refused. A row for each offering at most: what is over is written over when it is refused again.
pub struct Put {
    pub write: Write,
    pub cluster: ClusterId,
    pub refused: Vec<Unavailable>,
}

#[async_trait]
impl Work for Put {
    type Done = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        let Self { write, cluster, refused } = self;
        if earlier(connection, &write.request, write.time).await?.is_some() {
            return Ok(());
        }
        clusters::exists(connection, cluster).await?;
        for one in refused {
            sqlx::query("INSERT INTO unavailable_offerings (cluster, offer, until) VALUES (?1, ?2, ?3) ON CONFLICT DO UPDATE SET until = MAX(until, ?3)")
                .bind(cluster.as_str())
                .bind(one.offer.to_string())
                .bind(one.until.as_millisecond())
                .execute(&mut *connection)
                .await
                .map_err(database)?;
        }
        note(connection, write, Some(cluster), &cluster.name()).await
    }
}

pub async fn list(
    pool: &SqlitePool,
    cluster: &ClusterId,
    now: Timestamp,
) -> Result<Vec<Unavailable>, StoreError> {
    let rows: Vec<(String, i64)> = sqlx::query_as(
        "SELECT offer, until FROM unavailable_offerings WHERE cluster = ? AND ? < until ORDER BY offer",
    )
    .bind(cluster.as_str())
    .bind(now.as_millisecond())
    .fetch_all(pool)
    .await
    .map_err(database)?;
    let read = |(offer, until): (String, i64)| {
        let until = Timestamp::from_millisecond(until).map_err(failed)?;
        Ok(Unavailable { offer: offer.parse().map_err(failed)?, until })
    };
    rows.into_iter().map(read).collect()
}
