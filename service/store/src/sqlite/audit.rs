//! The audit log, read. It is written by [`super::write::note`], and never changed.

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::store::{AuditEntry, AuditFilter, Page, PageRequest, StoreError};
use sqlx::{FromRow, QueryBuilder, SqlitePool};

use super::{clusters, database, page};
use crate::body::failed;

#[derive(FromRow)]
struct Row {
    seq: i64,
    time: i64,
    actor: String,
    method: String,
    request_id: String,
    cluster: String,
    resource: String,
}

impl Row {
    fn entry(self) -> Result<AuditEntry, StoreError> {
        let cluster = Some(self.cluster).filter(|id| !id.is_empty());
        Ok(AuditEntry {
            number: self.seq,
            time: Timestamp::from_millisecond(self.time).map_err(failed)?,
            actor: self.actor,
            method: self.method,
            request_id: self.request_id,
            resource: self.resource,
            cluster: cluster.map(ClusterId::try_from).transpose().map_err(failed)?,
        })
    }
}

pub async fn list(
    pool: &SqlitePool,
    filter: &AuditFilter,
    request: &PageRequest,
) -> Result<Page<AuditEntry>, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    let mut query = QueryBuilder::new(
        "SELECT seq, time, actor, method, request_id, cluster, resource FROM audit WHERE seq < ",
    );
    query.push_bind(page::position(request)?.unwrap_or(i64::MAX));
    if let Some(cluster) = &filter.cluster {
        clusters::exists(&mut connection, cluster).await?;
        query.push(" AND cluster = ").push_bind(cluster.as_str());
    }
    if let Some(actor) = &filter.actor {
        query.push(" AND actor = ").push_bind(actor);
    }
    if let Some(resource) = &filter.resource {
        query.push(" AND resource = ").push_bind(resource);
    }
    if let Some(method) = &filter.method {
        let last = format!("/{method}");
        query.push(" AND (method = ").push_bind(method);
        query.push(" OR substr(method, -length(").push_bind(last.clone());
        query.push(")) = ").push_bind(last).push(")");
    }
    if let Some(since) = filter.since {
        query.push(" AND ").push_bind(since.as_millisecond()).push(" <= time");
    }
    if let Some(until) = filter.until {
        query.push(" AND time < ").push_bind(until.as_millisecond());
    }
    query.push(" ORDER BY seq DESC LIMIT ").push_bind(page::rows_wanted(request));
    let rows: Vec<Row> = query.build_query_as().fetch_all(&mut *connection).await.map_err(database)?;
    page::page(page::cut(request, rows, |row| row.seq.to_string()), Row::entry)
}
