//! What we do: gathers what is known, has it planned, judged and remembered, and carries it out.
//!
//! Knows no wire, no SQL, no AWS: it sees [`Store`], [`Clock`] and a world's doors, and the pure rooms. Start at
//! [`Engine`], go on to [`planning`], [`operations`] and [`tasks`].

mod clusters;
mod costs;
mod error;
mod imports;
pub mod metrics;
pub mod operations;
mod places;
pub mod planning;
pub mod schedule;
pub mod simulation;
pub mod tasks;

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::Arc;

use plimsoll_domain::clock::Clock;
use plimsoll_domain::ledger::Ledger;
use plimsoll_domain::store::Store;
use plimsoll_domain::world::{Atlas, Simulator};
use tokio::sync::{Mutex, watch};

use operations::Keeper;
use places::Places;

pub use clusters::{Registration, ShownSnapshot};
pub use costs::{CostOrder, Costs, ForecastReport, GROUP_BY_MAX, SavingsReport, WasteReport, Window};
pub use error::Error;
pub use imports::{Imported, PriceImport, SampleSummary, SnapshotImport};
pub use operations::{
    ApplyOrder, CreateOrder, DeleteOrder, Leftover, Proposal, ResizeOrder, ShownGroup, UpgradeOrder,
};
pub use planning::{Explanation, PlanOrder, Progress};
pub use simulation::{Simulation, SimulationOrder};

/// Limits of one process.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Plans that are solved at the same time; the others wait. At least 1.
    pub plans_concurrent_max: usize,
    /// Plans that may wait for a place; one more is refused.
    pub plans_waiting_max: usize,
    /// Time to solve where the caller names none.
    pub time_budget_default: std::time::Duration,
    /// Longest time to solve that a caller may ask for.
    pub time_budget_max: std::time::Duration,
    /// Name of this process among those that share a store. Empty: it is made up, and a process that is started in
    /// place of one that died waits until that one's leases are over.
    pub holder: String,
}

/// The service behind the doors. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    /// Where plans are solved.
    desks: Places,
    /// Where plans are tried out.
    stage: Places,
    /// One place per question about costs.
    books: Places,
    /// Held from reading a usage checkpoint to writing it, so that no two pushes lose one another's samples.
    usage_writer: Arc<Mutex<()>>,
    /// Where SIMULATED clusters live, if anywhere.
    simulator: Option<Arc<dyn Simulator>>,
    /// The way to LIVE clusters, if there is one.
    atlas: Option<Arc<dyn Atlas>>,
    /// Where costs are written down, if anywhere.
    ledger: Option<Arc<dyn Ledger>>,
    /// Counts writes of operations by this process.
    operations_changed: Arc<watch::Sender<u64>>,
    /// Operations that this process runs.
    keeper: Keeper,
}

impl Engine {
    /// Puts the engine together.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        metrics::describe();
        let desks = Places::new(settings.plans_concurrent_max, settings.plans_waiting_max);
        let books = Places::new(costs::CONCURRENT_MAX, settings.plans_waiting_max);
        let stage = Places::new(simulation::CONCURRENT_MAX, settings.plans_waiting_max);
        let made_up = || format!("{:016x}", RandomState::new().build_hasher().finish());
        let keeper = match settings.holder.as_str() {
            "" => Keeper::new(&made_up()),
            name => Keeper::new(name),
        };
        Self {
            store,
            clock,
            settings,
            desks,
            stage,
            books,
            usage_writer: Arc::default(),
            simulator: None,
            atlas: None,
            ledger: None,
            operations_changed: Arc::new(watch::Sender::new(0)),
            keeper,
        }
    }

    /// The same with a world in which SIMULATED clusters live.
    #[must_use]
    pub fn with_simulator(self, simulator: Arc<dyn Simulator>) -> Self {
        Self { simulator: Some(simulator), ..self }
    }

    /// The same with a way to LIVE clusters.
    #[must_use]
    pub fn with_atlas(self, atlas: Arc<dyn Atlas>) -> Self {
        Self { atlas: Some(atlas), ..self }
    }

    /// The same with a ledger.
    #[must_use]
    pub fn with_ledger(self, ledger: Arc<dyn Ledger>) -> Self {
        Self { ledger: Some(ledger), ..self }
    }
}
