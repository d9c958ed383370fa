//! What an applied plan saved: the fleet from before on the demand that came, at the prices of each hour.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::ledger::money::discounted;
use plimsoll_domain::ledger::savings::{FleetCost, Savings, explain};
use plimsoll_domain::ledger::split::Shape;
use plimsoll_domain::ledger::{
    Condition, CostQuery, CostRow, Dimension, Granularity, Observation, OldGroup, Pool, Span, SpotSteps,
    pools, replay,
};
use plimsoll_domain::operation::{Operation, State};
use plimsoll_domain::problem::Offering;
use plimsoll_domain::snapshot::Content;
use plimsoll_domain::store::{OperationFilter, PageRequest, StoreError};

use super::meter::hour_of;
use crate::planning::gather::Stored;
use crate::{Engine, Error};

/// Operations that are looked through for the plan's, at once.
const PAGE_MAX: u32 = 1_000;
/// Hours that are replayed at most, the newest: four weeks.
const HOURS_MAX: i64 = 4 * 7 * 24;
const HOUR: SignedDuration = SignedDuration::from_hours(1);

/// What a plan saved.
#[derive(Clone, Debug, PartialEq)]
pub struct SavingsReport {
    /// The plan.
    pub plan: PlanId,
    /// The first hour after it was carried out, to the end of the last whole hour.
    pub span: Span,
    /// Hours in it that could be replayed.
    pub hour_count: i64,
    /// What was spent on machines in these hours, nano-USD.
    pub actual: i64,
    /// What the fleet from before would have cost in them, nano-USD.
    pub counterfactual: i64,
    /// Promised, realised, and why they differ; none if no hour could be replayed.
    pub savings: Option<Savings>,
    /// What the plan promised for these hours, nano-USD.
    pub promised: i64,
    /// What a reader should know.
    pub findings: Vec<Finding>,
}

/// Sums over hours.
#[derive(Default)]
struct Sums {
    hours: i64,
    old: FleetCost,
    new: FleetCost,
    actual: i64,
}

impl Engine {
    /// Compares what was spent since a plan was carried out with what the fleet from before would have cost; no plan: the
    /// newest that was.
    ///
    /// # Errors
    /// [`Error::NoLedger`]; `NotFound` of the store for a plan that is not there, or was not carried out.
    pub async fn savings(
        &self,
        cluster: &ClusterId,
        plan: Option<&PlanId>,
        until: Option<Timestamp>,
    ) -> Result<SavingsReport, Error> {
        let (applied, next) = self.applied(cluster, plan).await?;
        let nameless = || Error::Internal(format!("{} carries no plan out", applied.id.name()));
        let id = applied.kind.plan().cloned().ok_or_else(nameless)?;
        let stored = self.stored(cluster, &id).await?;
        let now = self.time_of(Some(cluster)).await?;
        let asked = until.unwrap_or(now).min(now);
        let end = hour_of(next.map_or(asked, |next| next.min(asked)));
        let first = hour_of(applied.update_time).saturating_add(HOUR).unwrap_or(Timestamp::MAX);
        let longest = end.saturating_sub(SignedDuration::from_hours(HOURS_MAX)).unwrap_or(Timestamp::MIN);
        let span = Span { start: first.max(longest).min(end), end };
        let _place = self.stage.enter().await?;
        let fleet = Fleets::of(stored).await?;
        let (sums, skipped) = self.replayed(cluster, span, &fleet).await?;
        let mut findings = Vec::new();
        if next.is_some_and(|next| next < asked) {
            let message = "another plan was applied since: what came of this one ends there".to_owned();
            findings.push(Finding::new(Severity::Info, "SUPERSEDED", String::new(), message));
        }
        if let Some(why) = skipped {
            let message = format!("hours that could not be replayed are left out: {why}");
            findings.push(Finding::new(Severity::Warning, "NOT_REPLAYED", String::new(), message));
        }
        if sums.hours == 0 {
            let message = "no whole hour has gone by since the plan was carried out".to_owned();
            findings.push(Finding::new(Severity::Info, "TOO_EARLY", String::new(), message));
        }
        let known = explain(&sums.old, &sums.new, sums.actual);
        Ok(SavingsReport {
            plan: id,
            span,
            hour_count: sums.hours,
            actual: sums.actual,
            counterfactual: sums.old.at_demand,
            promised: known.promised,
            savings: (0 < sums.hours).then_some(known),
            findings,
        })
    }

    /// The newest operation that carried the plan out, and when the next plan was begun to be; no plan: any.
    async fn applied(
        &self,
        cluster: &ClusterId,
        plan: Option<&PlanId>,
    ) -> Result<(Operation, Option<Timestamp>), Error> {
        // That there is such a plan comes before whether it was applied.
        if let Some(plan) = plan {
            self.store.plan(cluster, plan).await?;
        }
        let filter =
            OperationFilter { cluster: Some(cluster.clone()), applies: true, ..OperationFilter::default() };
        let mut next = None;
        let mut token = String::new();
        loop {
            let page = self.store.operations(&filter, &PageRequest { size: PAGE_MAX, token }).await?;
            for done in page.items.into_iter().filter(|operation| operation.state == State::Succeeded) {
                if plan.is_none() || done.kind.plan() == plan {
                    return Ok((done, next));
                }
                next = Some(done.create_time);
            }
            token = page.next_token;
            if token.is_empty() {
                let name = match plan {
                    Some(plan) => plan.name(cluster),
                    None => format!("{}/plans/-", cluster.name()),
                };
                return Err(StoreError::NotFound(name).into());
            }
        }
    }

    /// Replays hour by hour; with the reason why one could not be, if any could not.
    async fn replayed(
        &self,
        cluster: &ClusterId,
        span: Span,
        fleets: &Fleets,
    ) -> Result<(Sums, Option<String>), Error> {
        let ledger = self.ledger()?;
        let mut sums = Sums::default();
        let mut skipped = None;
        let spent = self.spent(cluster, span).await?;
        let mut hour = span.start;
        while hour < span.end {
            let next = hour.saturating_add(HOUR).unwrap_or(Timestamp::MAX);
            let seen = ledger.observations(cluster, Span { start: hour, end: next }).await?;
            let within: Vec<Observation> = seen.iter().filter(|seen| hour <= seen.time).cloned().collect();
            let prices = Prices::of(&seen, hour);
            let groups = fleets.old_groups(&prices);
            let replayed = tokio::task::spawn_blocking(move || replay(&groups, &within)).await;
            let replayed = replayed.map_err(|panic| Error::Internal(panic.to_string()))?;
            match (replayed, spent.get(&hour)) {
                (Ok(old), Some(actual)) => {
                    sums.hours += 1;
                    sums.old.as_planned += fleets.cost_before;
                    sums.old.at_prices += old.nano_usd_at_size;
                    sums.old.at_demand += old.nano_usd;
                    sums.new.as_planned += fleets.cost_after;
                    sums.new.at_prices += fleets.new_cost(&prices);
                    sums.actual += actual;
                }
                (Ok(_), None) => skipped = Some("an hour is not settled".to_owned()),
                (Err(why), _) => skipped = Some(why.to_string()),
            }
            hour = next;
        }
        // How the new fleet would have grown is not replayed: what demand did to it counts as execution.
        sums.new.at_demand = sums.new.at_prices;
        Ok((sums, skipped))
    }

    /// What was spent on machines, by hour, nano-USD.
    async fn spent(&self, cluster: &ClusterId, span: Span) -> Result<BTreeMap<Timestamp, i64>, Error> {
        let machines = Condition { dimension: Dimension::Item, equal: true, value: "INSTANCE".to_owned() };
        let query = CostQuery {
            cluster: Some(cluster.clone()),
            span,
            granularity: Granularity::Hour,
            group_by: Vec::new(),
            filter: vec![machines],
        };
        let rows = self.ledger()?.query(&query).await?.rows;
        let hour = |row: CostRow| Some((row.start?, i64::try_from(row.effective_cost).unwrap_or(i64::MAX)));
        Ok(rows.into_iter().filter_map(hour).collect())
    }
}

/// The fleet before a plan and the one that it planned.
struct Fleets {
    old: BTreeMap<Pool, (u32, Shape)>,
    old_rates: BTreeMap<Pool, Option<i64>>,
    new: Vec<Offering>,
    cost_before: i64,
    cost_after: i64,
}

impl Fleets {
    async fn of(stored: Stored) -> Result<Self, Error> {
        let built = tokio::task::spawn_blocking({
            let stored = stored.clone();
            move || stored.rebuild()
        });
        let built = built.await.map_err(|panic| Error::Internal(panic.to_string()))??;
        let plan = &stored.plan;
        let old = match &stored.snapshot().content {
            Content::Cluster(state) => pools(state),
            Content::Ready(_) => BTreeMap::new(),
        };
        let rate = |pool: &Pool| {
            let list = stored.catalog().price(&pool.instance_type, &pool.zone, pool.kind)?.nano_usd();
            Some(match pool.kind {
                CapacityKind::OnDemand => discounted(list, plan.policy.discount_ratio),
                CapacityKind::Spot => list,
            })
        };
        let old_rates = old.keys().map(|pool| (pool.clone(), rate(pool))).collect();
        let bins = plan.solution.bins.iter();
        let new =
            bins.filter_map(|bin| built.problem.offerings.get(bin.offering as usize)).cloned().collect();
        Ok(Self {
            old,
            old_rates,
            new,
            cost_before: plan.cost_before.nano_usd(),
            cost_after: plan.after.cost.nano_usd(),
        })
    }

    fn old_groups(&self, prices: &Prices) -> Vec<OldGroup> {
        let group = |(pool, (count, room)): (&Pool, &(u32, Shape))| {
            let planned = self.old_rates.get(pool).copied().flatten();
            OldGroup {
                name: pool.name(),
                count: *count,
                room: *room,
                nano_usd: prices.rate(pool.kind, &pool.instance_type, &pool.zone).or(planned),
            }
        };
        self.old.iter().map(group).collect()
    }

    fn new_cost(&self, prices: &Prices) -> i64 {
        let rate = |offering: &Offering| {
            let now = prices.rate(offering.kind, &offering.instance_type, &offering.zone);
            now.unwrap_or(offering.price.nano_usd())
        };
        self.new.iter().map(rate).fold(0, i64::saturating_add)
    }
}

/// Spot prices of an hour, as they were when it began; on-demand prices are those of the plan.
struct Prices {
    spot: SpotSteps,
    second: i64,
}

impl Prices {
    fn of(seen: &[Observation], hour: Timestamp) -> Self {
        let changes: Vec<_> = seen.iter().flat_map(|seen| seen.spot.iter().cloned()).collect();
        Self { spot: SpotSteps::new(&changes), second: hour.as_second() }
    }

    fn rate(&self, kind: CapacityKind, instance_type: &str, zone: &str) -> Option<i64> {
        match kind {
            CapacityKind::OnDemand => None,
            CapacityKind::Spot => self.spot.at(instance_type, zone, self.second),
        }
    }
}
