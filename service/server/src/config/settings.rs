//! What can be set, with its type, its range and its default. `plimsoll.example.toml` says what each key means.

use std::net::{Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};

use super::live::Live;
use super::tasks::{Keep, Tasks};

/// All settings.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    /// Where to listen.
    pub listen: Listen,
    /// Where to remember.
    pub store: Store,
    /// What to log, and how.
    pub log: Log,
    /// How much planning at once.
    pub plan: Plan,
    /// How imports are taken in.
    pub import: Import,
    /// The world in which SIMULATED clusters live.
    pub simulator: Simulator,
    /// How LIVE clusters are reached.
    pub live: Live,
    /// Where costs are written down.
    pub ledger: Ledger,
    /// How often what is looked at.
    pub tasks: Tasks,
    /// What is kept for how long.
    pub keep: Keep,
    /// How to end.
    pub shutdown: Shutdown,
}

/// Where to listen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Listen {
    /// gRPC and gRPC-web. Port 0: any free one.
    pub grpc: SocketAddr,
    /// Prometheus metrics; none: no listener.
    #[serde(with = "empty_is_none")]
    pub metrics: Option<SocketAddr>,
}

impl Default for Listen {
    fn default() -> Self {
        let loopback = |port| SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        Self { grpc: loopback(7400), metrics: Some(loopback(9464)) }
    }
}

/// Where to remember.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Store {
    /// File of the database, or [`Store::MEMORY`].
    pub path: String,
}

impl Store {
    /// The path that stands for no file at all.
    pub const MEMORY: &str = ":memory:";
}

impl Default for Store {
    fn default() -> Self {
        Self { path: "plimsoll.db".into() }
    }
}

/// The world in which SIMULATED clusters live.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Simulator {
    /// Virtual seconds in a real one, 1..=100000.
    pub speed: u32,
    /// Seed of its accidents.
    pub seed: u64,
    /// How many times as often as the Spot Advisor says spot machines are taken back, 0..=1000; 0: never.
    pub reclaims_factor: u32,
    /// Whether spot prices change.
    pub prices_walk: bool,
    /// Whether spot pools hold only so many machines.
    pub pools_end: bool,
    /// Whether the demand of autoscaled workloads moves through day and week.
    pub demand_moves: bool,
}

impl Simulator {
    /// The same under the weather of the real world, unless it has some already.
    pub fn in_real_weather(self) -> Self {
        let is_quiet = self.reclaims_factor == 0 && !self.prices_walk && !self.pools_end;
        if is_quiet { Self { reclaims_factor: 1, prices_walk: true, pools_end: true, ..self } } else { self }
    }
}

impl Default for Simulator {
    fn default() -> Self {
        Self {
            speed: 600,
            seed: 1,
            reclaims_factor: 0,
            prices_walk: false,
            pools_end: false,
            demand_moves: false,
        }
    }
}

/// How a log line looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// What to log, and how.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Log {
    /// How a line looks.
    pub format: LogFormat,
    /// What is logged, in the language of `tracing-subscriber`'s `EnvFilter`.
    pub filter: String,
}

impl Default for Log {
    fn default() -> Self {
        Self { format: LogFormat::Text, filter: "info".into() }
    }
}

/// How much planning at once.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Plan {
    /// Plans that are solved at the same time, 1..=64.
    pub concurrent_max: usize,
    /// Plans that may wait, 0..=10000.
    pub waiting_max: usize,
    /// Seconds to solve where the caller names none, 1..=3600.
    pub time_budget_default_seconds: u64,
    /// Longest seconds to solve that a caller may ask for, 1..=3600.
    pub time_budget_max_seconds: u64,
}

impl Default for Plan {
    fn default() -> Self {
        Self {
            concurrent_max: 8,
            waiting_max: 64,
            time_budget_default_seconds: 10,
            time_budget_max_seconds: 600,
        }
    }
}

/// How imports are taken in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Import {
    /// Folder for files while they are read; empty: the system's temporary folder.
    pub spool_dir: String,
    /// Imports at the same time, 1..=64.
    pub concurrent_max: usize,
}

impl Default for Import {
    fn default() -> Self {
        Self { spool_dir: String::new(), concurrent_max: 4 }
    }
}

/// Where costs are written down.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Ledger {
    /// A folder, `s3://bucket/prefix`, or [`Ledger::NONE`]; empty: a folder beside the database, which goes with the
    /// process where the database does.
    pub url: String,
}

impl Ledger {
    /// The URL that stands for no ledger at all.
    pub const NONE: &str = "none";
}

/// How to end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shutdown {
    /// Seconds that running requests may take to end, 0..=600.
    pub drain_seconds: u64,
}

impl Default for Shutdown {
    fn default() -> Self {
        Self { drain_seconds: 10 }
    }
}

impl Settings {
    /// Names the first key whose value is out of range, and what is expected of it.
    pub fn first_fault(&self) -> Option<(&'static str, String)> {
        self.address_fault().or_else(|| self.range_fault())
    }

    fn address_fault(&self) -> Option<(&'static str, String)> {
        let addresses = [("listen.grpc", Some(self.listen.grpc)), ("listen.metrics", self.listen.metrics)];
        let (key, address) = addresses
            .into_iter()
            .filter_map(|(key, address)| Some((key, address?)))
            .find(|(_, address)| !address.ip().is_loopback())?;
        let local = SocketAddr::from((Ipv4Addr::LOCALHOST, address.port()));
        let message = format!(
            "{address} can be reached by other machines, and there is neither TLS nor authentication yet: \
             use a loopback address such as {local}"
        );
        Some((key, message))
    }

    fn range_fault(&self) -> Option<(&'static str, String)> {
        let plan = &self.plan;
        let ranges = [
            ("plan.concurrent_max", plan.concurrent_max as u64, 1, 64),
            ("plan.waiting_max", plan.waiting_max as u64, 0, 10_000),
            ("plan.time_budget_default_seconds", plan.time_budget_default_seconds, 1, 3600),
            ("plan.time_budget_max_seconds", plan.time_budget_max_seconds, 1, 3600),
            ("import.concurrent_max", self.import.concurrent_max as u64, 1, 64),
            ("simulator.speed", u64::from(self.simulator.speed), 1, 100_000),
            ("simulator.reclaims_factor", u64::from(self.simulator.reclaims_factor), 0, 1_000),
            ("shutdown.drain_seconds", self.shutdown.drain_seconds, 0, 600),
        ];
        let kept = [
            ("keep.days", self.keep.days, 1, 36_500),
            ("keep.snapshots_max", u64::from(self.keep.snapshots_max), 10, 1_000_000),
        ];
        let mut ranges = ranges.into_iter().chain(self.tasks.ranges()).chain(kept);
        let outside = ranges.find(|(_, value, low, high)| !(*low..=*high).contains(value));
        if let Some((key, value, low, high)) = outside {
            return Some((key, format!("{value} is not within {low} to {high}")));
        }
        if plan.time_budget_max_seconds < plan.time_budget_default_seconds {
            let message = "must not be above plan.time_budget_max_seconds".to_owned();
            return Some(("plan.time_budget_default_seconds", message));
        }
        self.store.path.is_empty().then(|| ("store.path", "must not be empty".to_owned()))
    }
}

/// An address as text; none is the empty text, for TOML has no null.
mod empty_is_none {
    use std::net::SocketAddr;

    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub fn serialize<S: Serializer>(address: &Option<SocketAddr>, to: S) -> Result<S::Ok, S::Error> {
        match address {
            Some(address) => to.collect_str(address),
            None => to.serialize_str(""),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Option<SocketAddr>, D::Error> {
        let text = String::deserialize(from)?;
        if text.is_empty() {
            return Ok(None);
        }
        text.parse().map(Some).map_err(|_| D::Error::custom("expected an IP address and port, or empty text"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn defaults_are_in_range() {
        assert_eq!(Settings::default().first_fault(), None);
    }

    fn check(change: impl Fn(&mut Settings), key: &str) {
        let mut settings = Settings::default();
        change(&mut settings);
        assert_eq!(settings.first_fault().map(|(key, _)| key), Some(key));
    }

    #[test]
    fn what_is_out_of_range_is_named() {
        check(|s| s.listen.grpc = "0.0.0.0:7400".parse().unwrap(), "listen.grpc");
        check(|s| s.listen.grpc = "[::]:7400".parse().unwrap(), "listen.grpc");
        check(|s| s.listen.metrics = Some("10.0.0.1:1".parse().unwrap()), "listen.metrics");
        check(|s| s.plan.concurrent_max = 0, "plan.concurrent_max");
        check(|s| s.plan.time_budget_default_seconds = 601, "plan.time_budget_default_seconds");
        check(|s| s.import.concurrent_max = 65, "import.concurrent_max");
        check(|s| s.simulator.speed = 0, "simulator.speed");
        check(|s| s.tasks.drift_seconds = 0, "tasks.drift_seconds");
        check(|s| s.keep.snapshots_max = 9, "keep.snapshots_max");
        check(|s| s.simulator.reclaims_factor = 1_001, "simulator.reclaims_factor");
        check(|s| s.shutdown.drain_seconds = 601, "shutdown.drain_seconds");
        check(|s| s.store.path.clear(), "store.path");
    }
}
