//! Carries operations out, one step after the other. What it does is in the store before it acts and after, so that
//! another process can go on where this one died.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use plimsoll_domain::operation::{Failure, Operation, Progress, State, Step};
use plimsoll_domain::store::StoreError;
use plimsoll_domain::world::World;
use tokio::sync::watch;
use tracing::{info, warn};

use super::act::{Hands, StepError};
use super::gate::Gate;
use super::logbook::Logbook;

/// Tries of one step that does not reach its end, before the operation is undone or stuck.
const ATTEMPTS_MAX: u32 = 5;
/// Wait after the first try; doubled after each.
const BACKOFF: Duration = Duration::from_secs(10);
/// Longest pause before a closed gate is asked again: somebody may change the policy, or cancel.
const GATE_PAUSE: Duration = Duration::from_secs(60);
/// Shortest such pause.
const GATE_PAUSE_MIN: Duration = Duration::from_secs(1);
/// Tries of taking one step back.
const UNDO_ATTEMPTS_MAX: u32 = 20;

/// Runs one operation in one world.
pub struct Runner {
    /// Where every step is written down.
    pub store: Arc<dyn Logbook>,
    /// What it acts on.
    pub world: World,
    /// Called after each write.
    pub changed: Arc<dyn Fn() + Send + Sync>,
    /// Says when a step may begin.
    pub gate: Arc<dyn Gate>,
    /// Longest wait for one node to be drained.
    pub drain_timeout: Duration,
}

/// The runner cannot go on: the store failed, or another runner has taken over. The operation stands as it was written
/// last; whoever runs it next begins there.
#[derive(Debug, thiserror::Error)]
#[error("the operation could not be written down")]
pub struct Halted(#[from] pub StoreError);

impl Runner {
    /// Drives an operation to its end, or to STUCK.
    ///
    /// # Errors
    /// [`Halted`]; nothing was done that is not written down as begun.
    pub async fn run(&self, mut operation: Operation) -> Result<Operation, Halted> {
        operation = operation.resumed();
        // Tries of the present step by this runner: what an earlier one spent says nothing about the world now.
        let (mut present, mut tries) = (None, 0);
        while operation.state == State::Running {
            let Some(index) = operation.next_step() else {
                operation.state = State::Succeeded;
                operation = self.write(operation).await?;
                info!(operation = %operation.id, "operation succeeded");
                return Ok(operation);
            };
            operation = self.wait_for_turn(operation, index).await?;
            tries = if present == Some(index) { tries + 1 } else { 1 };
            present = Some(index);
            operation = self.forward(operation, index, tries).await?;
        }
        if operation.state == State::Undoing {
            operation = self.undo(operation).await?;
        }
        Ok(operation)
    }

    /// Waits until the gate lets a step begin, or the operation's end is asked for. What it waits for is written down.
    async fn wait_for_turn(&self, mut operation: Operation, index: usize) -> Result<Operation, Halted> {
        loop {
            let now = self.world.clock.now();
            let step = operation.steps[index].step.clone();
            let closed = self.gate.closed(&operation, &step, now).await?;
            let Some(closed) = closed.filter(|_| !operation.cancel_requested) else { return Ok(operation) };
            if operation.steps[index].note != closed.why {
                info!(operation = %operation.id, why = closed.why, "operation waits");
                operation.steps[index].note = closed.why;
                operation = self.write(operation).await?;
            }
            let left = Duration::try_from(closed.until.duration_since(now)).unwrap_or_default();
            self.world.clock.sleep(left.clamp(GATE_PAUSE_MIN, GATE_PAUSE)).await;
            operation.cancel_requested = self.store.cancels(&operation).await?;
        }
    }

    async fn forward(&self, mut operation: Operation, index: usize, tries: u32) -> Result<Operation, Halted> {
        // Begun by an earlier runner counts: pods may have moved.
        let was_committed = operation.is_committed();
        if operation.cancel_requested && !was_committed {
            return self.turn_back(operation, "CANCELLED", "it was cancelled".to_owned()).await;
        }
        let record = &mut operation.steps[index];
        record.progress = Progress::Running;
        record.note.clear();
        record.attempts += 1;
        record.start_time.get_or_insert_with(|| self.world.clock.now());
        let step = record.step.clone();
        operation = self.write(operation).await?;
        if operation.cancel_requested && !was_committed && step.commits() {
            // Nothing of it is done yet.
            operation.steps[index].progress = Progress::Pending;
            return self.turn_back(operation, "CANCELLED", "it was cancelled".to_owned()).await;
        }
        let (begun, notes) = (operation.clone(), watch::Sender::default());
        let (created, staying) = (created(&begun), staying(&begun));
        let hands = self.hands(&begun, &created, &staying, &notes);
        let outcome = self.noting(&mut operation, index, &notes, hands.act(&step)).await?;
        let record = &mut operation.steps[index];
        match outcome {
            Ok(()) => {
                record.progress = Progress::Done;
                record.note.clear();
                record.end_time = Some(self.world.clock.now());
                self.write(operation).await
            }
            Err(StepError::Again(why)) if tries < ATTEMPTS_MAX => {
                record.note = why;
                operation = self.write(operation).await?;
                self.world.clock.sleep(BACKOFF * 2_u32.pow(tries - 1)).await;
                Ok(operation)
            }
            Err(StepError::Again(why)) => self.give_up(operation, index, "GAVE_UP", why).await,
            Err(StepError::Hopeless { reason, message }) => {
                self.give_up(operation, index, reason, message).await
            }
        }
    }

    /// Carries something out, and writes down what it waits for meanwhile.
    async fn noting<T>(
        &self,
        operation: &mut Operation,
        index: usize,
        notes: &watch::Sender<String>,
        act: impl Future<Output = T>,
    ) -> Result<T, Halted> {
        let (mut act, mut heard) = (pin!(act), notes.subscribe());
        loop {
            tokio::select! {
                biased;
                end = &mut act => return Ok(end),
                Ok(()) = heard.changed() => {
                    operation.steps[index].note.clone_from(&heard.borrow_and_update());
                    *operation = self.write(operation.clone()).await?;
                }
            }
        }
    }

    /// What becomes of an operation whose step cannot be done: back if there is a way back, else stuck.
    async fn give_up(
        &self,
        mut operation: Operation,
        index: usize,
        reason: &str,
        message: String,
    ) -> Result<Operation, Halted> {
        let record = &mut operation.steps[index];
        record.note.clone_from(&message);
        if !operation.is_committed() {
            return self.turn_back(operation, reason, message).await;
        }
        record_end(&mut operation, index, Progress::Failed, self);
        // Nobody can say how long it will be stuck: pods have to find room meanwhile.
        let (created, staying) = (created(&operation), staying(&operation));
        let unheard = watch::Sender::default();
        let hands = self.hands(&operation, &created, &staying, &unheard);
        if let Err(why) = hands.open(&created, &staying).await {
            warn!(operation = %operation.id, %why, "nodes are left closed");
        }
        operation.state = State::Stuck;
        warn!(operation = %operation.id, reason, message, "operation is stuck");
        operation.failure = Some(Failure { reason: reason.to_owned(), message });
        self.write(operation).await
    }

    async fn turn_back(
        &self,
        mut operation: Operation,
        reason: &str,
        message: String,
    ) -> Result<Operation, Halted> {
        warn!(operation = %operation.id, reason, message, "operation is taken back");
        operation.state = State::Undoing;
        operation.failure = Some(Failure { reason: reason.to_owned(), message });
        self.write(operation).await
    }

    /// Takes back what was begun, the last first.
    async fn undo(&self, mut operation: Operation) -> Result<Operation, Halted> {
        for index in (0..operation.steps.len()).rev() {
            let begun = !matches!(operation.steps[index].progress, Progress::Pending | Progress::Undone);
            if !begun {
                continue;
            }
            let step = operation.steps[index].step.clone();
            if let Err(why) = self.undo_step(&mut operation, index, &step).await? {
                operation.steps[index].note = why.to_string();
                operation.state = State::Stuck;
                warn!(operation = %operation.id, %why, "operation cannot be taken back");
                return self.write(operation).await;
            }
            operation.steps[index].note.clear();
            record_end(&mut operation, index, Progress::Undone, self);
            operation = self.write(operation).await?;
        }
        let was_cancelled = operation.failure.as_ref().is_some_and(|failure| failure.reason == "CANCELLED");
        operation.state = if was_cancelled { State::Cancelled } else { State::Failed };
        self.write(operation).await
    }

    async fn undo_step(
        &self,
        operation: &mut Operation,
        index: usize,
        step: &Step,
    ) -> Result<Result<(), StepError>, Halted> {
        let (begun, notes) = (operation.clone(), watch::Sender::default());
        let (created, staying) = (created(&begun), staying(&begun));
        let hands = self.hands(&begun, &created, &staying, &notes);
        let mut attempt = 1;
        loop {
            match self.noting(operation, index, &notes, hands.undo(step)).await? {
                Err(StepError::Again(_)) if attempt < UNDO_ATTEMPTS_MAX => {
                    self.world.clock.sleep(BACKOFF).await;
                    attempt += 1;
                }
                end => return Ok(end),
            }
        }
    }

    fn hands<'a>(
        &'a self,
        operation: &'a Operation,
        created: &'a [String],
        staying: &'a [String],
        notes: &'a watch::Sender<String>,
    ) -> Hands<'a> {
        let drain_timeout = self.drain_timeout;
        let (cluster, id) = (&operation.cluster, &operation.id);
        Hands { world: &self.world, cluster, operation: id, created, staying, notes, drain_timeout }
    }

    async fn write(&self, mut operation: Operation) -> Result<Operation, Halted> {
        operation.update_time = self.world.clock.now();
        let written = self.store.write(&operation).await?;
        (self.changed)();
        Ok(written)
    }
}

fn record_end(operation: &mut Operation, index: usize, progress: Progress, runner: &Runner) {
    let record = &mut operation.steps[index];
    record.progress = progress;
    record.end_time = Some(runner.world.clock.now());
}

/// Groups that an operation makes.
fn created(operation: &Operation) -> Vec<String> {
    let name = |record: &plimsoll_domain::operation::StepRecord| match &record.step {
        Step::EnsureGroup { spec } => Some(spec.name.clone()),
        _ => None,
    };
    operation.steps.iter().filter_map(name).collect()
}

/// Nodes that stay, as the operation lists them.
fn staying(operation: &Operation) -> Vec<String> {
    let nodes = |record: &plimsoll_domain::operation::StepRecord| match &record.step {
        Step::Open { nodes, .. } => Some(nodes.clone()),
        _ => None,
    };
    operation.steps.iter().find_map(nodes).unwrap_or_default()
}
