//! Operations: a plan or a size becomes steps, and a runner carries them out in the cluster's world.

mod act;
mod create;
mod delete;
mod estate;
mod evacuate;
pub mod gate;
mod groups;
mod interrupt;
mod keeper;
mod logbook;
mod maintain;
mod present;
mod quotas;
mod resize;
mod runner;
mod sequel;
mod steer;
pub(crate) mod steps;
mod upgrade;

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::finding::Finding;
use plimsoll_domain::ids::{ClusterId, OperationId, PlanId};
use plimsoll_domain::operation::{Failure, Kind, Operation, State};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::snapshot::{ClusterState, Content, Snapshot};
use plimsoll_domain::store::{
    AuditEntry, AuditFilter, ClusterRecord, Mode, OperationFilter, Page, PageRequest, RequestKey, StoreError,
    StoredSnapshot, Write,
};
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::world::World;
use tracing::{info, warn};

pub use create::CreateOrder;
pub use delete::DeleteOrder;
pub use estate::{Leftover, Proposal};
pub use groups::ShownGroup;
pub use keeper::Keeper;
pub use logbook::Logbook;
pub(crate) use logbook::Scrap;
pub(crate) use present::Minima;
pub use resize::ResizeOrder;
pub use runner::{Halted, Runner};
pub use upgrade::UpgradeOrder;

use crate::clusters::ShownSnapshot;
use crate::planning::NO_GROUP;
use crate::{Engine, Error};

/// A waiter looks at the store at least this often, in case another process wrote.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Operations that are read at once.
const PAGE_MAX: u32 = 1_000;

/// Which plan to carry out.
#[derive(Clone, Debug)]
pub struct ApplyOrder {
    /// Who asks, and under which request id.
    pub write: Write,
    /// The plan's cluster.
    pub cluster: ClusterId,
    /// The plan.
    pub plan: PlanId,
}

impl Engine {
    /// Reads the cluster's world into a new snapshot.
    ///
    /// # Errors
    /// [`Error::NotActuator`] for a cluster that is fed by imports.
    pub async fn refresh_cluster(&self, write: &Write, cluster: &ClusterId) -> Result<ShownSnapshot, Error> {
        let record = self.store.cluster(cluster).await?;
        let world = self.world_of(&record)?;
        let state = world.cluster.state(cluster).await.map_err(|error| Error::World(error.to_string()))?;
        let stored = self.remember(write, cluster, &world, state, Vec::new()).await?;
        self.shown(cluster, stored).await
    }

    /// Stores a cluster as its world shows it.
    pub(crate) async fn remember(
        &self,
        write: &Write,
        cluster: &ClusterId,
        world: &World,
        state: ClusterState,
        findings: Vec<Finding>,
    ) -> Result<StoredSnapshot, Error> {
        let content = Content::Cluster(Box::new(state));
        let snapshot = Snapshot { capture_time: world.clock.now(), content, findings };
        let id = crate::imports::fresh_id("s", write.time)?;
        Ok(self.store.create_snapshot(write, cluster, &id, &snapshot).await?)
    }

    /// Begins to carry a plan out, and returns at once. The same request again returns the operation as it is.
    ///
    /// # Errors
    /// [`Error::NotActuator`], [`Error::ExpiredPlan`], [`Error::UnsafePlan`], [`Error::Frozen`],
    /// [`Error::OutsideWindow`], [`Error::BudgetExceeded`], [`Error::Unready`] if quotas of the account forbid it or a
    /// Cluster Autoscaler runs in a LIVE cluster; of the store, `Stale` and `Busy`.
    pub async fn apply_plan(&self, order: ApplyOrder) -> Result<Operation, Error> {
        let ApplyOrder { write, cluster, plan: id } = order;
        if let Some(earlier) = self.earlier_operation(&write).await? {
            return Ok(earlier);
        }
        let record = self.store.cluster(&cluster).await?;
        let policy = self.store.policy(&cluster).await?.policy;
        let stored = self.stored(&cluster, &id).await?;
        let world = self.world_to_change(&record, &policy)?;
        self.may_apply(&stored.plan)?;
        within_budget(&policy, &cluster, stored.plan.cost_before, stored.plan.after.cost)?;
        self.may_wait(&stored.plan, &policy, world.clock.now())?;
        if self.plan_operation(&cluster, &id).await? == Some(State::Succeeded) {
            return Err(Error::UnsafePlan("it was applied already".to_owned()));
        }
        let built = tokio::task::spawn_blocking({
            let stored = stored.clone();
            move || stored.rebuild()
        });
        let built = built.await.map_err(|panic| Error::Internal(panic.to_string()))??;
        // What others changed since the plan was made makes it stale.
        let (state, generation) = self.look_again(&write, &cluster).await?;
        let minima = self.compare(&stored.plan, stored.snapshot(), &state, generation).await?;
        let steps = steps::of_plan(&stored.plan, &built.problem, &state, &minima);
        if let Some(estate) = &world.estate {
            if let Some(pod) = present::rival(&state) {
                return Err(Error::Unready(format!(
                    "a Cluster Autoscaler runs in {cluster} ({pod}) and would undo what a plan does: scale it to 0, or set \
                     the policy's actuator to ACTUATOR_CLUSTER_AUTOSCALER"
                )));
            }
            let managed =
                world.cloud.groups(&cluster).await.map_err(|error| Error::World(error.to_string()))?;
            if let Some(group) = present::unmanaged(&steps, &managed) {
                return Err(Error::UnsafePlan(format!(
                    "{group} is no node group of EKS, and its nodes are somebody else's to make and to remove: name it in the \
                     policy's protected_groups, and plan again"
                )));
            }
            let wishes = quotas::of_steps(&steps, Some(&state), stored.catalog());
            quotas::expect_room(estate.as_ref(), &wishes).await?;
        }
        let operation = self.drafted(&write, &record, &world, Kind::ApplyPlan { plan: id }, steps)?;
        let engine = self.clone();
        // Not cut short by a caller that goes away: what is stored has a runner.
        let begun = tokio::spawn(async move {
            let begun = engine.store.start_operation(&write, &operation, generation).await?;
            if begun.id == operation.id {
                info!(operation = %begun.id, plan = %stored.plan.id, steps = begun.steps.len(), "apply begins");
                engine.spawn(begun.clone(), world);
            }
            Ok(begun)
        });
        begun.await.map_err(|panic| Error::Internal(panic.to_string()))?
    }

    /// Reads the cluster's world anew, as part of another request, with the generation of what is there.
    async fn look_again(&self, write: &Write, cluster: &ClusterId) -> Result<(ClusterState, i64), Error> {
        let request =
            RequestKey { id: String::new(), method: "RefreshCluster".into(), body_digest: String::new() };
        let shown = self.refresh_cluster(&Write { request, ..write.clone() }, cluster).await?;
        match shown.stored.snapshot.content {
            Content::Cluster(state) => Ok((*state, shown.stored.generation)),
            Content::Ready(_) => Err(Error::Internal("a world is a cluster".to_owned())),
        }
    }

    /// What an earlier request with this key made.
    async fn earlier_operation(&self, write: &Write) -> Result<Option<Operation>, Error> {
        let Some(name) = self.store.earlier(write).await? else { return Ok(None) };
        let id = OperationId::from_name(&name).ok_or_else(|| crate::imports::nameless(&name))?;
        Ok(Some(self.store.operation(&id).await?))
    }

    fn may_apply(&self, plan: &Plan) -> Result<(), Error> {
        if plan.expire_time <= self.clock.now() {
            return Err(Error::ExpiredPlan { plan: plan.id.to_string(), time: plan.expire_time });
        }
        can_be_carried_out(plan)
    }

    /// Refuses a plan that would be too old when the policy lets it begin. The two clocks run at different speeds if the
    /// cluster is simulated: what is left of the plan's life is laid on the world's time.
    fn may_wait(&self, plan: &Plan, policy: &Policy, now: Timestamp) -> Result<(), Error> {
        let left = plan.expire_time.duration_since(self.clock.now());
        let end = now.saturating_add(left).unwrap_or(Timestamp::MAX);
        match gate::outside(policy, now).filter(|closed| end <= closed.until) {
            Some(closed) => {
                Err(Error::OutsideWindow { cluster: plan.cluster.to_string(), opens: closed.until })
            }
            None => Ok(()),
        }
    }

    /// Reads an operation.
    pub async fn operation(&self, id: &OperationId) -> Result<Operation, Error> {
        Ok(self.store.operation(id).await?)
    }

    /// Lists who did what, newest first.
    pub async fn audit(&self, filter: &AuditFilter, page: &PageRequest) -> Result<Page<AuditEntry>, Error> {
        Ok(self.store.audit(filter, page).await?)
    }

    /// Lists operations, newest first.
    pub async fn operations(
        &self,
        filter: &OperationFilter,
        page: &PageRequest,
    ) -> Result<Page<Operation>, Error> {
        Ok(self.store.operations(filter, page).await?)
    }

    /// Where the newest operation of a plan stands; none: it was never applied.
    pub async fn plan_operation(&self, cluster: &ClusterId, plan: &PlanId) -> Result<Option<State>, Error> {
        let filter = OperationFilter {
            cluster: Some(cluster.clone()),
            plan: Some(plan.clone()),
            ..OperationFilter::default()
        };
        let page = PageRequest { size: 1, token: String::new() };
        let newest = self.store.operations(&filter, &page).await?.items;
        Ok(newest.first().map(|operation| operation.state))
    }

    /// Where the newest operation of each plan of a cluster stands.
    pub async fn plan_operations(&self, cluster: &ClusterId) -> Result<BTreeMap<PlanId, State>, Error> {
        let filter =
            OperationFilter { cluster: Some(cluster.clone()), applies: true, ..OperationFilter::default() };
        let page = PageRequest { size: PAGE_MAX, token: String::new() };
        let mut states = BTreeMap::new();
        for operation in self.store.operations(&filter, &page).await?.items {
            if let Some(plan) = operation.kind.plan() {
                states.entry(plan.clone()).or_insert(operation.state);
            }
        }
        Ok(states)
    }

    /// Asks for the end of an operation: what it did is taken back, as long as no pod was moved. One that waits for its
    /// cluster ends at once.
    pub async fn cancel_operation(&self, write: &Write, id: &OperationId) -> Result<Operation, Error> {
        let mut operation = self.store.cancel_operation(write, id).await?;
        if operation.state == State::Queued {
            let failure = Failure { reason: "CANCELLED".to_owned(), message: "it was cancelled".to_owned() };
            let ended = Operation { state: State::Cancelled, failure: Some(failure), ..operation };
            operation = match self.store.update_operation(&ended).await {
                // It got its cluster just now, and its runner ends it.
                Err(StoreError::Superseded(_)) => self.store.operation(id).await?,
                ended => ended?,
            };
        }
        self.operations_changed.send_modify(|count| *count += 1);
        Ok(operation)
    }

    /// Has a stuck operation tried again. One that runs is left alone.
    ///
    /// # Errors
    /// [`Error::NotStuck`] if it is over.
    pub async fn resume_operation(&self, write: &Write, id: &OperationId) -> Result<Operation, Error> {
        let operation = self.store.operation(id).await?;
        if operation.state.is_final() {
            return Err(Error::NotStuck(id.name()));
        }
        if operation.state != State::Stuck {
            return Ok(operation);
        }
        let record = self.store.cluster(&operation.cluster).await?;
        let world = self.world_of(&record)?;
        // Whoever writes this first is its runner.
        let resumed = self.store.intervene(write, &operation.resumed()).await?;
        info!(operation = %id, "operation is resumed");
        self.spawn(resumed.clone(), world);
        Ok(resumed)
    }

    /// Gives a stuck operation up: the fleet stays as it is, and the cluster is free.
    ///
    /// # Errors
    /// [`Error::NotStuck`] if it is not.
    pub async fn abandon_operation(&self, write: &Write, id: &OperationId) -> Result<Operation, Error> {
        let operation = self.store.operation(id).await?;
        if operation.state != State::Stuck {
            return Err(Error::NotStuck(id.name()));
        }
        let abandoned = Operation { state: State::Failed, ..operation };
        let abandoned = self.store.intervene(write, &abandoned).await?;
        self.operations_changed.send_modify(|count| *count += 1);
        warn!(operation = %id, "operation is abandoned");
        self.start_next(&abandoned.cluster).await?;
        Ok(abandoned)
    }

    /// Waits until an operation was written after `revision`, or is over.
    pub async fn operation_after(&self, id: &OperationId, revision: i64) -> Result<Operation, Error> {
        let mut changes = self.operations_changed.subscribe();
        loop {
            let operation = self.store.operation(id).await?;
            let waits = !operation.state.is_final() && operation.state != State::Stuck;
            if !waits || revision < operation.revision {
                return Ok(operation);
            }
            // Too long a wait is no error: another process may be the writer.
            let _ = tokio::time::timeout(WATCH_INTERVAL, changes.changed()).await;
        }
    }

    /// Refuses while an operation holds a cluster, or waits for it.
    pub(crate) async fn expect_free(&self, cluster: &ClusterId) -> Result<(), Error> {
        match self.store.open_operations(cluster).await?.first() {
            None => Ok(()),
            Some(holder) => {
                Err(StoreError::Busy { cluster: cluster.name(), holder: holder.id.name() }.into())
            }
        }
    }

    /// Where a cluster is acted on, if its policy lets us.
    fn world_to_change(&self, record: &ClusterRecord, policy: &Policy) -> Result<World, Error> {
        let world = self.world_of(record)?;
        if policy.actuator != Actuator::Plimsoll {
            let why = "its policy's actuator is not ACTUATOR_PLIMSOLL; set it (plimsoll policy edit, or UpdatePolicy)";
            return Err(Error::NotActuator { cluster: record.id.to_string(), why });
        }
        if policy.freeze {
            return Err(Error::Frozen(record.id.to_string()));
        }
        Ok(world)
    }

    /// Where a cluster is acted on.
    pub(crate) fn world_of(&self, record: &ClusterRecord) -> Result<World, Error> {
        let why = match record.mode {
            Mode::Simulated => match &self.simulator {
                Some(simulator) => return Ok(simulator.world()),
                None => "this server has no simulated world",
            },
            Mode::Offline => "it is OFFLINE: its snapshots are imported, and nothing reaches it",
            Mode::Live => match &self.atlas {
                Some(atlas) => return Ok(atlas.world(record)),
                None => "this server reaches no LIVE cluster: set live.enabled",
            },
        };
        Err(Error::NotActuator { cluster: record.id.to_string(), why })
    }
}

/// Refuses what costs more than the policy's budget, and more than today.
fn within_budget(
    policy: &Policy,
    cluster: &ClusterId,
    before: HourlyRate,
    after: HourlyRate,
) -> Result<(), Error> {
    let (cost_usd, budget_usd) = (after.usd() * policy.month_hours, policy.monthly_budget_usd);
    if budget_usd == 0.0 || after <= before || cost_usd <= budget_usd {
        return Ok(());
    }
    Err(Error::BudgetExceeded { cluster: cluster.to_string(), cost_usd, budget_usd })
}

/// Refuses a plan that would leave pods or nodes behind.
pub(crate) fn can_be_carried_out(plan: &Plan) -> Result<(), Error> {
    let loose = plan.changes.iter().find(|change| change.group == NO_GROUP);
    if let Some(change) = loose {
        let node = change.nodes.first().cloned().unwrap_or_default();
        return Err(Error::UnsafePlan(format!(
            "{} nodes that are in no node group would have to go, such as {node}: remove them yourself, or protect them",
            change.nodes.len()
        )));
    }
    match &plan.referee {
        Some(referee) if referee.steered_pending.is_empty() => Ok(()),
        Some(referee) => Err(Error::UnsafePlan(format!(
            "{} pods would find no place on the way, such as {}",
            referee.steered_pending.len(),
            referee.steered_pending[0]
        ))),
        None => Err(Error::UnsafePlan("it was made for a ready instance, not for a cluster".to_owned())),
    }
}
