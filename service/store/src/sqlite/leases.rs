//! Who does what for a cluster.

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::store::{Duty, Lease, StoreError};
use sqlx::SqliteConnection;

use super::writer::Work;
use super::{clusters, database};

/// Takes the right to a duty.
pub struct Take {
    pub cluster: ClusterId,
    pub duty: Duty,
    pub holder: String,
    pub now: Timestamp,
    pub until: Timestamp,
}

#[async_trait]
impl Work for Take {
    type Done = Option<Lease>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Lease>, StoreError> {
        let cluster = &self.cluster;
        clusters::exists(connection, cluster).await?;
        let token: Option<i64> = sqlx::query_scalar(
            "INSERT INTO leases (cluster, duty, holder, token, until) VALUES (?1, ?5, ?2, 1, ?4) ON CONFLICT (cluster, duty) DO UPDATE SET holder = ?2, token = token + 1, until = ?4 WHERE holder = ?2 OR until <= ?3 RETURNING token",
        )
        .bind(cluster.as_str())
        .bind(&self.holder)
        .bind(self.now.as_millisecond())
        .bind(self.until.as_millisecond())
        .bind(text(self.duty))
        .fetch_optional(&mut *connection)
        .await
        .map_err(database)?;
        let Some(token) = token else { return Ok(None) };
        let lease = Lease { cluster: cluster.clone(), duty: self.duty, token };
        if self.duty != Duty::Operations {
            return Ok(Some(lease));
        }
        // Whoever ran it before holds a copy of this operation that is good no more.
        sqlx::query(
            "UPDATE operations SET revision = revision + 1 WHERE cluster = ? AND is_open = 1 AND is_queued = 0",
        )
        .bind(cluster.as_str())
        .execute(connection)
        .await
        .map_err(database)?;
        Ok(Some(lease))
    }
}

/// Keeps the right for longer.
pub struct Renew {
    pub lease: Lease,
    pub until: Timestamp,
}

#[async_trait]
impl Work for Renew {
    type Done = bool;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<bool, StoreError> {
        end_at(connection, &self.lease, self.until.as_millisecond()).await
    }
}

/// Gives the right up. The row stays, so that tokens go on rising.
pub struct Release {
    pub lease: Lease,
}

#[async_trait]
impl Work for Release {
    type Done = ();

    async fn run(&self, connection: &mut SqliteConnection) -> Result<(), StoreError> {
        end_at(connection, &self.lease, 0).await.map(drop)
    }
}

/// Has a lease end at a time, in milliseconds. False if it was lost.
async fn end_at(connection: &mut SqliteConnection, lease: &Lease, until: i64) -> Result<bool, StoreError> {
    let found = sqlx::query("UPDATE leases SET until = ? WHERE cluster = ? AND duty = ? AND token = ?")
        .bind(until)
        .bind(lease.cluster.as_str())
        .bind(text(lease.duty))
        .bind(lease.token)
        .execute(connection)
        .await
        .map_err(database)?;
    Ok(0 < found.rows_affected())
}

fn text(duty: Duty) -> &'static str {
    match duty {
        Duty::Operations => "operations",
        Duty::Costs => "costs",
    }
}
