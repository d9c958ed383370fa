//! Plans.

use async_trait::async_trait;
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::store::{Page, PageRequest, StoreError, Write};
use sqlx::{SqliteConnection, SqlitePool};

use super::write::{note, repeated};
use super::writer::Work;
use super::{clusters, database, page};
use crate::body::{Body, decode};

/// Adds a plan.
pub struct Create {
    pub write: Write,
    pub plan: Plan,
    pub body: Body,
}

#[async_trait]
impl Work for Create {
    type Done = Plan;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Plan, StoreError> {
        let Self { write, plan, body } = self;
        let cluster = &plan.cluster;
        if let Some(id) = repeated(connection, write, |name| PlanId::from_name(name, cluster)).await? {
            return read(connection, cluster, &id).await;
        }
        clusters::exists(connection, cluster).await?;
        let inserted = sqlx::query("INSERT INTO plans (cluster, id, create_time, snapshot, catalog, body) VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (cluster, id) DO NOTHING")
            .bind(cluster.as_str())
            .bind(plan.id.as_str())
            .bind(plan.create_time.as_millisecond())
            .bind(plan.snapshot.as_str())
            .bind(plan.catalog.as_str())
            .bind(&body.bytes)
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::Exists(plan.id.name(cluster)));
        }
        note(connection, write, Some(cluster), &plan.id.name(cluster)).await?;
        Ok(plan.clone())
    }
}

pub async fn get(pool: &SqlitePool, cluster: &ClusterId, id: &PlanId) -> Result<Plan, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    read(&mut connection, cluster, id).await
}

async fn read(
    connection: &mut SqliteConnection,
    cluster: &ClusterId,
    id: &PlanId,
) -> Result<Plan, StoreError> {
    clusters::exists(connection, cluster).await?;
    let row: Option<(Vec<u8>,)> = sqlx::query_as("SELECT body FROM plans WHERE cluster = ? AND id = ?")
        .bind(cluster.as_str())
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(database)?;
    decode(&row.ok_or_else(|| StoreError::NotFound(id.name(cluster)))?.0)
}

pub async fn list(
    pool: &SqlitePool,
    cluster: &ClusterId,
    request: &PageRequest,
) -> Result<Page<Plan>, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    clusters::exists(&mut connection, cluster).await?;
    let rows: Vec<(i64, Vec<u8>)> =
        sqlx::query_as("SELECT seq, body FROM plans WHERE cluster = ? AND seq < ? ORDER BY seq DESC LIMIT ?")
            .bind(cluster.as_str())
            .bind(page::position(request)?.unwrap_or(i64::MAX))
            .bind(page::rows_wanted(request))
            .fetch_all(&mut *connection)
            .await
            .map_err(database)?;
    page::page(page::cut(request, rows, |row| row.0.to_string()), |row| decode(&row.1))
}
