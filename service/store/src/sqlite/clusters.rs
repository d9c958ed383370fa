//! Clusters and their policies.

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::{ClusterRecord, Mode, Page, PageRequest, StoreError, StoredPolicy, Write};
use sqlx::{FromRow, SqliteConnection, SqlitePool};

use super::write::{earlier, note};
use super::writer::Work;
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

/// Adds a cluster with its policy.
pub struct Create {
    pub write: Write,
    pub cluster: ClusterRecord,
    pub policy: Policy,
}

#[async_trait]
impl Work for Create {
    type Done = ClusterRecord;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<ClusterRecord, StoreError> {
        let Self { write, cluster, policy } = self;
        if earlier(connection, &write.request, write.time).await?.is_some() {
            return exists(connection, &cluster.id).await;
        }
        if read(connection, &cluster.id).await?.is_some() {
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
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        sqlx::query("INSERT INTO policies (cluster, etag, body) VALUES (?, '1', ?)")
            .bind(cluster.id.as_str())
            .bind(encode(policy)?.bytes)
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        note(connection, write, Some(&cluster.id), &cluster.id.name()).await?;
        exists(connection, &cluster.id).await
    }
}

/// Replaces how a cluster is reached, and its version.
pub struct Put {
    pub write: Write,
    pub cluster: ClusterRecord,
}

#[async_trait]
impl Work for Put {
    type Done = ClusterRecord;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<ClusterRecord, StoreError> {
        let Self { write, cluster } = self;
        let current = exists(connection, &cluster.id).await?;
        if earlier(connection, &write.request, write.time).await?.is_some() {
            return Ok(current);
        }
        let number: u64 = current.etag.parse().unwrap_or(0);
        sqlx::query("UPDATE clusters SET mode = ?, kubernetes_version = ?, etag = ? WHERE id = ?")
            .bind(mode_text(cluster.mode))
            .bind(&cluster.kubernetes_version)
            .bind((number + 1).to_string())
            .bind(cluster.id.as_str())
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        note(connection, write, Some(&cluster.id), &cluster.id.name()).await?;
        exists(connection, &cluster.id).await
    }
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

/// Replaces a policy.
pub struct PutPolicy {
    pub write: Write,
    pub cluster: ClusterId,
    pub policy: Policy,
    pub etag: String,
}

#[async_trait]
impl Work for PutPolicy {
    type Done = StoredPolicy;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<StoredPolicy, StoreError> {
        let Self { write, cluster, policy, etag } = self;
        let is_repeated = earlier(connection, &write.request, write.time).await?.is_some();
        let current = read_policy(connection, cluster).await?;
        if is_repeated {
            return Ok(current);
        }
        if !etag.is_empty() && *etag != current.etag {
            let (resource, given) = (cluster.policy_name(), etag.clone());
            return Err(StoreError::EtagMismatch { resource, given, current: current.etag });
        }
        let number: u64 = current.etag.parse().unwrap_or(0);
        let next = (number + 1).to_string();
        sqlx::query("UPDATE policies SET etag = ?, body = ? WHERE cluster = ?")
            .bind(&next)
            .bind(encode(policy)?.bytes)
            .bind(cluster.as_str())
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        note(connection, write, Some(cluster), &cluster.policy_name()).await?;
        Ok(StoredPolicy { etag: next, policy: policy.clone() })
    }
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
