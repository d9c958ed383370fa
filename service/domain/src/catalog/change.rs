//! How newer facts and prices come into a catalog, each with its source.
//!
//! Figures that cover everything of a kind replace what was there, and the source with it; figures
//! that cover a part are laid over it, and both sources stay. Spot estimates follow on-demand prices.

use std::collections::BTreeMap;
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::{Catalog, InstanceType, Source, SpotPrice, spot};
use crate::units::HourlyRate;

/// [`Source::what`] of instance type facts.
pub const TYPES: &str = "instance types";
/// [`Source::what`] of the zones that sell a type.
pub const ZONES: &str = "zones of instance types";
/// [`Source::what`] of on-demand prices.
pub const ON_DEMAND: &str = "on-demand prices";
/// [`Source::what`] of spot prices that were observed or stated.
pub const SPOT: &str = "spot prices";
/// [`Source::what`] of the savings that spot prices are estimated from.
pub const SPOT_ESTIMATES: &str = "spot price estimates";
/// [`Source::what`] of interruption bands.
pub const INTERRUPTIONS: &str = "spot interruption bands";

/// Most sources that a catalog lists: beyond it the oldest of the same kind goes, so that a catalog
/// that is updated every hour does not grow.
pub const SOURCES_MAX: usize = 20;

/// Prices and savings by instance type.
pub type ByType<T> = BTreeMap<String, T>;
/// Spot prices by instance type and zone.
pub type ByZone = BTreeMap<String, BTreeMap<String, HourlyRate>>;

impl Catalog {
    /// Moves the catalog to another region: type facts stay, for they are the same everywhere; what
    /// is sold, and for how much, is forgotten.
    pub fn move_to(&mut self, region: &str) {
        if self.region == region {
            return;
        }
        let types = std::mem::take(&mut self.types);
        let sources = std::mem::take(&mut self.sources);
        let sources = sources.into_iter().filter(|source| source.what == TYPES).collect();
        *self = Self { region: region.to_owned(), types, sources, ..Self::default() };
        self.date();
    }

    /// Replaces all instance types.
    pub fn replace_types(&mut self, types: Vec<InstanceType>, origin: &str, time: Timestamp) {
        self.types = types.into_iter().map(|found| (found.name.clone(), Arc::new(found))).collect();
        self.set_source(TYPES, origin, time);
    }

    /// Replaces all on-demand prices: a type that is missing is not sold.
    pub fn replace_on_demand(&mut self, prices: ByType<HourlyRate>, origin: &str, time: Timestamp) {
        self.on_demand = prices;
        self.set_source(ON_DEMAND, origin, time);
        self.estimate_spot();
        self.date();
    }

    /// Sets the on-demand prices of some types.
    pub fn overlay_on_demand(&mut self, prices: ByType<HourlyRate>, origin: &str, time: Timestamp) {
        if prices.is_empty() {
            return;
        }
        self.on_demand.extend(prices);
        self.add_source(ON_DEMAND, origin, time);
        self.estimate_spot();
        self.date();
    }

    /// Sets spot prices that hold in the whole region.
    pub fn overlay_spot(&mut self, prices: ByType<HourlyRate>, origin: &str, time: Timestamp) {
        if prices.is_empty() {
            return;
        }
        let stated = prices.into_iter().map(|(name, rate)| (name, SpotPrice { rate, estimated: false }));
        self.spot.extend(stated);
        self.add_source(SPOT, origin, time);
        self.date();
    }

    /// Sets spot prices of zones. A type that is in them loses its estimate: AWS lists every zone
    /// where it sells a type, so where none is listed, none is sold.
    pub fn overlay_spot_zonal(&mut self, prices: ByZone, origin: &str, time: Timestamp) {
        if prices.is_empty() {
            return;
        }
        for (name, zones) in prices {
            if self.spot.get(&name).is_some_and(|spot| spot.estimated) {
                self.spot.remove(&name);
            }
            let observed = zones.into_iter().map(|(zone, rate)| (zone, SpotPrice { rate, estimated: false }));
            self.spot_zonal.entry(name).or_default().extend(observed);
        }
        self.add_source(SPOT, origin, time);
        self.date();
    }

    /// Sets spot prices of some pools; what is known of other zones of their types stays.
    pub fn overlay_spot_pools(&mut self, prices: ByZone, origin: &str, time: Timestamp) {
        if prices.is_empty() {
            return;
        }
        for (name, zones) in prices {
            let observed = zones.into_iter().map(|(zone, rate)| (zone, SpotPrice { rate, estimated: false }));
            self.spot_zonal.entry(name).or_default().extend(observed);
        }
        self.add_source(SPOT, origin, time);
        self.date();
    }

    /// Replaces the Spot Advisor's savings (whole percent) and interruption bands.
    pub fn replace_advisor(&mut self, savings: ByType<u8>, bands: ByType<u8>, origin: &str, time: Timestamp) {
        self.spot_savings = savings;
        self.interruption_bands = bands;
        self.set_source(SPOT_ESTIMATES, origin, time);
        self.set_source(INTERRUPTIONS, origin, time);
        self.estimate_spot();
        self.date();
    }

    /// Estimates the spot price of each type with a known saving that was not observed or stated.
    pub(super) fn estimate_spot(&mut self) {
        self.spot.retain(|_, spot| !spot.estimated);
        for (name, saving) in &self.spot_savings {
            if self.spot.contains_key(name) || self.spot_zonal.contains_key(name) {
                continue;
            }
            let rate = self.on_demand.get(name).and_then(|price| spot::estimate(*price, *saving));
            let spot = rate.map(|rate| (name.clone(), SpotPrice { rate, estimated: true }));
            self.spot.extend(spot);
        }
    }

    /// Sets `price_time` to that of the oldest price in use.
    pub(super) fn date(&mut self) {
        self.price_time = self.oldest_price().map_or(Timestamp::UNIX_EPOCH, |source| source.time);
    }

    /// Where the oldest price in use comes from.
    pub fn oldest_price(&self) -> Option<&Source> {
        let estimates = self.spot.values().any(|spot| spot.estimated);
        let is_price =
            |what: &str| what == ON_DEMAND || what == SPOT || (what == SPOT_ESTIMATES && estimates);
        self.sources.iter().filter(|source| is_price(&source.what)).min_by_key(|source| source.time)
    }

    pub(super) fn set_source(&mut self, what: &str, origin: &str, time: Timestamp) {
        self.sources.retain(|source| source.what != what);
        self.add_source(what, origin, time);
    }

    fn add_source(&mut self, what: &str, origin: &str, time: Timestamp) {
        let estimated = what == SPOT_ESTIMATES || what == INTERRUPTIONS;
        self.sources.retain(|source| source.what != what || source.origin != origin);
        self.sources.push(Source { what: what.to_owned(), origin: origin.to_owned(), time, estimated });
        if self.sources.len() > SOURCES_MAX {
            let oldest = self.sources.iter().position(|source| source.what == what).unwrap_or(0);
            self.sources.remove(oldest);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::CapacityKind;

    const LARGE: &str = "m5.large";

    fn base() -> Catalog {
        Catalog::clone(&Catalog::builtin())
    }

    fn day(text: &str) -> Timestamp {
        format!("{text}T00:00:00Z").parse().expect("a day")
    }

    fn rate(nano_usd: i64) -> HourlyRate {
        HourlyRate::from_nano_usd(nano_usd).expect("not negative")
    }

    fn by_type<T>(name: &str, value: T) -> ByType<T> {
        BTreeMap::from([(name.to_owned(), value)])
    }

    #[track_caller]
    fn check(catalog: &Catalog, zone: &str, nano_usd: Option<i64>, sources: usize, oldest: &str) {
        let spot = catalog.price(LARGE, zone, CapacityKind::Spot).map(HourlyRate::nano_usd);
        assert_eq!(spot, nano_usd, "in {zone}");
        assert_eq!(catalog.sources.len(), sources, "{:?}", catalog.sources);
        assert_eq!(catalog.price_time, day(oldest));
    }

    #[test]
    fn estimates_follow_on_demand_prices() {
        let mut catalog = base();
        catalog.overlay_on_demand(by_type(LARGE, rate(100)), "file", day("2026-11-01"));
        check(&catalog, "us-east-1a", Some(34), 5, "2025-07-01");
        assert_eq!(catalog.on_demand.len(), 1340);
    }

    #[test]
    fn a_complete_price_list_replaces_the_one_before() {
        let mut catalog = base();
        catalog.replace_on_demand(by_type("m5.xlarge", rate(100)), "list", day("2026-11-01"));
        check(&catalog, "us-east-1a", None, 4, "2025-07-01");
        assert_eq!((catalog.on_demand.len(), catalog.spot.len()), (1, 1));
    }

    #[test]
    fn an_observed_zone_ends_the_estimate_in_all_zones() {
        let mut catalog = base();
        let observed = by_type(LARGE, by_type("us-east-1a", rate(7)));
        catalog.overlay_spot_zonal(observed, "history", day("2026-11-01"));
        check(&catalog, "us-east-1a", Some(7), 5, "2025-07-01");
        check(&catalog, "us-east-1b", None, 5, "2025-07-01");
    }

    #[test]
    fn a_stated_spot_price_survives_newer_estimates() {
        let mut catalog = base();
        catalog.overlay_spot(by_type(LARGE, rate(7)), "file", day("2026-11-01"));
        catalog.replace_advisor(by_type(LARGE, 50), by_type(LARGE, 0), "advisor", day("2026-10-01"));
        check(&catalog, "us-east-1a", Some(7), 5, "2026-07-20");
        assert_eq!(catalog.spot.len(), 1);
    }

    #[test]
    fn the_age_of_estimates_counts_only_while_there_are_any() {
        let mut catalog = base();
        catalog.replace_advisor(ByType::new(), by_type(LARGE, 1), "advisor", day("2026-10-01"));
        check(&catalog, "us-east-1a", None, 4, "2026-07-20");
    }

    #[test]
    fn another_region_keeps_the_facts_and_forgets_the_prices() {
        let mut catalog = base();
        catalog.move_to("eu-west-1");
        check(&catalog, "eu-west-1a", None, 1, "1970-01-01");
        assert_eq!((catalog.types.len(), catalog.on_demand.len()), (1340, 0));
    }

    #[test]
    fn the_same_origin_again_takes_its_own_place() {
        let mut catalog = base();
        for hour in 0..100 {
            let time = Timestamp::from_second(1_800_000_000 + 3600 * hour).expect("of this century");
            catalog.overlay_spot(by_type(LARGE, rate(7)), "history", time);
        }
        assert_eq!(catalog.sources.len(), 5);
        for file in 0..100 {
            catalog.overlay_spot(by_type(LARGE, rate(7)), &format!("file {file}"), day("2026-11-01"));
        }
        assert_eq!(catalog.sources.len(), SOURCES_MAX);
        assert!(catalog.sources.iter().any(|source| source.what == TYPES));
    }
}
