//! What pods use now, as `metrics.k8s.io` tells it.

use std::collections::BTreeMap;

use kube::{Client, Error};
use plimsoll_domain::world::{ClusterError, PodUse};
use plimsoll_manifest::ReadOptions;

use super::errors::{failed, is_gone};

const PODS: &str = "/apis/metrics.k8s.io/v1beta1/pods";
/// Code of an API that is registered and does not answer.
const UNAVAILABLE: u16 = 503;

/// What every pod that is measured uses, by namespace and name: the sums over its containers.
pub async fn now(client: &Client) -> Result<Vec<PodUse>, ClusterError> {
    let request = http::Request::get(PODS).body(Vec::new());
    let request = request.map_err(|error| ClusterError::Failed(error.to_string()))?;
    let text = client.request_text(request).await.map_err(|error| match &error {
        Error::Api(status) if is_gone(&error) || status.code == UNAVAILABLE => {
            ClusterError::Failed("metrics.k8s.io does not answer: is metrics-server installed?".to_owned())
        }
        _ => failed(&error),
    })?;
    let options = ReadOptions { include_finished: false, now: jiff::Timestamp::now() };
    let samples = match plimsoll_manifest::read(text.as_bytes(), &options) {
        Ok(plimsoll_manifest::Read::Usage(samples)) => samples,
        Ok(plimsoll_manifest::Read::Snapshot(_)) => Vec::new(),
        // Nobody is measured yet.
        Err(plimsoll_manifest::ReadError::Empty { .. }) => Vec::new(),
        Err(error) => return Err(ClusterError::Failed(error.to_string())),
    };
    let mut uses: BTreeMap<(String, String), PodUse> = BTreeMap::new();
    for sample in samples {
        let key = (sample.namespace.clone(), sample.pod.clone());
        let sum = uses.entry(key).or_insert_with(|| PodUse {
            namespace: sample.namespace,
            name: sample.pod,
            cpu_milli: 0,
            memory_bytes: 0,
        });
        // Milli-CPU up to the largest machine's: no float of that size is beyond an integer.
        sum.cpu_milli = sum.cpu_milli.saturating_add(sample.cpu_milli.unwrap_or(0.0).ceil() as i64);
        sum.memory_bytes = sum.memory_bytes.saturating_add(sample.memory_bytes.unwrap_or(0));
    }
    Ok(uses.into_values().collect())
}
