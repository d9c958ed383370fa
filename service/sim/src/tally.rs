//! What went on in a cluster, counted by what happened and not by what calls answered.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// Things of one kind that are remembered, the newest: a world may live for years.
const REMEMBERED_MAX: usize = 10_000;

/// Notes one more thing, in place of the oldest if need be.
pub(crate) fn remember(things: &mut Vec<String>, thing: String) {
    if things.len() == REMEMBERED_MAX {
        things.remove(0);
    }
    things.push(thing);
}

/// What happened since a cluster was loaded, up to a limit.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pods that were on a machine when it was terminated through this world's doors, evicted ones that had not ended yet
    /// among them, those that belong to the node aside: `namespace/name on node`.
    pub pods_lost: Vec<String>,
    /// The same, lost with a spot machine that the cloud took back.
    pub pods_lost_by_reclaim: Vec<String>,
    /// The same, lost with a machine that broke, or that other hands terminated.
    pub pods_lost_by_others: Vec<String>,
    /// Times that a budget came to have fewer healthy pods than it demands: its `namespace/name`.
    pub budget_violations: Vec<String>,
    /// The same, for no other reason than that a machine was taken back, broke, or was terminated by other hands.
    pub budget_violations_by_others: Vec<String>,
    /// Machines that were terminated through this world's doors, by provider id.
    pub machines_removed: Vec<String>,
    /// How long machines ran, by group and instance type, counted by the clock while they ran.
    pub node_time: BTreeMap<(String, String), Duration>,
}

/// Whose doing the end of a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// An order of the cloud's callers.
    Order,
    /// The cloud needed it.
    Reclaim,
    /// It broke, or somebody else terminated it.
    Others,
}

/// Machines of one kind that run, and how long they did so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    running: u32,
    total: Duration,
    /// Until when `total` counts.
    counted: Timestamp,
}

impl Meter {
    pub fn new(now: Timestamp) -> Self {
        Self { running: 0, total: Duration::ZERO, counted: now }
    }

    /// One more runs.
    pub fn start(&mut self, now: Timestamp) {
        self.count(now);
        self.running += 1;
    }

    /// One less runs.
    pub fn stop(&mut self, now: Timestamp) {
        self.count(now);
        self.running = self.running.saturating_sub(1);
    }

    /// How long they ran until now.
    pub fn total(&self, now: Timestamp) -> Duration {
        let span = now.duration_since(self.counted).max(SignedDuration::ZERO).unsigned_abs();
        self.total.saturating_add(span.saturating_mul(self.running))
    }

    fn count(&mut self, now: Timestamp) {
        (self.total, self.counted) = (self.total(now), now);
    }
}
