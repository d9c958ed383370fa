//! Exported files: made whole, sent in chunks.

use std::vec::IntoIter;

use futures::stream::{self, Iter};
use plimsoll_engine::Error;
use plimsoll_engine::planning::Tool;
use plimsoll_proto::v1 as pb;
use plimsoll_verify::Bundle;
use prost::bytes::Bytes;
use tonic::Status;

use super::Invalid;
use super::status::Refused;
use crate::limits::EXPORT_CHUNK_BYTES;

/// A file in chunks.
pub type Chunks = Iter<IntoIter<Result<pb::ExportChunk, Status>>>;

/// What a plan is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// For a verifier.
    Bundle,
    /// For another tool.
    For(Tool),
}

impl Form {
    /// Reads a request's format; refuses what is not offered.
    pub fn read(format: i32) -> Result<Self, Invalid> {
        use pb::export_plan_request::Format;
        match Format::try_from(format) {
            Ok(Format::Unspecified | Format::Bundle) => Ok(Self::Bundle),
            Ok(Format::Eksctl) => Ok(Self::For(Tool::Eksctl)),
            Ok(Format::Karpenter) => Ok(Self::For(Tool::Karpenter)),
            Ok(Format::Terraform) => Ok(Self::For(Tool::Terraform)),
            Ok(Format::Manifests) => Ok(Self::For(Tool::Kubernetes)),
            Err(_) => Err(Invalid::new("format", format!("{format} is no value of this enum"))),
        }
    }

    /// How the name of such a file ends, and its media type.
    fn kind(self) -> (&'static str, &'static str) {
        match self {
            Self::Bundle => ("json", "application/json"),
            Self::For(Tool::Eksctl) => ("eksctl.yaml", "application/yaml"),
            Self::For(Tool::Karpenter) => ("karpenter.yaml", "application/yaml"),
            Self::For(Tool::Terraform) => ("tf.json", "application/json"),
            Self::For(Tool::Kubernetes) => ("manifests.yaml", "application/yaml"),
        }
    }
}

/// A bundle as proto3 JSON; written beside the runtime's threads, for it may have tens of megabytes.
pub async fn json(bundle: Bundle) -> Result<Bytes, Refused> {
    let text = tokio::task::spawn_blocking(move || serde_json::to_vec(&bundle)).await;
    let bug = |error: &dyn std::error::Error| Error::Internal(error.to_string());
    Ok(text.map_err(|panic| bug(&panic))?.map_err(|error| bug(&error))?.into())
}

/// Cuts a file into chunks; the first one names it, also where it is empty.
pub fn chunks(stem: &str, form: Form, mut rest: Bytes) -> Chunks {
    let mut take = || rest.split_to(EXPORT_CHUNK_BYTES.min(rest.len()));
    let (ending, content_type) = form.kind();
    let (file_name, content_type) = (format!("{stem}.{ending}"), content_type.to_owned());
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
            chunks("a", Form::Bundle, file.clone()).map(Result::unwrap).collect().await;
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
