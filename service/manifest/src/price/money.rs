//! Prices as files state them: a decimal text above zero.

use serde::de::{Deserialize, Deserializer, Error};

use plimsoll_domain::units::{HourlyRate, ParsedPrice, parse_usd_per_hour};

/// Parses a price; zero is refused, for a price list that says zero means something else.
pub(super) fn parse(text: &str) -> Result<ParsedPrice, String> {
    let price = parse_usd_per_hour(text).map_err(|error| error.to_string())?;
    if price.rate == HourlyRate::ZERO {
        return Err(format!("{text:?} is no price: it must be above zero"));
    }
    Ok(price)
}

/// A price in a JSON string.
pub(super) struct Usd(pub(super) ParsedPrice);

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let text = String::deserialize(from)?;
        parse(&text).map(Self).map_err(D::Error::custom)
    }
}
