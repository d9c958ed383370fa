//! One value with everything that a plan is computed from.

use jiff::Timestamp;
use plimsoll_domain::build::{self, Built};
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::{Policy, Preset};
use plimsoll_domain::rightsize::{self, Recommendation};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::store::{ClusterRecord, StoredCatalog, StoredSnapshot};
use plimsoll_domain::usage::ClusterUsage;

use super::PlanOrder;
use crate::{Engine, Error};

/// What a plan is computed from.
pub struct Input {
    /// The cluster.
    pub cluster: ClusterRecord,
    /// Id of the plan to be.
    pub plan_id: PlanId,
    /// When the request arrived.
    pub time: Timestamp,
    /// The cluster as seen.
    pub snapshot: StoredSnapshot,
    /// Prices.
    pub catalog: StoredCatalog,
    /// Policy in force.
    pub policy: Policy,
    /// Usage, if any was pushed.
    pub usage: Option<ClusterUsage>,
    /// Seed.
    pub seed: u64,
}

impl Engine {
    pub(super) async fn gather(&self, order: &PlanOrder) -> Result<Input, Error> {
        let cluster = self.store.cluster(&order.cluster).await?;
        let snapshot = self.store.snapshot(&order.cluster, order.snapshot.as_ref()).await?;
        let catalog = self.catalog(order.catalog.as_ref(), &cluster.region).await?;
        let policy = match &order.policy {
            Some(policy) => policy.clone(),
            None => self.store.policy(&order.cluster).await?.policy,
        };
        if policy.freeze {
            return Err(Error::Frozen(order.cluster.to_string()));
        }
        let usage = match self.store.usage(&order.cluster).await? {
            Some(bytes) => Some(crate::imports::read_checkpoint(&bytes)?),
            None => None,
        };
        let time = self.clock.now();
        let plan_id = match &order.plan_id {
            Some(id) => id.clone(),
            None => crate::imports::fresh_id("p", time)?,
        };
        Ok(Input { cluster, plan_id, time, snapshot, catalog, policy, usage, seed: order.seed })
    }
}

/// A stored plan with what it was computed from.
pub struct Stored {
    /// The plan.
    pub plan: Plan,
    snapshot: StoredSnapshot,
    catalog: StoredCatalog,
}

impl Stored {
    /// Makes the plan's problem again.
    pub fn rebuild(&self) -> Result<Built, Error> {
        let Self { plan, snapshot, catalog } = self;
        build(&snapshot.snapshot.content, catalog, &plan.policy, &plan.applied_requests)
    }
}

impl Engine {
    /// Reads a plan and everything that makes its problem.
    pub(super) async fn stored(&self, cluster: &ClusterId, id: &PlanId) -> Result<Stored, Error> {
        let plan = self.store.plan(cluster, id).await?;
        let snapshot = self.store.snapshot(cluster, Some(&plan.snapshot)).await?;
        let catalog = self.catalog(Some(&plan.catalog), "").await?;
        Ok(Stored { plan, snapshot, catalog })
    }
}

/// The policy that a snapshot is planned under: ready instances and traces bring their own preset.
pub fn policy_for(content: &Content, policy: &Policy) -> Policy {
    match content {
        Content::Cluster(_) => policy.clone(),
        Content::Ready(instance) if instance.preset == Preset::None => {
            Policy { preset: Preset::None, ..policy.clone() }
        }
        Content::Ready(_) => policy.clone(),
    }
}

/// Builds the problem; `requests` replace those of the snapshot.
pub fn build(
    content: &Content,
    catalog: &StoredCatalog,
    policy: &Policy,
    requests: &[Recommendation],
) -> Result<Built, Error> {
    let built = match content {
        Content::Ready(instance) => build::ready(instance, &catalog.catalog, policy),
        Content::Cluster(state) if requests.is_empty() => build::build(state, &catalog.catalog, policy),
        Content::Cluster(state) => {
            let mut state: ClusterState = (**state).clone();
            rightsize::apply(&mut state, requests);
            build::build(&state, &catalog.catalog, policy)
        }
    };
    built.map_err(refused)
}

fn refused(error: build::BuildError) -> Error {
    match error {
        build::BuildError::Infeasible(refusals) => Error::Infeasible(refusals),
        other => Error::InvalidArgument { field: "snapshot", message: other.to_string() },
    }
}
