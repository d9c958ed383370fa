//! A request that cannot be understood.

use plimsoll_domain::ids::IdError;

/// A field of a request is not acceptable.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {message}")]
pub struct Invalid {
    /// The field, in the wire's spelling, such as `policy.nodes_max`.
    pub field: String,
    /// What was found and what is expected.
    pub message: String,
}

impl Invalid {
    /// Makes one.
    pub fn new(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self { field: field.into(), message: message.into() }
    }

    /// Makes one of a text that is no id.
    pub fn id(field: &str, error: &IdError) -> Self {
        Self::new(field, error.to_string())
    }
}
