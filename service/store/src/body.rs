//! How a value becomes a blob: gzipped JSON, with the digest of the JSON.

use std::io::{Read, Write};

use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use plimsoll_domain::store::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};

/// A value in its stored form.
pub struct Body {
    /// Gzipped JSON.
    pub bytes: Vec<u8>,
    /// SHA-256 of the JSON, hex.
    pub digest: String,
}

/// Writes to two sinks at once, so that the JSON never stands in memory as a whole.
struct Tee {
    gzip: GzEncoder<Vec<u8>>,
    hash: Sha256,
}

impl Write for Tee {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.hash.update(bytes);
        self.gzip.write_all(bytes)?;
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        self.gzip.flush()
    }
}

/// Encodes a value.
pub fn encode<T: Serialize>(value: &T) -> Result<Body, StoreError> {
    let gzip = GzEncoder::new(Vec::new(), Compression::fast());
    let mut tee = std::io::BufWriter::new(Tee { gzip, hash: Sha256::new() });
    serde_json::to_writer(&mut tee, value).map_err(failed)?;
    let tee = tee.into_inner().map_err(|error| failed(error.into_error()))?;
    let bytes = tee.gzip.finish().map_err(failed)?;
    Ok(Body { bytes, digest: hex(&tee.hash.finalize()) })
}

/// Decodes a value.
pub fn decode<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, StoreError> {
    let mut json = Vec::new();
    GzDecoder::new(bytes).read_to_end(&mut json).map_err(failed)?;
    serde_json::from_slice(&json).map_err(failed)
}

/// Wraps whatever went wrong below.
pub fn failed(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Failed(Box::new(error))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
