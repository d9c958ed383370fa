//! A plain table of prices: `instance_type,zone,capacity_kind,usd_per_hour`.
//!
//! It sets the prices that it names and leaves the others. An empty zone means the whole region; on-demand
//! prices are the same in all zones. Kinds are `on-demand` and `spot`, also as `ON_DEMAND` and `SPOT`.

use std::collections::BTreeMap;

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::catalog::change::{ByType, ByZone};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::units::HourlyRate;

use super::notes::Notes;
use super::table::{Row, Table};
use super::{Import, Outcome, in_region};
use crate::error::{Fault, ReadError};
use crate::input::Text;

/// The column that only this format has.
pub const PRICE_COLUMN: &str = "usd_per_hour";
const TYPE: &str = "instance_type";
const ZONE: &str = "zone";
const KIND: &str = "capacity_kind";

/// Reads a table and lays its prices over the catalog, as of [`Import::time`].
///
/// # Errors
/// [`ReadError::Bad`] with line and column for a row that is incomplete, is no price, is of another region, says
/// the same thing twice, or prices one type on-demand differently by zone; [`ReadError::Empty`] without rows.
pub fn read(text: Text, import: &Import) -> Result<Outcome, ReadError> {
    let mut table = Table::open(text, &[TYPE, ZONE, KIND, PRICE_COLUMN])?;
    let mut prices = Prices::default();
    while let Some(row) = table.next()? {
        prices.add(&row, import.base)?;
    }
    if prices.seen.is_empty() {
        return Err(ReadError::Empty { what: "prices" });
    }
    let mut catalog = import.base.clone();
    catalog.overlay_on_demand(prices.on_demand, import.origin, import.time);
    catalog.overlay_spot(prices.spot, import.origin, import.time);
    catalog.overlay_spot_zonal(prices.spot_zonal, import.origin, import.time);
    Ok((catalog, prices.notes.findings()))
}

#[derive(Default)]
struct Prices {
    /// Line by what it prices.
    seen: BTreeMap<(String, String, CapacityKind), HourlyRate>,
    on_demand: ByType<HourlyRate>,
    spot: ByType<HourlyRate>,
    spot_zonal: ByZone,
    notes: Notes,
}

impl Prices {
    fn add(&mut self, row: &Row, base: &Catalog) -> Result<(), Fault> {
        let name = row.name(TYPE)?.to_owned();
        let zone = row.text(ZONE).to_owned();
        if !zone.is_empty() {
            in_region(&zone, &base.region).map_err(|told| row.fault(ZONE, told))?;
        }
        let kind = kind(row)?;
        let price = row.price(PRICE_COLUMN)?;
        if self.seen.insert((name.clone(), zone.clone(), kind), price.rate).is_some() {
            return Err(row.fault(TYPE, format!("{name} has a price already, of the same zone and kind")));
        }
        if self.notes.takes(base, &name, &price) {
            self.set(name, zone, kind, price.rate).map_err(|told| row.fault(PRICE_COLUMN, told))?;
        }
        Ok(())
    }

    fn set(
        &mut self,
        name: String,
        zone: String,
        kind: CapacityKind,
        rate: HourlyRate,
    ) -> Result<(), String> {
        match kind {
            CapacityKind::Spot if zone.is_empty() => drop(self.spot.insert(name, rate)),
            CapacityKind::Spot => drop(self.spot_zonal.entry(name).or_default().insert(zone, rate)),
            CapacityKind::OnDemand => {
                let known = self.on_demand.insert(name.clone(), rate);
                if known.is_some_and(|known| known != rate) {
                    return Err(format!(
                        "{name} has another on-demand price above, but those are the same in all zones"
                    ));
                }
            }
        }
        Ok(())
    }
}

fn kind(row: &Row) -> Result<CapacityKind, Fault> {
    match row.text(KIND).to_ascii_lowercase().replace('_', "-").as_str() {
        "on-demand" => Ok(CapacityKind::OnDemand),
        "spot" => Ok(CapacityKind::Spot),
        _ => Err(row.odd(KIND, "on-demand or spot")),
    }
}
