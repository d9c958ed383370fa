//! Price catalogs.

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::ids::CatalogId;
use plimsoll_domain::store::{StoreError, StoredCatalog, Write};
use sqlx::SqlitePool;

use super::database;
use super::write::{Open, begin, finish, foreign};
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

fn stored((id, body): Row) -> Result<StoredCatalog, StoreError> {
    Ok(StoredCatalog { id: CatalogId::try_from(id).map_err(failed)?, catalog: decode(&body)? })
}
