//! What runs beside requests: a table of tasks, and a supervisor that looks after each.
//!
//! A task is one look at the world that may be taken at any time and again: what it finds to do becomes an operation, a
//! snapshot, a catalog. Add a row to [`table`] to have something done every now and then.

pub(crate) mod catalog;
mod cost;
mod drift;
mod forsaken;
mod ingest;
mod interruption;
mod prices;
mod retention;
mod supervisor;
mod usage;

use std::sync::Arc;
use std::time::Duration;

use futures::future::BoxFuture;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::store::{ClusterRecord, Mode, PageRequest};
use plimsoll_domain::world::World;

pub use supervisor::{Health, Supervisor, start};

use crate::{Engine, Error};

/// Clusters that are read at once.
const PAGE_MAX: u32 = 1_000;

/// Why a look failed; for the log.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
/// One look.
pub type Look = Arc<dyn Fn() -> BoxFuture<'static, Result<(), Failure>> + Send + Sync>;

/// Something that is done every now and then.
#[derive(Clone)]
pub struct Task {
    /// Unique; a label of metrics.
    pub name: &'static str,
    /// Time from the end of a look to the next, by `clock`.
    pub period: Duration,
    /// The same in real time: it is never shorter, however fast `clock` is.
    pub pause_min: Duration,
    /// Longest a look may take, real time; then it is dropped and counts as failed.
    pub limit: Duration,
    /// What the period is measured by: a simulated world's clock for what happens there.
    pub clock: Arc<dyn Clock>,
    /// What is done.
    pub look: Look,
}

/// Time from one look to the next, for each task: of the world that it looks at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Periods {
    /// Reading clusters anew.
    pub ingest: Duration,
    /// Reading spot prices of clusters' own pools anew.
    pub prices: Duration,
    /// Age from which on prices of a LIVE cluster's region are asked for; none: never, what is imported counts.
    pub catalog: Option<Duration>,
    /// Taking up operations that nobody runs; of real time.
    pub operations: Duration,
    /// Looking for what others changed.
    pub drift: Duration,
    /// Looking for machines that will be taken back.
    pub interruption: Duration,
    /// Accounting for costs.
    pub cost: Duration,
    /// Dropping what is old; of real time.
    pub retention: Duration,
    /// How long plans, operations and what they rest on are kept.
    pub keep: Duration,
    /// Most snapshots of a cluster that are kept beside those that plans rest on.
    pub snapshots_max: u32,
}

/// Everything that is done every now and then.
pub fn table(engine: &Engine, periods: &Periods) -> Vec<Task> {
    const SECOND: Duration = Duration::from_secs(1);
    const MINUTE: Duration = Duration::from_secs(60);
    let here = Arc::clone(&engine.clock);
    let there =
        engine.simulator.as_ref().map_or_else(|| Arc::clone(&here), |simulator| simulator.world().clock);
    let task = |name, period, pause_min, limit, clock: &Arc<dyn Clock>, look| Task {
        name,
        period,
        pause_min,
        limit,
        clock: Arc::clone(clock),
        look,
    };
    let keep = (periods.keep, periods.snapshots_max);
    let mut table = vec![
        // Two minutes' notice is a fifth of a second in a world 600 times as fast.
        task(
            "interruption",
            periods.interruption,
            SECOND / 20,
            MINUTE,
            &there,
            look(engine, interruption::look),
        ),
        task("operations", periods.operations, SECOND / 10, MINUTE, &here, look(engine, forsaken::look)),
        task("drift", periods.drift, SECOND, MINUTE, &there, look(engine, drift::look)),
        task("ingest", periods.ingest, 10 * SECOND, 10 * MINUTE, &there, look(engine, ingest::look)),
        task("prices", periods.prices, MINUTE, 10 * MINUTE, &there, look(engine, prices::look)),
        task("retention", periods.retention, MINUTE, 10 * MINUTE, &here, {
            look(engine, move |engine| retention::look(engine, keep.0, keep.1))
        }),
    ];
    if let Some(age) = periods.catalog {
        // A region that has no prices does not wait for long, nor does one that could not be asked.
        let work = look(engine, move |engine| catalog::look(engine, age));
        table.push(task("catalog", age.min(MINUTE), SECOND / 20, 10 * MINUTE, &here, work));
    }
    if engine.ledger.is_some() {
        let period = periods.cost;
        let work = look(engine, move |engine| cost::look(engine, period));
        table.push(task("cost", period, SECOND / 20, 10 * MINUTE, &there, work));
    }
    table
}

fn look<F>(engine: &Engine, work: impl Fn(Engine) -> F + Send + Sync + 'static) -> Look
where
    F: Future<Output = Result<(), Error>> + Send + 'static,
{
    let engine = engine.clone();
    Arc::new(move || {
        let look = work(engine.clone());
        Box::pin(async move { look.await.map_err(Failure::from) })
    })
}

impl Engine {
    /// Clusters that can be reached, each with its world.
    pub(crate) async fn reachable(&self) -> Result<Vec<(ClusterRecord, World)>, Error> {
        let mut found = Vec::new();
        let mut token = String::new();
        loop {
            let page = self.store.clusters(&PageRequest { size: PAGE_MAX, token }).await?;
            for record in page.items.into_iter().filter(|record| record.mode != Mode::Offline) {
                if let Ok(world) = self.world_of(&record) {
                    found.push((record, world));
                }
            }
            token = page.next_token;
            if token.is_empty() {
                return Ok(found);
            }
        }
    }
}

/// Looks at each cluster in turn; one that fails keeps none from being looked at.
async fn each<F>(engine: &Engine, look: impl Fn(ClusterRecord, World) -> F) -> Result<(), Error>
where
    F: Future<Output = Result<(), Error>>,
{
    let mut first = Ok(());
    for (record, world) in engine.reachable().await? {
        let cluster = record.id.clone();
        if let Err(why) = look(record, world).await {
            tracing::warn!(%cluster, %why, "a look at a cluster failed");
            first = first.and(Err(why));
        }
    }
    first
}
