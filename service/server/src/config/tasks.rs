//! What is done every now and then, and what is kept.

use std::time::Duration;

use plimsoll_engine::tasks::Periods;
use serde::{Deserialize, Serialize};

/// Most seconds from one look to the next: a day.
const PERIOD_MAX: u64 = 24 * 3600;

/// How often what is looked at. Seconds; those of a world are of that world's time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Tasks {
    /// Name of this process among those that share a database; empty: made up.
    pub holder: String,
    /// Reading clusters anew, 1..=86400.
    pub ingest_seconds: u64,
    /// Reading spot prices of clusters' own pools anew, 1..=86400.
    pub prices_seconds: u64,
    /// Age from which on all prices of a LIVE cluster's region are asked for, 0..=86400; 0: never.
    pub catalog_seconds: u64,
    /// Taking up operations that nobody runs, real time, 1..=86400.
    pub operations_seconds: u64,
    /// Looking for what others changed, 1..=86400.
    pub drift_seconds: u64,
    /// Looking for machines that will be taken back, 1..=86400.
    pub interruption_seconds: u64,
    /// Accounting for costs, 1..=86400.
    pub cost_seconds: u64,
    /// Dropping what is old, real time, 1..=86400.
    pub retention_seconds: u64,
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            holder: String::new(),
            ingest_seconds: 300,
            prices_seconds: 3600,
            catalog_seconds: 6 * 3600,
            operations_seconds: 2,
            drift_seconds: 60,
            interruption_seconds: 5,
            cost_seconds: 300,
            retention_seconds: 3600,
        }
    }
}

/// What is kept for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Keep {
    /// Days that plans, operations, snapshots and catalogs are kept, 1..=36500.
    pub days: u64,
    /// Most snapshots of a cluster, beside those that plans rest on, 10..=1000000.
    pub snapshots_max: u32,
}

impl Default for Keep {
    fn default() -> Self {
        Self { days: 90, snapshots_max: 500 }
    }
}

impl Tasks {
    /// Keys, values, and the range of each.
    pub(super) fn ranges(&self) -> [(&'static str, u64, u64, u64); 8] {
        [
            ("tasks.ingest_seconds", self.ingest_seconds, 1, PERIOD_MAX),
            ("tasks.prices_seconds", self.prices_seconds, 1, PERIOD_MAX),
            ("tasks.catalog_seconds", self.catalog_seconds, 0, PERIOD_MAX),
            ("tasks.operations_seconds", self.operations_seconds, 1, PERIOD_MAX),
            ("tasks.drift_seconds", self.drift_seconds, 1, PERIOD_MAX),
            ("tasks.interruption_seconds", self.interruption_seconds, 1, PERIOD_MAX),
            ("tasks.cost_seconds", self.cost_seconds, 1, PERIOD_MAX),
            ("tasks.retention_seconds", self.retention_seconds, 1, PERIOD_MAX),
        ]
    }

    /// What the engine is told.
    pub fn periods(&self, keep: &Keep) -> Periods {
        Periods {
            ingest: Duration::from_secs(self.ingest_seconds),
            prices: Duration::from_secs(self.prices_seconds),
            catalog: (0 < self.catalog_seconds).then(|| Duration::from_secs(self.catalog_seconds)),
            operations: Duration::from_secs(self.operations_seconds),
            drift: Duration::from_secs(self.drift_seconds),
            interruption: Duration::from_secs(self.interruption_seconds),
            cost: Duration::from_secs(self.cost_seconds),
            retention: Duration::from_secs(self.retention_seconds),
            keep: Duration::from_secs(keep.days.saturating_mul(24 * 3600)),
            snapshots_max: keep.snapshots_max,
        }
    }
}
