//! Operations: a plan becomes steps, and a runner carries them out in the cluster's world.

mod act;
mod runner;
mod steps;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_domain::finding::Finding;
use plimsoll_domain::ids::{ClusterId, OperationId, PlanId};
use plimsoll_domain::operation::{Kind, Operation, State};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::Actuator;
use plimsoll_domain::snapshot::{Content, Snapshot};
use plimsoll_domain::store::{ClusterRecord, Mode, OperationFilter, Page, PageRequest, RequestKey, Write};
use plimsoll_domain::world::World;
use tracing::{error, info, warn};

pub use runner::{Halted, Runner};

use crate::clusters::ShownSnapshot;
use crate::{Engine, Error};

/// A waiter looks at the store at least this often, in case another process wrote.
const WATCH_INTERVAL: Duration = Duration::from_secs(1);
/// Tries of reading a cluster after an operation: plans of before it are stale only then.
const REFRESH_ATTEMPTS_MAX: u32 = 20;
/// Wait between them.
const REFRESH_PAUSE: Duration = Duration::from_secs(15);
/// Operations that are picked up when the service starts.
const OPEN_MAX: u32 = 1_000;

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
        let snapshot = Snapshot {
            capture_time: world.clock.now(),
            content: Content::Cluster(Box::new(state)),
            findings: Vec::<Finding>::new(),
        };
        let id = crate::imports::fresh_id("s", write.time)?;
        let stored = self.store.create_snapshot(write, cluster, &id, &snapshot).await?;
        self.shown(cluster, stored).await
    }

    /// Begins to carry a plan out, and returns at once. The same request again returns the operation as it is.
    ///
    /// # Errors
    /// [`Error::NotActuator`], [`Error::ExpiredPlan`], [`Error::UnsafePlan`], [`Error::Frozen`]; of the store, `Stale`
    /// and `Busy`.
    pub async fn apply_plan(&self, order: ApplyOrder) -> Result<Operation, Error> {
        let ApplyOrder { write, cluster, plan: id } = order;
        if let Some(name) = self.store.earlier(&write).await? {
            let id = OperationId::from_name(&name).ok_or_else(|| crate::imports::nameless(&name))?;
            return Ok(self.store.operation(&id).await?);
        }
        let record = self.store.cluster(&cluster).await?;
        let policy = self.store.policy(&cluster).await?.policy;
        let stored = self.stored(&cluster, &id).await?;
        let world = self.world_of(&record)?;
        if policy.actuator != Actuator::Plimsoll {
            return Err(Error::NotActuator {
                cluster: cluster.to_string(),
                why: "its policy's actuator is not PLIMSOLL",
            });
        }
        if policy.freeze {
            return Err(Error::Frozen(cluster.to_string()));
        }
        self.may_apply(&stored.plan)?;
        if self.plan_operations(&cluster).await?.get(&id) == Some(&State::Succeeded) {
            return Err(Error::UnsafePlan("it was applied already".to_owned()));
        }
        let built = tokio::task::spawn_blocking({
            let stored = stored.clone();
            move || stored.rebuild()
        });
        let built = built.await.map_err(|panic| Error::Internal(panic.to_string()))??;
        let now = world.clock.now();
        let operation = Operation {
            id: crate::imports::fresh_id("o", write.time)?,
            cluster: cluster.clone(),
            kind: Kind::ApplyPlan { plan: id },
            state: State::Running,
            steps: steps::of_plan(&stored.plan, &built.problem),
            failure: None,
            cancel_requested: false,
            actor: write.actor.clone(),
            create_time: now,
            update_time: now,
            revision: 0,
        };
        let operation = self.store.start_operation(&write, &operation, stored.plan.base_generation).await?;
        info!(operation = %operation.id, plan = %stored.plan.id, steps = operation.steps.len(), "apply begins");
        self.spawn(operation.clone(), world);
        Ok(operation)
    }

    fn may_apply(&self, plan: &Plan) -> Result<(), Error> {
        if plan.expire_time < self.clock.now() {
            return Err(Error::ExpiredPlan { plan: plan.id.to_string(), time: plan.expire_time });
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

    /// Reads an operation.
    pub async fn operation(&self, id: &OperationId) -> Result<Operation, Error> {
        Ok(self.store.operation(id).await?)
    }

    /// Lists operations, newest first.
    pub async fn operations(
        &self,
        filter: &OperationFilter,
        page: &PageRequest,
    ) -> Result<Page<Operation>, Error> {
        Ok(self.store.operations(filter, page).await?)
    }

    /// Where the newest operation of each plan of a cluster stands.
    pub async fn plan_operations(&self, cluster: &ClusterId) -> Result<BTreeMap<PlanId, State>, Error> {
        let filter = OperationFilter { cluster: Some(cluster.clone()), ..OperationFilter::default() };
        let page = PageRequest { size: OPEN_MAX, token: String::new() };
        let mut states = BTreeMap::new();
        for operation in self.store.operations(&filter, &page).await?.items {
            let Kind::ApplyPlan { plan } = operation.kind;
            states.entry(plan).or_insert(operation.state);
        }
        Ok(states)
    }

    /// Asks for the end of an operation: what it did is taken back, as long as no pod was moved.
    pub async fn cancel_operation(&self, write: &Write, id: &OperationId) -> Result<Operation, Error> {
        let operation = self.store.cancel_operation(write, id).await?;
        self.operations_changed.send_modify(|count| *count += 1);
        Ok(operation)
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

    /// Takes up every operation that is not over: those of a process that died.
    pub async fn resume_operations(&self) -> Result<usize, Error> {
        let filter = OperationFilter { open: true, ..OperationFilter::default() };
        let page = PageRequest { size: OPEN_MAX, token: String::new() };
        let open = self.store.operations(&filter, &page).await?.items;
        let count = open.len();
        for operation in open {
            let record = self.store.cluster(&operation.cluster).await?;
            let world = self.world_of(&record)?;
            info!(operation = %operation.id, "operation is taken up again");
            self.spawn(operation, world);
        }
        Ok(count)
    }

    fn spawn(&self, operation: Operation, world: World) {
        let engine = self.clone();
        tokio::spawn(async move {
            let id = operation.id.clone();
            if let Err(halted) = engine.run_operation(operation, world).await {
                error!(operation = %id, cause = &halted as &dyn std::error::Error, "operation halts");
            }
        });
    }

    /// Runs an operation to its end and reads the cluster anew, so that the next plan starts from what is.
    async fn run_operation(&self, operation: Operation, world: World) -> Result<(), Error> {
        let changes = Arc::clone(&self.operations_changed);
        let changed = Arc::new(move || changes.send_modify(|count| *count += 1));
        let clock = Arc::clone(&world.clock);
        let runner = Runner { store: Arc::clone(&self.store), world, changed };
        let operation = runner.run(operation).await.map_err(|Halted(store)| Error::Store(store))?;
        let request =
            RequestKey { id: String::new(), method: "RefreshCluster".into(), body_digest: String::new() };
        let write = Write { request, actor: "plimsolld".into(), time: self.clock.now() };
        for _ in 1..REFRESH_ATTEMPTS_MAX {
            match self.refresh_cluster(&write, &operation.cluster).await {
                Ok(_) => return Ok(()),
                Err(why) => {
                    warn!(cluster = %operation.cluster, %why, "the cluster cannot be read after an operation")
                }
            }
            clock.sleep(REFRESH_PAUSE).await;
        }
        self.refresh_cluster(&write, &operation.cluster).await.map(drop)
    }

    /// Where a cluster is acted on.
    fn world_of(&self, record: &ClusterRecord) -> Result<World, Error> {
        let why = match record.mode {
            Mode::Simulated => match &self.simulator {
                Some(simulator) => return Ok(simulator.world()),
                None => "this server has no simulated world",
            },
            Mode::Offline => "it is OFFLINE: its snapshots are imported, and nothing reaches it",
            Mode::Live => "this server cannot reach live clusters yet",
        };
        Err(Error::NotActuator { cluster: record.id.to_string(), why })
    }
}
