//! How long to search, and what is told meanwhile.

use std::sync::atomic::{AtomicBool, Ordering};

/// What a solve may spend. The clock is handed in: this room never asks for the time.
pub struct Budget<'a> {
    /// When to stop, by `elapsed`.
    pub seconds: f64,
    /// Seconds since the solve began. Never falls.
    pub elapsed: &'a (dyn Fn() -> f64 + Sync),
    /// Set from outside to give the processor back within about a second.
    pub cancelled: &'a AtomicBool,
    /// Stop as soon as `(objective - floor) / objective` is proven to be at most this.
    pub gap_target_ratio: f64,
    /// The same seed gives the same answer, unless the time ran out.
    pub seed: u64,
}

impl Budget<'_> {
    /// Whether nobody waits for the answer any more.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    /// Whether to stop searching.
    pub fn is_spent(&self) -> bool {
        self.is_spent_at(self.seconds)
    }

    /// Whether to stop a stage that may run until `seconds`.
    pub fn is_spent_at(&self, seconds: f64) -> bool {
        self.is_cancelled() || (self.elapsed)() >= seconds.min(self.seconds)
    }

    /// Seconds left, 0 or more.
    pub fn left(&self) -> f64 {
        (self.seconds - (self.elapsed)()).max(0.0)
    }
}

/// What the solver is doing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Stage {
    /// Bounding the cost from below as if pods could be split.
    Bound,
    /// Building the first plan.
    Greedy,
    /// Raising the bound with whole pods.
    Columns,
    /// Turning fractions of nodes into nodes.
    Round,
    /// Taking nodes out and filling better ones.
    Improve,
    /// Proving the floor in integers.
    Certify,
}

/// Where a solve stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// What it does now.
    pub stage: Stage,
    /// Objective of the best plan so far, nano-USD per hour.
    pub incumbent_nano_usd: Option<i64>,
    /// What no plan can beat, nano-USD per hour, as floats prove it before the last stage; none while the
    /// floor is still sought beside the plan.
    pub floor_nano_usd: Option<i64>,
}
