//! What a kubelet tells of a Job's pod that was told to go: that it failed. Simulated ones only take it away, and the Job's
//! controller waits for the word.

use std::time::Duration;

use k8s_openapi::api::core::v1::Pod;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::task::JoinSet;

/// Wait between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// Tells it of all pods, until dropped.
pub struct Reaper {
    _task: JoinSet<()>,
}

impl Reaper {
    pub fn start(client: &Client) -> Self {
        let client = client.clone();
        let mut task = JoinSet::new();
        task.spawn(async move {
            let of_jobs = ListParams::default().labels("batch.kubernetes.io/job-name");
            let all: Api<Pod> = Api::all(client.clone());
            loop {
                // The API server may be on its way out, with the test.
                for pod in all.list(&of_jobs).await.map(|list| list.items).unwrap_or_default() {
                    let phase = pod.status.and_then(|status| status.phase);
                    if pod.metadata.deletion_timestamp.is_some() && phase.as_deref() == Some("Running") {
                        let its: Api<Pod> =
                            Api::namespaced(client.clone(), &pod.metadata.namespace.unwrap_or_default());
                        let failed = Patch::Merge(json!({ "status": { "phase": "Failed" } }));
                        let name = pod.metadata.name.unwrap_or_default();
                        let _gone = its.patch_status(&name, &PatchParams::default(), &failed).await;
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { _task: task }
    }
}
