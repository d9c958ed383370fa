//! Looks after tasks: each again and again, one that fails later, one that panics or hangs anew.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::clock::Clock;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::{Failure, Task};
use crate::metrics;

/// Real time that a task waits beyond its period after a failure; doubled with each in a row.
const BACKOFF: Duration = Duration::from_secs(1);
/// Longest such wait.
const BACKOFF_MAX: Duration = Duration::from_secs(5 * 60);
/// Failures in a row that make a task unwell: one or two are the weather.
const FAILURES_MAX: u32 = 3;
/// Real time that looks under way may take to end when the process does.
const STOP_WAIT: Duration = Duration::from_secs(3);

/// How a task does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Health {
    /// Its name.
    pub task: &'static str,
    /// End of its last look that was good, by the process's clock; none: there was none yet.
    pub last_success: Option<Timestamp>,
    /// Looks that failed since.
    pub failures: u32,
    /// Times that it panicked or hung, and was begun anew.
    pub restarts: u64,
}

impl Health {
    /// Whether it does what it is there for.
    pub fn is_well(&self) -> bool {
        self.failures < FAILURES_MAX
    }
}

/// Tasks that are looked after. Dropped, they end where they are.
pub struct Supervisor {
    health: watch::Receiver<Vec<Health>>,
    stopping: CancellationToken,
    nurses: JoinSet<()>,
}

/// Begins to look after tasks. The first look of each comes after its period. `clock` is the process's.
pub fn start(table: Vec<Task>, clock: &Arc<dyn Clock>) -> Supervisor {
    let fresh = |task: &Task| Health { task: task.name, last_success: None, failures: 0, restarts: 0 };
    let (sender, health) = watch::channel(table.iter().map(fresh).collect());
    let (stopping, mut nurses) = (CancellationToken::new(), JoinSet::new());
    let sender = Arc::new(sender);
    for (index, task) in table.into_iter().enumerate() {
        let nurse = Nurse {
            task,
            index,
            clock: Arc::clone(clock),
            health: Arc::clone(&sender),
            stopping: stopping.clone(),
        };
        nurses.spawn(nurse.look_after());
    }
    Supervisor { health, stopping, nurses }
}

impl Supervisor {
    /// How each task does, in the order of the table; changes are told.
    pub fn health(&self) -> watch::Receiver<Vec<Health>> {
        self.health.clone()
    }

    /// Begins no look any more, and waits a while for those under way.
    pub async fn stop(mut self) {
        self.stopping.cancel();
        let ended = async { while self.nurses.join_next().await.is_some() {} };
        if tokio::time::timeout(STOP_WAIT, ended).await.is_err() {
            warn!("tasks that do not end are dropped");
        }
    }
}

/// Looks after one task.
struct Nurse {
    task: Task,
    /// Of the task in the table.
    index: usize,
    clock: Arc<dyn Clock>,
    health: Arc<watch::Sender<Vec<Health>>>,
    stopping: CancellationToken,
}

/// How a look ended.
enum End {
    Good,
    Failed(Failure),
    /// It panicked or hung.
    Lost(String),
}

impl Nurse {
    async fn look_after(self) {
        let mut failures = 0;
        while self.stopping.run_until_cancelled(self.pause(failures)).await.is_some() {
            let start = self.clock.monotonic();
            let end = self.look().await;
            let seconds = self.clock.monotonic().saturating_sub(start).as_secs_f64();
            failures = self.note(&end);
            metrics::looked(&self.health.borrow()[self.index], seconds);
        }
    }

    /// The period by the task's own clock, but never less than its shortest pause of real time.
    async fn pause(&self, failures: u32) {
        let backoff = match failures {
            0 => Duration::ZERO,
            count => BACKOFF.saturating_mul(1 << (count - 1).min(16)).min(BACKOFF_MAX),
        };
        let floor = self.clock.sleep(self.task.pause_min.saturating_add(backoff));
        tokio::join!(self.task.clock.sleep(self.task.period), floor);
    }

    async fn look(&self) -> End {
        let mut look = AbortOnDrop(tokio::spawn((self.task.look)()));
        let ended = tokio::select! {
            ended = &mut look.0 => ended,
            () = self.clock.sleep(self.task.limit) => {
                return End::Lost(format!("it took longer than {:?}", self.task.limit));
            }
        };
        match ended {
            Ok(Ok(())) => End::Good,
            Ok(Err(why)) => End::Failed(why),
            Err(panic) => End::Lost(panic.to_string()),
        }
    }

    /// Writes down how a look ended; how many failed in a row now.
    fn note(&self, end: &End) -> u32 {
        let now = self.clock.now();
        let mut failures = 0;
        self.health.send_modify(|all| {
            let health = &mut all[self.index];
            match end {
                End::Good => {
                    if !health.is_well() {
                        info!(task = health.task, "task is well again");
                    }
                    *health = Health { last_success: Some(now), failures: 0, ..*health };
                }
                End::Failed(_) => health.failures = health.failures.saturating_add(1),
                End::Lost(_) => {
                    health.failures = health.failures.saturating_add(1);
                    health.restarts += 1;
                }
            }
            failures = health.failures;
        });
        let why = match end {
            End::Good => return failures,
            End::Failed(why) => why.to_string(),
            End::Lost(why) => why.clone(),
        };
        match failures {
            FAILURES_MAX => error!(task = self.task.name, failures, why, "task is unwell"),
            _ => warn!(task = self.task.name, failures, why, "task failed, and is tried again"),
        }
        failures
    }
}

struct AbortOnDrop(tokio::task::JoinHandle<Result<(), Failure>>);

impl Drop for AbortOnDrop {
    fn drop(&mut self) {
        self.0.abort();
    }
}

#[cfg(test)]
mod tests;
