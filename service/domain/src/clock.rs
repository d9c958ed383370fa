//! The only way to learn the time.

use std::time::Duration;

use jiff::Timestamp;

/// A clock. The server's is the system's; a simulated world brings its own.
pub trait Clock: Send + Sync {
    /// The time now.
    fn now(&self) -> Timestamp;
    /// Time since some fixed moment; never goes back.
    fn monotonic(&self) -> Duration;
}
