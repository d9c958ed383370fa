//! What is counted for who tries something out: waiting, restarts, refusals.

use jiff::Timestamp;
use plimsoll_domain::rehearsal::Toll;

use super::Realm;
use super::pod::Phase;

/// A toll and the time up to which its waiting is summed up.
pub(super) struct Count {
    toll: Toll,
    until: Timestamp,
}

impl Count {
    /// Nothing yet.
    pub fn new(now: Timestamp) -> Self {
        Self { toll: Toll::default(), until: now }
    }

    /// A pod was made again.
    pub fn restarted(&mut self) {
        self.toll.restart_count = self.toll.restart_count.saturating_add(1);
    }

    /// A budget refused an eviction.
    pub fn refused(&mut self) {
        self.toll.budget_wait_count = self.toll.budget_wait_count.saturating_add(1);
    }

    /// The toll at a time until which nothing changed.
    pub fn at(&self, now: Timestamp) -> Toll {
        let waited = u64::try_from(now.duration_since(self.until).as_millis()).unwrap_or(0);
        let waiting = waited.saturating_mul(self.toll.pending_count.into());
        Toll { pending_pod_millis: self.toll.pending_pod_millis.saturating_add(waiting), ..self.toll }
    }

    /// From now on there are so many nodes, and so many pods wait.
    fn set(&mut self, now: Timestamp, nodes: usize, pending: usize) {
        self.toll = self.at(now);
        self.until = now;
        let count = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        (self.toll.node_count, self.toll.pending_count) = (count(nodes), count(pending));
        self.toll.node_count_max = self.toll.node_count_max.max(self.toll.node_count);
        self.toll.pending_count_max = self.toll.pending_count_max.max(self.toll.pending_count);
    }
}

impl Realm {
    /// What was counted until now.
    pub fn toll(&self, now: Timestamp) -> Toll {
        self.count.at(now)
    }

    /// Counts nodes and waiting pods, after what was due has happened.
    pub(super) fn count(&mut self, now: Timestamp) {
        let nodes = self.nodes().count();
        let pending = self.pods.values().filter(|life| life.phase == Phase::Pending).count();
        self.count.set(now, nodes, pending);
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;

    #[test]
    fn waiting_is_summed_over_pods_and_time() {
        let start = Timestamp::UNIX_EPOCH;
        let at = |seconds| start + SignedDuration::from_secs(seconds);
        let mut count = Count::new(start);
        for (seconds, nodes, pending) in [(0, 2, 0), (10, 2, 3), (20, 4, 1), (25, 3, 0)] {
            count.set(at(seconds), nodes, pending);
        }
        let toll = count.at(at(100));
        assert_eq!(toll.pending_pod_millis, 35_000);
        assert_eq!((toll.node_count, toll.node_count_max), (3, 4));
        assert_eq!((toll.pending_count, toll.pending_count_max), (0, 3));
    }
}
