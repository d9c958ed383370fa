//! A rehearsal's clock that stops at every full hour to keep the books, and for good at the end.
//!
//! Whoever acts in the rehearsal sleeps on this clock, so no hour goes by unseen, and all happens in one task.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::rehearsal::{Rehearsal, Toll};
use plimsoll_domain::world::World;
use tokio::sync::Mutex;
use tokio_util::sync::CancellationToken;

use super::bill::{self, Tariff};
use crate::Error;

const HOUR: Duration = Duration::from_secs(3600);

/// One hour of one world.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Entry {
    /// What machines cost in it, in nano-USD.
    pub cost_nano_usd: i64,
    /// Pods that wait at its end.
    pub pending_count: u32,
}

/// What is known of a world, hour by hour.
#[derive(Default)]
pub struct Books {
    /// The hours.
    pub hours: Vec<Entry>,
    /// Machines that the cloud took back.
    pub interruption_count: u32,
    /// Instance types whose price nobody knows.
    pub unpriced: BTreeSet<String>,
    /// What was counted until the last full hour.
    pub toll: Toll,
    /// Why the books end early.
    fault: Option<String>,
}

/// The clock, and the books that it keeps.
pub struct Watch {
    cluster: ClusterId,
    rehearsal: Arc<dyn Rehearsal>,
    catalog: Arc<Catalog>,
    world: World,
    start: Timestamp,
    hours: usize,
    books: Mutex<Books>,
    over: CancellationToken,
    cancelled: Arc<AtomicBool>,
}

impl Watch {
    /// Over a rehearsal that begins now and is watched for so many hours, or until somebody cancels it.
    pub fn new(
        cluster: ClusterId,
        rehearsal: Arc<dyn Rehearsal>,
        catalog: Arc<Catalog>,
        hours: u32,
        cancelled: Arc<AtomicBool>,
    ) -> Arc<Self> {
        let world = rehearsal.world();
        let start = world.clock.now();
        let (books, over) = (Mutex::default(), CancellationToken::new());
        let hours = hours as usize;
        Arc::new(Self { cluster, rehearsal, catalog, world, start, hours, books, over, cancelled })
    }

    /// The world, on this clock.
    pub fn world(self: &Arc<Self>) -> World {
        World { clock: Arc::clone(self) as Arc<dyn Clock>, ..self.world.clone() }
    }

    /// Does something in the world as long as it is watched; none if time ran out first.
    pub async fn within<T>(&self, act: impl Future<Output = T>) -> Option<T> {
        tokio::select! {
            biased;
            () = self.over.cancelled() => None,
            done = act => Some(done),
        }
    }

    /// Lets the rest of the time go by.
    pub async fn wait(&self) {
        self.within(async {
            loop {
                self.sleep(HOUR).await;
            }
        })
        .await;
    }

    /// The books, once time has run out.
    ///
    /// # Errors
    /// [`Error::Cancelled`] if somebody did; [`Error::World`] if the world could not be asked.
    pub async fn close(&self) -> Result<Books, Error> {
        let books = std::mem::take(&mut *self.books.lock().await);
        match &books.fault {
            Some(why) => Err(Error::World(why.clone())),
            None if books.hours.len() < self.hours => Err(Error::Cancelled),
            None => Ok(books),
        }
    }

    /// The end of a full hour, counted from 0.
    fn end_of(&self, hour: usize) -> Timestamp {
        let seconds = HOUR.as_secs().saturating_mul(hour as u64 + 1);
        let span = SignedDuration::from_secs(i64::try_from(seconds).unwrap_or(i64::MAX));
        self.start.checked_add(span).unwrap_or(Timestamp::MAX)
    }

    /// Writes an hour down that has just gone by.
    async fn write(&self, books: &mut Books) -> Result<(), Error> {
        let hour = books.hours.len();
        let to = self.end_of(hour);
        let from = hour.checked_sub(1).map_or(self.start, |before| self.end_of(before));
        let unread = |error: plimsoll_domain::world::CloudError| Error::World(error.to_string());
        let lives = self.world.cloud.lives(&self.cluster, from).await.map_err(unread)?;
        let changes = self.world.prices.spot_changes(&self.cluster, from).await.map_err(unread)?;
        let tariff = Tariff::new(&self.catalog, &changes);
        let cost_nano_usd = bill::hour(&tariff, &lives, (from, to), &mut books.unpriced);
        let in_it = |time: Timestamp| from < time && time <= to;
        let taken = lives.iter().filter_map(|life| life.end).filter(|end| end.reclaimed && in_it(end.time));
        books.interruption_count += u32::try_from(taken.count()).unwrap_or(u32::MAX);
        books.toll = self.rehearsal.toll();
        books.hours.push(Entry { cost_nano_usd, pending_count: books.toll.pending_count });
        Ok(())
    }
}

#[async_trait]
impl Clock for Watch {
    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    fn monotonic(&self) -> Duration {
        self.world.clock.monotonic()
    }

    /// Never returns once time has run out: what was under way stops there.
    async fn sleep(&self, span: Duration) {
        let mut left = span;
        let mut books = self.books.lock().await;
        while books.hours.len() < self.hours && !self.cancelled.load(Ordering::Relaxed) {
            let due = self.end_of(books.hours.len()).duration_since(self.now()).unsigned_abs();
            if left < due {
                self.world.clock.sleep(left).await;
                return;
            }
            self.world.clock.sleep(due).await;
            left -= due;
            if let Err(error) = self.write(&mut books).await {
                books.fault = Some(error.to_string());
                break;
            }
        }
        drop(books);
        self.over.cancel();
        std::future::pending().await
    }
}
