//! Imports: what a header says about the bytes after it.

use std::io::Read;

use plimsoll_engine::{PriceImport, SnapshotImport};
use plimsoll_proto::v1 as pb;

use super::Invalid;

/// Reads a header of ImportSnapshot.
pub fn snapshot(from: &pb::ImportHeader, source: Box<dyn Read + Send>) -> SnapshotImport {
    SnapshotImport { file_name: from.file_name.clone(), include_finished: from.include_finished, source }
}

/// Reads a header of ImportPrices.
pub fn prices(from: &pb::ImportHeader, source: Box<dyn Read + Send>) -> PriceImport {
    PriceImport { file_name: from.file_name.clone(), region: from.region.clone(), source }
}

/// Refuses prices of a cluster.
pub fn check_prices(from: &pb::ImportHeader) -> Result<(), Invalid> {
    if from.parent.is_empty() {
        return Ok(());
    }
    Err(Invalid::new("header.parent", "prices are of no cluster: leave it empty, and set region"))
}
