//! Nodes: what is still on them, and whether new pods may come.

use std::collections::BTreeSet;

use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::api::storage::v1::VolumeAttachment;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client, Error};
use plimsoll_domain::world::Cordon;
use serde_json::{Value, json};

use super::errors::is_gone;

/// Annotation of a pod that the kubelet itself runs.
const MIRROR: &str = "kubernetes.io/config.mirror";
/// Label of a node that load balancers of the cloud take out.
const EXCLUDED: &str = "node.kubernetes.io/exclude-from-external-load-balancers";
/// Code of a change of something that somebody else has changed since.
const CONFLICT: u16 = 409;
/// Tries to change a node that others change, too.
const CHANGES_MAX: u32 = 10;
/// Annotation of a node: what of its cordon is ours, [`CLOSED`] and [`EXCLUDED_WORD`] by commas.
const OURS: &str = "plimsoll/cordon";
const CLOSED: &str = "unschedulable";
const EXCLUDED_WORD: &str = "excluded";
/// Objects of one answer.
const PAGE: u32 = 500;

/// Brings a node to a cordon. The node as it is then; none if it is gone, or was as it should be.
pub async fn set_cordon(client: &Client, name: &str, cordon: Cordon) -> Result<Option<Node>, Error> {
    let nodes: Api<Node> = Api::all(client.clone());
    let mut tries = 1;
    loop {
        let Some(node) = nodes.get_opt(name).await? else { return Ok(None) };
        let Some(change) = change(&node, cordon) else { return Ok(None) };
        match nodes.patch(name, &PatchParams::default(), &Patch::Merge(change)).await {
            Ok(node) => return Ok(Some(node)),
            Err(error) if is_gone(&error) => return Ok(None),
            // Its kubelet was faster, as it is every few seconds.
            Err(Error::Api(status)) if status.code == CONFLICT && tries < CHANGES_MAX => tries += 1,
            Err(error) => return Err(error),
        }
    }
}

/// What has to change. The annotation tells what of it is ours, so that no more is lifted than was done; nobody may have
/// changed the node meanwhile.
fn change(node: &Node, cordon: Cordon) -> Option<Value> {
    let is_closed = node.spec.as_ref().and_then(|spec| spec.unschedulable) == Some(true);
    let is_excluded = node.metadata.labels.iter().flatten().any(|(key, _)| key == EXCLUDED);
    let annotations = node.metadata.annotations.as_ref();
    let done = annotations.and_then(|annotations| annotations.get(OURS)).map_or("", String::as_str);
    let mut ours: BTreeSet<&str> = done.split(',').filter(|word| !word.is_empty()).collect();
    let (mut spec, mut labels) = (json!({}), json!({}));
    match cordon {
        Cordon::Lifted if ours.is_empty() => return None,
        Cordon::Lifted => {
            if ours.remove(CLOSED) {
                spec = json!({ "unschedulable": null });
            }
            if ours.remove(EXCLUDED_WORD) {
                labels = json!({ EXCLUDED: null });
            }
            ours.clear();
        }
        Cordon::Passing | Cordon::Final => {
            let excludes = cordon == Cordon::Final && !is_excluded;
            if is_closed && !excludes {
                return None;
            }
            if !is_closed {
                spec = json!({ "unschedulable": true });
                ours.insert(CLOSED);
            }
            if excludes {
                labels = json!({ EXCLUDED: "true" });
                ours.insert(EXCLUDED_WORD);
            }
        }
    }
    let told = ours.into_iter().collect::<Vec<_>>().join(",");
    let told = if told.is_empty() { Value::Null } else { told.into() };
    let version = node.metadata.resource_version.clone();
    let metadata = json!({ "resourceVersion": version, "labels": labels, "annotations": { OURS: told } });
    Some(json!({ "metadata": metadata, "spec": spec }))
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

#[cfg(test)]
mod tests {
    use super::*;

    fn node(spec: &Value, labels: &Value, annotations: &Value) -> Node {
        let metadata = json!({ "name": "one", "labels": labels, "annotations": annotations });
        serde_json::from_value(json!({ "metadata": metadata, "spec": spec })).unwrap()
    }

    /// Spec, label and annotation of a change.
    #[track_caller]
    fn check(node: &Node, cordon: Cordon, wanted: Option<(Value, Value, Value)>) {
        let change = change(node, cordon);
        let told = change.map(|change| {
            let metadata = &change["metadata"];
            (change["spec"].clone(), metadata["labels"].clone(), metadata["annotations"][OURS].clone())
        });
        assert_eq!(told, wanted);
    }

    #[test]
    fn a_node_that_serves_on_stays_behind_load_balancers() {
        let open = node(&json!({}), &json!({}), &json!({}));
        check(&open, Cordon::Passing, Some((json!({ "unschedulable": true }), json!({}), json!(CLOSED))));
        let leaves =
            (json!({ "unschedulable": true }), json!({ EXCLUDED: "true" }), json!("excluded,unschedulable"));
        check(&open, Cordon::Final, Some(leaves));
        check(&open, Cordon::Lifted, None);
    }

    #[test]
    fn no_more_is_lifted_than_was_done() {
        let theirs = node(&json!({ "unschedulable": true }), &json!({ EXCLUDED: "true" }), &json!({}));
        for cordon in [Cordon::Lifted, Cordon::Passing, Cordon::Final] {
            check(&theirs, cordon, None);
        }
        let closed = node(&json!({ "unschedulable": true }), &json!({}), &json!({}));
        check(&closed, Cordon::Final, Some((json!({}), json!({ EXCLUDED: "true" }), json!(EXCLUDED_WORD))));
        let half = node(
            &json!({ "unschedulable": true }),
            &json!({ EXCLUDED: "true" }),
            &json!({ OURS: EXCLUDED_WORD }),
        );
        check(&half, Cordon::Lifted, Some((json!({}), json!({ EXCLUDED: null }), json!(null))));
        let both = json!({ OURS: "excluded,unschedulable" });
        let ours = node(&json!({ "unschedulable": true }), &json!({ EXCLUDED: "true" }), &both);
        let lifted = (json!({ "unschedulable": null }), json!({ EXCLUDED: null }), json!(null));
        check(&ours, Cordon::Lifted, Some(lifted));
    }
}
