//! What a Prometheus answers.

use jiff::Timestamp;
use plimsoll_domain::usage::Sample;
use plimsoll_manifest::{Read, ReadError, ReadOptions};
use serde::Deserialize;

/// Bytes of an answer that is no JSON of Prometheus which are shown.
const SHOWN_MAX: usize = 200;

/// The part of an answer that is not data.
#[derive(Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
struct Envelope {
    error_type: String,
    error: String,
    warnings: Vec<String>,
}

/// What an answer holds. `file_name` tells what the values are.
///
/// # Errors
/// It is none, or partial: less than everything would look like less usage.
pub fn samples(body: &[u8], file_name: &str) -> Result<Vec<Sample>, String> {
    let envelope: Envelope = serde_json::from_slice(body).map_err(|error| error.to_string())?;
    if !envelope.warnings.is_empty() {
        return Err(format!("the answer is partial: {}", envelope.warnings.join("; ")));
    }
    let options = ReadOptions { include_finished: false, now: Timestamp::now() };
    match plimsoll_manifest::any::read_named(body, file_name, &options) {
        Ok(Read::Usage(samples)) => Ok(samples),
        Ok(Read::Snapshot(_)) => Err("the answer is no answer of Prometheus".to_owned()),
        // Nothing was measured then.
        Err(ReadError::Empty { .. }) => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}

/// What a refusal says.
pub fn error(body: &[u8]) -> String {
    match serde_json::from_slice::<Envelope>(body) {
        Ok(envelope) if !envelope.error.is_empty() => format!("{}: {}", envelope.error_type, envelope.error),
        _ => String::from_utf8_lossy(&body[..body.len().min(SHOWN_MAX)]).trim().to_owned(),
    }
}
