//! What files say that capacity costs: AWS's own files and two tables of ours, laid over a catalog.
//!
//! Each reader takes the catalog that is in force and returns the next one, with every source named. The
//! formats: AWS's offer file ([`offer`]), `describe-spot-price-history` ([`spot_history`]), the Spot Advisor's
//! file ([`advisor`]), the full EC2 table ([`ec2_table`]) and plain prices ([`price_table`]).

use std::io::Read;

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::finding::Finding;

use crate::error::{Fault, ReadError};
use crate::input;

pub mod advisor;
pub mod ec2_table;
mod format;
mod json;
mod money;
mod notes;
pub mod offer;
pub mod price_table;
pub mod spot_history;
mod table;

pub use format::{Format, detect};

/// Rows of a table, or entries of a JSON object or array, that are read: EC2's own offer file has about a
/// million products over all systems and tenancies.
pub const ENTRIES_MAX: u64 = 4_000_000;

/// What a price file is laid over, and what it does not say of itself.
#[derive(Clone, Copy, Debug)]
pub struct Import<'a> {
    /// The catalog in force; [`Catalog::builtin`] if there is none yet.
    pub base: &'a Catalog,
    /// Where the file comes from, for [`Catalog::sources`]: its name, or who sent it.
    pub origin: &'a str,
    /// When the file was made, if its format does not tell; usually when it was received.
    pub time: Timestamp,
}

/// The catalog that a file makes of another, and what a person should know of it.
pub type Outcome = (Catalog, Vec<Finding>);

/// Reads a price file, gzip or not, in any of the formats.
///
/// # Errors
/// [`ReadError::Bad`] names line or JSON path, and what was expected; also for a file in none of the formats.
pub fn read(raw: impl Read, import: &Import) -> Result<Outcome, ReadError> {
    let text = input::open(raw)?;
    let unknown = || {
        Fault::new(
            "is no price file: expected an AWS price list, a spot price history, the Spot Advisor's file, an \
             EC2 table or a price table",
        )
    };
    let format = detect(text.prefix()).ok_or_else(unknown)?;
    match format {
        Format::Offer | Format::PriceList => offer::read(text, import),
        Format::SpotHistory => spot_history::read(text, import),
        Format::Advisor => advisor::read(text, import),
        Format::Ec2Table => ec2_table::read(text, import),
        Format::PriceTable => price_table::read(text, import),
    }
}

/// Refuses a zone of another region: a catalog is of one.
fn in_region(zone: &str, region: &str) -> Result<(), String> {
    if zone
        .strip_prefix(region)
        .is_some_and(|rest| !rest.is_empty() && !rest.starts_with(|c: char| c.is_ascii_digit()))
    {
        return Ok(());
    }
    Err(format!("{zone:?} is no zone of {region}, the region of the catalog"))
}
