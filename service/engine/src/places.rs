//! How many may work at the same time, and how many may wait for that.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::Error;

/// Places for so many at a time. Clones are the same places.
#[derive(Clone)]
pub struct Places {
    free: Arc<Semaphore>,
    waiting: Arc<AtomicUsize>,
    waiting_max: usize,
}

impl Places {
    /// So many places, at least one.
    pub fn new(places: usize, waiting_max: usize) -> Self {
        Self { free: Arc::new(Semaphore::new(places.max(1))), waiting: Arc::default(), waiting_max }
    }

    /// A place: at once if one is free, else after those who wait already. It is given back when it is dropped.
    ///
    /// # Errors
    /// [`Error::Overloaded`] if too many wait.
    pub async fn enter(&self) -> Result<OwnedSemaphorePermit, Error> {
        if let Ok(place) = Arc::clone(&self.free).try_acquire_owned() {
            return Ok(place);
        }
        let waiting = self.waiting.fetch_add(1, Ordering::Relaxed);
        let _leave = LeaveOnDrop(Arc::clone(&self.waiting));
        if self.waiting_max <= waiting {
            return Err(Error::Overloaded { waiting });
        }
        let place = Arc::clone(&self.free).acquire_owned().await;
        place.map_err(|closed| Error::Internal(closed.to_string()))
    }
}

/// Counts a waiting caller out, however it stops waiting.
struct LeaveOnDrop(Arc<AtomicUsize>);

impl Drop for LeaveOnDrop {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
