//! What every write has in common: one transaction, its request id, its line in the audit log.

use jiff::Timestamp;
use plimsoll_domain::store::{REQUEST_ID_LIFE, RequestKey, StoreError, Write};
use sqlx::{Sqlite, SqliteConnection, SqlitePool, Transaction};

use super::database;

/// An open write.
pub enum Open {
    /// The request is new: go on.
    Fresh(Transaction<'static, Sqlite>),
    /// The request was carried out before and produced this resource.
    Done(String),
}

/// Starts a write. Takes the write lock at once, so that what is read inside stays true.
pub async fn begin(pool: &SqlitePool, write: &Write) -> Result<Open, StoreError> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await.map_err(database)?;
    forget_old(&mut transaction, write.time).await?;
    match earlier(&mut transaction, &write.request, write.time).await? {
        Some(resource) => Ok(Open::Done(resource)),
        None => Ok(Open::Fresh(transaction)),
    }
}

/// Ends a write: notes the request id and the audit line, and commits.
pub async fn finish(
    mut transaction: Transaction<'static, Sqlite>,
    write: &Write,
    resource: &str,
) -> Result<(), StoreError> {
    let time = write.time.as_millisecond();
    if !write.request.id.is_empty() {
        sqlx::query(
            "INSERT INTO request_ids (id, method, body_digest, resource, create_time) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&write.request.id)
        .bind(&write.request.method)
        .bind(&write.request.body_digest)
        .bind(resource)
        .bind(time)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    }
    sqlx::query("INSERT INTO audit (time, actor, method, request_id, resource) VALUES (?, ?, ?, ?, ?)")
        .bind(time)
        .bind(&write.actor)
        .bind(&write.request.method)
        .bind(&write.request.id)
        .bind(resource)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    transaction.commit().await.map_err(database)
}

/// The resource that an earlier request with this key produced, if it is remembered `now`.
pub async fn earlier(
    connection: &mut SqliteConnection,
    request: &RequestKey,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    if request.id.is_empty() {
        return Ok(None);
    }
    let row: Option<(String, String, String)> = sqlx::query_as(
        "SELECT method, body_digest, resource FROM request_ids WHERE id = ? AND ? <= create_time",
    )
    .bind(&request.id)
    .bind(oldest(now))
    .fetch_optional(connection)
    .await
    .map_err(database)?;
    match row {
        None => Ok(None),
        Some((method, digest, resource)) if method == request.method && digest == request.body_digest => {
            Ok(Some(resource))
        }
        Some(_) => Err(StoreError::RequestIdReused(request.id.clone())),
    }
}

/// The request was carried out before, but made something that this method does not make: the table is damaged.
pub fn foreign(resource: &str) -> StoreError {
    StoreError::Failed(format!("the same request made {resource}, which is of another kind").into())
}

async fn forget_old(connection: &mut SqliteConnection, now: Timestamp) -> Result<(), StoreError> {
    sqlx::query("DELETE FROM request_ids WHERE create_time < ?")
        .bind(oldest(now))
        .execute(connection)
        .await
        .map_err(database)?;
    Ok(())
}

/// Request ids from before this, in milliseconds, are forgotten.
fn oldest(now: Timestamp) -> i64 {
    now.as_millisecond() - REQUEST_ID_LIFE.as_millis() as i64
}
