//! Operations. One that is open, which is to say not final, holds its cluster, or waits for it.

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::ids::{ClusterId, OperationId};
use plimsoll_domain::operation::{Operation, State};
use plimsoll_domain::store::{
    OpenOperation, OperationFilter, Page, PageRequest, QUEUED_MAX, StoreError, Write,
};
use sqlx::{FromRow, QueryBuilder, SqliteConnection, SqlitePool};

use super::write::{note, repeated};
use super::writer::Work;
use super::{clusters, database, page};
use crate::body::{Body, decode, encode, failed};

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
const SELECT_WAITING_FOR_GROUP: &str = "SELECT seq, is_open, cancel_requested, revision, update_time, body FROM operations WHERE cluster = ? AND node_group = ? AND is_open = 1 AND is_queued = 1 AND cancel_requested = 0 ORDER BY seq LIMIT 1";
const SELECT_PAGE: &str =
    "SELECT seq, is_open, cancel_requested, revision, update_time, body FROM operations WHERE seq < ";

impl Row {
    /// The body, with what the columns know better. The column of the time is cut to milliseconds: it is later
    /// than the body's only if an end was asked for.
    fn operation(self) -> Result<Operation, StoreError> {
        let (body, revision) = (decode(&self.body)?, self.revision);
        self.with(body, revision)
    }

    fn with(self, body: Operation, revision: i64) -> Result<Operation, StoreError> {
        let column_time = Timestamp::from_millisecond(self.update_time).map_err(failed)?;
        Ok(Operation {
            cancel_requested: self.cancel_requested,
            revision,
            update_time: body.update_time.max(column_time),
            ..body
        })
    }
}

/// Adds an operation that holds its cluster.
pub struct Start {
    pub write: Write,
    pub operation: Operation,
    pub body: Body,
    pub generation: i64,
}

#[async_trait]
impl Work for Start {
    type Done = Operation;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Operation, StoreError> {
        let Self { write, operation, body, generation } = self;
        if let Some(id) = repeated(connection, write, OperationId::from_name).await? {
            return exists(connection, &id).await?.operation();
        }
        let cluster = clusters::exists(connection, &operation.cluster).await?;
        if let Some(holder) = holder(connection, &operation.cluster).await? {
            return Err(StoreError::Busy { cluster: operation.cluster.name(), holder: holder.name() });
        }
        if cluster.generation != *generation {
            return Err(StoreError::Stale { base: *generation, current: cluster.generation });
        }
        insert(connection, operation, body).await?;
        note(connection, write, Some(&operation.cluster), &operation.id.name()).await?;
        Ok(operation.clone())
    }
}

/// Adds an operation that rests on no plan, or has it join one that waits.
pub struct Add {
    pub write: Write,
    pub operation: Operation,
    pub body: Body,
}

#[async_trait]
impl Work for Add {
    type Done = Operation;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Operation, StoreError> {
        let Self { write, operation, body } = self;
        if let Some(id) = repeated(connection, write, OperationId::from_name).await? {
            return exists(connection, &id).await?.operation();
        }
        let cluster = &operation.cluster;
        clusters::exists(connection, cluster).await?;
        if let Some(joined) = join(connection, operation).await? {
            note(connection, write, Some(cluster), &joined.id.name()).await?;
            return Ok(joined);
        }
        if let Some(other) = in_the_way(connection, operation).await? {
            return Err(StoreError::Busy { cluster: cluster.name(), holder: other.name() });
        }
        insert(connection, operation, body).await?;
        note(connection, write, Some(cluster), &operation.id.name()).await?;
        Ok(operation.clone())
    }
}

/// Who keeps an operation from its cluster, or from the line before it.
async fn in_the_way(
    connection: &mut SqliteConnection,
    operation: &Operation,
) -> Result<Option<OperationId>, StoreError> {
    if operation.state.is_final() {
        return Ok(None);
    }
    let waiting = waiting(connection, &operation.cluster).await?;
    match operation.state {
        State::Queued if waiting.len() < QUEUED_MAX as usize => Ok(None),
        State::Queued => Ok(waiting.into_iter().next()),
        _ => {
            let holder = holder(connection, &operation.cluster).await?;
            Ok(holder.or_else(|| waiting.into_iter().next()))
        }
    }
}

/// The resize that waits for the same group, with this wish in it; none if there is none to join.
async fn join(connection: &mut SqliteConnection, wish: &Operation) -> Result<Option<Operation>, StoreError> {
    let (State::Queued, Some((group, _))) = (wish.state, wish.kind.size()) else { return Ok(None) };
    let found: Option<Row> = sqlx::query_as(SELECT_WAITING_FOR_GROUP)
        .bind(wish.cluster.as_str())
        .bind(group)
        .fetch_optional(&mut *connection)
        .await
        .map_err(database)?;
    let Some(row) = found else { return Ok(None) };
    let waits = row.operation()?;
    match waits.joined_by(wish) {
        None => Ok(Some(waits)),
        Some(larger) => {
            write_down(connection, &larger, &encode(&larger)?).await?;
            Ok(Some(Operation { revision: larger.revision + 1, ..larger }))
        }
    }
}

/// Gives a cluster to whoever has waited longest for it.
pub struct Next {
    pub cluster: ClusterId,
}

#[async_trait]
impl Work for Next {
    type Done = Option<Operation>;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Option<Operation>, StoreError> {
        if holder(connection, &self.cluster).await?.is_some() {
            return Ok(None);
        }
        let Some(id) = waiting(connection, &self.cluster).await?.into_iter().next() else { return Ok(None) };
        let waited = exists(connection, &id).await?.operation()?;
        let begun = Operation { state: State::Running, ..waited };
        write_down(connection, &begun, &encode(&begun)?).await?;
        Ok(Some(Operation { revision: begun.revision + 1, ..begun }))
    }
}

/// Writes how far an operation is.
pub struct Update {
    /// Who asked for that; none: its runner.
    pub write: Option<Write>,
    pub operation: Operation,
    pub body: Body,
}

#[async_trait]
impl Work for Update {
    type Done = Operation;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<Operation, StoreError> {
        let Self { write, operation, body } = self;
        let row = exists(connection, &operation.id).await?;
        if row.revision != operation.revision {
            return Err(StoreError::Superseded(operation.id.name()));
        }
        if !operation.state.is_final() && !row.is_open {
            let message = format!("{} is over and cannot be opened again", operation.id.name());
            return Err(StoreError::Failed(message.into()));
        }
        write_down(connection, operation, body).await?;
        if let Some(write) = write {
            note(connection, write, Some(&operation.cluster), &operation.id.name()).await?;
        }
        let revision = operation.revision + 1;
        row.with(operation.clone(), revision)
    }
}

/// Asks for an operation's end.
pub struct Cancel {
    pub write: Write,
    pub id: OperationId,
}

#[async_trait]
impl Work for Cancel {
    type Done = Operation;

    /// Leaves the revision as it is: the runner's copy stays good, and its next update brings the news.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<Operation, StoreError> {
        let Self { write, id } = self;
        if let Some(id) = repeated(connection, write, OperationId::from_name).await? {
            return exists(connection, &id).await?.operation();
        }
        let row = exists(connection, id).await?;
        if !row.is_open {
            return row.operation();
        }
        sqlx::query(
            "UPDATE operations SET cancel_requested = 1, update_time = MAX(update_time, ?) WHERE id = ?",
        )
        .bind(write.time.as_millisecond())
        .bind(id.as_str())
        .execute(&mut *connection)
        .await
        .map_err(database)?;
        let cancelled = exists(connection, id).await?.operation()?;
        note(connection, write, Some(&cancelled.cluster), &id.name()).await?;
        Ok(cancelled)
    }
}

/// Those that are not over, in brief.
pub async fn open(pool: &SqlitePool, cluster: &ClusterId) -> Result<Vec<OpenOperation>, StoreError> {
    let rows: Vec<(String, bool, String, i64)> = sqlx::query_as(
        "SELECT id, is_queued, node_group, size FROM operations WHERE cluster = ? AND is_open = 1 ORDER BY seq",
    )
    .bind(cluster.as_str())
    .fetch_all(pool)
    .await
    .map_err(database)?;
    let brief = |(id, is_queued, group, size): (String, bool, String, i64)| {
        let size = u32::try_from(size).map_err(failed)?;
        let size = (!group.is_empty()).then_some((group, size));
        Ok(OpenOperation { id: OperationId::try_from(id).map_err(failed)?, is_queued, size })
    };
    rows.into_iter().map(brief).collect()
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

async fn insert(
    connection: &mut SqliteConnection,
    operation: &Operation,
    body: &Body,
) -> Result<(), StoreError> {
    let (group, size) = operation.kind.size().unwrap_or_default();
    let inserted = sqlx::query("INSERT INTO operations (id, cluster, plan, node_group, size, is_open, is_queued, cancel_requested, revision, create_time, update_time, body) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")
        .bind(operation.id.as_str())
        .bind(operation.cluster.as_str())
        .bind(operation.kind.plan().map_or("", |plan| plan.as_str()))
        .bind(group)
        .bind(i64::from(size))
        .bind(!operation.state.is_final())
        .bind(operation.state == State::Queued)
        .bind(operation.cancel_requested)
        .bind(operation.revision)
        .bind(operation.create_time.as_millisecond())
        .bind(operation.update_time.as_millisecond())
        .bind(&body.bytes)
        .execute(connection)
        .await
        .map_err(database)?;
    match inserted.rows_affected() {
        0 => Err(StoreError::Exists(operation.id.name())),
        _ => Ok(()),
    }
}

/// Writes an operation that is there, with the next revision.
async fn write_down(
    connection: &mut SqliteConnection,
    operation: &Operation,
    body: &Body,
) -> Result<(), StoreError> {
    let (_, size) = operation.kind.size().unwrap_or_default();
    sqlx::query("UPDATE operations SET is_open = ?, is_queued = ?, size = ?, revision = revision + 1, update_time = MAX(update_time, ?), body = ? WHERE id = ?")
        .bind(!operation.state.is_final())
        .bind(operation.state == State::Queued)
        .bind(i64::from(size))
        .bind(operation.update_time.as_millisecond())
        .bind(&body.bytes)
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
