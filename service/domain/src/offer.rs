//! What can be bought, by its three names; and what cannot, for a while.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fleet::CapacityKind;

/// A text that names no offering.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no offering: expected TYPE/ZONE/KIND, such as m7i.large/us-east-1a/spot, with on-demand or spot as KIND"
)]
pub struct OfferError(String);

/// Instance type, zone and kind: whatever the node template, the cloud has it or has not.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Offer {
    /// EC2 instance type.
    pub instance_type: String,
    /// Zone.
    pub zone: String,
    /// How it is bought.
    pub kind: CapacityKind,
}

impl Offer {
    /// Whether these are its names.
    pub fn is(&self, instance_type: &str, zone: &str, kind: CapacityKind) -> bool {
        self.instance_type == instance_type && self.zone == zone && self.kind == kind
    }
}

impl fmt::Display for Offer {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(to, "{}/{}/{}", self.instance_type, self.zone, word(self.kind))
    }
}

impl FromStr for Offer {
    type Err = OfferError;

    fn from_str(text: &str) -> Result<Self, OfferError> {
        let wrong = || OfferError(text.to_owned());
        let parts: Vec<&str> = text.split('/').collect();
        let [instance_type, zone, kind] = parts[..] else { return Err(wrong()) };
        let kinds = [CapacityKind::OnDemand, CapacityKind::Spot];
        let kind = kinds.into_iter().find(|one| word(*one) == kind).ok_or_else(wrong)?;
        if instance_type.is_empty() || zone.is_empty() {
            return Err(wrong());
        }
        Ok(Self { instance_type: instance_type.to_owned(), zone: zone.to_owned(), kind })
    }
}

fn word(kind: CapacityKind) -> &'static str {
    match kind {
        CapacityKind::OnDemand => "on-demand",
        CapacityKind::Spot => "spot",
    }
}

/// Something that a cloud refused to sell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unavailable {
    /// What.
    pub offer: Offer,
    /// Until when nobody asks for it again, by the clock of the cluster's world.
    pub until: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offer_is_read_as_it_is_written() {
        for text in ["m7i.large/us-east-1a/spot", "p5.48xlarge/eu-west-1c/on-demand"] {
            assert_eq!(text.parse::<Offer>().unwrap().to_string(), text);
        }
        for text in [
            "",
            "m7i.large",
            "m7i.large/us-east-1a",
            "m7i.large/us-east-1a/SPOT",
            "/us-east-1a/spot",
            "a/b/spot/c",
        ] {
            assert!(text.parse::<Offer>().is_err(), "{text:?} was read");
        }
    }
}
