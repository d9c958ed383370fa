//! Group commit: writes that arrive while another one waits for the disk share the next transaction, and its one wait.
//!
//! There is one writer for a database, a task of its own: a caller that goes away takes nothing with it, and no two writes
//! ever wait for one another's lock. A write is data ([`Work`]) that can be run again: if the database fails in the midst
//! of a shared transaction, nothing of it stands, and each write is tried in a transaction of its own. Nobody is answered
//! before what the answer says is on the disk.

use std::sync::Arc;

use async_trait::async_trait;
use plimsoll_domain::store::StoreError;
use sqlx::{SqliteConnection, SqlitePool};
use tokio::sync::{mpsc, oneshot};

use super::database;
use crate::body::failed;

/// Writes that share a transaction. A small one takes some 0.2 ms, so that nobody waits longer than 50 ms for others.
const BATCH_MAX: usize = 200;
/// Writes that wait for the writer: four seconds of a thousand a second, less than a caller's patience. One more is
/// refused.
pub const WAITING_MAX: usize = 4_000;

/// A write: what it does within a transaction.
#[async_trait]
pub trait Work: Send + Sync + 'static {
    /// What comes of it.
    type Done: Send + 'static;
    /// Does it. What it did is taken back if it returns an error, and it may be run again then.
    async fn run(&self, connection: &mut SqliteConnection) -> Result<Self::Done, StoreError>;
}

/// The way to the writer. Cheap to clone; the writer ends with the last of them.
#[derive(Clone, Debug)]
pub struct Writer {
    queue: mpsc::Sender<Box<dyn Job>>,
}

impl Writer {
    /// Starts the writer of a database.
    pub fn start(pool: SqlitePool) -> Self {
        let (queue, mut waiting) = mpsc::channel::<Box<dyn Job>>(WAITING_MAX);
        tokio::spawn(async move {
            let mut batch = Vec::new();
            while 0 < waiting.recv_many(&mut batch, BATCH_MAX).await {
                let committed = commit(pool.clone(), std::mem::take(&mut batch));
                // In a task of its own: a write that panics is told so, and takes only its batch with it.
                if tokio::spawn(committed).await.is_err()
                    && let Ok(mut connection) = pool.acquire().await
                {
                    let _ = say(&mut connection, "ROLLBACK").await;
                }
            }
        });
        Self { queue }
    }

    /// Has a write carried out. Also done to its end if the caller does not wait for it.
    ///
    /// # Errors
    /// What the write returned; [`StoreError::Overloaded`] if [`WAITING_MAX`] wait; [`StoreError::Failed`] and
    /// [`StoreError::Full`] if nothing of it stands because the database failed.
    pub async fn write<W: Work>(&self, work: W) -> Result<W::Done, StoreError> {
        let (caller, answer) = oneshot::channel();
        let job = Box::new(Order { work, caller, outcome: None });
        self.queue.try_send(job).map_err(|refused| match refused {
            mpsc::error::TrySendError::Full(_) => StoreError::Overloaded { waiting: WAITING_MAX },
            mpsc::error::TrySendError::Closed(_) => ended(),
        })?;
        answer.await.unwrap_or_else(|_| Err(ended()))
    }
}

fn ended() -> StoreError {
    StoreError::Failed("the writer of the database ended".into())
}

/// A write of any kind on its way through a transaction.
#[async_trait]
trait Job: Send {
    /// Runs it, and keeps what came of it until it is told.
    async fn run(&mut self, connection: &mut SqliteConnection) -> End;
    /// Answers the caller with what came of it.
    fn tell(self: Box<Self>);
    /// Answers the caller that nothing of it stands.
    fn fail(self: Box<Self>, why: StoreError);
}

/// How a write ran.
enum End {
    /// What it did is to stand.
    Done,
    /// It refused, and did nothing.
    Refused,
    /// The database failed under it.
    Broken(StoreError),
}

struct Order<W: Work> {
    work: W,
    caller: oneshot::Sender<Result<W::Done, StoreError>>,
    outcome: Option<Result<W::Done, StoreError>>,
}

#[async_trait]
impl<W: Work> Job for Order<W> {
    async fn run(&mut self, connection: &mut SqliteConnection) -> End {
        let (outcome, end) = match self.work.run(connection).await {
            Ok(done) => (Some(Ok(done)), End::Done),
            Err(why @ (StoreError::Failed(_) | StoreError::Full)) => (None, End::Broken(why)),
            Err(why) => (Some(Err(why)), End::Refused),
        };
        self.outcome = outcome;
        end
    }

    fn tell(self: Box<Self>) {
        // Who does not listen any more finds it in the database.
        let _ = self.caller.send(self.outcome.unwrap_or_else(|| Err(ended())));
    }

    fn fail(self: Box<Self>, why: StoreError) {
        let _ = self.caller.send(Err(why));
    }
}

/// Carries a batch out: in one transaction, or, where the database fails in its midst, each write in its own.
async fn commit(pool: SqlitePool, mut batch: Vec<Box<dyn Job>>) {
    match transact(&pool, &mut batch).await {
        Ok(()) => batch.into_iter().for_each(|job| job.tell()),
        Err(Failure::Locked(why)) => {
            let why = Arc::new(why);
            batch.into_iter().for_each(|job| job.fail(failed(Arc::clone(&why))));
        }
        Err(Failure::Broken(why)) if batch.len() == 1 => {
            batch.into_iter().zip([why]).for_each(|(job, why)| job.fail(why));
        }
        Err(Failure::Broken(_)) => {
            for job in batch {
                Box::pin(commit(pool.clone(), vec![job])).await;
            }
        }
    }
}

/// Why a transaction does not stand.
enum Failure {
    /// It did not begin: another process has the file.
    Locked(sqlx::Error),
    /// The database failed in its midst.
    Broken(StoreError),
}

/// Statements instead of sqlx's transactions, which lose count where SQLite takes one back by itself: on a full disk.
async fn transact(pool: &SqlitePool, batch: &mut [Box<dyn Job>]) -> Result<(), Failure> {
    let mut connection = pool.acquire().await.map_err(Failure::Locked)?;
    // Takes the write lock at once, so that what is read inside stays true.
    say(&mut connection, "BEGIN IMMEDIATE").await.map_err(Failure::Locked)?;
    let run = run_all(&mut connection, batch).await;
    if run.is_err() {
        // There may be nothing left to take back.
        let _ = say(&mut connection, "ROLLBACK").await;
    }
    run.map_err(Failure::Broken)
}

async fn run_all(connection: &mut SqliteConnection, batch: &mut [Box<dyn Job>]) -> Result<(), StoreError> {
    for job in batch {
        say(connection, "SAVEPOINT work").await.map_err(database)?;
        match job.run(connection).await {
            End::Done => {}
            End::Refused => say(connection, "ROLLBACK TO work").await.map_err(database)?,
            End::Broken(why) => return Err(why),
        }
        say(connection, "RELEASE work").await.map_err(database)?;
    }
    say(connection, "COMMIT").await.map_err(database)
}

async fn say(connection: &mut SqliteConnection, words: &'static str) -> Result<(), sqlx::Error> {
    sqlx::query(words).execute(connection).await.map(drop)
}
