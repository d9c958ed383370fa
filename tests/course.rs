//! An operation that a runner carries out in some world, and the deaths of that runner's process.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use futures::FutureExt;
use plimsoll_domain::operation::{Operation, Progress, State, StepRecord};
use plimsoll_domain::store::{Store, StoreError};
use plimsoll_domain::world::World;
use plimsoll_engine::operations::{Logbook, Runner, gate};
use plimsoll_store::Sqlite;

/// One operation, written down in one store.
pub struct Course {
    store: Sqlite,
    operation: Operation,
    /// The world's doors, as a process that starts now has them.
    world: Box<dyn Fn() -> World + Send + Sync>,
}

impl Course {
    pub fn new(
        store: &Sqlite,
        operation: Operation,
        world: impl Fn() -> World + Send + Sync + 'static,
    ) -> Self {
        Self { store: store.clone(), operation, world: Box::new(world) }
    }

    /// Runs to the end.
    pub async fn run(&self) -> Operation {
        let operation = self.store.operation(&self.operation.id).await.unwrap();
        runner(Arc::new(self.store.clone()), (self.world)()).run(operation).await.unwrap()
    }

    /// Runs until the process dies, right after it wrote down that a step has come so far.
    pub async fn run_until_death(&self, step: usize, progress: Progress) {
        let operation = self.store.operation(&self.operation.id).await.unwrap();
        let mortal = Mortal { store: self.store.clone(), step, progress };
        let runner = runner(Arc::new(mortal), (self.world)());
        let died = AssertUnwindSafe(runner.run(operation)).catch_unwind().await;
        assert!(died.is_err_and(|cause| cause.is::<Died>()), "step {step} never was {progress:?}");
    }

    /// Forgets that a step was done, as if the process had died between its end and the write of it.
    pub async fn forget(&self, step: usize) {
        let mut operation = self.store.operation(&self.operation.id).await.unwrap();
        assert_eq!(operation.steps[step].progress, Progress::Done);
        operation.steps[step].progress = Progress::Running;
        self.store.update_operation(&operation).await.unwrap();
    }
}

/// An operation as it was before its first step.
pub fn unbegun(model: &Operation) -> Operation {
    let steps = model.steps.iter().map(|record| StepRecord::new(record.step.clone())).collect();
    Operation { steps, state: State::Running, failure: None, revision: 1, ..model.clone() }
}

/// A runner that waits for no window.
fn runner(store: Arc<dyn Logbook>, world: World) -> Runner {
    let (changed, gate) = (Arc::new(|| ()), Arc::new(gate::Open));
    Runner { store, world, changed, gate, drain_timeout: Duration::from_secs(15 * 60) }
}

/// A logbook whose process ends without a word once it wrote something.
struct Mortal {
    store: Sqlite,
    step: usize,
    progress: Progress,
}

/// Such an end.
struct Died;

#[async_trait]
impl Logbook for Mortal {
    async fn write(&self, operation: &Operation) -> Result<Operation, StoreError> {
        let written = self.store.update_operation(operation).await?;
        if written.steps[self.step].progress == self.progress {
            std::panic::resume_unwind(Box::new(Died));
        }
        Ok(written)
    }

    async fn cancels(&self, operation: &Operation) -> Result<bool, StoreError> {
        Ok(self.store.operation(&operation.id).await?.cancel_requested)
    }
}
