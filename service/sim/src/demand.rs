//! How much work there is: by the hour of the day, the day of the week, and chance.
//!
//! In integers, so that the same seed makes the same week on every machine. Times of day are UTC: a snapshot does not
//! say where a cluster's users live.

use std::ops::RangeInclusive;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::dice::Dice;

/// How the work for a cluster's autoscaled workloads comes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Demand {
    /// Always as much as when the cluster was seen. No autoscaler has anything to do.
    #[default]
    Still,
    /// A wave by day, less at weekends, noise; the figures of each workload are drawn from the seed.
    Seasonal,
}

/// Thousandths in one.
pub(crate) const ONE: i64 = 1000;
/// How far the busiest hour is above the mean of the day, and the quietest below, in thousandths. A guess: web traffic
/// of one continent falls to a third or a half by night.
const SWINGS: RangeInclusive<i64> = 200..=500;
/// Hour of the day, UTC, that is the busiest. A guess: afternoons in Europe to afternoons in America.
const PEAK_HOURS: RangeInclusive<i64> = 12..=21;
/// What is left of the work on Saturdays and Sundays, in thousandths. A guess.
const WEEKENDS: RangeInclusive<i64> = 500..=900;
/// What each look at the load forgets of the noise of the one before: one part in so many.
const NOISE_MEMORY: i64 = 8;
/// Most that one look adds to the noise or takes from it, in thousandths. Together with [`NOISE_MEMORY`] it makes a
/// standard deviation of some 5 %.
const NOISE_STEP: i64 = 40;
/// Least load that noise leaves, in thousandths of the mean.
const LOAD_MIN: i64 = 10;

const HOUR_SECONDS: i64 = 3600;
const DAY_SECONDS: i64 = 24 * HOUR_SECONDS;
/// The cosine of each hour after the busiest, in thousandths.
const WAVE: [i64; 24] = [
    1000, 966, 866, 707, 500, 259, 0, -259, -500, -707, -866, -966, -1000, -966, -866, -707, -500, -259, 0,
    259, 500, 707, 866, 966,
];

/// One workload's demand over time, relative to its mean.
#[derive(Clone, Debug)]
pub(crate) struct Curve {
    swing: i64,
    peak_hour: i64,
    weekend: i64,
    noise: i64,
    dice: Dice,
}

impl Curve {
    /// The curve of a seed for one subject.
    pub fn new(seed: u64, subject: &str) -> Self {
        let mut dice = Dice::new(seed, subject);
        let (swing, peak_hour) = (within(&mut dice, SWINGS), within(&mut dice, PEAK_HOURS));
        let weekend = within(&mut dice, WEEKENDS);
        Self { swing, peak_hour, weekend, noise: 0, dice }
    }

    /// Thousandths of its mean that the season brings at a time.
    pub fn season(&self, time: Timestamp) -> i64 {
        let day = ONE + self.swing * self.wave(time) / ONE;
        let share = if is_weekend(time) { self.weekend } else { ONE };
        day * share / ONE
    }

    /// The same with noise. Each look moves the noise on.
    pub fn look(&mut self, time: Timestamp) -> i64 {
        let step = within(&mut self.dice, -NOISE_STEP..=NOISE_STEP);
        self.noise += step - self.noise / NOISE_MEMORY;
        (self.season(time) * (ONE + self.noise) / ONE).max(LOAD_MIN)
    }

    /// Where the day's wave stands, straight from hour to hour.
    fn wave(&self, time: Timestamp) -> i64 {
        let since = (time.as_second() - self.peak_hour * HOUR_SECONDS).rem_euclid(DAY_SECONDS);
        let at = |hour: i64| WAVE[usize::try_from(hour % 24).unwrap_or(0)];
        let (hour, seconds) = (since / HOUR_SECONDS, since % HOUR_SECONDS);
        at(hour) + (at(hour + 1) - at(hour)) * seconds / HOUR_SECONDS
    }
}

/// Saturday and Sunday, UTC. The first of January 1970 was a Thursday.
fn is_weekend(time: Timestamp) -> bool {
    let days_since_monday = (time.as_second().div_euclid(DAY_SECONDS) + 3).rem_euclid(7);
    5 <= days_since_monday
}

fn within(dice: &mut Dice, range: RangeInclusive<i64>) -> i64 {
    let width = u64::try_from(range.end() - range.start()).unwrap_or(0);
    range.start() + i64::try_from(dice.below(width + 1)).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(text: &str) -> Timestamp {
        text.parse().expect("a time")
    }

    #[test]
    fn the_day_has_a_busiest_hour_and_the_week_a_quiet_end() {
        let curve = Curve { swing: 400, peak_hour: 14, weekend: 500, noise: 0, dice: Dice::new(1, "") };
        for (at, want) in [
            ("2026-07-20T14:00:00Z", 1400),
            ("2026-07-20T14:30:00Z", 1393),
            ("2026-07-20T20:00:00Z", 1000),
            ("2026-07-21T02:00:00Z", 600),
            ("2026-07-24T23:59:59Z", 654),
            ("2026-07-25T14:00:00Z", 700),
            ("2026-07-26T02:00:00Z", 300),
            ("2026-07-27T14:00:00Z", 1400),
        ] {
            assert_eq!(curve.season(time(at)), want, "{at}");
        }
    }

    #[test]
    fn a_seed_draws_one_curve_within_what_is_documented() {
        let start = time("2026-07-20T00:00:00Z");
        let week = |seed: u64, subject: &str| {
            let mut curve = Curve::new(seed, subject);
            let minute = |minute: i64| start + jiff::SignedDuration::from_mins(minute);
            (0..7 * 24 * 60).map(|at| curve.look(minute(at))).collect::<Vec<_>>()
        };
        assert_eq!(week(1, "shop/cart"), week(1, "shop/cart"));
        assert_ne!(week(1, "shop/cart"), week(2, "shop/cart"));
        assert_ne!(week(1, "shop/cart"), week(1, "shop/search"));
        for seed in 0..20 {
            let loads = week(seed, "shop/cart");
            let (least, most) = (loads.iter().min().unwrap(), loads.iter().max().unwrap());
            assert!((LOAD_MIN..=700).contains(least), "{least}");
            assert!((1200..=2000).contains(most), "{most}");
            let workdays: i64 = loads[..5 * 24 * 60].iter().sum();
            let weekend: i64 = loads[5 * 24 * 60..].iter().sum();
            assert!(weekend * 5 < workdays * 2, "a weekend as busy as workdays, seed {seed}");
        }
    }
}
