//! Imports: what a header says about the bytes after it.

use std::io::Read;

use plimsoll_engine::{PriceImport, SnapshotImport};
use plimsoll_proto::v1 as pb;

use super::Invalid;

/// Reads a header of ImportSnapshot.
pub fn snapshot(from: &pb::ImportHeader, source: Box<dyn Read + Send>) -> SnapshotImport {
    SnapshotImport {
        id: None,
        file_name: from.file_name.clone(),
        include_finished: from.include_finished,
        source,
    }
}

/// Reads a header of ImportPrices.
///
/// # Errors
/// If it names a cluster.
pub fn prices(from: pb::ImportHeader, source: Box<dyn Read + Send>) -> Result<PriceImport, Invalid> {
    if !from.parent.is_empty() {
        return Err(Invalid::new(
            "header.parent",
            "prices are of no cluster: leave it empty, and set region",
        ));
    }
    Ok(PriceImport { id: None, file_name: from.file_name, region: from.region, source })
}
