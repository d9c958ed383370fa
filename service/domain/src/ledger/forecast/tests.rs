//! Forecasts of histories whose future is known.

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

use super::*;

const USD: f64 = 1e9;

/// Hours of a cluster that is busy by day and quiet at the weekend.
fn weekly(hour: usize) -> f64 {
    let weekend = 5 <= hour / DAY_HOURS % 7;
    let busy = (8..20).contains(&(hour % DAY_HOURS));
    USD * if weekend {
        2.0
    } else if busy {
        10.0
    } else {
        4.0
    }
}

fn history(hours: usize, of: impl Fn(usize) -> f64) -> Vec<i64> {
    (0..hours).map(|hour| of(hour) as i64).collect()
}

#[test]
fn a_week_that_repeats_is_forecast_as_it_comes() {
    let hours = 5 * WEEK_HOURS;
    let found = forecast(&history(hours, weekly), 3 * DAY_HOURS, &[]).expect("a forecast");
    assert_eq!(found.method.name(), "SEASONAL_168");
    for (hour, ahead) in found.hours.iter().enumerate() {
        assert!((ahead.expected - weekly(hours + hour)).abs() < 1.0, "hour {hour}: {ahead:?}");
    }
    let backtest = found.backtest.expect("enough history");
    assert_eq!((backtest.fold_count, backtest.wape_ratio, backtest.coverage_ratio), (14, 0.0, 1.0));
}

#[test]
fn too_little_history_is_answered_by_its_mean() {
    let found = forecast(&history(HISTORY_HOURS_MIN - 1, weekly), 24, &[]).expect("a forecast");
    assert_eq!(found.method, Method::Mean);
    assert!(found.backtest.is_some_and(|one| one.wape_ratio > 0.1 && one.wape_ratio == one.naive_wape_ratio));
    let found = forecast(&[5, 7], 2, &[]).expect("a forecast");
    assert_eq!((found.method, found.backtest, found.hours[1].expected), (Method::Mean, None, 6.0));
    assert!(found.hours[0].low < 6.0 && 6.0 < found.hours[0].high);
    assert_eq!(forecast(&[], 24, &[]), None);
}

#[test]
fn what_is_known_to_come_is_added_and_nothing_costs_less_than_nothing() {
    let known =
        [Step { from_hour: 1, nano_usd_per_hour: -4.0 }, Step { from_hour: 2, nano_usd_per_hour: -4.0 }];
    let found = forecast(&[6, 6, 6], 4, &known).expect("a forecast");
    assert_eq!(found.hours.iter().map(|hour| hour.expected).collect::<Vec<_>>(), [6.0, 2.0, 0.0, 0.0]);
}

/// Whatever the world does, no forecast is worse on its backtest than the last week again.
#[test]
fn the_winner_never_loses_to_repetition() {
    let mut random = SmallRng::seed_from_u64(5);
    for round in 0..30 {
        let (drift, noise) = (random.random_range(-0.01..0.03), random.random_range(0.0..2.0));
        let costs: Vec<i64> = (0..random.random_range(HISTORY_HOURS_MIN..1500))
            .map(|hour| {
                let level = weekly(hour) + drift * hour as f64 * USD;
                (level + noise * USD * random.random_range(-1.0..1.0)).max(0.0) as i64
            })
            .collect();
        let found = forecast(&costs, AHEAD_HOURS_MAX + 1, &[]).expect("a forecast");
        let backtest = found.backtest.expect("enough history");
        assert!(backtest.wape_ratio <= backtest.naive_wape_ratio, "round {round}: {backtest:?}");
        assert_eq!(found.hours.len(), AHEAD_HOURS_MAX);
        let sound =
            |hour: &HourAhead| 0.0 <= hour.low && hour.low <= hour.expected && hour.expected <= hour.high;
        assert!(found.hours.iter().all(sound), "round {round}");
    }
}

/// Eight of ten hours of a noisy cluster come out between low and high.
#[test]
fn the_interval_holds_what_it_promises() {
    let mut random = SmallRng::seed_from_u64(6);
    let mut noisy = |hour: usize| (weekly(hour) + USD * random.random_range(-1.0..1.0)) as i64;
    let all: Vec<i64> = (0..8 * WEEK_HOURS).map(&mut noisy).collect();
    let (past, future) = all.split_at(7 * WEEK_HOURS);
    let found = forecast(past, WEEK_HOURS, &[]).expect("a forecast");
    let inside = future
        .iter()
        .zip(&found.hours)
        .filter(|(cost, hour)| (hour.low..=hour.high).contains(&(**cost as f64)));
    let share = inside.count() as f64 / WEEK_HOURS as f64;
    assert!((0.7..=0.9).contains(&share), "{share}");
    let backtest = found.backtest.expect("enough history");
    assert!((0.7..=0.9).contains(&backtest.coverage_ratio), "{backtest:?}");
}
