//! The lake as its users see it. Shared here: rows to put in, and a lake to put them into.

mod answers;
mod bucket;
mod crashes;
mod ddl;
mod evolution;
mod fault;
mod faults;
mod others;
mod rows;

use std::path::{Path, PathBuf};

use futures::StreamExt;
use jiff::{Timestamp, ToSpan};
use plimsoll_domain::ids::ClusterId;
pub use plimsoll_domain::ledger::CostTable;
use plimsoll_domain::ledger::{
    CostQuery, Dimension, ExportFormat, ExportOrder, ExportTable, Granularity, Ledger, Span,
};
use tempfile::TempDir;

use crate::{Lake, Settings};

/// A script of this room.
pub fn script(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("python").join(name)
}

pub fn id(text: &str) -> ClusterId {
    text.parse().unwrap()
}

pub fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

/// Hours from one to another, as `2026-09-01T00`.
pub fn span(start: &str, end: &str) -> Span {
    Span { start: at(&format!("{start}:00Z")), end: at(&format!("{end}:00Z")) }
}

/// `count` hours from `start`.
pub fn hours(start: &str, count: i64) -> Vec<Timestamp> {
    (0..count).map(|hour| at(&format!("{start}:00Z")) + hour.hours()).collect()
}

pub fn lake(folder: &TempDir) -> Lake {
    lake_at(folder.path())
}

pub fn lake_at(folder: &Path) -> Lake {
    Lake::open(folder.to_str().unwrap(), &Settings::default()).unwrap()
}

/// A folder with some hours of a cluster in it.
pub async fn filled(cluster: &str, hours: &[Timestamp]) -> (TempDir, Lake) {
    let folder = TempDir::new().unwrap();
    let lake = lake(&folder);
    for hour in hours {
        lake.put_hour(&id(cluster), *hour, &rows::hour(*hour, 1)).await.unwrap();
    }
    (folder, lake)
}

/// All costs of a span, by some dimensions.
pub fn by(span: Span, group_by: &[Dimension]) -> CostQuery {
    CostQuery {
        cluster: None,
        span,
        granularity: Granularity::Total,
        group_by: group_by.to_vec(),
        filter: Vec::new(),
    }
}

/// An export's bytes; each piece is checked for its size.
pub async fn exported(lake: &Lake, span: Span, table: ExportTable, format: ExportFormat) -> Vec<u8> {
    let order = ExportOrder { cluster: None, span, table, format };
    let mut pieces = lake.export(&order).await.unwrap();
    let mut bytes = Vec::new();
    while let Some(piece) = pieces.next().await {
        let piece = piece.unwrap();
        assert!(piece.len() <= 1 << 20);
        bytes.extend(piece);
    }
    bytes
}

/// Paths of all files in a folder, relative to it.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(inside) = open.pop() {
        for entry in std::fs::read_dir(inside).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}
