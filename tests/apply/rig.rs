//! A cluster in a world of its own, and operations on it.

use std::io::Cursor;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::operation::{Operation, State};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::store::{ClusterRecord, Mode, OperationFilter, PageRequest, RequestKey, Store, Write};
use plimsoll_domain::world::Simulator;
use plimsoll_engine::tasks::{self, Periods};
use plimsoll_engine::{ApplyOrder, Engine, PlanOrder, Registration, Settings, SnapshotImport};
use plimsoll_sim::{Origin, Pace, Sim};
use plimsoll_store::Sqlite;
use tokio_util::sync::CancellationToken;

use super::course::{self, Course};
use super::shop;

/// Seed of every world here: boots and grace periods are the same in each.
pub const SEED: u64 = 7;

pub fn start() -> Timestamp {
    "2026-07-20T08:00:00Z".parse().unwrap()
}

pub fn shop_id() -> ClusterId {
    "shop".parse().unwrap()
}

pub fn write(time: Timestamp) -> Write {
    let request = RequestKey { id: String::new(), method: "test".into(), body_digest: String::new() };
    Write { request, actor: "test".into(), time }
}

/// A service with one cluster in a world.
pub struct Rig {
    pub sim: Sim,
    pub store: Sqlite,
    pub engine: Engine,
}

impl Rig {
    /// The shop, with a policy that lets every pod move.
    pub async fn shop() -> Self {
        Self::of(SEED, &shop::file()).await
    }

    /// The same with a cluster from a file.
    pub async fn of(seed: u64, file: &str) -> Self {
        Self::under(&Origin::quiet(start(), seed), file).await
    }

    /// The same in a world that begins so.
    pub async fn under(origin: &Origin, file: &str) -> Self {
        let sim = Sim::begin(origin, Pace::Jump);
        let simulator = Arc::new(sim.clone());
        Self::in_world(sim, simulator, file).await
    }

    /// The same in a world with doors of its own.
    pub async fn in_world(sim: Sim, simulator: Arc<dyn Simulator>, file: &str) -> Self {
        let store = Sqlite::in_memory().await.unwrap();
        let engine = engine(&store, Arc::new(sim.clock()), simulator);
        Self { sim, store, engine }.with(file).await
    }

    /// The shop, remembered in a store that others may have open, too.
    pub async fn over(store: Sqlite) -> Self {
        let sim = Sim::new(start(), SEED, Pace::Jump);
        let engine = engine(&store, Arc::new(sim.clock()), Arc::new(sim.clone()));
        Self { sim, store, engine }.with(&shop::file()).await
    }

    async fn with(self, file: &str) -> Self {
        let Self { sim, store, engine } = self;
        let policy = Policy { actuator: Actuator::Plimsoll, moved_pods_max_ratio: 1.0, ..Policy::default() };
        let registration = Registration {
            id: shop_id(),
            mode: Mode::Simulated,
            region: "us-east-1".into(),
            aws_account_id: String::new(),
            role_arn: String::new(),
            kubernetes_version: String::new(),
            policy,
        };
        engine.register_cluster(&write(start()), registration).await.unwrap();
        let import = SnapshotImport {
            file_name: String::new(),
            include_finished: false,
            source: Box::new(Cursor::new(file.to_owned())),
        };
        engine.import_snapshot(&write(start()), &shop_id(), import).await.unwrap();
        Self { sim, store, engine }
    }

    /// A plan from the newest snapshot.
    pub async fn plan(&self) -> Plan {
        let order = PlanOrder {
            write: write(start()),
            cluster: shop_id(),
            plan_id: None,
            snapshot: None,
            catalog: None,
            policy: None,
            time_budget: None,
            seed: 1,
            parent: None,
        };
        self.engine.create_plan(order, Arc::new(|_| {}), CancellationToken::new()).await.unwrap()
    }

    /// Changes the cluster's policy.
    pub async fn put_policy(&self, change: impl FnOnce(&mut Policy)) {
        let mut policy = self.engine.policy(&shop_id()).await.unwrap().policy;
        change(&mut policy);
        self.engine.put_policy(&write(start()), &shop_id(), &policy, "").await.unwrap();
    }

    /// All operations, newest first.
    pub async fn operations(&self) -> Vec<Operation> {
        let page = PageRequest { size: 1000, token: String::new() };
        self.store.operations(&OperationFilter::default(), &page).await.unwrap().items
    }

    /// Begins to carry a plan out.
    pub async fn apply(&self, plan: &PlanId) -> Result<Operation, plimsoll_engine::Error> {
        let order = ApplyOrder { write: write(start()), cluster: shop_id(), plan: plan.clone() };
        self.engine.apply_plan(order).await
    }

    /// Has a stuck operation tried again.
    pub async fn run_again(&self, stuck: &Operation) -> Operation {
        let resumed = self.engine.resume_operation(&write(start()), &stuck.id).await.unwrap();
        self.end_of(&resumed).await
    }

    /// Waits until an operation is over or stuck.
    pub async fn end_of(&self, operation: &Operation) -> Operation {
        let mut seen = operation.clone();
        while !seen.state.is_final() && seen.state != State::Stuck {
            seen = self.engine.operation_after(&operation.id, seen.revision).await.unwrap();
        }
        seen
    }
}

/// A service over a store, in a world.
pub fn engine(store: &Sqlite, clock: Arc<dyn Clock>, simulator: Arc<dyn Simulator>) -> Engine {
    let settings = Settings {
        plans_concurrent_max: 1,
        plans_waiting_max: 1,
        time_budget_default: Duration::from_millis(500),
        time_budget_max: Duration::from_secs(10),
        holder: String::new(),
    };
    Engine::new(Arc::new(store.clone()), clock, settings).with_simulator(simulator)
}

/// Has a service take one look, as its supervisor would.
pub async fn look(engine: &Engine, task: &str) {
    try_look(engine, task).await.unwrap();
}

/// The same, where it may fail.
pub async fn try_look(engine: &Engine, task: &str) -> Result<(), tasks::Failure> {
    const DAY: Duration = Duration::from_secs(24 * 3600);
    let periods = Periods {
        ingest: DAY,
        prices: DAY,
        catalog: Some(DAY),
        operations: DAY,
        drift: DAY,
        interruption: DAY,
        cost: DAY,
        retention: DAY,
        keep: 90 * DAY,
        snapshots_max: 10,
    };
    let table = tasks::table(engine, &periods);
    let task = table.into_iter().find(|row| row.name == task).expect("it is in the table");
    (task.look)().await
}

/// An operation in a world of its own.
pub struct Bench {
    pub sim: Sim,
    pub store: Sqlite,
    pub operation: Operation,
    pub course: Course,
}

impl Bench {
    /// A fresh world with the cluster in it, and the operation as it was before its first step.
    pub async fn new(state: &ClusterState, model: &Operation) -> Self {
        let sim = Sim::new(start(), SEED, Pace::Jump);
        sim.load(&shop_id(), state.clone()).unwrap();
        let store = Sqlite::in_memory().await.unwrap();
        let record = ClusterRecord {
            id: shop_id(),
            mode: Mode::Simulated,
            region: "us-east-1".into(),
            aws_account_id: String::new(),
            role_arn: String::new(),
            kubernetes_version: String::new(),
            generation: 0,
            etag: String::new(),
            create_time: start(),
        };
        store.create_cluster(&write(start()), &record, &Policy::default()).await.unwrap();
        let generation = store.cluster(&shop_id()).await.unwrap().generation;
        let operation =
            store.start_operation(&write(start()), &course::unbegun(model), generation).await.unwrap();
        let its = sim.clone();
        let course = Course::new(&store, operation.clone(), move || its.world());
        Self { sim, store, operation, course }
    }

    /// The cluster as it is.
    pub async fn state(&self) -> ClusterState {
        self.sim.world().cluster.state(&shop_id()).await.unwrap()
    }
}

/// The cluster in the newest snapshot.
pub async fn seen(store: &Sqlite) -> ClusterState {
    match store.snapshot(&shop_id(), None).await.unwrap().snapshot.content {
        Content::Cluster(state) => *state,
        Content::Ready(_) => panic!("no cluster"),
    }
}
