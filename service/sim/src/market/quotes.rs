//! The market's price list.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use plimsoll_domain::catalog::quotes::Quotes;

use super::{Market, Pool};

impl Market {
    /// Everything that is sold in these zones: each type in all of them, at the prices of now.
    pub fn quotes(&self, zones: &BTreeSet<String>, now: Timestamp) -> Quotes {
        let catalog = &self.catalog;
        let spot = |name: &String| {
            let in_force = |zone: &String| {
                let change = self.prices(&Pool::new(name, zone), now, now).pop()?;
                Some((zone.clone(), change.rate))
            };
            (name.clone(), zones.iter().filter_map(in_force).collect())
        };
        Quotes {
            region: catalog.region.clone(),
            time: now,
            types: catalog.types.iter().map(|(name, facts)| (name.clone(), (**facts).clone())).collect(),
            zones: catalog.on_demand.keys().map(|name| (name.clone(), zones.clone())).collect(),
            on_demand: catalog.on_demand.clone(),
            spot: catalog
                .types
                .keys()
                .map(spot)
                .filter(|(_, zones): &(_, BTreeMap<_, _>)| !zones.is_empty())
                .collect(),
        }
    }
}
