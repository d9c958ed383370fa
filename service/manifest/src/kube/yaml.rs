//! YAML documents. They are turned into JSON first; unlike JSON they are held as a whole.

use std::io::Read;

use serde::Deserialize;

use crate::error::{Fault, ReadError};
use crate::input::{Text, cause};

use super::draft::Draft;
use super::stream;

/// Bytes of YAML: its parser needs some twenty times as much memory.
const YAML_BYTES_MAX: u64 = 64 << 20;

/// Reads all documents of `text`.
pub(super) fn read(text: &mut Text<'_>, draft: &mut Draft) -> Result<(), ReadError> {
    let lines_before = text.place().line() - 1;
    let mut bytes = Vec::new();
    text.take(YAML_BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cause)?;
    if YAML_BYTES_MAX < bytes.len() as u64 {
        return Err(ReadError::TooLarge {
            what: "bytes of YAML (JSON may have more)",
            limit: YAML_BYTES_MAX,
        });
    }
    let text = String::from_utf8(bytes).map_err(|error| Fault::new(format!("this is not UTF-8: {error}")))?;
    for document in serde_norway::Deserializer::from_str(&text) {
        // Its own value type refuses a key that comes twice.
        let value =
            serde_norway::Value::deserialize(document).map_err(|error| explain(error, lines_before))?;
        if !value.is_null() {
            let json = serde_json::to_string(&value).map_err(|error| Fault::new(error.to_string()))?;
            stream::read_str(&json, draft)?;
        }
    }
    Ok(())
}

fn explain(error: serde_norway::Error, lines_before: u64) -> ReadError {
    let place = error.location();
    Fault {
        line: place.as_ref().map(|place| lines_before + place.line() as u64),
        column: place.as_ref().map(|place| place.column() as u64),
        path: String::new(),
        message: format!("this is neither JSON nor YAML: {error}"),
    }
    .into()
}
