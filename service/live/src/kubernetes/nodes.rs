//! Nodes: what is still on them, and whether new pods may come.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, Error};
use serde_json::json;

use super::errors::is_gone;

/// Annotation of a pod that the kubelet itself runs.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// Label of a node that load balancers of the cloud take out.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Objects of one answer.
const PAGE: u32 = 500;

/// Keeps new pods off a node, and load balancers, or lets both on again. The node as it is then; none if it is gone.
pub async fn set_cordoned(client: &Client, name: &str, cordoned: bool) -> Result<Option<Node>, Error> {
    let excluded = if cordoned { json!("true") } else { json!(null) };
    let patch = json!({
        "metadata": { "labels": { EXCLUDED: excluded } },
        "spec": { "unschedulable": if cordoned { json!(true) } else { json!(null) } },
    });
    let nodes: Api<Node> = Api::all(client.clone());
    match nodes.patch(name, &PatchParams::default(), &Patch::Merge(patch)).await {
        Ok(node) => Ok(Some(node)),
        Err(error) if is_gone(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Pods that keep a node from going, and volumes of pods that left.
pub async fn left_on(client: &Client, node: &str) -> Result<Vec<String>, Error> {
    let here = ListParams::default().fields(&format!("spec.nodeName={node}"));
    let pods: Api<Pod> = Api::all(client.clone());
    let pods = pages(&pods, here).await?;
    let mut left: Vec<String> = pods.iter().filter(|pod| stays(pod)).map(key).collect();
    let volumes = attached(client, node).await?;
    if !volumes.is_empty() {
        let used: BTreeSet<String> = pods.iter().flat_map(claims).collect();
        let all: Api<PersistentVolume> = Api::all(client.clone());
        for name in volumes {
            // A volume that is deleted is not waited for.
            let Some(volume) = all.get_opt(&name).await? else { continue };
            let claim = volume.spec.and_then(|spec| spec.claim_ref);
            let claim = claim.map(|claim| {
                format!("{}/{}", claim.namespace.unwrap_or_default(), claim.name.unwrap_or_default())
            });
            // What a pod that is still there uses goes when it goes.
            if claim.as_ref().is_none_or(|claim| !used.contains(claim)) {
                left.push(format!("volume {}", claim.unwrap_or(name)));
            }
        }
    }
    left.sort();
    Ok(left)
}

/// Whether somebody has to make a pod go before its node does.
fn stays(pod: &Pod) -> bool {
    let owners = pod.metadata.owner_references.iter().flatten();
    let by_set = owners.clone().any(|owner| owner.kind == "DaemonSet" && owner.controller == Some(true));
    let by_kubelet = pod.metadata.annotations.iter().flatten().any(|(key, _)| key == MIRROR);
    let phase = pod.status.as_ref().and_then(|status| status.phase.as_deref());
    !by_set && !by_kubelet && !matches!(phase, Some("Succeeded" | "Failed"))
}

fn key(pod: &Pod) -> String {
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    format!("{}/{}", name(&pod.metadata.namespace), name(&pod.metadata.name))
}

/// Claims of a pod, `namespace/name`.
fn claims(pod: &Pod) -> Vec<String> {
    let namespace = pod.metadata.namespace.clone().unwrap_or_default();
    let volumes = pod.spec.iter().flat_map(|spec| spec.volumes.iter().flatten());
    let named = volumes.filter_map(|volume| match (&volume.persistent_volume_claim, &volume.ephemeral) {
        (Some(claim), _) => Some(claim.claim_name.clone()),
        // A claim of its own is named after the pod and the volume.
        (None, Some(_)) => Some(format!("{}-{}", pod.metadata.name.clone().unwrap_or_default(), volume.name)),
        (None, None) => None,
    });
    named.map(|name| format!("{namespace}/{name}")).collect()
}

/// Names of volumes that are attached to a node.
async fn attached(client: &Client, node: &str) -> Result<Vec<String>, Error> {
    let all: Api<VolumeAttachment> = Api::all(client.clone());
    let attachments = pages(&all, ListParams::default()).await?;
    let here = attachments.into_iter().filter(|attachment| attachment.spec.node_name == node);
    Ok(here.filter_map(|attachment| attachment.spec.source.persistent_volume_name).collect())
}

/// All pages of a list.
async fn pages<K>(api: &Api<K>, mut params: ListParams) -> Result<Vec<K>, Error>
where
    K: Clone + serde::de::DeserializeOwned + std::fmt::Debug,
{
    params.limit = Some(PAGE);
    let mut all = Vec::new();
    loop {
        let page = api.list(&params).await?;
        all.extend(page.items);
        match page.metadata.continue_.filter(|token| !token.is_empty()) {
            Some(token) => params.continue_token = Some(token),
            None => return Ok(all),
        }
    }
}
