//! Spot prices: they walk around the catalog's, and are drawn back to it.

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::world::SpotChange;

use crate::dice::Dice;

use super::{Market, Pool};

/// Time is cut into hours; a price changes at most once in each.
const SLOT_SECONDS: i64 = 3600;
/// Of so many hours one has a change, on average. A guess after DescribeSpotPriceHistory, where a pool changes a few
/// times a day.
const CHANGE_ONE_OF: u64 = 4;
/// Hours that a price is searched back for. Without a change in as many, which chance has once in 10^12 pools, it is the
/// catalog's.
const SEARCH_SLOTS_MAX: i64 = 96;
/// What one hour adds to the walk at most, in thousandths of the catalog's price.
const NOISE_PERMILLE: u64 = 50;
/// What is left of that after each hour, percent: half of it is gone in 14 hours.
const MEMORY_PERCENT: i64 = 95;
/// Hours that the walk remembers: of one before, less than a thirtieth would be left.
const MEMORY_SLOTS: i64 = 72;
/// How far a price may be from the catalog's, in thousandths. A guess: since 2017 prices move slowly.
const BOUNDS_PERMILLE: (i64, i64) = (-300, 500);
/// How far back prices are known. Source: EC2 API, DescribeSpotPriceHistory.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);

impl Market {
    /// The price that was in force at `since`, and each change after, until `now`. Nothing for a type that is not sold as
    /// spot. Of what is longer ago than 90 days nothing is known; the first price is from then.
    pub fn prices(&self, pool: &Pool, since: Timestamp, now: Timestamp) -> Vec<SpotChange> {
        let since = since.max(now.checked_sub(HISTORY).unwrap_or(Timestamp::MIN));
        let catalog = &self.catalog;
        let Some(base) = catalog.spot_price(&pool.instance_type, &pool.zone) else { return Vec::new() };
        let most = catalog.on_demand.get(&pool.instance_type).copied();
        let walk = Walk { dice: self.dice(format_args!("price {} {}", pool.instance_type, pool.zone)) };
        let rate = |permille: i64| scaled(base.rate, permille).min(most.unwrap_or(base.rate).max(base.rate));
        let change = |time: Timestamp, rate: HourlyRate| SpotChange {
            instance_type: pool.instance_type.clone(),
            zone: pool.zone.clone(),
            time,
            rate,
        };
        if !self.weather.prices_walk {
            return vec![change(since, base.rate)];
        }
        let (first, last) = (slot(since), slot(now));
        let in_force = (first - SEARCH_SLOTS_MAX..=first)
            .rev()
            .find(|slot| walk.change_time(*slot).is_some_and(|time| time <= since));
        let mut changes = vec![change(since, in_force.map_or(base.rate, |slot| rate(walk.permille(slot))))];
        for slot in first..=last {
            let Some(time) = walk.change_time(slot).filter(|time| since < *time && *time <= now) else {
                continue;
            };
            let rate = rate(walk.permille(slot));
            if changes.last().is_some_and(|before| before.rate != rate) {
                changes.push(change(time, rate));
            }
        }
        changes
    }
}

/// The walk of one pool's price.
struct Walk {
    dice: Dice,
}

impl Walk {
    /// When in this hour the price changes, if it does.
    fn change_time(&self, slot: i64) -> Option<Timestamp> {
        let mut dice = self.dice.at(slot.cast_unsigned());
        if dice.below(CHANGE_ONE_OF) != 0 {
            return None;
        }
        let into = i64::try_from(dice.below(SLOT_SECONDS.unsigned_abs())).unwrap_or(0);
        Timestamp::from_second(slot.checked_mul(SLOT_SECONDS)?.checked_add(into)?).ok()
    }

    /// How far the price is from the catalog's in this hour: what the hours before added, each less as it is longer ago.
    fn permille(&self, slot: i64) -> i64 {
        let (mut sum, mut weight) = (0, 1_000_000);
        for back in 0..MEMORY_SLOTS {
            let noise = self.dice.at((slot - back).cast_unsigned()).roll() >> 32;
            let noise = i64::try_from(noise % (2 * NOISE_PERMILLE + 1)).unwrap_or(0);
            sum += weight * (noise - NOISE_PERMILLE.cast_signed());
            weight = weight * MEMORY_PERCENT / 100;
        }
        (sum / 1_000_000).clamp(BOUNDS_PERMILLE.0, BOUNDS_PERMILLE.1)
    }
}

/// A price and so many thousandths of it more, to the nano-dollar below.
fn scaled(base: HourlyRate, permille: i64) -> HourlyRate {
    let nano_usd = i128::from(base.nano_usd()) * i128::from(1000 + permille) / 1000;
    i64::try_from(nano_usd).ok().and_then(HourlyRate::from_nano_usd).unwrap_or(base)
}

fn slot(time: Timestamp) -> i64 {
    time.as_second().div_euclid(SLOT_SECONDS)
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::catalog::Catalog;

    use super::*;
    use crate::weather::{Origin, Weather};

    fn market(seed: u64, prices_walk: bool) -> Market {
        let weather = Weather { prices_walk, ..Weather::default() };
        Market::new(&Origin { start: Timestamp::UNIX_EPOCH, seed, weather })
    }

    fn day(number: i64) -> Timestamp {
        Timestamp::from_second(1_784_505_600 + number * 86_400).unwrap()
    }

    #[test]
    fn a_price_changes_a_few_times_a_day_and_stays_near_the_catalogs() {
        let pool = Pool::new("m5.large", "us-east-1a");
        let base = Catalog::builtin().spot_price("m5.large", "us-east-1a").unwrap().rate.nano_usd();
        for seed in 0..5 {
            let changes = market(seed, true).prices(&pool, day(0), day(80));
            assert!((240..720).contains(&changes.len()), "{} in 80 days", changes.len());
            assert!(changes.is_sorted_by(|a, b| a.time < b.time && a.rate != b.rate));
            let rates: Vec<i64> = changes.iter().map(|change| change.rate.nano_usd()).collect();
            assert!(rates.iter().all(|rate| (base * 7 / 10..=base * 3 / 2).contains(rate)), "{rates:?}");
            let mean = rates.iter().sum::<i64>() / rates.len() as i64;
            assert!((base * 9 / 10..base * 11 / 10).contains(&mean), "{mean} around {base}");
            assert!(rates.iter().max() > Some(&(base * 105 / 100)), "it hardly moves: {rates:?}");
        }
    }

    #[test]
    fn who_asks_later_learns_the_same() {
        let (market, pool) = (market(7, true), Pool::new("m7i.large", "us-east-1b"));
        let all = market.prices(&pool, day(0), day(60));
        for (from, to) in [(0, 1), (3, 9), (10, 10), (50, 60)] {
            let part = market.prices(&pool, day(from), day(to));
            let in_force = all.iter().rfind(|change| change.time <= day(from)).unwrap();
            assert_eq!((part[0].time, part[0].rate), (day(from), in_force.rate), "day {from}");
            let after: Vec<_> =
                all.iter().filter(|change| day(from) < change.time && change.time <= day(to)).collect();
            assert_eq!(part[1..].iter().collect::<Vec<_>>(), after, "days {from} to {to}");
        }
        assert_eq!(market.prices(&pool, day(-400), day(60))[0].time, day(-30));
    }

    #[test]
    fn a_price_that_does_not_walk_is_the_catalogs_and_what_is_not_sold_has_none() {
        let quiet = market(7, false);
        let pool = Pool::new("m5.large", "us-east-1a");
        let rate = Catalog::builtin().spot_price("m5.large", "us-east-1a").unwrap().rate;
        let prices = quiet.prices(&pool, day(0), day(60));
        assert_eq!(
            prices.iter().map(|change| (change.time, change.rate)).collect::<Vec<_>>(),
            [(day(0), rate)]
        );
        assert_eq!(market(7, true).prices(&Pool::new("no.such", "us-east-1a"), day(0), day(9)), []);
    }
}
