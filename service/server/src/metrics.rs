//! The door's metrics: every name, described once, with its unit; and where they are read.

use std::sync::OnceLock;
use std::time::Duration;

use metrics::{Unit, counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};
use metrics_exporter_prometheus::{Matcher, PrometheusBuilder, PrometheusHandle};

/// Requests that ended, by method and code.
const RPC_REQUESTS: &str = "plimsoll_rpc_requests_total";
/// Requests that ended with another code than OK, by method and code.
const RPC_ERRORS: &str = "plimsoll_rpc_errors_total";
/// Time to the end of an answer, by method.
const RPC_SECONDS: &str = "plimsoll_rpc_duration_seconds";
/// Requests under way, by method.
const RPC_ACTIVE: &str = "plimsoll_rpc_active_requests";

/// Upper edges of the buckets of everything in seconds: from an answer out of memory to the longest plan.
const SECONDS_BUCKETS: [f64; 14] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 60.0, 300.0, 600.0];

/// How often histograms are folded, so that they do not grow while nobody reads.
pub const UPKEEP_INTERVAL: Duration = Duration::from_secs(5);

/// Why metrics cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The buckets are wrong: a bug.
    #[error("metrics cannot be set up")]
    Build(#[from] metrics_exporter_prometheus::BuildError),
    /// Somebody else in this process collects metrics already.
    #[error("another recorder of metrics is installed")]
    Taken,
}

/// What the process's metrics are read from; the same at every call.
///
/// # Errors
/// See [`Error`].
pub fn exporter() -> Result<PrometheusHandle, Error> {
    static HANDLE: OnceLock<PrometheusHandle> = OnceLock::new();
    if let Some(handle) = HANDLE.get() {
        return Ok(handle.clone());
    }
    let seconds = Matcher::Suffix("_seconds".to_owned());
    let recorder =
        PrometheusBuilder::new().set_buckets_for_metric(seconds, &SECONDS_BUCKETS)?.build_recorder();
    let handle = recorder.handle();
    match metrics::set_global_recorder(recorder) {
        Ok(()) => {
            describe();
            Ok(HANDLE.get_or_init(|| handle).clone())
        }
        Err(_) => HANDLE.get().cloned().ok_or(Error::Taken),
    }
}

fn describe() {
    describe_counter!(RPC_REQUESTS, Unit::Count, "Requests that ended, by method and code");
    describe_counter!(RPC_ERRORS, Unit::Count, "Requests that ended with another code than OK");
    describe_histogram!(RPC_SECONDS, Unit::Seconds, "Time from a request to the end of its answer");
    describe_gauge!(RPC_ACTIVE, Unit::Count, "Requests under way");
}

/// Counts a request that begins.
pub fn began(method: &'static str) {
    gauge!(RPC_ACTIVE, "method" => method).increment(1.0);
}

/// Counts a request that ended; `code` is the canonical code's name, such as `NOT_FOUND`.
pub fn ended(method: &'static str, code: &'static str, duration: Duration) {
    gauge!(RPC_ACTIVE, "method" => method).decrement(1.0);
    counter!(RPC_REQUESTS, "method" => method, "code" => code).increment(1);
    if code != "OK" {
        counter!(RPC_ERRORS, "method" => method, "code" => code).increment(1);
    }
    histogram!(RPC_SECONDS, "method" => method).record(duration.as_secs_f64());
}
