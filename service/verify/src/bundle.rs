//! A bundle: everything that is needed to judge a plan, in one JSON file.

use std::error::Error;
use std::fmt;
use std::io::{self, BufReader, Read};

use serde::{Deserialize, Serialize};

use crate::certificate::Certificate;
use crate::plan::Plan;
use crate::problem::Problem;

/// Most bytes of a bundle, decompressed: the limit of every file that is read.
pub const BUNDLE_BYTES_MAX: u64 = 1 << 30;

/// What is judged. Serialises to proto3 JSON with the proto's own field names.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Bundle {
    /// What had to be decided.
    pub problem: Problem,
    /// What was decided.
    pub plan: Plan,
    /// Why nothing much better exists.
    pub certificate: Certificate,
}

/// Why a bundle could not be read.
#[derive(Debug)]
pub enum ReadError {
    /// The reader failed.
    Io(io::Error),
    /// More than [`BUNDLE_BYTES_MAX`] bytes.
    TooLarge,
    /// Not a bundle: the JSON is broken, a field is unknown, or a value is of the wrong kind.
    Syntax(serde_json::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Io(_) => to.write_str("the bundle could not be read"),
            Self::TooLarge => write!(to, "the bundle is larger than {BUNDLE_BYTES_MAX} bytes"),
            Self::Syntax(_) => to.write_str("this is not a bundle of problem, plan and certificate"),
        }
    }
}

impl Error for ReadError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::TooLarge => None,
            Self::Syntax(error) => Some(error),
        }
    }
}

/// Reads a bundle in proto3 JSON. Decompressing is the caller's business.
///
/// Field names may be the proto's own or in lowerCamelCase. Unknown fields of the plan are skipped;
/// elsewhere they are errors, for what is not understood cannot be proven.
///
/// # Errors
/// See [`ReadError`].
pub fn read(from: impl Read) -> Result<Bundle, ReadError> {
    read_at_most(from, BUNDLE_BYTES_MAX)
}

fn read_at_most(from: impl Read, bytes: u64) -> Result<Bundle, ReadError> {
    let mut limited = BufReader::new(from.take(bytes));
    match serde_json::from_reader(&mut limited) {
        Ok(bundle) => Ok(bundle),
        Err(_) if limited.get_ref().limit() == 0 => Err(ReadError::TooLarge),
        Err(error) if error.is_io() => Err(ReadError::Io(error.into())),
        Err(error) => Err(ReadError::Syntax(error)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_above_the_limit_is_too_large() {
        let text = r#"{"problem": {}, "plan": {}, "certificate": {}}"#;
        let bytes = text.len() as u64;
        assert!(read_at_most(text.as_bytes(), bytes + 1).is_ok());
        assert!(matches!(read_at_most(text.as_bytes(), bytes - 1), Err(ReadError::TooLarge)));
        assert!(matches!(read_at_most(io::repeat(b' '), bytes), Err(ReadError::TooLarge)));
    }
}
