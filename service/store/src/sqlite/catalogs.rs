//! Price catalogs.

use async_trait::async_trait;
use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::ids::CatalogId;
use plimsoll_domain::store::{CatalogHead, Page, PageRequest, StoreError, StoredCatalog, Write};
use sqlx::{SqliteConnection, SqlitePool};

use super::write::{note, repeated};
use super::writer::Work;
use super::{database, page};
use crate::body::{Body, decode, failed};

type Row = (String, Vec<u8>);

/// Adds a catalog.
pub struct Create {
    pub write: Write,
    pub id: CatalogId,
    pub catalog: Catalog,
    pub body: Body,
}

#[async_trait]
impl Work for Create {
    type Done = StoredCatalog;

    async fn run(&self, connection: &mut SqliteConnection) -> Result<StoredCatalog, StoreError> {
        if let Some(id) = repeated(connection, &self.write, CatalogId::from_name).await? {
            return read(connection, &id).await;
        }
        let inserted = sqlx::query("INSERT INTO catalogs (id, region, create_time, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")
            .bind(self.id.as_str())
            .bind(&self.catalog.region)
            .bind(self.write.time.as_millisecond())
            .bind(&self.body.bytes)
            .execute(&mut *connection)
            .await
            .map_err(database)?;
        if inserted.rows_affected() == 0 {
            return Err(StoreError::Exists(self.id.name()));
        }
        note(connection, &self.write, None, &self.id.name()).await?;
        Ok(StoredCatalog { id: self.id.clone(), catalog: self.catalog.clone() })
    }
}

pub async fn get(pool: &SqlitePool, id: &CatalogId) -> Result<StoredCatalog, StoreError> {
    let mut connection = pool.acquire().await.map_err(database)?;
    read(&mut connection, id).await
}

async fn read(connection: &mut SqliteConnection, id: &CatalogId) -> Result<StoredCatalog, StoreError> {
    let row: Option<Row> = sqlx::query_as("SELECT id, body FROM catalogs WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await
        .map_err(database)?;
    stored(row.ok_or_else(|| StoreError::NotFound(id.name()))?)
}

pub async fn newest(pool: &SqlitePool, region: &str) -> Result<Option<StoredCatalog>, StoreError> {
    let row: Option<Row> =
        sqlx::query_as("SELECT id, body FROM catalogs WHERE region = ? ORDER BY seq DESC LIMIT 1")
            .bind(region)
            .fetch_optional(pool)
            .await
            .map_err(database)?;
    row.map(stored).transpose()
}

/// Newest first, without their bodies.
pub async fn list(pool: &SqlitePool, request: &PageRequest) -> Result<Page<CatalogHead>, StoreError> {
    let rows: Vec<(i64, String, String, i64)> = sqlx::query_as(
        "SELECT seq, id, region, create_time FROM catalogs WHERE seq < ? ORDER BY seq DESC LIMIT ?",
    )
    .bind(page::position(request)?.unwrap_or(i64::MAX))
    .bind(page::rows_wanted(request))
    .fetch_all(pool)
    .await
    .map_err(database)?;
    page::page(page::cut(request, rows, |row| row.0.to_string()), |(_, id, region, time)| {
        let id = CatalogId::try_from(id).map_err(failed)?;
        let create_time = Some(Timestamp::from_millisecond(time).map_err(failed)?);
        Ok(CatalogHead { id, region, create_time })
    })
}

fn stored((id, body): Row) -> Result<StoredCatalog, StoreError> {
    Ok(StoredCatalog { id: CatalogId::try_from(id).map_err(failed)?, catalog: decode(&body)? })
}
