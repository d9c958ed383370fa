//! The only way to learn the time.

use std::time::Duration;

use async_trait::async_trait;
use jiff::Timestamp;

/// A clock. The server's is the system's; a simulated world brings its own.
#[async_trait]
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
    /// Waits until so much of this clock's time has gone by.
    async fn sleep(&self, span: Duration);
}
