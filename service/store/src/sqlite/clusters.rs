//! Clusters and their policies.

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{ClusterRecord, Mode, Page, PageRequest, StoreError, StoredPolicy, Write};
use sqlx::{FromRow, SqliteConnection, SqlitePool};

use super::write::{Open, begin, finish};
use super::{database, page};
use crate::body::{decode, encode, failed};

#[derive(FromRow)]
struct Row {
    id: String,
    mode: String,
    region: String,
    aws_account_id: String,
    role_arn: String,
    kubernetes_version: String,
    generation: i64,
    etag: String,
    create_time: i64,
}

const SELECT: &str = "SELECT id, mode, region, aws_account_id, role_arn, kubernetes_version, generation, etag, create_time FROM clusters WHERE id = ?";
const SELECT_PAGE: &str = "SELECT id, mode, region, aws_account_id, role_arn, kubernetes_version, generation, etag, create_time FROM clusters WHERE id > ? ORDER BY id LIMIT ?";

impl Row {
    fn record(self) -> Result<ClusterRecord, StoreError> {
        Ok(ClusterRecord {
            mode: parse_mode(&self.mode, &self.id)?,
            id: ClusterId::try_from(self.id).map_err(failed)?,
            region: self.region,
            aws_account_id: self.aws_account_id,
            role_arn: self.role_arn,
            kubernetes_version: self.kubernetes_version,
            generation: self.generation,
            etag: self.etag,
            create_time: Timestamp::from_millisecond(self.create_time).map_err(failed)?,
        })
    }
}

fn mode_text(mode: Mode) -> &'static str {
    match mode {
        Mode::Live => "live",
        Mode::Offline => "offline",
        Mode::Simulated => "simulated",
    }
}

/// Reads what [`mode_text`] wrote.
fn parse_mode(text: &str, cluster: &str) -> Result<Mode, StoreError> {
    match text {
        "live" => Ok(Mode::Live),
        "offline" => Ok(Mode::Offline),
        "simulated" => Ok(Mode::Simulated),
        _ => {
            let message =
                format!("cluster {cluster} is stored with mode {text:?}, which this version does not know");
            Err(StoreError::Failed(message.into()))
        }
    }
}

pub async fn create(
    pool: &SqlitePool,
    write: &Write,
    cluster: &ClusterRecord,
    policy: &Policy,
) -> Result<ClusterRecord, StoreError> {
    let Open::Fresh(mut transaction) = begin(pool, write).await? else { return get(pool, &cluster.id).await };
    if read(&mut transaction, &cluster.id).await?.is_some() {
        return Err(StoreError::Exists(cluster.id.name()));
    }
    sqlx::query("INSERT INTO clusters (id, mode, region, aws_account_id, role_arn, kubernetes_version, generation, fleet_digest, etag, create_time) VALUES (?, ?, ?, ?, ?, ?, ?, '', '1', ?)")
        .bind(cluster.id.as_str())
        .bind(mode_text(cluster.mode))
        .bind(&cluster.region)
        .bind(&cluster.aws_account_id)
        .bind(&cluster.role_arn)
        .bind(&cluster.kubernetes_version)
        .bind(cluster.generation)
        .bind(cluster.create_time.as_millisecond())
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    sqlx::query("INSERT INTO policies (cluster, etag, body) VALUES (?, '1', ?)")
        .bind(cluster.id.as_str())
        .bind(encode(policy)?.bytes)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    let stored = exists(&mut transaction, &cluster.id).await?;
    finish(transaction, write, &cluster.id.name()).await?;
    Ok(stored)
}

pub async fn get(pool: &SqlitePool, id: &ClusterId) -> Result<ClusterRecord, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    exists(&mut connection, id).await
}

/// The cluster, or `NotFound`.
pub async fn exists(connection: &mut SqliteConnection, id: &ClusterId) -> Result<ClusterRecord, StoreError> {
    let found = read(connection, id).await?;
    found.ok_or_else(|| StoreError::NotFound(id.name()))?.record()
}

async fn read(connection: &mut SqliteConnection, id: &ClusterId) -> Result<Option<Row>, StoreError> {
    sqlx::query_as(SELECT).bind(id.as_str()).fetch_optional(connection).await.map_err(database)
}

pub async fn list(pool: &SqlitePool, request: &PageRequest) -> Result<Page<ClusterRecord>, StoreError> {
    let rows: Vec<Row> = sqlx::query_as(SELECT_PAGE)
        .bind(&request.token)
        .bind(page::rows_wanted(request))
        .fetch_all(pool)
        .await
        .map_err(database)?;
    page::page(page::cut(request, rows, |row| row.id.clone()), Row::record)
}

pub async fn policy(pool: &SqlitePool, cluster: &ClusterId) -> Result<StoredPolicy, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    read_policy(&mut connection, cluster).await
}

async fn read_policy(
    connection: &mut SqliteConnection,
    cluster: &ClusterId,
) -> Result<StoredPolicy, StoreError> {
    let row: Option<(String, Vec<u8>)> = sqlx::query_as("SELECT etag, body FROM policies WHERE cluster = ?")
        .bind(cluster.as_str())
        .fetch_optional(connection)
        .await
        .map_err(database)?;
    let (etag, body) = row.ok_or_else(|| StoreError::NotFound(cluster.name()))?;
    Ok(StoredPolicy { etag, policy: decode(&body)? })
}

pub async fn put_policy(
    pool: &SqlitePool,
    write: &Write,
    cluster: &ClusterId,
    new: &Policy,
    etag: &str,
) -> Result<StoredPolicy, StoreError> {
    let Open::Fresh(mut transaction) = begin(pool, write).await? else { return policy(pool, cluster).await };
    let current = read_policy(&mut transaction, cluster).await?;
    if !etag.is_empty() && etag != current.etag {
        let given = etag.to_owned();
        return Err(StoreError::EtagMismatch {
            resource: cluster.policy_name(),
            given,
            current: current.etag,
        });
    }
    let number: u64 = current.etag.parse().unwrap_or(0);
    let next = (number + 1).to_string();
    sqlx::query("UPDATE policies SET etag = ?, body = ? WHERE cluster = ?")
        .bind(&next)
        .bind(encode(new)?.bytes)
        .bind(cluster.as_str())
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    finish(transaction, write, &cluster.policy_name()).await?;
    Ok(StoredPolicy { etag: next, policy: new.clone() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes_are_read_as_they_are_written() {
        for mode in [Mode::Live, Mode::Offline, Mode::Simulated] {
            assert_eq!(parse_mode(mode_text(mode), "atlas").expect("known"), mode);
        }
    }

    #[test]
    fn an_unknown_mode_is_a_failure_that_names_it() {
        let Err(StoreError::Failed(cause)) = parse_mode("adrift", "atlas") else {
            panic!("an unknown mode was read")
        };
        let told = cause.to_string();
        assert!(told.contains("atlas") && told.contains("adrift"), "{told}");
    }
}
