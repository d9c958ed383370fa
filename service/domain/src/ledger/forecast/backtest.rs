//! How a method would have done: it is asked about days that have come since, knowing only what was before.

use super::method::Method;
use super::{DAY_HOURS, HISTORY_HOURS_MIN, TAIL, WEEK_HOURS, quantile};

/// Hours that are asked about at once.
const FOLD_HOURS: usize = DAY_HOURS;
/// Most days that are asked about.
const FOLDS_MAX: usize = 14;
/// Fewest hours that a method has to have seen before it is asked, where it learns a season: two weeks would leave a
/// history of two weeks without any question, so it is one, and a day more for the trend.
const LEARN_HOURS_MIN: usize = WEEK_HOURS;

/// Fit of a method to the days that came.
#[derive(Clone, Debug, PartialEq)]
pub struct Backtest {
    /// Days that were asked about.
    pub fold_count: usize,
    /// Weighted absolute percentage error, 0 and up.
    pub wape_ratio: f64,
    /// Pinball loss of the high figure at 0.9, nano-USD per hour.
    pub pinball_nano_usd_per_hour: f64,
    /// Share of hours between low and high, 0..=1; each day by the errors of the others.
    pub coverage_ratio: f64,
    /// Error of the last week again; of the mean, where there is no week.
    pub naive_wape_ratio: f64,
    /// What came less what was said, hour by hour.
    pub(super) residuals: Vec<f64>,
}

/// Days that were asked about: what came, and what was said.
struct Fold {
    actual: Vec<f64>,
    said: Vec<f64>,
}

/// The best method for a history, and how it did; with less than two weeks the mean.
pub(super) fn choose(history: &[f64]) -> (Method, Option<Backtest>) {
    let long = HISTORY_HOURS_MIN <= history.len();
    let methods: &[Method] = if long { &Method::ALL } else { &[Method::Mean] };
    let learn = if long { LEARN_HOURS_MIN } else { DAY_HOURS };
    let asked = |method: Method| (method, folds(method, history, learn));
    let tried: Vec<(Method, Vec<Fold>)> = methods.iter().map(|method| asked(*method)).collect();
    let error = |folds: &[Fold]| {
        let all = |of: fn(&Fold) -> &[f64]| folds.iter().flat_map(of).copied().collect::<Vec<f64>>();
        wape(&all(|fold| &fold.actual), &all(|fold| &fold.said))
    };
    let naive = tried.first().map_or(0.0, |(_, folds)| error(folds));
    let best = tried.into_iter().min_by(|(_, one), (_, other)| error(one).total_cmp(&error(other)));
    match best {
        Some((method, folds)) if !folds.is_empty() => {
            let wape_ratio = error(&folds);
            (method, Some(judge(&folds, wape_ratio, naive)))
        }
        _ => (Method::Mean, None),
    }
}

fn folds(method: Method, history: &[f64], learn: usize) -> Vec<Fold> {
    let fold = |back: usize| {
        let split = history.len().checked_sub(back * FOLD_HOURS).filter(|split| learn <= *split)?;
        let actual = history[split..split + FOLD_HOURS].to_vec();
        Some(Fold { said: method.ahead(&history[..split], FOLD_HOURS), actual })
    };
    (1..=FOLDS_MAX).map_while(fold).collect()
}

fn judge(folds: &[Fold], wape_ratio: f64, naive_wape_ratio: f64) -> Backtest {
    let errors = |fold: &Fold| -> Vec<f64> {
        fold.actual.iter().zip(&fold.said).map(|(actual, said)| actual - said).collect()
    };
    let by_fold: Vec<Vec<f64>> = folds.iter().map(errors).collect();
    let (mut inside, mut loss, mut count) = (0, 0.0, 0);
    for (index, fold) in folds.iter().enumerate() {
        let others: Vec<f64> = by_fold
            .iter()
            .enumerate()
            .filter(|(other, _)| *other != index || folds.len() == 1)
            .flat_map(|(_, errors)| errors.iter().copied())
            .collect();
        let (down, up) = (quantile(&others, TAIL).min(0.0), quantile(&others, 1.0 - TAIL).max(0.0));
        for (actual, said) in fold.actual.iter().zip(&fold.said) {
            inside += usize::from((said + down..=said + up).contains(actual));
            loss += pinball(&[*actual], &[said + up], 1.0 - TAIL);
            count += 1;
        }
    }
    Backtest {
        fold_count: folds.len(),
        wape_ratio,
        pinball_nano_usd_per_hour: loss / f64::from(count.max(1)),
        coverage_ratio: inside as f64 / f64::from(count.max(1)),
        naive_wape_ratio,
        residuals: by_fold.concat(),
    }
}

/// Weighted absolute percentage error: what was missed as a share of what came, 0 and up; 0 if nothing came.
pub fn wape(actual: &[f64], said: &[f64]) -> f64 {
    let missed: f64 = actual.iter().zip(said).map(|(actual, said)| (actual - said).abs()).sum();
    let all: f64 = actual.iter().map(|actual| actual.abs()).sum();
    if all == 0.0 { 0.0 } else { missed / all }
}

/// Mean pinball loss of a quantile that was said; 0 without values.
pub fn pinball(actual: &[f64], said: &[f64], share: f64) -> f64 {
    let loss = |(actual, said): (&f64, &f64)| {
        let missed = actual - said;
        if missed < 0.0 { (share - 1.0) * missed } else { share * missed }
    };
    actual.iter().zip(said).map(loss).sum::<f64>() / actual.len().max(1) as f64
}
