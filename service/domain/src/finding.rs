//! What a person should know about an input or a plan, beside the plan itself.

use serde::{Deserialize, Serialize};

/// How much a finding matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A number rests on an assumption, or advice is given.
    Advice,
    /// Something was ignored, relaxed or kept from being moved.
    Warning,
}

/// One remark, addressed to a person.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Finding {
    /// How much it matters.
    pub severity: Severity,
    /// What it is about, stable and machine-readable: UPPER_SNAKE, such as `POD_PINNED`.
    pub code: String,
    /// The object it is about, such as `pod/shop/cart-0` or `offering/m5.large`; may be empty.
    pub subject: String,
    /// One sentence that says what was found and what follows from it.
    pub message: String,
}

impl Finding {
    /// Makes a finding.
    pub fn new(
        severity: Severity,
        code: &str,
        subject: impl Into<String>,
        message: impl Into<String>,
    ) -> Self {
        Self { severity, code: code.to_owned(), subject: subject.into(), message: message.into() }
    }
}
