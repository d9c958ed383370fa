//! Squeezes: moments at which others want a pool's machines. Some of those that run there are taken back, and for a while
//! none is sold.

use std::ops::RangeInclusive;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::catalog::Catalog;

use crate::dice::Dice;
use crate::weather::RECLAIMS_FACTOR_MAX;

use super::{Market, Pool};

/// Length of the slots into which time is cut: at most one squeeze of a kind begins in each.
const SLOT_SECONDS: i64 = 600;
/// Slots of 30 days, the span that the Spot Advisor's rates speak of.
const SLOTS_A_MONTH: u64 = 30 * 24 * 3600 / SLOT_SECONDS as u64;
/// Slots that are searched ahead for the next squeeze of a pool; after as many another search is due. A guess: 30 days.
const SEARCH_SLOTS_MAX: u64 = SLOTS_A_MONTH;
/// Percent of a machine's reclaims that come from squeezes of its pool, of its type in all zones of the region, and of
/// its family there. A guess: AWS says that pools differ and says nothing of how they move together.
const SHARES: [u64; 3] = [50, 30, 20];
/// Of how many machines in a squeezed pool one is taken back, on average. A guess.
const HIT_ONE_OF: u64 = 2;
/// How long a squeezed pool sells nothing. A guess after practice: minutes to hours.
const DRY_SECONDS: RangeInclusive<u32> = 1_800..=14_400;
const BILLION: u64 = 1_000_000_000;

/// A moment at which a pool is squeezed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Squeeze {
    pub time: Timestamp,
    /// Until when nothing is sold.
    dry_until: Timestamp,
    /// Tells it from others.
    pub number: u64,
}

impl Market {
    /// The next squeeze of a pool after a time; none for as long as the second part says.
    pub fn next_squeeze(&self, pool: &Pool, after: Timestamp) -> Result<Squeeze, SignedDuration> {
        let (first, sources) = (slot(after), self.sources(pool));
        let found = (first..).take(SEARCH_SLOTS_MAX as usize).find_map(|slot| {
            let squeezes = squeezes(&sources, slot).filter(|squeeze| after < squeeze.time);
            squeezes.min_by_key(|squeeze| squeeze.time)
        });
        found.ok_or(SignedDuration::from_secs(SLOT_SECONDS * SEARCH_SLOTS_MAX as i64))
    }

    /// Whether a squeeze takes a machine back.
    pub fn is_hit(&self, squeeze: u64, provider_id: &str) -> bool {
        Dice::new(squeeze, provider_id).below(HIT_ONE_OF) == 0
    }

    /// Whether a pool sells nothing because it was squeezed.
    pub(super) fn is_dry(&self, pool: &Pool, now: Timestamp) -> bool {
        let longest = i64::from(*DRY_SECONDS.end()) / SLOT_SECONDS + 1;
        let (last, sources) = (slot(now), self.sources(pool));
        let mut squeezes = (last - longest..=last).flat_map(|slot| squeezes(&sources, slot));
        squeezes.any(|squeeze| squeeze.time <= now && now < squeeze.dry_until)
    }

    /// Where squeezes of a pool come from; from nowhere in a quiet world.
    fn sources(&self, pool: &Pool) -> Vec<Source> {
        if !self.is_squeezed() {
            return Vec::new();
        }
        let region = pool.zone.trim_end_matches(|c: char| c.is_ascii_lowercase());
        let family = pool.instance_type.split('.').next().unwrap_or_default();
        let rate = expected_of_a_million(&pool.instance_type);
        let factor = u64::from(self.weather.reclaims_factor.min(RECLAIMS_FACTOR_MAX));
        let dice = [
            self.dice(format_args!("pool {} {}", pool.instance_type, pool.zone)),
            self.dice(format_args!("type {} {region}", pool.instance_type)),
            self.dice(format_args!("family {family} {region}")),
        ];
        let chance = |share: u64| rate * 1_000 * factor * share / 100 * HIT_ONE_OF / SLOTS_A_MONTH;
        dice.into_iter().zip(SHARES).map(|(dice, share)| Source { dice, chance: chance(share) }).collect()
    }
}

/// Where squeezes come from. Those of a family or a type are the same for all its pools, save that a type of a higher rate
/// is in every squeeze that one of a lower is in, and in more.
struct Source {
    dice: Dice,
    /// Of a billion slots, so many see a squeeze.
    chance: u64,
}

/// Squeezes that begin in a slot of time.
fn squeezes(sources: &[Source], slot: i64) -> impl Iterator<Item = Squeeze> {
    sources.iter().filter_map(move |source| {
        let mut dice = source.dice.at(slot.cast_unsigned());
        if source.chance <= dice.below(BILLION) {
            return None;
        }
        let into = i64::try_from(dice.below(SLOT_SECONDS.unsigned_abs())).unwrap_or(0);
        let time = Timestamp::from_second(slot.checked_mul(SLOT_SECONDS)?.checked_add(into)?).ok()?;
        let dry_until = time.checked_add(dice.seconds(DRY_SECONDS)).ok()?;
        Some(Squeeze { time, dry_until, number: dice.roll() })
    })
}

/// Of a million machines of a type, so many are expected to be taken back in 30 days.
fn expected_of_a_million(instance_type: &str) -> u64 {
    // A share of 0.0..=1.0, so that the cast is exact.
    (Catalog::builtin().interruption_rate(instance_type) * 1e6).round() as u64
}

fn slot(time: Timestamp) -> i64 {
    time.as_second().div_euclid(SLOT_SECONDS)
}

#[cfg(test)]
mod tests {
    use plimsoll_domain::fleet::CapacityKind;

    use super::*;
    use crate::weather::{Origin, Weather};

    fn market(seed: u64, reclaims_factor: u32) -> Market {
        let weather = Weather { reclaims_factor, ..Weather::default() };
        Market::new(&Origin { start: Timestamp::UNIX_EPOCH, seed, weather })
    }

    fn squeezes_in(market: &Market, pool: &Pool, months: i64) -> Vec<Squeeze> {
        let sources = market.sources(pool);
        (0..months * SLOTS_A_MONTH as i64).flat_map(|slot| squeezes(&sources, slot)).collect()
    }

    #[test]
    fn machines_are_taken_back_as_often_as_the_advisor_says() {
        // Whatever its band, half of the machines go in each squeeze.
        let pool = Pool::new("m5.large", "us-east-1a");
        let rate = Catalog::builtin().interruption_rate("m5.large");
        let months = 2_000;
        let want = rate * HIT_ONE_OF as f64 * f64::from(months);
        let found = squeezes_in(&market(1, 1), &pool, months.into()).len() as f64;
        assert!((0.85..1.15).contains(&(found / want)), "{found} squeezes, not {want}");
        let found = squeezes_in(&market(1, 100), &pool, i64::from(months) / 100).len() as f64;
        assert!((0.85..1.15).contains(&(found / want)), "{found} squeezes, not {want}");
        assert_eq!(squeezes_in(&market(1, 0), &pool, 100), []);
    }

    #[test]
    fn zones_and_sizes_are_squeezed_together_at_times() {
        let market = market(3, 1_000);
        let times = |instance_type: &str, zone: &str| -> Vec<Timestamp> {
            let all = squeezes_in(&market, &Pool::new(instance_type, zone), 1);
            all.into_iter().map(|squeeze| squeeze.time).collect()
        };
        let one = times("m5.large", "us-east-1a");
        let shared = |other: &[Timestamp]| one.iter().filter(|time| other.contains(time)).count() as f64;
        let (zone, size) = (times("m5.large", "us-east-1b"), times("m5.xlarge", "us-east-1a"));
        let (far, strange) = (times("m5.large", "us-west-2a"), times("c5.large", "us-east-1a"));
        assert!((0.3..0.7).contains(&(shared(&zone) / one.len() as f64)), "{}", shared(&zone));
        assert!((0.1..0.4).contains(&(shared(&size) / one.len() as f64)), "{}", shared(&size));
        assert!(shared(&far) + shared(&strange) < one.len() as f64 / 50.0);
    }

    #[test]
    fn the_next_squeeze_is_the_first_after_and_dries_the_pool_up() {
        let (market, pool) = (market(5, 100), Pool::new("m5.large", "us-east-1a"));
        let mut all = squeezes_in(&market, &pool, 1);
        all.sort_by_key(|squeeze| squeeze.time);
        let mut after = Timestamp::UNIX_EPOCH;
        for squeeze in &all {
            assert_eq!(market.next_squeeze(&pool, after), Ok(*squeeze));
            let before = squeeze.time.checked_sub(SignedDuration::from_secs(1)).unwrap();
            let earlier = |other: &Squeeze| other.time <= before && before < other.dry_until;
            assert_eq!(market.sells(&pool, before), !all.iter().any(earlier));
            assert!(!market.sells(&pool, squeeze.time));
            after = squeeze.time;
        }
        assert!(10 < all.len(), "{}", all.len());
    }

    #[test]
    fn a_pool_has_an_end() {
        let weather = Weather { pools_end: true, ..Weather::default() };
        let mut market = Market::new(&Origin { start: Timestamp::UNIX_EPOCH, seed: 1, weather });
        let pool = Pool::new("m5.xlarge", "us-east-1a");
        let mut count = 0;
        while market.sells(&pool, Timestamp::UNIX_EPOCH) {
            market.take(pool.clone(), CapacityKind::Spot);
            count += 1;
        }
        assert!((16..=256).contains(&count), "{count} of four CPUs each");
        market.give_back(pool.clone(), CapacityKind::Spot);
        assert!(market.sells(&pool, Timestamp::UNIX_EPOCH));
    }
}
