//! What was saved, what is to be expected, what is wasted.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::ledger::forecast::{AHEAD_HOURS_MAX, HourAhead};
use plimsoll_domain::ledger::waste::Waste;
use plimsoll_engine::{ForecastReport, SavingsReport};
use plimsoll_proto::v1 as pb;

use crate::wire::finding::findings;
use crate::wire::time::timestamp;
use crate::wire::{Invalid, names};

/// What stands for the newest plan that was applied.
const NEWEST: &str = "/plans/-";

/// Reads `clusters/{cluster}/plans/{plan}`; no plan for `-`.
pub fn plan(field: &str, name: &str) -> Result<(ClusterId, Option<PlanId>), Invalid> {
    match name.strip_suffix(NEWEST) {
        Some(cluster) => Ok((names::parse_cluster(field, cluster)?, None)),
        None => names::parse_plan(field, name).map(|(cluster, plan)| (cluster, Some(plan))),
    }
}

/// What a plan saved, as the wire has it.
pub fn savings(cluster: &ClusterId, from: &SavingsReport) -> pb::Savings {
    let cause = |code: &str, amount_nano_usd, message: &str| pb::savings::Cause {
        code: code.to_owned(),
        amount_nano_usd,
        message: message.to_owned(),
    };
    let causes = from.savings.as_ref().map(|known| {
        vec![
            cause(
                "DEMAND",
                known.demand,
                "the fleet from before would have had to grow for the demand that came",
            ),
            cause("PRICE", known.price, "prices were not those of the plan"),
            cause(
                "EXECUTION",
                known.execution,
                "the fleet was not the planned one: moves, interruptions, resizes",
            ),
        ]
    });
    let known = from.savings.as_ref();
    pb::Savings {
        plan: from.plan.name(cluster),
        start_time: Some(timestamp(from.span.start)),
        end_time: Some(timestamp(from.span.end)),
        hour_count: from.hour_count,
        promised_nano_usd: from.promised,
        actual_nano_usd: from.actual,
        counterfactual_nano_usd: known.map(|_| from.counterfactual),
        realised_nano_usd: known.map(|known| known.realised),
        causes: causes.unwrap_or_default(),
        findings: findings(&from.findings),
    }
}

/// Reads how many hours ahead; none for 0.
pub fn forecast_hours(hours: i32) -> Result<Option<usize>, Invalid> {
    match usize::try_from(hours) {
        Ok(0) => Ok(None),
        Ok(hours) if hours <= AHEAD_HOURS_MAX => Ok(Some(hours)),
        _ => Err(Invalid::new("hours", format!("{hours} is not within 1 to {AHEAD_HOURS_MAX}"))),
    }
}

/// A forecast as the wire has it.
pub fn forecast(cluster: &ClusterId, from: &ForecastReport) -> pb::Forecast {
    let days = days(from);
    let sum = |of: fn(&HourAhead) -> f64| from.forecast.hours.iter().map(of).sum::<f64>().round() as i64;
    let backtest = from.forecast.backtest.as_ref().map(|test| pb::forecast::Backtest {
        fold_count: i32::try_from(test.fold_count).unwrap_or(i32::MAX),
        wape_ratio: test.wape_ratio,
        pinball_nano_usd_per_hour: test.pinball_nano_usd_per_hour,
        coverage_ratio: test.coverage_ratio,
        naive_wape_ratio: test.naive_wape_ratio,
    });
    pb::Forecast {
        name: cluster.name(),
        start_time: Some(timestamp(from.span.start)),
        end_time: Some(timestamp(from.span.end)),
        method: from.forecast.method.name().to_owned(),
        history_hour_count: i64::try_from(from.forecast.history_hour_count).unwrap_or(i64::MAX),
        expected_nano_usd: sum(|hour| hour.expected),
        low_nano_usd: sum(|hour| hour.low),
        high_nano_usd: sum(|hour| hour.high),
        days,
        backtest,
        month_to_date_nano_usd: from.month_to_date,
        monthly_budget_nano_usd: from.budget,
        findings: findings(&from.findings),
    }
}

/// Hours to days of UTC.
fn days(from: &ForecastReport) -> Vec<pb::forecast::Day> {
    const DAY_SECONDS: i64 = 24 * 3600;
    let mut days: BTreeMap<i64, HourAhead> = BTreeMap::new();
    for (index, hour) in from.forecast.hours.iter().enumerate() {
        let ahead = SignedDuration::from_hours(i64::try_from(index).unwrap_or(i64::MAX));
        let time = from.span.start.saturating_add(ahead).unwrap_or(Timestamp::MAX);
        let sum = days.entry(time.as_second().div_euclid(DAY_SECONDS)).or_default();
        sum.expected += hour.expected;
        sum.low += hour.low;
        sum.high += hour.high;
    }
    let day = |(day, sum): (i64, HourAhead)| pb::forecast::Day {
        start_time: Some(pbjson_types::Timestamp { seconds: day * DAY_SECONDS, nanos: 0 }),
        expected_nano_usd: sum.expected.round() as i64,
        low_nano_usd: sum.low.round() as i64,
        high_nano_usd: sum.high.round() as i64,
    };
    days.into_iter().map(day).collect()
}

/// Waste as the wire has it.
pub fn waste(from: &Waste) -> pb::Waste {
    pb::Waste {
        rule: from.rule.code().to_owned(),
        subject: from.subject.clone(),
        cost_nano_usd_per_hour: from.nano_usd_per_hour,
        evidence: from.evidence.clone(),
        advice: from.advice.clone(),
        since_time: from.since.map(timestamp),
    }
}

/// That nothing can be said without usage.
pub fn no_usage() -> Vec<pb::Finding> {
    let message =
        "no usage of the cluster is known: push samples (plimsoll cluster import --usage, or PushSamples)";
    findings(&[Finding::new(Severity::Advice, "NO_USAGE", String::new(), message.to_owned())])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plan_may_be_left_open() {
        let atlas: ClusterId = "atlas".parse().unwrap();
        assert_eq!(plan("name", "clusters/atlas/plans/-"), Ok((atlas.clone(), None)));
        assert_eq!(plan("name", "clusters/atlas/plans/p"), Ok((atlas, Some("p".parse().unwrap()))));
        assert!(plan("name", "plans/-").is_err());
    }

    #[test]
    fn hours_ahead_have_a_limit() {
        for (hours, want) in
            [(0, Some(None)), (1, Some(Some(1))), (8760, Some(Some(8760))), (8761, None), (-1, None)]
        {
            assert_eq!(forecast_hours(hours).ok(), want, "{hours}");
        }
    }
}
