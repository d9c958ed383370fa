//! The Spot Instance Advisor's file (`spot-advisor-data.json`): how much spot saves on average, and how often it
//! is reclaimed, by region and type.

use serde::Deserialize;
use serde::de::{Deserializer, Error};

use plimsoll_domain::catalog::change::ByType;
use plimsoll_domain::catalog::spot;

use super::json::{self, Take};
use super::notes::Notes;
use super::{Import, Outcome};
use crate::error::{Fault, ReadError};
use crate::input::Text;

/// The system whose figures count.
const SYSTEM: &str = "Linux";
/// A saving of all of the price would make it nothing.
const SAVING_PERCENT_MAX: u8 = 99;

/// Reads the advice for the catalog's region: spot prices of types that nobody observed are estimated from it
/// and from the on-demand prices, and so is their risk.
///
/// The file has no date: it counts as of [`Import::time`].
///
/// # Errors
/// [`ReadError::Bad`] with the JSON path for a saving or band that is none, and if the file does not know the
/// region.
pub fn read(text: Text, import: &Import) -> Result<Outcome, ReadError> {
    let mut advice = Advice { region: &import.base.region, savings: ByType::new(), bands: ByType::new() };
    json::read(text, &mut advice)?;
    if advice.bands.is_empty() {
        let message = format!("says nothing of {SYSTEM} in {}", import.base.region);
        return Err(Fault::new(message).at("spot_advisor").into());
    }
    let mut notes = Notes::default();
    advice.bands.retain(|name, _| notes.knows(import.base, name));
    advice.savings.retain(|name, _| import.base.types.contains_key(name));
    let mut catalog = import.base.clone();
    catalog.replace_advisor(advice.savings, advice.bands, import.origin, import.time);
    Ok((catalog, notes.findings()))
}

struct Advice<'a> {
    region: &'a str,
    savings: ByType<u8>,
    bands: ByType<u8>,
}

#[derive(Deserialize)]
struct Item {
    /// Saving, percent.
    s: u8,
    /// Interruption band.
    r: u8,
}

impl Take for Advice<'_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        if key == "spot_advisor" { json::each(&mut Regions(self), value) } else { json::skip(value) }
    }
}

struct Regions<'a, 'b>(&'a mut Advice<'b>);

impl Take for Regions<'_, '_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        if key == self.0.region { json::each(&mut Systems(self.0), value) } else { json::skip(value) }
    }
}

struct Systems<'a, 'b>(&'a mut Advice<'b>);

impl Take for Systems<'_, '_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        if key == SYSTEM { json::each(&mut Types(self.0), value) } else { json::skip(value) }
    }
}

struct Types<'a, 'b>(&'a mut Advice<'b>);

impl Take for Types<'_, '_> {
    fn take<'de, D: Deserializer<'de>>(&mut self, key: &str, value: D) -> Result<(), D::Error> {
        let item = Item::deserialize(value)?;
        spot::interruption_rate(item.r).map_err(D::Error::custom)?;
        if SAVING_PERCENT_MAX < item.s {
            return Err(D::Error::custom(format_args!("a saving of {} % leaves no price", item.s)));
        }
        self.0.savings.insert(key.to_owned(), item.s);
        if self.0.bands.insert(key.to_owned(), item.r).is_some() {
            return Err(D::Error::custom("stands there twice"));
        }
        Ok(())
    }
}
