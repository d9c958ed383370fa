//! What will be spent, and what is wasted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, ToSpan};
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::ledger::alarm::{Basis, budget_alarms};
use plimsoll_domain::ledger::forecast::{AHEAD_HOURS_MAX, Forecast, HISTORY_HOURS_MAX, forecast};
use plimsoll_domain::ledger::waste::{Since, Waste, WasteInput, look, proven};
use plimsoll_domain::ledger::{Condition, CostQuery, Granularity, Span};
use plimsoll_domain::snapshot::Content;
use plimsoll_domain::store::{PageRequest, SnapshotHead};
use plimsoll_domain::units::NANO_USD_PER_USD;
use plimsoll_domain::usage::ClusterUsage;

use super::meter::hour_of;
use crate::{Engine, Error};

const HOUR: SignedDuration = SignedDuration::from_hours(1);
/// Snapshots that are looked at for how long something has been wasted: some a week, if two weeks are kept.
const LOOKS_MAX: usize = 16;
/// Snapshots among which they are chosen: what is kept of a cluster by default, and as many that plans rest on.
const HEADS_MAX: usize = 1_000;
/// Heads of snapshots that are read at once.
const PAGE_MAX: u32 = 1_000;

/// What will be spent. Money in nano-USD.
#[derive(Clone, Debug, PartialEq)]
pub struct ForecastReport {
    /// From the running hour to the end.
    pub span: Span,
    /// How it was made, and hour by hour.
    pub forecast: Forecast,
    /// Spent since the month began, whole hours.
    pub month_to_date: i64,
    /// The policy's budget for a month; none: there is none.
    pub budget: Option<i64>,
    /// What a reader should know.
    pub findings: Vec<Finding>,
}

/// What is wasted.
#[derive(Clone, Debug, PartialEq)]
pub struct WasteReport {
    /// By falling cost.
    pub waste: Vec<Waste>,
    /// What was not looked at, and why.
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Forecasts so many hours from the running one on; none: to the end of the month.
    ///
    /// # Errors
    /// [`Error::NoLedger`]; [`Error::NoCosts`] where nothing was written down so far.
    pub async fn forecast(
        &self,
        cluster: &ClusterId,
        hours: Option<usize>,
        filter: Vec<Condition>,
    ) -> Result<ForecastReport, Error> {
        let now = self.time_of(Some(cluster)).await?;
        let start = hour_of(now);
        let month = month_of(now);
        let to_month_end = hours_between(start, month.end);
        let ahead = hours.unwrap_or(to_month_end).min(AHEAD_HOURS_MAX);
        let reach = SignedDuration::from_hours(i64::try_from(HISTORY_HOURS_MAX).unwrap_or(i64::MAX));
        let oldest = start.saturating_sub(reach).unwrap_or(Timestamp::MIN).min(month.start);
        let is_whole = filter.is_empty();
        let spent = self.hourly(cluster, Span { start: oldest, end: start }, filter).await?;
        let settled = self.ledger()?.hours(cluster, Span { start: oldest, end: start }).await?;
        let history = without_gaps(&spent, &settled, start);
        let found = forecast(&history, ahead.max(to_month_end), &[]);
        let mut forecast = found.ok_or_else(|| Error::NoCosts(cluster.name()))?;
        let in_month = spent.iter().filter(|(hour, _)| month.start <= *hour).map(|(_, cost)| *cost);
        let month_to_date = in_month.fold(0, i64::saturating_add);
        let rest: f64 = forecast.hours.iter().take(to_month_end).map(|hour| hour.expected).sum();
        forecast.hours.truncate(ahead);
        let policy = self.store.policy(cluster).await?.policy;
        let usd = policy.monthly_budget_usd;
        let budget = (is_whole && 0.0 < usd).then(|| (usd * NANO_USD_PER_USD as f64).round() as i64);
        let end = start.saturating_add(SignedDuration::from_hours(forecast.hours.len() as i64));
        let mut findings = alarms(budget, month_to_date, month_to_date.saturating_add(rest.round() as i64));
        if forecast.backtest.is_none() {
            let message = "the history is too short to say how well this method does".to_owned();
            findings.push(Finding::new(Severity::Advice, "NO_BACKTEST", String::new(), message));
        }
        let span = Span { start, end: end.unwrap_or(Timestamp::MAX) };
        Ok(ForecastReport { span, forecast, month_to_date, budget, findings })
    }

    /// Lists what costs money and serves nobody, by the newest snapshot.
    ///
    /// # Errors
    /// `NotFound` of the store where there is no snapshot.
    pub async fn waste(&self, cluster: &ClusterId) -> Result<WasteReport, Error> {
        let record = self.store.cluster(cluster).await?;
        let catalog = self.catalog_or_newest(None, &record.region).await?.catalog;
        let known = self.usage(cluster).await?;
        let none = ClusterUsage::default();
        let newest = self.store.snapshot(cluster, None).await?.snapshot;
        let mut since = Since::default();
        let mut seen = Vec::new();
        for head in self.kept(cluster).await? {
            let snapshot = self.store.snapshot(cluster, Some(&head.id)).await?.snapshot;
            let Content::Cluster(state) = &snapshot.content else { continue };
            seen = look(&WasteInput {
                state,
                catalog: &catalog,
                kubernetes_version: &record.kubernetes_version,
                usage: known.as_ref().unwrap_or(&none),
                now: snapshot.capture_time,
            });
            since = since.after(&seen, snapshot.capture_time);
        }
        let mut waste = proven(seen, &since, newest.capture_time);
        waste.sort_by(|one, other| {
            let key = |waste: &Waste| {
                (std::cmp::Reverse(waste.nano_usd_per_hour), waste.rule, waste.subject.clone())
            };
            key(one).cmp(&key(other))
        });
        let mut findings = Vec::new();
        if known.is_none() {
            let message = "no usage is known: whether requests are used was not looked at".to_owned();
            findings.push(Finding::new(Severity::Advice, "NO_USAGE", String::new(), message));
        }
        let message =
            "snapshots, images, addresses and traffic of the account are not seen from Kubernetes".to_owned();
        findings.push(Finding::new(Severity::Info, "NOT_LOOKED_AT", String::new(), message));
        Ok(WasteReport { waste, findings })
    }

    /// Costs by hour, ascending, nano-USD.
    async fn hourly(
        &self,
        cluster: &ClusterId,
        span: Span,
        filter: Vec<Condition>,
    ) -> Result<Vec<(Timestamp, i64)>, Error> {
        let query = CostQuery {
            cluster: Some(cluster.clone()),
            span,
            granularity: Granularity::Hour,
            group_by: Vec::new(),
            filter,
        };
        let rows = self.ledger()?.query(&query).await?.rows;
        let cost = |cost: i128| i64::try_from(cost).unwrap_or(i64::MAX);
        Ok(rows.into_iter().filter_map(|row| Some((row.start?, cost(row.effective_cost)))).collect())
    }

    /// Some of the snapshots that are kept, the oldest first, evenly apart, the newest among them.
    async fn kept(&self, cluster: &ClusterId) -> Result<Vec<SnapshotHead>, Error> {
        let (mut heads, mut token) = (Vec::new(), String::new());
        loop {
            let page = self.store.snapshots(cluster, &PageRequest { size: PAGE_MAX, token }).await?;
            heads.extend(page.items);
            token = page.next_token;
            if token.is_empty() || HEADS_MAX <= heads.len() {
                break;
            }
        }
        let apart = heads.len().div_ceil(LOOKS_MAX).max(1);
        let mut chosen: Vec<SnapshotHead> = heads.into_iter().step_by(apart).collect();
        chosen.reverse();
        Ok(chosen)
    }
}

/// A cost for each hour from the first that was settled to `end`: nothing where none was spent; an hour that was not settled
/// counts as the one before.
fn without_gaps(spent: &[(Timestamp, i64)], settled: &[Timestamp], end: Timestamp) -> Vec<i64> {
    let Some(first) = settled.first() else { return Vec::new() };
    let spent: BTreeMap<Timestamp, i64> = spent.iter().copied().collect();
    let settled: BTreeSet<Timestamp> = settled.iter().copied().collect();
    let (mut hour, mut last, mut costs) = (*first, 0, Vec::new());
    while hour < end && costs.len() < HISTORY_HOURS_MAX {
        if settled.contains(&hour) {
            last = spent.get(&hour).copied().unwrap_or(0);
        }
        costs.push(last);
        hour = hour.saturating_add(HOUR).unwrap_or(Timestamp::MAX);
    }
    costs
}

fn alarms(budget: Option<i64>, spent: i64, forecasted: i64) -> Vec<Finding> {
    let Some(budget) = budget else { return Vec::new() };
    let usd = |nano_usd: i64| nano_usd as f64 / NANO_USD_PER_USD as f64;
    let reached = budget_alarms(budget, spent, forecasted, &[]);
    let highest =
        |basis| reached.iter().filter(move |alarm| alarm.basis == basis).map(|alarm| alarm.percent).max();
    let say = |basis, code, amount: i64, what: &str| {
        let percent = highest(basis)?;
        let message =
            format!("${:.2} {what}, {percent} % or more of the budget of ${:.2}", usd(amount), usd(budget));
        let severity = if percent < 100 { Severity::Advice } else { Severity::Warning };
        Some(Finding::new(severity, code, String::new(), message))
    };
    let actual = say(Basis::Actual, "BUDGET_ACTUAL", spent, "were spent this month");
    let ahead =
        say(Basis::Forecasted, "BUDGET_FORECASTED", forecasted, "will have been spent by the month's end");
    actual.into_iter().chain(ahead).collect()
}

/// The month of UTC that a moment is in.
fn month_of(time: Timestamp) -> Span {
    let first = time.to_zoned(TimeZone::UTC).date().first_of_month();
    let midnight = |date: Date| date.to_zoned(TimeZone::UTC).map(|day| day.timestamp());
    let next = first.checked_add(1.month()).and_then(midnight);
    Span { start: midnight(first).unwrap_or(Timestamp::MIN), end: next.unwrap_or(Timestamp::MAX) }
}

fn hours_between(start: Timestamp, end: Timestamp) -> usize {
    usize::try_from(end.duration_since(start).as_hours()).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn a_month_ends_where_the_next_begins() {
        for (time, start, end) in [
            ("2026-02-28T23:59:59Z", "2026-02-01T00:00:00Z", "2026-03-01T00:00:00Z"),
            ("2026-12-01T00:00:00Z", "2026-12-01T00:00:00Z", "2027-01-01T00:00:00Z"),
        ] {
            assert_eq!(month_of(at(time)), Span { start: at(start), end: at(end) });
        }
    }

    #[test]
    fn hours_that_nobody_looked_at_count_as_the_one_before() {
        let hour = |hour: u8| at(&format!("2026-07-01T{hour:02}:00:00Z"));
        let spent = [(hour(1), 5), (hour(3), 7)];
        assert_eq!(without_gaps(&spent, &[hour(1), hour(3)], hour(5)), [5, 5, 7, 7]);
        assert_eq!(without_gaps(&spent, &[hour(1), hour(2), hour(3), hour(4)], hour(5)), [5, 0, 7, 0]);
        assert!(without_gaps(&[], &[], hour(5)).is_empty());
    }
}
