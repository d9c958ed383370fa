//! Who writes what: request ids and digests of requests.

use std::fmt::Write as _;

use jiff::Timestamp;
use plimsoll_domain::store::{RequestKey, Write};
use prost::Message;
use sha2::{Digest, Sha256};

use super::Invalid;
use crate::limits::REQUEST_ID_BYTES_MAX;

/// Who asks while there is no authentication.
const ACTOR: &str = "anonymous";

/// A write of a message whose request id was taken out, so that the digest is of what it asks for alone.
///
/// # Errors
/// If the id is too long.
pub fn write(method: &str, id: String, body: &impl Message, time: Timestamp) -> Result<Write, Invalid> {
    keyed(method, id, hex(&Sha256::digest(body.encode_to_vec())), time)
}

/// A write with the digest of its body, hex.
///
/// # Errors
/// If the id is too long.
pub fn keyed(method: &str, id: String, body_digest: String, time: Timestamp) -> Result<Write, Invalid> {
    if REQUEST_ID_BYTES_MAX < id.len() {
        return Err(Invalid::new("request_id", format!("longer than {REQUEST_ID_BYTES_MAX} bytes")));
    }
    let request = RequestKey { id, method: method.to_owned(), body_digest };
    Ok(Write { request, actor: ACTOR.to_owned(), time })
}

/// Bytes in lower-case hex.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        write!(text, "{byte:02x}").expect("a string takes every byte");
    }
    text
}

#[cfg(test)]
mod tests {
    use plimsoll_proto::v1 as pb;

    use super::*;

    fn digest(cluster_id: &str) -> String {
        let body = pb::RegisterClusterRequest { cluster_id: cluster_id.into(), ..Default::default() };
        write("m", "id".into(), &body, Timestamp::UNIX_EPOCH).unwrap().request.body_digest
    }

    #[test]
    fn equal_requests_have_equal_digests() {
        assert_eq!(digest("a"), digest("a"));
        assert_ne!(digest("a"), digest("b"));
        assert_eq!(digest("a").len(), 64);
    }

    #[test]
    fn a_long_request_id_is_refused() {
        let error = keyed("m", "x".repeat(129), String::new(), Timestamp::UNIX_EPOCH).unwrap_err();
        assert_eq!(error.field, "request_id");
    }
}
