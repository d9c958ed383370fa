//! What an operation leaves to be done when it has ended: after a refusal of capacity, a plan without what was refused.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::ids::{ClusterId, OperationId, PlanId};
use plimsoll_domain::offer::{Offer, Unavailable};
use plimsoll_domain::operation::{Operation, Progress, State, Step};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::snapshot::Content;
use plimsoll_domain::store::{OperationFilter, PageRequest, RequestKey, StoreError, Write};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::ApplyOrder;
use crate::planning::PlanOrder;
use crate::{Engine, Error};

/// How long nobody asks again for what was refused: as long as a plan may be applied by default, so that a plan and those
/// that follow it see the same offer.
pub(super) const UNAVAILABLE_LIFE: SignedDuration = SignedDuration::from_mins(30);
/// Plans in a row that each take the place of the one before: more refusals than that are no bad luck.
const SEQUELS_MAX: usize = 5;
/// The reason of an operation that found no machines.
const NO_CAPACITY: &str = "NO_CAPACITY";

impl Engine {
    /// Does what the newest operation of each cluster left to be done, unless it was done already.
    pub(crate) async fn follow_up_all(&self) -> Result<(), Error> {
        for (record, _) in self.reachable().await? {
            let filter = OperationFilter { cluster: Some(record.id.clone()), ..OperationFilter::default() };
            let page = PageRequest { size: 1, token: String::new() };
            let newest = self.store.operations(&filter, &page).await?.items.pop();
            if let Some(newest) = newest.filter(|newest| newest.state.is_final()) {
                self.follow_up(&newest.id).await?;
            }
        }
        Ok(())
    }

    /// Does what an operation that is over left to be done; nothing yet if it is not. May be called twice.
    pub(super) async fn follow_up(&self, id: &OperationId) -> Result<(), Error> {
        // What is stuck may go on.
        let is_over = self.store.operation(id).await?.state.is_final();
        if !is_over || !self.keeper.follows(id) {
            return Ok(());
        }
        let done = match self.note_cluster(id).await {
            Ok(()) => self.answer_refusal(id).await,
            failed => failed,
        };
        match &done {
            // The same again would fail the same way.
            Ok(())
            | Err(
                Error::Infeasible(_) | Error::NotActuator { .. } | Error::UnsafePlan(_) | Error::Frozen(_),
            ) => {}
            Err(_) => self.keeper.follows_not(id),
        }
        done
    }

    async fn answer_refusal(&self, id: &OperationId) -> Result<(), Error> {
        let operation = self.store.operation(id).await?;
        let is_refusal = |reason: &str| operation.state == State::Failed && reason == NO_CAPACITY;
        if !operation.failure.as_ref().is_some_and(|failure| is_refusal(&failure.reason)) {
            return Ok(());
        }
        self.note_refusal(&operation).await?;
        let Some(parent) = operation.kind.plan() else { return Ok(()) };
        let parent = self.store.plan(&operation.cluster, parent).await?;
        let Some(child) = self.sequel(&operation, &parent).await? else { return Ok(()) };
        let policy = self.store.policy(&operation.cluster).await?.policy;
        if policy.auto_apply && !child.changes.is_empty() {
            self.apply_sequel(&operation.cluster, &child.id).await?;
        }
        Ok(())
    }

    async fn note_refusal(&self, operation: &Operation) -> Result<(), Error> {
        let until = operation.update_time.saturating_add(UNAVAILABLE_LIFE).unwrap_or(Timestamp::MAX);
        let offers = self.refused_offers(operation).await?;
        let refused: Vec<Unavailable> =
            offers.into_iter().map(|offer| Unavailable { offer, until }).collect();
        let write = self.write_once("NoteRefusal", &operation.id);
        Ok(self.store.put_unavailable(&write, &operation.cluster, &refused).await?)
    }

    /// What the group consists of that was the last to be grown: the cloud does not say which of its types it lacks, and
    /// it had none of them.
    async fn refused_offers(&self, operation: &Operation) -> Result<BTreeSet<Offer>, Error> {
        let begun = operation.steps.iter().filter(|record| record.progress != Progress::Pending);
        let mut grown = begun.filter_map(|record| match &record.step {
            Step::Grow { group, .. } | Step::Order { group, .. } => Some(group),
            _ => None,
        });
        let Some(group) = grown.next_back() else { return Ok(BTreeSet::new()) };
        let spec = operation.steps.iter().find_map(|record| match &record.step {
            Step::EnsureGroup { spec } if spec.name == *group => Some(spec),
            _ => None,
        });
        if let Some(spec) = spec {
            let offer = |instance_type: &String| Offer {
                instance_type: instance_type.clone(),
                zone: spec.zone.clone(),
                kind: spec.kind,
            };
            return Ok(spec.instance_types.iter().map(offer).collect());
        }
        let Content::Cluster(state) = self.store.snapshot(&operation.cluster, None).await?.snapshot.content
        else {
            return Ok(BTreeSet::new());
        };
        let nodes = state.nodes.into_iter().filter(|node| node.group == *group);
        Ok(nodes
            .map(|node| Offer { instance_type: node.instance_type, zone: node.zone, kind: node.kind })
            .collect())
    }

    /// The plan that takes the place of one that found no machines; none after too many of them.
    async fn sequel(&self, operation: &Operation, parent: &Plan) -> Result<Option<Plan>, Error> {
        let cluster = &operation.cluster;
        let id: PlanId = format!("after-{}", operation.id)
            .parse()
            .map_err(|error: plimsoll_domain::ids::IdError| Error::Internal(error.to_string()))?;
        match self.store.plan(cluster, &id).await {
            Err(StoreError::NotFound(_)) => {}
            found => return Ok(Some(found?)),
        }
        if SEQUELS_MAX <= self.ancestors(parent).await? {
            warn!(plan = %parent.id, "no plan takes its place: too many found no machines one after the other");
            return Ok(None);
        }
        // What is there now is what is planned from.
        let write = self.own_write("RefreshCluster");
        let snapshot = self.refresh_cluster(&write, cluster).await?.stored.id;
        let order = PlanOrder {
            write: self.write_once("CreatePlan", &operation.id),
            cluster: cluster.clone(),
            plan_id: Some(id.clone()),
            snapshot: Some(snapshot),
            catalog: None,
            policy: Some(parent.policy.clone()),
            time_budget: None,
            seed: parent.seed,
            parent: Some(parent.id.clone()),
        };
        let child = match self.create_plan(order, Arc::new(|_| {}), CancellationToken::new()).await {
            // Another process was faster.
            Err(Error::Store(StoreError::Exists(_))) => self.store.plan(cluster, &id).await?,
            child => child?,
        };
        info!(plan = %child.id, parent = %parent.id, %cluster, "a plan without what was refused takes its place");
        Ok(Some(child))
    }

    async fn ancestors(&self, plan: &Plan) -> Result<usize, Error> {
        let mut count = 0;
        let mut next = plan.parent.clone();
        while let Some(id) = next.filter(|_| count < SEQUELS_MAX) {
            next = match self.store.plan(&plan.cluster, &id).await {
                Ok(parent) => parent.parent,
                Err(StoreError::NotFound(_)) => None,
                Err(why) => return Err(why.into()),
            };
            count += 1;
        }
        Ok(count)
    }

    async fn apply_sequel(&self, cluster: &ClusterId, plan: &PlanId) -> Result<(), Error> {
        let request = RequestKey {
            id: format!("auto-apply-{cluster}-{plan}"),
            method: "ApplyPlan".to_owned(),
            body_digest: String::new(),
        };
        let write = Write { request, ..self.own_write("ApplyPlan") };
        let begun = self.apply_plan(ApplyOrder { write, cluster: cluster.clone(), plan: plan.clone() }).await;
        match begun {
            // Somebody was faster, or the policy speaks against it: the plan waits for who wants it.
            Err(
                why @ (Error::Store(StoreError::Busy { .. } | StoreError::Stale { .. })
                | Error::ExpiredPlan { .. }
                | Error::Frozen(_)
                | Error::OutsideWindow { .. }
                | Error::BudgetExceeded { .. }),
            ) => {
                warn!(%cluster, %plan, %why, "the plan is not applied by itself");
                Ok(())
            }
            begun => begun.map(drop),
        }
    }

    /// A write of this process that is made once for an operation.
    pub(super) fn write_once(&self, method: &str, operation: &OperationId) -> Write {
        let id = format!("{method}-after-{operation}");
        let request = RequestKey { id, method: method.to_owned(), body_digest: String::new() };
        Write { request, ..self.own_write(method) }
    }
}
