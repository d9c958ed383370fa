//! What a cloud says that it sells in a region, and how that becomes the next catalog: as a whole, or not at all.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::catalog::change::{ByType, ByZone, ON_DEMAND, SPOT, TYPES, ZONES};
use crate::catalog::{Catalog, InstanceType, SpotPrice};
use crate::units::HourlyRate;

/// Origin of instance type facts that the cloud told.
pub const TYPES_ORIGIN: &str = "EC2 DescribeInstanceTypes";
/// Origin of where types are sold.
pub const ZONES_ORIGIN: &str = "EC2 DescribeInstanceTypeOfferings";
/// Origin of on-demand prices.
pub const ON_DEMAND_ORIGIN: &str = "AWS Price List GetProducts";
/// Origin of spot prices.
pub const SPOT_ORIGIN: &str = "EC2 DescribeSpotPriceHistory";

/// Least part of what there should be, percent: an answer with less was cut off on its way. A guess: a few types are never
/// sold by the hour to everybody (Macs, capacity blocks), and AWS does not retire a tenth of its types in a day.
pub const WHOLE_PERCENT: usize = 90;

/// Everything that a cloud sells in a region at one time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Quotes {
    /// AWS region.
    pub region: String,
    /// When the cloud was asked.
    pub time: Timestamp,
    /// Facts of types by name.
    pub types: ByType<InstanceType>,
    /// Zones that sell a type, by its name.
    pub zones: ByType<BTreeSet<String>>,
    /// On-demand price by type: Linux, shared tenancy, list.
    pub on_demand: ByType<HourlyRate>,
    /// Spot price in force, by type and zone.
    pub spot: ByZone,
}

/// Why quotes are not taken.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unusable {
    /// A part is missing.
    #[error("the cloud told no {0}")]
    Empty(&'static str),
    /// A part is not whole.
    #[error("the cloud told {what} of {found} types where {expected} were expected")]
    Half {
        /// Which.
        what: &'static str,
        /// Types that have it.
        found: usize,
        /// Types that should.
        expected: usize,
    },
}

impl Quotes {
    /// Whether nothing is missing: neither by themselves, nor beside what the same sources told before.
    fn expect_whole(&self, before: &Catalog) -> Result<(), Unusable> {
        let parts = [
            (TYPES, self.types.len()),
            (ZONES, self.zones.len()),
            (ON_DEMAND, self.on_demand.len()),
            (SPOT, self.spot.len()),
        ];
        if let Some((what, _)) = parts.into_iter().find(|(_, count)| *count == 0) {
            return Err(Unusable::Empty(what));
        }
        let of_sold = |known: &dyn Fn(&String) -> bool| self.zones.keys().filter(|name| known(name)).count();
        expect(TYPES, of_sold(&|name| self.types.contains_key(name)), self.zones.len())?;
        expect(ON_DEMAND, of_sold(&|name| self.on_demand.contains_key(name)), self.zones.len())?;
        if before.region != self.region {
            return Ok(());
        }
        if before.tells(ON_DEMAND, ON_DEMAND_ORIGIN) {
            expect(ON_DEMAND, self.on_demand.len(), before.on_demand.len())?;
        }
        if before.tells(SPOT, SPOT_ORIGIN) {
            expect(SPOT, self.spot.len(), before.spot_zonal.len())?;
        }
        Ok(())
    }
}

fn expect(what: &'static str, found: usize, expected: usize) -> Result<(), Unusable> {
    match found * 100 < expected * WHOLE_PERCENT {
        true => Err(Unusable::Half { what, found, expected }),
        false => Ok(()),
    }
}

impl Catalog {
    /// The next catalog: the cloud's own word on types, zones and prices in place of all that was known of them. Facts of
    /// types that are not sold any more stay, for their nodes may run on; so does what the Spot Advisor says. A type without
    /// facts is left out.
    ///
    /// # Errors
    /// [`Unusable`] if the quotes are empty or were cut off: this catalog stays the newest then.
    pub fn quoted(&self, quotes: Quotes) -> Result<Self, Unusable> {
        quotes.expect_whole(self)?;
        let mut next = self.clone();
        next.move_to(&quotes.region);
        next.types.extend(quotes.types.into_iter().map(|(name, facts)| (name, Arc::new(facts))));
        next.on_demand = quotes.on_demand;
        next.on_demand.retain(|name, _| next.types.contains_key(name));
        next.zones = quotes.zones;
        // What has a price and is sold in no zone is sold nowhere.
        for name in next.on_demand.keys() {
            next.zones.entry(name.clone()).or_default();
        }
        let observed = |rate| SpotPrice { rate, estimated: false };
        next.spot.clear();
        next.spot_zonal = quotes
            .spot
            .into_iter()
            .filter(|(name, _)| next.types.contains_key(name))
            .map(|(name, zones)| {
                (name, zones.into_iter().map(|(zone, rate)| (zone, observed(rate))).collect())
            })
            .collect();
        let sources = [
            (TYPES, TYPES_ORIGIN),
            (ZONES, ZONES_ORIGIN),
            (ON_DEMAND, ON_DEMAND_ORIGIN),
            (SPOT, SPOT_ORIGIN),
        ];
        for (what, origin) in sources {
            next.set_source(what, origin, quotes.time);
        }
        next.date();
        Ok(next)
    }

    /// Whether something in it comes from there.
    fn tells(&self, what: &str, origin: &str) -> bool {
        self.sources.iter().any(|source| source.what == what && source.origin == origin)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::CapacityKind;

    const ZONE: &str = "us-east-1a";

    fn time() -> Timestamp {
        "2026-11-01T00:00:00Z".parse().expect("a time")
    }

    /// Everything that the built-in table has, a nano-dollar dearer, in one zone; spot at half of it.
    fn quotes() -> Quotes {
        let builtin = Catalog::builtin();
        let dearer = |rate: &HourlyRate| HourlyRate::from_nano_usd(rate.nano_usd() + 1).expect("small");
        let half = |rate: &HourlyRate| HourlyRate::from_nano_usd(rate.nano_usd() / 2).expect("small");
        let prices = || builtin.on_demand.iter();
        Quotes {
            region: "us-east-1".into(),
            time: time(),
            types: builtin.types.iter().map(|(name, facts)| (name.clone(), (**facts).clone())).collect(),
            zones: prices().map(|(name, _)| (name.clone(), [ZONE.to_owned()].into())).collect(),
            on_demand: prices().map(|(name, rate)| (name.clone(), dearer(rate))).collect(),
            spot: prices()
                .map(|(name, rate)| (name.clone(), [(ZONE.to_owned(), half(rate))].into()))
                .collect(),
        }
    }

    #[track_caller]
    fn expect_refused(before: &Catalog, change: impl FnOnce(&mut Quotes), want: &str) {
        let mut quotes = quotes();
        change(&mut quotes);
        assert_eq!(before.quoted(quotes).expect_err("it is not whole").to_string(), want);
    }

    fn keep<T>(count: usize, of: &mut ByType<T>) {
        let gone: Vec<String> = of.keys().skip(count).cloned().collect();
        gone.iter().for_each(|name| drop(of.remove(name)));
    }

    #[test]
    fn all_prices_are_the_clouds_and_as_old_as_its_answer() {
        let next = Catalog::builtin().quoted(quotes()).expect("whole");
        let price = |zone, kind| next.price("m5.large", zone, kind).map(HourlyRate::nano_usd);
        assert_eq!(price(ZONE, CapacityKind::OnDemand), Some(96_000_001));
        assert_eq!(price(ZONE, CapacityKind::Spot), Some(48_000_000));
        assert_eq!(price("us-east-1b", CapacityKind::Spot), None);
        assert!(next.spot.is_empty(), "no estimate is left");
        assert_eq!(next.price_time, time());
        let told: Vec<_> = next.sources.iter().map(|source| (source.what.as_str(), source.time)).collect();
        for what in [TYPES, ZONES, ON_DEMAND, SPOT] {
            assert!(told.contains(&(what, time())), "{what}: {told:?}");
        }
    }

    #[test]
    fn a_type_is_sold_where_the_cloud_says() {
        let mut quotes = quotes();
        quotes.zones.remove("m5.large");
        quotes.types.remove("m5.xlarge");
        let next = Catalog::builtin().quoted(quotes).expect("whole");
        assert!(next.is_sold_in("m5.xlarge", ZONE) && !next.is_sold_in("m5.xlarge", "us-east-1b"));
        assert!(!next.is_sold_in("m5.large", ZONE), "it has a price, and no zone sells it");
        assert!(next.types.contains_key("m5.xlarge"), "its nodes may run on");
        assert!(Catalog::builtin().is_sold_in("m5.large", "us-east-1b"), "where nothing is known of zones");
    }

    #[test]
    fn what_is_empty_or_half_is_refused() {
        let builtin = Catalog::builtin();
        expect_refused(&builtin, |quotes| quotes.types.clear(), "the cloud told no instance types");
        expect_refused(&builtin, |quotes| quotes.zones.clear(), "the cloud told no zones of instance types");
        expect_refused(&builtin, |quotes| quotes.on_demand.clear(), "the cloud told no on-demand prices");
        expect_refused(&builtin, |quotes| quotes.spot.clear(), "the cloud told no spot prices");
        let want = "the cloud told on-demand prices of 670 types where 1340 were expected";
        expect_refused(&builtin, |quotes| keep(670, &mut quotes.on_demand), want);
        let want = "the cloud told instance types of 1205 types where 1340 were expected";
        expect_refused(&builtin, |quotes| keep(1205, &mut quotes.types), want);
    }

    #[test]
    fn what_is_whole_by_itself_is_refused_beside_more_from_the_same_source() {
        let fewer = |quotes: &mut Quotes| {
            keep(700, &mut quotes.zones);
            keep(700, &mut quotes.on_demand);
        };
        let mut quotes_of_few = quotes();
        fewer(&mut quotes_of_few);
        assert!(Catalog::builtin().quoted(quotes_of_few).is_ok(), "the table came from elsewhere");
        let before = Catalog::builtin().quoted(quotes()).expect("whole");
        let want = "the cloud told on-demand prices of 700 types where 1340 were expected";
        expect_refused(&before, fewer, want);
        let want = "the cloud told spot prices of 100 types where 1340 were expected";
        expect_refused(&before, |quotes| keep(100, &mut quotes.spot), want);
    }

    #[test]
    fn another_region_starts_from_the_facts() {
        let mut quotes = quotes();
        quotes.region = "eu-central-1".into();
        let next = Catalog::builtin().quoted(quotes).expect("whole");
        assert_eq!((next.region.as_str(), next.on_demand.len()), ("eu-central-1", 1340));
        assert_eq!(next.price_time, time());
    }
}
