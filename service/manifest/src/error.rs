//! Why something cannot be read.

use std::fmt;

/// Why a file was refused. One variant for each thing a caller would do differently.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Something in the file is wrong: correct it there.
    #[error("{0}")]
    Bad(Fault),
    /// More than this service takes: split it, or read less.
    #[error("more than {limit} {what}")]
    TooLarge {
        /// What there is too much of, such as `pods` or `bytes after decompression`.
        what: &'static str,
        /// How much is taken.
        limit: u64,
    },
    /// Sound, but it holds nothing of what it was read for.
    #[error("there are no {what} in it")]
    Empty {
        /// What is missing, such as `pods`.
        what: &'static str,
    },
    /// The source stopped delivering.
    #[error("reading failed")]
    Io(#[source] std::io::Error),
}

/// What is wrong in a file, and where.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fault {
    /// Line, from 1; none if not known.
    pub line: Option<u64>,
    /// Column, from 1; none if not known.
    pub column: Option<u64>,
    /// JSON path such as `items[17].spec.containers[0].resources.requests.cpu`, or a CSV column; may be empty.
    pub path: String,
    /// What was found and what was expected.
    pub message: String,
}

impl Fault {
    /// A fault at a place yet to be told.
    pub fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), ..Self::default() }
    }

    /// The same fault, seen from one level further out.
    #[must_use]
    pub fn at(mut self, segment: impl fmt::Display) -> Self {
        let dot = if self.path.is_empty() || self.path.starts_with('[') { "" } else { "." };
        self.path = format!("{segment}{dot}{}", self.path);
        self
    }

    /// The same fault, its lines counted from a line of the file; a column counts only within lines that the
    /// faulty part does not share.
    #[must_use]
    pub(crate) fn after(self, first_line: u64) -> Self {
        let within = self.line.unwrap_or(1);
        let column = self.column.filter(|_| 1 < within);
        Self { line: Some(first_line + within.saturating_sub(1)), column, ..self }
    }

    /// The same fault, with its line.
    #[must_use]
    pub fn on_line(mut self, line: u64) -> Self {
        self.line = Some(line);
        self
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.line, self.column) {
            (Some(line), Some(column)) => write!(f, "line {line}, column {column}: ")?,
            (Some(line), None) => write!(f, "line {line}: ")?,
            _ => {}
        }
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

impl From<Fault> for ReadError {
    fn from(fault: Fault) -> Self {
        Self::Bad(fault)
    }
}

/// Says where in its parent a faulty value stands.
pub(crate) trait At<T> {
    /// Prefixes the path of a fault, if there is one.
    fn at(self, segment: impl fmt::Display) -> Result<T, Fault>;
}

impl<T, E: Into<Fault>> At<T> for Result<T, E> {
    fn at(self, segment: impl fmt::Display) -> Result<T, Fault> {
        self.map_err(|error| error.into().at(segment))
    }
}

impl From<crate::quantity::QuantityError> for Fault {
    fn from(error: crate::quantity::QuantityError) -> Self {
        Self::new(error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_grows_from_the_inside_out() {
        let fault = Fault::new("is odd").at("requests").at("[2]").at("containers").at("spec").on_line(7);
        assert_eq!(fault.path, "spec.containers[2].requests");
        assert_eq!(fault.to_string(), "line 7: spec.containers[2].requests: is odd");
    }
}
