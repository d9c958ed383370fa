//! SimulatePlan: two worlds that differ in nothing but a plan, and what came of it in each.
//!
//! Both begin with the plan's snapshot and the same seed. In one the plan is carried out by the same runner that would
//! do it in earnest; the other is left alone. Nothing outside is touched and nothing is stored.

mod bill;
mod findings;
mod watch;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::finding::Finding;
use plimsoll_domain::ids::{ClusterId, PlanId};
use plimsoll_domain::operation::{Kind, Operation, State};
use plimsoll_domain::rehearsal::{Mishap, Scene, Toll, Trouble};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::world::Simulator;
use tokio_util::sync::CancellationToken;
use tracing::subscriber::NoSubscriber;
use tracing::{info, subscriber};

use crate::operations::gate::Open;
use crate::operations::{Minima, Runner, Scrap, can_be_carried_out, steps};
use crate::planning::StopOnDrop;
use crate::planning::gather::{Stored, with_requests};
use crate::{Engine, Error};
use watch::{Books, Watch};

/// Most virtual hours: the longest month.
pub const HOURS_MAX: u32 = 744;
/// Simulations at the same time. One takes a core for seconds; plans have the others.
pub(crate) const CONCURRENT_MAX: usize = 1;
/// Most things that go wrong in one simulation. A guess: more than anybody writes by hand.
pub const FAULTS_MAX: usize = 100;

/// What to try.
#[derive(Clone, Debug)]
pub struct SimulationOrder {
    /// The plan's cluster.
    pub cluster: ClusterId,
    /// The plan.
    pub plan: PlanId,
    /// Virtual hours, 1..=[`HOURS_MAX`].
    pub hours: u32,
    /// Seed of whatever is random.
    pub seed: u64,
    /// What goes wrong, at most [`FAULTS_MAX`].
    pub faults: Vec<PlannedFault>,
}

/// Something that goes wrong at its time.
#[derive(Clone, Debug, PartialEq)]
pub struct PlannedFault {
    /// What.
    pub trouble: Trouble,
    /// How long after the start.
    pub after: Duration,
    /// How long it lasts; none: to the end.
    pub lasts: Option<Duration>,
}

/// What came of one world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// What machines cost in all, in nano-USD.
    pub cost_nano_usd: i64,
    /// Machines that the cloud took back.
    pub interruption_count: u32,
    /// The rest of what was counted.
    pub toll: Toll,
}

/// An hour in both worlds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hour {
    /// Without the plan.
    pub before: watch::Entry,
    /// With it.
    pub after: watch::Entry,
}

/// Two worlds, compared.
#[derive(Clone, Debug, PartialEq)]
pub struct Simulation {
    /// When simulated time begins: that of the plan's snapshot.
    pub start: Timestamp,
    /// Today's fleet, left alone.
    pub before: Outcome,
    /// The plan is carried out.
    pub after: Outcome,
    /// Where the plan's operation stood at the end.
    pub state: State,
    /// How long carrying it out took, if it succeeded.
    pub took: Option<SignedDuration>,
    /// Hour by hour.
    pub timeline: Vec<Hour>,
    /// What a reader should know.
    pub findings: Vec<Finding>,
}

impl Engine {
    /// Tries a plan out. Touches nothing; the same order gives the same answer.
    ///
    /// Dropping the future, or cancelling the token, stops the work within about a second.
    ///
    /// # Errors
    /// [`Error::UnsafePlan`] for a plan that cannot be carried out; [`Error::NotActuator`] if there is no simulated world
    /// here; [`Error::Overloaded`], [`Error::Cancelled`].
    pub async fn simulate_plan(
        &self,
        order: SimulationOrder,
        cancel: CancellationToken,
    ) -> Result<Simulation, Error> {
        let cancelled = Arc::new(AtomicBool::new(false));
        let _stop = StopOnDrop(Arc::clone(&cancelled));
        tokio::select! {
            simulation = self.simulate_in_turn(order, Arc::clone(&cancelled)) => simulation,
            () = cancel.cancelled() => Err(Error::Cancelled),
        }
    }

    /// Waits for the only stage, and rehearses beside the runtime's threads.
    async fn simulate_in_turn(
        &self,
        order: SimulationOrder,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Simulation, Error> {
        let stored = self.stored(&order.cluster, &order.plan).await?;
        can_be_carried_out(&stored.plan)?;
        let Some(simulator) = self.simulator.clone() else {
            let why = "this server has no simulated world";
            return Err(Error::NotActuator { cluster: order.cluster.to_string(), why });
        };
        let place = self.stage.enter().await?;
        let (clock, start) = (Arc::clone(&self.clock), self.clock.monotonic());
        let runtime = tokio::runtime::Handle::current();
        let task = tokio::task::spawn_blocking(move || {
            let stage = Stage::new(&*simulator, &stored, &order, cancelled)?;
            // What happens in a rehearsal is no news of the service.
            let simulation =
                subscriber::with_default(NoSubscriber::new(), || runtime.block_on(stage.compare()));
            drop(place);
            let seconds = clock.monotonic().saturating_sub(start).as_secs_f64();
            info!(plan = %order.plan, cluster = %order.cluster, hours = order.hours, seconds, "plan simulated");
            simulation
        });
        task.await.map_err(|panic| Error::Internal(panic.to_string()))?
    }
}

/// Everything that both worlds are made of.
struct Stage<'a> {
    simulator: &'a dyn Simulator,
    stored: &'a Stored,
    order: &'a SimulationOrder,
    state: &'a ClusterState,
    catalog: Arc<Catalog>,
    start: Timestamp,
    cancelled: Arc<AtomicBool>,
}

impl<'a> Stage<'a> {
    fn new(
        simulator: &'a dyn Simulator,
        stored: &'a Stored,
        order: &'a SimulationOrder,
        cancelled: Arc<AtomicBool>,
    ) -> Result<Self, Error> {
        let snapshot = stored.snapshot();
        let Content::Cluster(state) = &snapshot.content else {
            return Err(Error::Internal("a plan with a referee's report is of a cluster".to_owned()));
        };
        let (catalog, start) = (Arc::new(stored.catalog().clone()), snapshot.capture_time);
        Ok(Self { simulator, stored, order, state, catalog, start, cancelled })
    }

    async fn compare(&self) -> Result<Simulation, Error> {
        let before = self.leave_alone().await?;
        let (after, operation) = self.carry_out().await?;
        let hours = before.hours.iter().zip(&after.hours);
        let is_done = operation.state == State::Succeeded;
        Ok(Simulation {
            start: self.start,
            before: outcome(&before),
            after: outcome(&after),
            state: operation.state,
            took: is_done.then(|| operation.update_time.duration_since(self.start)),
            timeline: hours.map(|(before, after)| Hour { before: *before, after: *after }).collect(),
            findings: findings::of(&self.stored.plan, self.state, &operation, [&before, &after]),
        })
    }

    async fn leave_alone(&self) -> Result<Books, Error> {
        let watch = self.watch(self.state.clone())?;
        watch.wait().await;
        watch.close().await
    }

    /// Carries the plan out, requests first where it changes them, and lives on.
    async fn carry_out(&self) -> Result<(Books, Operation), Error> {
        let content = with_requests(&self.stored.snapshot().content, &self.stored.plan.applied_requests);
        let Content::Cluster(state) = content.as_ref() else {
            return Err(Error::Internal("requests make no other content".to_owned()));
        };
        let built = self.stored.rebuild()?;
        let watch = self.watch((**state).clone())?;
        let operation =
            self.operation(steps::of_plan(&self.stored.plan, &built.problem, state, &Minima::new()))?;
        let log = Arc::new(Scrap::default());
        let runner = Runner {
            store: log.clone(),
            world: watch.world(),
            changed: Arc::new(|| ()),
            gate: Arc::new(Open),
            drain_timeout: Duration::from_secs(60 * u64::from(self.stored.plan.policy.drain_timeout_minutes)),
        };
        let ended = watch.within(runner.run(operation.clone())).await;
        let operation = match ended {
            Some(ended) => ended.map_err(|halted| Error::Internal(halted.to_string()))?,
            None => log.last().unwrap_or(operation),
        };
        watch.wait().await;
        Ok((watch.close().await?, operation))
    }

    fn operation(&self, steps: Vec<plimsoll_domain::operation::StepRecord>) -> Result<Operation, Error> {
        let id = "rehearsal".parse().map_err(|error| Error::Internal(format!("{error}")))?;
        Ok(Operation {
            id,
            cluster: self.order.cluster.clone(),
            kind: Kind::ApplyPlan { plan: self.order.plan.clone() },
            state: State::Running,
            steps,
            failure: None,
            cancel_requested: false,
            actor: String::new(),
            create_time: self.start,
            update_time: self.start,
            revision: 1,
        })
    }

    /// A world with the cluster in it, watched.
    fn watch(&self, state: ClusterState) -> Result<Arc<Watch>, Error> {
        let SimulationOrder { cluster, hours, seed, faults, .. } = self.order;
        let scene = Scene {
            cluster: cluster.clone(),
            state,
            start: self.start,
            seed: *seed,
            catalog: Arc::clone(&self.catalog),
            mishaps: faults.iter().map(|fault| self.mishap(fault)).collect(),
        };
        let rehearsal = self.simulator.rehearse(scene).map_err(|error| Error::World(error.to_string()))?;
        let (catalog, cancelled) = (Arc::clone(&self.catalog), Arc::clone(&self.cancelled));
        Ok(Watch::new(cluster.clone(), rehearsal, catalog, *hours, cancelled))
    }

    fn mishap(&self, fault: &PlannedFault) -> Mishap {
        let later = |span: Duration| self.start.checked_add(span).unwrap_or(Timestamp::MAX);
        let end = fault.lasts.map(|lasts| later(fault.after.saturating_add(lasts)));
        Mishap { trouble: fault.trouble.clone(), begin: later(fault.after), end }
    }
}

fn outcome(books: &Books) -> Outcome {
    Outcome {
        cost_nano_usd: books.hours.iter().fold(0, |sum: i64, hour| sum.saturating_add(hour.cost_nano_usd)),
        interruption_count: books.interruption_count,
        toll: books.toll,
    }
}
