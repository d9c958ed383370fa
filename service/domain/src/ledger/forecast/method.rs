//! Ways to go on from a history.

use super::{DAY_HOURS, WEEK_HOURS};

/// What is left of a trend after each hour. In a day three fifths of it are gone: it moves the level, not the month.
const DAMPING: f64 = 0.96;

/// How a forecast is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Method {
    /// The last week again.
    Weekly,
    /// The last week again, with its trend.
    WeeklyTrend,
    /// The last day again.
    Daily,
    /// The last day again, with its trend.
    DailyTrend,
    /// The mean of what there is.
    Mean,
}

impl Method {
    /// All that learn from the past, naive repetition first.
    pub(super) const ALL: [Self; 5] =
        [Self::Weekly, Self::WeeklyTrend, Self::Daily, Self::DailyTrend, Self::Mean];

    /// Its stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Weekly | Self::WeeklyTrend => "SEASONAL_168",
            Self::Daily | Self::DailyTrend => "SEASONAL_24",
            Self::Mean => "MEAN",
        }
    }

    fn season(self) -> usize {
        match self {
            Self::Weekly | Self::WeeklyTrend => WEEK_HOURS,
            Self::Daily | Self::DailyTrend => DAY_HOURS,
            Self::Mean => 1,
        }
    }

    /// The hours that follow a history, which is not empty. One shorter than the season counts by its mean.
    pub(super) fn ahead(self, history: &[f64], hours: usize) -> Vec<f64> {
        let season = self.season();
        if self == Self::Mean || history.len() < season {
            return vec![mean(history); hours];
        }
        let last = &history[history.len() - season..];
        let slope = match self {
            Self::WeeklyTrend | Self::DailyTrend => slope(history, season),
            Self::Weekly | Self::Daily | Self::Mean => 0.0,
        };
        let mut moved = 0.0;
        let mut damped = slope;
        let mut next = |hour: usize| {
            damped *= DAMPING;
            moved += damped;
            (last[hour % season] + moved).max(0.0)
        };
        (0..hours).map(&mut next).collect()
    }

    /// How far a history lies from its own mean: what errs where nothing can be tried.
    pub(super) fn residuals_within(self, history: &[f64]) -> Vec<f64> {
        let mean = mean(history);
        history.iter().map(|cost| cost - mean).collect()
    }
}

/// By how much an hour of the last season costs more than one of the season before, by hour.
fn slope(history: &[f64], season: usize) -> f64 {
    if history.len() < 2 * season {
        return 0.0;
    }
    let (before, last) = history[history.len() - 2 * season..].split_at(season);
    (mean(last) - mean(before)) / season as f64
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}
