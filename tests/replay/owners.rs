//! Whose pods are where.

use std::collections::BTreeMap;

use serde_json::Value;

use super::raw::{is_daemon, namespace, node_of, owner};

/// Pods of each workload on each node; of none of those that have none. Pods of DaemonSets are left out.
pub type Places = BTreeMap<(String, Option<String>), i64>;

/// The workload of a pod, `namespace/kind/name`: a Deployment for its ReplicaSets, which are called after it.
pub fn workload(pod: &Value) -> Option<String> {
    let (kind, name) = owner(pod)?;
    let (kind, name) = match (kind, name.rsplit_once('-')) {
        ("ReplicaSet", Some((deployment, _))) => ("Deployment", deployment),
        _ => (kind, name),
    };
    Some(format!("{}/{kind}/{name}", namespace(pod)))
}

/// Whether a pod counts: it is not on its way out, nor over, nor a DaemonSet's.
pub fn counts(pod: &Value) -> bool {
    let is_over = ["Succeeded", "Failed"].iter().any(|phase| pod["status"]["phase"] == *phase);
    !is_daemon(pod) && !is_over && pod["metadata"]["deletionTimestamp"].is_null()
}

/// Counts pods.
pub fn places(pods: &[Value]) -> Places {
    let mut places = Places::new();
    for pod in pods.iter().filter(|pod| counts(pod)) {
        if let Some(workload) = workload(pod) {
            *places.entry((workload, node_of(pod).map(str::to_owned))).or_default() += 1;
        }
    }
    places
}

/// Pods of each workload, wherever they are.
pub fn sizes(places: &Places) -> BTreeMap<String, i64> {
    let mut sizes = BTreeMap::new();
    for ((workload, _), count) in places {
        *sizes.entry(workload.clone()).or_default() += count;
    }
    sizes
}
