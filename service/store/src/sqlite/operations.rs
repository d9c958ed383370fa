//! Operations. One that is open, which is to say not final, holds its cluster, or waits for it.

use jiff::Timestamp;
use plimsoll_domain::ids::{ClusterId, OperationId};
use plimsoll_domain::operation::{Operation, State};
use plimsoll_domain::store::{OperationFilter, Page, PageRequest, QUEUED_MAX, StoreError, Write};
use sqlx::{FromRow, QueryBuilder, SqliteConnection, SqlitePool};

use super::write::{Open, begin, finish, foreign};
use super::{clusters, database, page};
use crate::body::{decode, encode, failed};

#[derive(FromRow)]
struct Row {
    seq: i64,
    is_open: bool,
    cancel_requested: bool,
    revision: i64,
    update_time: i64,
    body: Vec<u8>,
}

const SELECT: &str =
    "SELECT seq, is_open, cancel_requested, revision, update_time, body FROM operations WHERE id = ?";
const SELECT_PAGE: &str =
    "SELECT seq, is_open, cancel_requested, revision, update_time, body FROM operations WHERE seq < ";

impl Row {
    /// The body, with what the columns know better. The column of the time is cut to milliseconds: it is later
    /// than the body's only if an end was asked for.
    fn operation(self) -> Result<Operation, StoreError> {
        let body: Operation = decode(&self.body)?;
        let column_time = Timestamp::from_millisecond(self.update_time).map_err(failed)?;
        Ok(Operation {
            cancel_requested: self.cancel_requested,
            revision: self.revision,
            update_time: body.update_time.max(column_time),
            ..body
        })
    }
}

pub async fn start(
    pool: &SqlitePool,
    write: &Write,
    operation: &Operation,
    generation: i64,
) -> Result<Operation, StoreError> {
    let mut transaction = match begin(pool, write).await? {
        Open::Fresh(transaction) => transaction,
        Open::Done(resource) => {
            let id = OperationId::from_name(&resource).ok_or_else(|| foreign(&resource))?;
            return get(pool, &id).await;
        }
    };
    let cluster = clusters::exists(&mut transaction, &operation.cluster).await?;
    if let Some(holder) = holder(&mut transaction, &operation.cluster).await? {
        return Err(StoreError::Busy { cluster: operation.cluster.name(), holder: holder.name() });
    }
    if cluster.generation != generation {
        return Err(StoreError::Stale { base: generation, current: cluster.generation });
    }
    insert(&mut transaction, operation).await?;
    finish(transaction, write, &operation.id.name()).await?;
    Ok(operation.clone())
}

pub async fn add(pool: &SqlitePool, write: &Write, operation: &Operation) -> Result<Operation, StoreError> {
    let mut transaction = match begin(pool, write).await? {
        Open::Fresh(transaction) => transaction,
        Open::Done(resource) => {
            let id = OperationId::from_name(&resource).ok_or_else(|| foreign(&resource))?;
            return get(pool, &id).await;
        }
    };
    let cluster = &operation.cluster;
    clusters::exists(&mut transaction, cluster).await?;
    if !operation.state.is_final() {
        let waiting = waiting(&mut transaction, cluster).await?;
        let in_the_way = match operation.state {
            State::Queued if waiting.len() < QUEUED_MAX as usize => None,
            State::Queued => waiting.into_iter().next(),
            _ => holder(&mut transaction, cluster).await?.or_else(|| waiting.into_iter().next()),
        };
        if let Some(other) = in_the_way {
            return Err(StoreError::Busy { cluster: cluster.name(), holder: other.name() });
        }
    }
    insert(&mut transaction, operation).await?;
    finish(transaction, write, &operation.id.name()).await?;
    Ok(operation.clone())
}

pub async fn next(pool: &SqlitePool, cluster: &ClusterId) -> Result<Option<Operation>, StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    if holder(&mut transaction, cluster).await?.is_some() {
        return Ok(None);
    }
    let Some(id) = waiting(&mut transaction, cluster).await?.into_iter().next() else { return Ok(None) };
    let waited = exists(&mut transaction, &id).await?.operation()?;
    write_down(&mut transaction, &Operation { state: State::Running, ..waited }).await?;
    let begun = exists(&mut transaction, &id).await?.operation()?;
    transaction.commit().await.map_err(database)?;
    Ok(Some(begun))
}

pub async fn update(pool: &SqlitePool, operation: &Operation) -> Result<Operation, StoreError> {
    let is_open = !operation.state.is_final();
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    let row = exists(&mut transaction, &operation.id).await?;
    if row.revision != operation.revision {
        return Err(StoreError::Superseded(operation.id.name()));
    }
    if is_open && !row.is_open {
        let message = format!("{} is over and cannot be opened again", operation.id.name());
        return Err(StoreError::Failed(message.into()));
    }
    write_down(&mut transaction, operation).await?;
    let written = exists(&mut transaction, &operation.id).await?.operation()?;
    transaction.commit().await.map_err(database)?;
    Ok(written)
}

/// Leaves the revision as it is: the runner's copy stays good, and its next update brings the news.
pub async fn cancel(pool: &SqlitePool, write: &Write, id: &OperationId) -> Result<Operation, StoreError> {
    let mut transaction = match begin(pool, write).await? {
        Open::Fresh(transaction) => transaction,
        Open::Done(resource) => {
            let id = OperationId::from_name(&resource).ok_or_else(|| foreign(&resource))?;
            return get(pool, &id).await;
        }
    };
    let row = exists(&mut transaction, id).await?;
    if !row.is_open {
        return row.operation();
    }
    sqlx::query("UPDATE operations SET cancel_requested = 1, update_time = MAX(update_time, ?) WHERE id = ?")
        .bind(write.time.as_millisecond())
        .bind(id.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    let cancelled = exists(&mut transaction, id).await?.operation()?;
    finish(transaction, write, &id.name()).await?;
    Ok(cancelled)
}

pub async fn get(pool: &SqlitePool, id: &OperationId) -> Result<Operation, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    exists(&mut connection, id).await?.operation()
}

pub async fn list(
    pool: &SqlitePool,
    filter: &OperationFilter,
    request: &PageRequest,
) -> Result<Page<Operation>, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    let mut query = QueryBuilder::new(SELECT_PAGE);
    query.push_bind(page::position(request)?.unwrap_or(i64::MAX));
    if let Some(cluster) = &filter.cluster {
        clusters::exists(&mut connection, cluster).await?;
        query.push(" AND cluster = ").push_bind(cluster.as_str());
    }
    if let Some(plan) = &filter.plan {
        query.push(" AND plan <> '' AND plan = ").push_bind(plan.as_str());
    }
    if filter.applies {
        query.push(" AND plan <> ''");
    }
    if filter.open {
        query.push(" AND is_open = 1");
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(page::rows_wanted(request));
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *connection).await.map_err(database)?;
    page::page(page::cut(request, rows, |row| row.seq.to_string()), Row::operation)
}

async fn insert(connection: &mut SqliteConnection, operation: &Operation) -> Result<(), StoreError> {
    let inserted = sqlx::query("INSERT INTO operations (id, cluster, plan, is_open, is_queued, cancel_requested, revision, create_time, update_time, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")
        .bind(operation.id.as_str())
        .bind(operation.cluster.as_str())
        .bind(operation.kind.plan().map_or("", |plan| plan.as_str()))
        .bind(!operation.state.is_final())
        .bind(operation.state == State::Queued)
        .bind(operation.cancel_requested)
        .bind(operation.revision)
        .bind(operation.create_time.as_millisecond())
        .bind(operation.update_time.as_millisecond())
        .bind(&encode(operation)?.bytes)
        .execute(connection)
        .await
        .map_err(database)?;
    match inserted.rows_affected() {
        0 => Err(StoreError::Exists(operation.id.name())),
        _ => Ok(()),
    }
}

/// Writes an operation that is there, with the next revision.
async fn write_down(connection: &mut SqliteConnection, operation: &Operation) -> Result<(), StoreError> {
    sqlx::query("UPDATE operations SET is_open = ?, is_queued = ?, revision = revision + 1, update_time = MAX(update_time, ?), body = ? WHERE id = ?")
        .bind(!operation.state.is_final())
        .bind(operation.state == State::Queued)
        .bind(operation.update_time.as_millisecond())
        .bind(&encode(operation)?.bytes)
        .bind(operation.id.as_str())
        .execute(connection)
        .await
        .map_err(database)?;
    Ok(())
}

/// The operation's row, or `NotFound`.
async fn exists(connection: &mut SqliteConnection, id: &OperationId) -> Result<Row, StoreError> {
    let found: Option<Row> =
        sqlx::query_as(SELECT).bind(id.as_str()).fetch_optional(connection).await.map_err(database)?;
    found.ok_or_else(|| StoreError::NotFound(id.name()))
}

/// The operation that holds the cluster, if any.
async fn holder(
    connection: &mut SqliteConnection,
    cluster: &ClusterId,
) -> Result<Option<OperationId>, StoreError> {
    let id: Option<String> =
        sqlx::query_scalar("SELECT id FROM operations WHERE cluster = ? AND is_open = 1 AND is_queued = 0")
            .bind(cluster.as_str())
            .fetch_optional(connection)
            .await
            .map_err(database)?;
    id.map(|id| OperationId::try_from(id).map_err(failed)).transpose()
}

/// The operations that wait for the cluster, the first first.
async fn waiting(
    connection: &mut SqliteConnection,
    cluster: &ClusterId,
) -> Result<Vec<OperationId>, StoreError> {
    let ids: Vec<String> = sqlx::query_scalar(
        "SELECT id FROM operations WHERE cluster = ? AND is_open = 1 AND is_queued = 1 ORDER BY seq",
    )
    .bind(cluster.as_str())
    .fetch_all(connection)
    .await
    .map_err(database)?;
    ids.into_iter().map(|id| OperationId::try_from(id).map_err(failed)).collect()
}
