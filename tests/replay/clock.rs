//! Clocks: the machine's, and one that runs faster, for an apply that mostly waits.

use std::time::{Duration, Instant};

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::clock::Clock;

/// A clock that begins now and runs so many times as fast as the machine's.
pub struct Quick {
    begun: Instant,
    start: Timestamp,
    speed: u32,
}

impl Quick {
    pub fn new(speed: u32) -> Self {
        Self { begun: Instant::now(), start: Timestamp::now(), speed }
    }
}

#[async_trait]
impl Clock for Quick {
    fn now(&self) -> Timestamp {
        let gone = SignedDuration::try_from(self.monotonic()).unwrap();
        self.start.checked_add(gone).unwrap()
    }

    fn monotonic(&self) -> Duration {
        self.begun.elapsed() * self.speed
    }

    async fn sleep(&self, span: Duration) {
        tokio::time::sleep(span / self.speed).await;
    }
}
