//! Price catalogs.

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::ids::CatalogId;
use plimsoll_domain::store::{CatalogHead, Page, PageRequest, StoreError, StoredCatalog, Write};
use sqlx::SqlitePool;

use super::write::{Open, begin, finish, foreign};
use super::{database, page};
use crate::body::{decode, encode, failed};

type Row = (String, Vec<u8>);

pub async fn create(
    pool: &SqlitePool,
    write: &Write,
    id: &CatalogId,
    catalog: &Catalog,
) -> Result<StoredCatalog, StoreError> {
    let body = encode(catalog)?;
    let mut transaction = match begin(pool, write).await? {
        Open::Fresh(transaction) => transaction,
        Open::Done(resource) => {
            let id = CatalogId::from_name(&resource).ok_or_else(|| foreign(&resource))?;
            return get(pool, &id).await;
        }
    };
    let inserted = sqlx::query("INSERT INTO catalogs (id, region, create_time, body) VALUES (?, ?, ?, ?) ON CONFLICT (id) DO NOTHING")
        .bind(id.as_str())
        .bind(&catalog.region)
        .bind(write.time.as_millisecond())
        .bind(&body.bytes)
        .execute(&mut *transaction)
        .await
        .map_err(database)?;
    if inserted.rows_affected() == 0 {
        return Err(StoreError::Exists(id.name()));
    }
    finish(transaction, write, &id.name()).await?;
    Ok(StoredCatalog { id: id.clone(), catalog: catalog.clone() })
}

pub async fn get(pool: &SqlitePool, id: &CatalogId) -> Result<StoredCatalog, StoreError> {
    let row: Option<Row> = sqlx::query_as("SELECT id, body FROM catalogs WHERE id = ?")
        .bind(id.as_str())
        .fetch_optional(pool)
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
