//! What will be spent: a season repeated, with a trend that dies out, or the mean where there is too little to learn from.
//!
//! Figures are floats: nobody is billed by a forecast. Read on in [`backtest`], which chooses.

pub mod backtest;
mod method;

pub use backtest::Backtest;
pub use method::Method;

/// Hours in a day.
pub const DAY_HOURS: usize = 24;
/// Hours in a week.
pub const WEEK_HOURS: usize = 168;
/// With fewer hours of history than this, the mean is all that is said: 14 days.
pub const HISTORY_HOURS_MIN: usize = 14 * DAY_HOURS;
/// History beyond this is not looked at: 12 weeks.
pub const HISTORY_HOURS_MAX: usize = 12 * WEEK_HOURS;
/// Hours ahead: a year.
pub const AHEAD_HOURS_MAX: usize = 8760;
/// One of ten comes out below, one of ten above.
const TAIL: f64 = 0.1;

/// A change that is known to come, such as a plan that is being applied.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Step {
    /// From which hour ahead on, 0 being the first.
    pub from_hour: usize,
    /// By how much an hour costs more from then on, nano-USD; negative: less.
    pub nano_usd_per_hour: f64,
}

/// An hour to come, nano-USD.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct HourAhead {
    /// What is to be expected.
    pub expected: f64,
    /// Less than this in one of ten cases.
    pub low: f64,
    /// More than this in one of ten cases.
    pub high: f64,
}

/// A forecast.
#[derive(Clone, Debug, PartialEq)]
pub struct Forecast {
    /// How it was made.
    pub method: Method,
    /// Hours of history that it rests on.
    pub history_hour_count: usize,
    /// Hour by hour. Sums of `low` and of `high` are bounds of a sum on the safe side: as if all hours erred together.
    pub hours: Vec<HourAhead>,
    /// How it would have done; none: too little history.
    pub backtest: Option<Backtest>,
}

/// Forecasts `ahead` hours (at most [`AHEAD_HOURS_MAX`]) from the costs of the hours so far, oldest first, without gaps.
///
/// The method is the one that did best when it was asked about the last days; as plain repetition is among those asked,
/// what wins never loses to it. Nothing is expected to cost less than nothing. None without history.
pub fn forecast(history: &[i64], ahead: usize, steps: &[Step]) -> Option<Forecast> {
    let recent = history.len().min(HISTORY_HOURS_MAX);
    let history: Vec<f64> = history[history.len() - recent..].iter().map(|cost| *cost as f64).collect();
    if history.is_empty() {
        return None;
    }
    let ahead = ahead.min(AHEAD_HOURS_MAX);
    let (method, backtest) = backtest::choose(&history);
    let expected = method.ahead(&history, ahead);
    let residuals = match &backtest {
        Some(found) => found.residuals.clone(),
        None => method.residuals_within(&history),
    };
    let (down, up) = (quantile(&residuals, TAIL), quantile(&residuals, 1.0 - TAIL));
    let hour = |(index, expected): (usize, f64)| {
        let known = steps.iter().filter(|step| step.from_hour <= index).map(|step| step.nano_usd_per_hour);
        let expected = (expected + known.sum::<f64>()).max(0.0);
        HourAhead { expected, low: (expected + down.min(0.0)).max(0.0), high: expected + up.max(0.0) }
    };
    let hours = expected.into_iter().enumerate().map(hour).collect();
    Some(Forecast { method, history_hour_count: history.len(), hours, backtest })
}

/// The value below which a share of the values lies, between neighbours by their distance; 0 without values.
pub fn quantile(values: &[f64], share: f64) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let Some(last) = sorted.len().checked_sub(1) else { return 0.0 };
    let place = share.clamp(0.0, 1.0) * last as f64;
    let below = place.floor() as usize;
    let above = (below + 1).min(last);
    sorted[below] + (sorted[above] - sorted[below]) * (place - below as f64)
}

#[cfg(test)]
mod tests;
