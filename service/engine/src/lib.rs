//! What we do: gathers what is known, has it planned, judged and remembered, and carries it out.
//!
//! Knows no wire, no SQL, no AWS: it sees [`Store`], [`Clock`] and a world's doors, and the pure rooms. Start at
//! [`Engine`], go on to [`planning`] and [`operations`].

mod clusters;
mod error;
mod gate;
mod imports;
pub mod metrics;
pub mod operations;
pub mod planning;
pub mod simulation;

use std::sync::Arc;

use plimsoll_domain::clock::Clock;
use plimsoll_domain::store::Store;
use plimsoll_domain::world::Simulator;
use tokio::sync::{Mutex, watch};

use gate::Gate;

pub use clusters::{Registration, ShownSnapshot};
pub use error::Error;
pub use imports::{Imported, PriceImport, SampleSummary, SnapshotImport};
pub use operations::{ApplyOrder, ResizeOrder, ShownGroup};
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
}

/// The service behind the doors. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    store: Arc<dyn Store>,
    clock: Arc<dyn Clock>,
    settings: Settings,
    /// Where plans are solved.
    gate: Gate,
    /// Where plans are tried out.
    stage: Gate,
    /// Held from reading a usage checkpoint to writing it, so that no two pushes lose one another's samples.
    usage_writer: Arc<Mutex<()>>,
    /// Where SIMULATED clusters live, if anywhere.
    simulator: Option<Arc<dyn Simulator>>,
    /// Counts writes of operations by this process.
    operations_changed: Arc<watch::Sender<u64>>,
}

impl Engine {
    /// Puts the engine together.
    pub fn new(store: Arc<dyn Store>, clock: Arc<dyn Clock>, settings: Settings) -> Self {
        metrics::describe();
        let gate = Gate::new(settings.plans_concurrent_max, settings.plans_waiting_max);
        let stage = Gate::new(simulation::CONCURRENT_MAX, settings.plans_waiting_max);
        Self {
            store,
            clock,
            settings,
            gate,
            stage,
            usage_writer: Arc::default(),
            simulator: None,
            operations_changed: Arc::new(watch::Sender::new(0)),
        }
    }

    /// The same with a world in which SIMULATED clusters live.
    #[must_use]
    pub fn with_simulator(self, simulator: Arc<dyn Simulator>) -> Self {
        Self { simulator: Some(simulator), ..self }
    }
}
