//! What every write has in common: its request id, and its line in the audit log.

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::store::{REQUEST_ID_LIFE, RequestKey, StoreError, Write};
use sqlx::SqliteConnection;

use super::database;

/// Notes the request id and the audit line of a write that is done.
pub async fn note(
    connection: &mut SqliteConnection,
    write: &Write,
    cluster: Option<&ClusterId>,
    resource: &str,
) -> Result<(), StoreError> {
    let time = write.time.as_millisecond();
    if !write.request.id.is_empty() {
        forget_old(connection, write.time).await?;
        sqlx::query(
            "INSERT INTO request_ids (id, method, body_digest, resource, create_time) VALUES (?, ?, ?, ?, ?)",
        )
        .bind(&write.request.id)
        .bind(&write.request.method)
        .bind(&write.request.body_digest)
        .bind(resource)
        .bind(time)
        .execute(&mut *connection)
        .await
        .map_err(database)?;
    }
    sqlx::query(
        "INSERT INTO audit (time, actor, method, request_id, cluster, resource) VALUES (?, ?, ?, ?, ?, ?)",
    )
    .bind(time)
    .bind(&write.actor)
    .bind(&write.request.method)
    .bind(&write.request.id)
    .bind(cluster.map_or("", ClusterId::as_str))
    .bind(resource)
    .execute(connection)
    .await
    .map_err(database)?;
    Ok(())
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

/// What an earlier request with a write's key made, if there was one.
pub async fn repeated<T>(
    connection: &mut SqliteConnection,
    write: &Write,
    parse: impl Fn(&str) -> Option<T>,
) -> Result<Option<T>, StoreError> {
    let resource = earlier(connection, &write.request, write.time).await?;
    resource.map(|resource| parse(&resource).ok_or_else(|| foreign(&resource))).transpose()
}

/// The request was carried out before, but made something that this method does not make: the table is damaged.
fn foreign(resource: &str) -> StoreError {
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
