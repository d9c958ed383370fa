//! Exported files: made whole, sent in chunks.

use std::vec::IntoIter;

use futures::stream::{self, Iter};
use plimsoll_engine::Error;
use plimsoll_proto::v1 as pb;
use plimsoll_verify::Bundle;
use prost::bytes::Bytes;
use tonic::Status;

use super::Invalid;
use super::status::Refused;
use crate::limits::EXPORT_CHUNK_BYTES;

/// A file in chunks.
pub type Chunks = Iter<IntoIter<Result<pb::ExportChunk, Status>>>;

/// Refuses formats that are not offered.
pub fn check_format(format: i32) -> Result<(), Invalid> {
    match pb::export_plan_request::Format::try_from(format) {
        Ok(pb::export_plan_request::Format::Unspecified | pb::export_plan_request::Format::Bundle) => Ok(()),
        Err(_) => Err(Invalid::new("format", format!("{format} is no value of this enum"))),
    }
}

/// A bundle as proto3 JSON; written beside the runtime's threads, for it may have tens of megabytes.
pub async fn json(bundle: Bundle) -> Result<Bytes, Refused> {
    let text = tokio::task::spawn_blocking(move || serde_json::to_vec(&bundle)).await;
    let bug = |error: &dyn std::error::Error| Error::Internal(error.to_string());
    Ok(text.map_err(|panic| bug(&panic))?.map_err(|error| bug(&error))?.into())
}

/// Cuts a file into chunks; the first one names it, also where it is empty.
pub fn chunks(file_name: String, mut rest: Bytes) -> Chunks {
    let mut take = || rest.split_to(EXPORT_CHUNK_BYTES.min(rest.len()));
    let content_type = "application/json".to_owned();
    let mut chunks = vec![Ok(pb::ExportChunk { file_name, content_type, data: take() })];
    loop {
        let data = take();
        if data.is_empty() {
            return stream::iter(chunks);
        }
        chunks.push(Ok(pb::ExportChunk { data, ..pb::ExportChunk::default() }));
    }
}

#[cfg(test)]
mod tests {
    use futures::StreamExt;

    use super::*;

    async fn check(size: usize, want_chunks: usize) {
        let file = Bytes::from(vec![7; size]);
        let chunks: Vec<pb::ExportChunk> =
            chunks("a.json".into(), file.clone()).map(Result::unwrap).collect().await;
        assert_eq!(chunks.len(), want_chunks, "{size}");
        assert_eq!(chunks[0].file_name, "a.json");
        assert!(chunks[1..].iter().all(|chunk| chunk.file_name.is_empty()));
        assert_eq!(chunks.iter().flat_map(|chunk| chunk.data.clone()).count(), size);
    }

    #[tokio::test]
    async fn chunks_add_up_to_the_file() {
        check(0, 1).await;
        check(5, 1).await;
        check(EXPORT_CHUNK_BYTES, 1).await;
        check(EXPORT_CHUNK_BYTES + 1, 2).await;
        check(3 * EXPORT_CHUNK_BYTES, 3).await;
    }
}
