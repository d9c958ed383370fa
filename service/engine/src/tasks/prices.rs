//! Spot prices of a world that has its own become a new catalog of its region.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::catalog::change::ByZone;
use plimsoll_domain::world::SpotChange;

use crate::{Engine, Error};

/// How far back the first look goes: the price in force then counts.
const SINCE: SignedDuration = SignedDuration::from_hours(1);
/// [`plimsoll_domain::catalog::Source::origin`] of what is found.
const ORIGIN: &str = "spot prices of the clusters' own pools";

/// Asks for the prices that are in force now; stores a catalog if one is new. A cluster that cannot be asked keeps no other's
/// prices from being known.
pub async fn look(engine: Engine) -> Result<(), Error> {
    let mut by_region: BTreeMap<String, Vec<SpotChange>> = BTreeMap::new();
    let mut first = Ok(());
    for (record, world) in engine.reachable().await? {
        let since = world.clock.now().saturating_sub(SINCE).unwrap_or(jiff::Timestamp::MIN);
        match world.prices.spot_changes(&record.id, since).await {
            Ok(changes) => by_region.entry(record.region).or_default().extend(changes),
            Err(why) => {
                tracing::warn!(cluster = %record.id, %why, "spot prices of a cluster's pools are not known");
                first = first.and(Err(Error::World(format!("{}: {why}", record.id))));
            }
        }
    }
    for (region, mut changes) in by_region {
        let Some(newest) = engine.newest_catalog(&region).await? else { continue };
        changes.sort_by_key(|change| change.time);
        if let Some(catalog) = overlaid(&newest.catalog, &changes) {
            let write = engine.own_write("ImportPrices");
            let id = crate::imports::fresh_id("c", write.time)?;
            engine.store.create_catalog(&write, &id, &catalog).await?;
        }
    }
    first
}

/// The catalog with the last of these prices laid over it; none if it says the same already.
fn overlaid(catalog: &Catalog, changes: &[SpotChange]) -> Option<Catalog> {
    let mut fresh = ByZone::new();
    for change in changes {
        fresh.entry(change.instance_type.clone()).or_default().insert(change.zone.clone(), change.rate);
    }
    let known = |name: &str, zone: &str| catalog.spot_price(name, zone).map(|price| price.rate);
    for (name, zones) in &mut fresh {
        zones.retain(|zone, rate| known(name, zone) != Some(*rate));
    }
    fresh.retain(|_, zones| !zones.is_empty());
    let time = changes.last()?.time;
    if fresh.is_empty() {
        return None;
    }
    let mut next = catalog.clone();
    next.overlay_spot_pools(fresh, ORIGIN, time);
    Some(next)
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::units::HourlyRate;

    use super::*;

    fn change(minute: i64, nano_usd: i64) -> SpotChange {
        SpotChange {
            instance_type: "m5.large".into(),
            zone: "us-east-1a".into(),
            time: jiff::Timestamp::from_second(60 * minute).unwrap(),
            rate: HourlyRate::from_nano_usd(nano_usd).unwrap(),
        }
    }

    #[test]
    fn the_last_price_counts_and_a_price_that_is_known_makes_no_catalog() {
        let next = overlaid(&Catalog::builtin(), &[change(1, 7), change(2, 9)]).expect("it is new");
        let rate = next.spot_price("m5.large", "us-east-1a").expect("it is sold").rate;
        assert_eq!(rate.nano_usd(), 9);
        let elsewhere =
            |catalog: &Catalog| catalog.spot_price("m5.large", "us-east-1b").map(|price| price.rate);
        assert_eq!(elsewhere(&next), elsewhere(&Catalog::builtin()));
        assert_eq!(overlaid(&next, &[change(1, 7), change(2, 9)]), None);
        assert_eq!(overlaid(&next, &[]), None);
    }
}
