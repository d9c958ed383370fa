//! What `aws ec2 describe-spot-price-history` prints: spot prices by type and zone, as they changed.
//!
//! The newest price of a type in a zone is the one in force; the file's order means nothing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Deserialize;
use serde::de::{Deserializer, Error};

use plimsoll_domain::catalog::change::ByZone;
use plimsoll_domain::finding::Severity;
use plimsoll_domain::units::ParsedPrice;

use super::json::{self, Take};
use super::money::Usd;
use super::notes::Notes;
use super::{Import, Outcome, in_region};
use crate::error::ReadError;
use crate::input::Text;

/// The product whose prices count; AWS once wrote it with `(Amazon VPC)` behind.
const LINUX: [&str; 2] = ["Linux/UNIX", "Linux/UNIX (Amazon VPC)"];

/// Reads a history and lays the newest prices over the catalog.
///
/// Prices count as of the newest change in the file. Other products than Linux are passed over, and so are
/// types that the catalog has no facts of.
///
/// # Errors
/// [`ReadError::Bad`] with the JSON path for a value that is missing or no price, a zone outside the catalog's
/// region, or two prices of one type, zone and time; [`ReadError::Empty`] without any Linux price.
pub fn read(text: Text, import: &Import) -> Result<Outcome, ReadError> {
    let mut history =
        History { region: &import.base.region, newest: BTreeMap::new(), others: 0, is_cut: false };
    json::read(text, &mut history)?;
    let newest = history.newest.values().map(|change| change.time).max();
    let time = newest.ok_or(ReadError::Empty { what: "spot prices for Linux/UNIX" })?;
    let mut notes = history.notes();
    let mut prices = ByZone::new();
    for ((name, zone), change) in history.newest {
        if notes.takes(import.base, &name, &change.price) {
            prices.entry(name).or_default().insert(zone, change.price.rate);
        }
    }
    let mut catalog = import.base.clone();
    catalog.overlay_spot_zonal(prices, import.origin, time);
    Ok((catalog, notes.findings()))
}

struct History<'a> {
    region: &'a str,
    /// By type and zone.
    newest: BTreeMap<(String, String), Change>,
    others: u64,
    is_cut: bool,
}

struct Change {
    time: Timestamp,
    price: ParsedPrice,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Item {
    availability_zone: String,
    instance_type: String,
    product_description: String,
    spot_price: Usd,
    timestamp: Timestamp,
}

impl Take for History<'_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        match key {
            "SpotPriceHistory" => json::each(&mut Changes(self), value),
            "NextToken" => {
                let token = Option::<String>::deserialize(value)?;
                self.is_cut = token.is_some_and(|token| !token.is_empty());
                Ok(())
            }
            _ => json::skip(value),
        }
    }
}

struct Changes<'a, 'b>(&'a mut History<'b>);

impl Take for Changes<'_, '_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, _key: &str, value: D) -> Result<(), D::Error> {
        self.0.add(Item::deserialize(value)?).map_err(D::Error::custom)
    }
}

impl History<'_> {
    fn add(&mut self, item: Item) -> Result<(), String> {
        in_region(&item.availability_zone, self.region)?;
        if !LINUX.contains(&item.product_description.as_str()) {
            self.others += 1;
            return Ok(());
        }
        let change = Change { time: item.timestamp, price: item.spot_price.0 };
        let key = (item.instance_type, item.availability_zone);
        match self.newest.get(&key) {
            Some(known) if change.time < known.time => {}
            Some(known) if change.time == known.time && change.price.rate != known.price.rate => {
                return Err(format!("{} has two prices in {} at {}", key.0, key.1, change.time));
            }
            _ => drop(self.newest.insert(key, change)),
        }
        Ok(())
    }

    fn notes(&self) -> Notes {
        let mut notes = Notes::default();
        if self.others > 0 {
            let message = format!("{} prices of other systems than Linux were passed over", self.others);
            notes.say(Severity::Info, "PRICE_OTHER_SYSTEM", message);
        }
        if self.is_cut {
            let message =
                "the history has a NextToken: it is one page of several, and some prices may be missing";
            notes.say(Severity::Warning, "PRICE_HISTORY_CUT", message);
        }
        notes
    }
}
