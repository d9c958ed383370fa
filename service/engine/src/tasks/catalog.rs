//! Catalogs of the regions that LIVE clusters are in, from the cloud's own lists.
//!
//! What the cloud tells becomes a catalog as a whole or not at all: the last good one stays the newest until then, and plans
//! say how old it is.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::catalog::change::ON_DEMAND;
use plimsoll_domain::catalog::quotes::Quotes;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::store::{ClusterRecord, Mode, StoredCatalog};
use plimsoll_domain::world::World;

use crate::{Engine, Error, imports};

/// Age of prices that a plan for a LIVE cluster warns of. A guess: they are asked for several times a day, so that it has
/// failed all day by then.
pub const STALE: SignedDuration = SignedDuration::from_hours(24);

/// Asks for the prices of each region whose newest are older than `age`.
pub async fn look(engine: Engine, age: Duration) -> Result<(), Error> {
    let mut regions: BTreeMap<String, Vec<(ClusterRecord, World)>> = BTreeMap::new();
    for (record, world) in engine.reachable().await? {
        if record.mode == Mode::Live {
            regions.entry(record.region.clone()).or_default().push((record, world));
        }
    }
    let mut first = Ok(());
    for (region, clusters) in regions {
        if let Err(why) = refresh(&engine, &region, &clusters, age).await {
            tracing::warn!(region, %why, "prices of a region are not refreshed");
            first = first.and(Err(why));
        }
    }
    first
}

/// The region's next catalog, by the word of whichever cluster's account answers first.
async fn refresh(
    engine: &Engine,
    region: &str,
    clusters: &[(ClusterRecord, World)],
    age: Duration,
) -> Result<(), Error> {
    let newest = engine.newest_catalog(region).await?;
    if newest.is_some_and(|newest| is_fresh(&newest.catalog, engine.clock.now(), age)) {
        return Ok(());
    }
    let mut why = Error::NoPrices(region.to_owned());
    for (record, world) in clusters {
        match world.prices.quotes(&record.id).await {
            Ok(quotes) => return take_in(engine, region, quotes).await,
            Err(error) => why = Error::World(format!("{}: {error}", record.id)),
        }
    }
    Err(why)
}

/// Whether somebody told on-demand prices lately, the cloud or a person.
fn is_fresh(catalog: &Catalog, now: Timestamp, age: Duration) -> bool {
    let told = catalog.sources.iter().filter(|source| source.what == ON_DEMAND);
    told.map(|source| now.duration_since(source.time)).any(|old| old.unsigned_abs() < age)
}

async fn take_in(engine: &Engine, region: &str, quotes: Quotes) -> Result<(), Error> {
    // What was imported meanwhile is not lost.
    let base = match engine.newest_catalog(region).await? {
        Some(newest) => newest.catalog,
        None => imports::facts_in(region),
    };
    let work = tokio::task::spawn_blocking(move || base.quoted(quotes));
    let next = work.await.map_err(|panic| Error::Internal(panic.to_string()))?;
    let next = next.map_err(|unusable| Error::World(unusable.to_string()))?;
    let write = engine.own_write("ImportPrices");
    let id = imports::fresh_id("k", write.time)?;
    engine.store.create_catalog(&write, &id, &next).await?;
    Ok(())
}

/// What a plan for a LIVE cluster says of prices that are old.
pub(crate) fn age(cluster: &ClusterRecord, catalog: &StoredCatalog, now: Timestamp) -> Option<Finding> {
    let oldest = catalog.catalog.oldest_price().filter(|_| cluster.mode == Mode::Live)?;
    let age = now.duration_since(oldest.time);
    if age < STALE {
        return None;
    }
    let (hours, message) =
        (age.as_hours(), format!("{} of {} by {}", oldest.what, oldest.time, oldest.origin));
    let message = format!("{message} are {hours} hours old, and newer ones are not known");
    Some(Finding::new(Severity::Warning, "PRICES_STALE", format!("catalog/{}", catalog.id), message))
}
