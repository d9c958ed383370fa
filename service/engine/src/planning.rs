//! CreatePlan: gather once, decide purely, prove, store once.

mod assign;
pub mod bundle;
mod calm;
mod compute;
mod explain;
mod export;
pub(crate) mod gather;
mod judge;
mod repair;
mod shape;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use plimsoll_domain::ids::{CatalogId, ClusterId, PlanId, SnapshotId};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::store::Write;
use tokio_util::sync::CancellationToken;
use tracing::info;

pub use explain::{Explanation, WhyNot};
pub use export::Tool;
pub use shape::NO_GROUP;

use crate::{Engine, Error, metrics};

/// What a caller asks for.
#[derive(Clone, Debug)]
pub struct PlanOrder {
    /// Who asks, and under which request id.
    pub write: Write,
    /// For which cluster.
    pub cluster: ClusterId,
    /// Id of the plan; none: one is made up.
    pub plan_id: Option<PlanId>,
    /// Snapshot; none: the newest.
    pub snapshot: Option<SnapshotId>,
    /// Catalog; none: the newest of the region.
    pub catalog: Option<CatalogId>,
    /// Policy in place of the cluster's own, for this plan only.
    pub policy: Option<Policy>,
    /// Time to solve; none: the default.
    pub time_budget: Option<Duration>,
    /// Seed.
    pub seed: u64,
    /// The plan that this one takes the place of, if any.
    pub parent: Option<PlanId>,
}

/// What a plan is going through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Snapshot, prices and usage become one problem.
    Gather,
    /// Looking for a fleet.
    Solve,
    /// Grouping, checking, proving, simulating the scheduler.
    Check,
    /// Writing.
    Store,
}

/// Where a planning stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Progress {
    /// What it does.
    pub stage: Stage,
    /// Objective of the best fleet so far, nano-USD per hour.
    pub incumbent_nano_usd: Option<i64>,
    /// Floor so far, nano-USD per hour.
    pub floor_nano_usd: Option<i64>,
    /// Time since the request arrived.
    pub elapsed: Duration,
}

/// Hears about progress; called from the planning thread, must not block for long.
pub type Listener = Arc<dyn Fn(Progress) + Send + Sync>;

/// Sets the flag when the caller's future is dropped, so that the planning thread stops.
pub(crate) struct StopOnDrop(pub Arc<AtomicBool>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Engine {
    /// Computes, proves and stores a plan. Touches nothing outside.
    ///
    /// Dropping the future, or cancelling the token, stops the work within about a second.
    ///
    /// # Errors
    /// See [`Error`]; running out of time is none: the best fleet so far stands.
    pub async fn create_plan(
        &self,
        order: PlanOrder,
        listener: Listener,
        cancel: CancellationToken,
    ) -> Result<Plan, Error> {
        if let Some(earlier) = self.earlier_plan(&order).await? {
            return Ok(earlier);
        }
        let budget = self.time_budget(&order)?;
        let cancelled = Arc::new(AtomicBool::new(false));
        let _stop = StopOnDrop(Arc::clone(&cancelled));
        let flag = Arc::clone(&cancelled);
        let work = self.plan_in_turn(order, budget, listener, flag);
        tokio::select! {
            plan = work => plan,
            () = cancel.cancelled() => Err(Error::Cancelled),
        }
    }

    /// Waits for a place, gathers, computes beside the runtime's threads, stores.
    async fn plan_in_turn(
        &self,
        order: PlanOrder,
        budget: Duration,
        listener: Listener,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Plan, Error> {
        let place = self.desks.enter().await?;
        let clock = Arc::clone(&self.clock);
        let start = clock.monotonic();
        let input = self.gather(&order).await?;
        let task = tokio::task::spawn_blocking(move || {
            let run =
                compute::Run { clock: &*clock, start, budget, listener: &*listener, cancelled: &cancelled };
            let plan = compute::plan(&input, &run);
            drop(place);
            plan
        });
        let plan = task.await.map_err(|panic| Error::Internal(panic.to_string()))??;
        let stored = self.store.create_plan(&order.write, &plan).await?;
        metrics::planned(&stored);
        info!(
            plan = %stored.id, cluster = %stored.cluster, cost_before = %stored.cost_before, cost_after = %stored.after.cost,
            gap_ratio = stored.gap_ratio(), solve_seconds = stored.solve_seconds, "plan created"
        );
        Ok(stored)
    }

    fn time_budget(&self, order: &PlanOrder) -> Result<Duration, Error> {
        let budget = order.time_budget.unwrap_or(self.settings.time_budget_default);
        if budget.is_zero() || self.settings.time_budget_max < budget {
            let message =
                format!("must be above 0 and at most {} s", self.settings.time_budget_max.as_secs());
            return Err(Error::InvalidArgument { field: "time_budget", message });
        }
        Ok(budget)
    }

    async fn earlier_plan(&self, order: &PlanOrder) -> Result<Option<Plan>, Error> {
        let Some(name) = self.store.earlier(&order.write).await? else { return Ok(None) };
        let id = PlanId::from_name(&name, &order.cluster).ok_or_else(|| crate::imports::nameless(&name))?;
        Ok(Some(self.store.plan(&order.cluster, &id).await?))
    }
}
