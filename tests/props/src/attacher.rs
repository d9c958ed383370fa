//! The part of a CSI driver that says that volumes are attached. That they are to be, and that they are not any more, is the
//! attach-detach controller's business, which is real.

use std::time::Duration;

use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use serde_json::json;
use tokio::task::JoinSet;

/// Wait between two looks.
const LOOK: Duration = Duration::from_millis(200);

/// Attaches what is to be attached, until dropped.
pub struct Attacher {
    _task: JoinSet<()>,
}

impl Attacher {
    /// One for a whole cluster.
    pub fn start(client: &Client) -> Self {
        let all: Api<VolumeAttachment> = Api::all(client.clone());
        let mut task = JoinSet::new();
        task.spawn(async move {
            loop {
                // The API server may be on its way out, with the test.
                for one in all.list(&ListParams::default()).await.map(|list| list.items).unwrap_or_default() {
                    if one.status.is_none_or(|status| !status.attached) {
                        let attached = Patch::Merge(json!({ "status": { "attached": true } }));
                        let name = one.metadata.name.unwrap_or_default();
                        let _gone = all.patch_status(&name, &PatchParams::default(), &attached).await;
                    }
                }
                tokio::time::sleep(LOOK).await;
            }
        });
        Self { _task: task }
    }
}
