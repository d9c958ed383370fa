//! Names of things, each its own type, each validated once at the door.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Longest name that is accepted, in bytes. Kubernetes object names end at 253.
pub const NAME_LENGTH_MAX: usize = 253;

/// Why a text is no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{value:?} is no valid {what}: use 1 to {max} lower-case letters, digits, '-' and '.', starting with a letter or digit", max = NAME_LENGTH_MAX)]
pub struct IdError {
    /// Which kind of id was wanted.
    pub what: &'static str,
    /// The text that was given.
    pub value: String,
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $what:literal) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The id as text, without any `collection/` in front.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;
            fn try_from(value: String) -> Result<Self, IdError> {
                if is_name(&value) { Ok(Self(value)) } else { Err(IdError { what: $what, value }) }
            }
        }

        impl std::str::FromStr for $name {
            type Err = IdError;
            fn from_str(value: &str) -> Result<Self, IdError> {
                Self::try_from(value.to_owned())
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                id.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

id!(
    /// A cluster: the `{c}` of `clusters/{c}`.
    ClusterId,
    "cluster id"
);
id!(
    /// A snapshot of a cluster: the `{s}` of `clusters/{c}/snapshots/{s}`.
    SnapshotId,
    "snapshot id"
);
id!(
    /// A price catalog: the `{k}` of `catalogs/{k}`.
    CatalogId,
    "catalog id"
);
id!(
    /// A plan: the `{p}` of `clusters/{c}/plans/{p}`.
    PlanId,
    "plan id"
);

fn is_name(text: &str) -> bool {
    let plain = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
    (1..=NAME_LENGTH_MAX).contains(&text.len())
        && text.bytes().next().is_some_and(plain)
        && text.bytes().all(|b| plain(b) || b == b'-' || b == b'.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_dns_like() {
        for good in ["atlas", "a", "0", "prod-eu.1"] {
            assert!(good.parse::<ClusterId>().is_ok(), "{good}");
        }
        for bad in ["", "-a", "A", "a/b", "a b", "ü", &"x".repeat(254)] {
            assert!(bad.parse::<ClusterId>().is_err(), "{bad}");
        }
    }
}
