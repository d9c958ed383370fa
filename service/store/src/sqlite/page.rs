//! Pages by a sort key that never changes.

use plimsoll_domain::store::{Page, PageRequest, StoreError};

/// Reads the number that a token of ours carries; the first page has none.
pub fn position(page: &PageRequest) -> Result<Option<i64>, StoreError> {
    if page.token.is_empty() {
        return Ok(None);
    }
    page.token.parse().map(Some).map_err(|_| StoreError::BadPageToken(page.token.clone()))
}

/// How many rows to ask for: one more than wanted tells whether there is a next page.
pub fn rows_wanted(page: &PageRequest) -> i64 {
    i64::from(page.size.max(1)) + 1
}

/// Cuts the extra row off and makes the token from the last one that is kept.
pub fn cut<T>(page: &PageRequest, mut rows: Vec<T>, token: impl Fn(&T) -> String) -> (Vec<T>, String) {
    let size = page.size.max(1) as usize;
    let more = rows.len() > size;
    rows.truncate(size);
    let next_token = if more { rows.last().map(token).unwrap_or_default() } else { String::new() };
    (rows, next_token)
}

/// A page of decoded items.
pub fn page<T, U>(
    rows: (Vec<T>, String),
    decode: impl Fn(T) -> Result<U, StoreError>,
) -> Result<Page<U>, StoreError> {
    let items = rows.0.into_iter().map(decode).collect::<Result<_, _>>()?;
    Ok(Page { items, next_token: rows.1 })
}
