//! When somebody should look: days unlike the others, and budgets that run out.

use super::forecast::quantile;

/// Scales the median absolute deviation to a standard deviation of normal values. Source: Iglewicz and Hoaglin, "How to
/// Detect and Handle Outliers", 1993.
const MAD_SCALE: f64 = 0.6745;
/// Beyond this a value is an outlier. Source: the same.
pub const Z_MAX: f64 = 3.5;
/// Less than this on a day is nobody's trouble, nano-USD: 10 USD.
pub const ANOMALY_NANO_USD_MIN: f64 = 10e9;
/// Where half of all residuals are the same, so much of what a day costs stands in for their deviation.
const MAD_FLOOR_RATIO: f64 = 0.01;

/// How unlike the others a residual is: its modified z score, with its sign. `level` is what a day costs as a rule,
/// nano-USD. None without residuals, or where neither they nor the level differ from 0.
pub fn modified_z(residuals: &[f64], residual: f64, level: f64) -> Option<f64> {
    if residuals.is_empty() {
        return None;
    }
    let median = quantile(residuals, 0.5);
    let deviations: Vec<f64> = residuals.iter().map(|one| (one - median).abs()).collect();
    let mad = quantile(&deviations, 0.5);
    let mad = if mad == 0.0 { level.abs() * MAD_FLOOR_RATIO } else { mad };
    (0.0 < mad).then(|| MAD_SCALE * (residual - median) / mad)
}

/// Whether a day is an anomaly: unlike the others, and by enough money. Residuals are what days cost less what was
/// expected of them, nano-USD, the day's own among them.
pub fn is_anomaly(residuals: &[f64], residual: f64, level: f64) -> bool {
    let unlike = modified_z(residuals, residual, level).is_some_and(|z| Z_MAX < z.abs());
    let away = (residual - quantile(residuals, 0.5)).abs();
    unlike && ANOMALY_NANO_USD_MIN < away
}

/// Shares of a budget at which somebody is told, percent.
pub const BUDGET_PERCENTS: [u32; 3] = [50, 80, 100];

/// What a budget is held against.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Basis {
    /// What was spent.
    Actual,
    /// What will have been spent at the end of the period.
    Forecasted,
}

/// That a share of a budget is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Alarm {
    /// By which measure.
    pub basis: Basis,
    /// The share, percent: one of [`BUDGET_PERCENTS`].
    pub percent: u32,
}

/// Alarms that are due and were not raised in this period before, ascending. All money in nano-USD; a budget of 0 or
/// less is none.
pub fn budget_alarms(budget: i64, spent: i64, forecasted: i64, raised: &[Alarm]) -> Vec<Alarm> {
    if budget <= 0 {
        return Vec::new();
    }
    let reached =
        |amount: i64, percent: u32| i128::from(budget) * i128::from(percent) <= i128::from(amount) * 100;
    [(Basis::Actual, spent), (Basis::Forecasted, forecasted)]
        .into_iter()
        .flat_map(|(basis, amount)| {
            let due = BUDGET_PERCENTS.into_iter().filter(move |percent| reached(amount, *percent));
            due.map(move |percent| Alarm { basis, percent })
        })
        .filter(|alarm| !raised.contains(alarm))
        .collect()
}

/// What a period comes to if the rest of it costs as the part so far: the forecast where there is no other.
pub fn run_rate(spent: i64, elapsed_seconds: i64, period_seconds: i64) -> i64 {
    super::money::divide_half_even(
        i128::from(spent) * i128::from(period_seconds.max(elapsed_seconds)),
        i128::from(elapsed_seconds),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_anomaly_is_unlike_the_others_and_worth_the_trouble() {
        let day = |usd: f64| usd * 1e9;
        let usual: Vec<f64> = [1.0, -2.0, 0.0, 3.0, -1.0, 2.0].map(day).to_vec();
        let check = |what: &str, residual: f64, want: bool| {
            let all: Vec<f64> = usual.iter().copied().chain([residual]).collect();
            assert_eq!(is_anomaly(&all, residual, day(100.0)), want, "{what}");
        };
        check("far more", day(40.0), true);
        check("far less", day(-40.0), true);
        check("as ever", day(3.0), false);
        let calm: Vec<f64> = usual.iter().map(|one| one / 2.0).chain([day(9.0)]).collect();
        assert!(modified_z(&calm, day(9.0), day(100.0)).is_some_and(|z| Z_MAX < z));
        assert!(!is_anomaly(&calm, day(9.0), day(100.0)), "unlike, but cheap");
        let steady = [0.0, 0.0, 0.0, 0.0];
        assert!(is_anomaly(&[0.0, 0.0, 0.0, day(50.0)], day(50.0), day(100.0)));
        assert!(!is_anomaly(&[0.0, 0.0, 0.0, day(50.0)], day(50.0), day(10_000.0)), "half a percent");
        assert_eq!(modified_z(&steady, day(50.0), 0.0), None);
        assert_eq!(modified_z(&[], 1.0, 1.0), None);
    }

    #[test]
    fn every_alarm_is_raised_once() {
        let alarm = |basis, percent| Alarm { basis, percent };
        let first = budget_alarms(1_000, 500, 900, &[]);
        assert_eq!(
            first,
            [alarm(Basis::Actual, 50), alarm(Basis::Forecasted, 50), alarm(Basis::Forecasted, 80)]
        );
        assert_eq!(budget_alarms(1_000, 500, 900, &first), []);
        assert_eq!(budget_alarms(1_000, 500, 1_000, &first), [alarm(Basis::Forecasted, 100)]);
        assert_eq!(budget_alarms(0, 500, 900, &[]), []);
        assert_eq!(budget_alarms(i64::MAX, i64::MAX, 0, &[]).len(), 3);
    }
}
