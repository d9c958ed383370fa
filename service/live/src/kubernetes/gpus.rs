//! The device plugin of NVIDIA: without it no node tells the scheduler of its GPUs. The images of EKS for machines with GPUs
//! have the driver and the container runtime, and no plugin (EKS guide, "Run GPU-accelerated containers").

use k8s_openapi::api::apps::v1::DaemonSet;
use kube::api::{ListParams, Patch, PatchParams};
use kube::{Api, Client};
use plimsoll_domain::estate::Standing;
use plimsoll_domain::fleet::LABEL_INSTANCE_TYPE;
use plimsoll_domain::world::CloudError;
use serde_json::{Value, json};

use super::errors::words;

/// Where it is put, and how it is called.
const NAMESPACE: &str = "kube-system";
const NAME: &str = "nvidia-device-plugin";
/// Its image. Source: NVIDIA's catalog of containers, v0.18.2 of k8s-device-plugin.
const IMAGE: &str = "nvcr.io/nvidia/k8s-device-plugin:v0.18.2";
/// What images of the plugin are called, in whatever registry.
const IMAGE_NAME: &str = "/k8s-device-plugin";
/// Who we are to server-side apply.
const FIELD_MANAGER: &str = "plimsoll";
/// Label of what is ours.
const LABEL_MANAGED_BY: &str = "app.kubernetes.io/managed-by";

/// Brings the plugin to nodes of these types, and says how far it is. One that somebody else brought is taken as it is.
pub async fn ensure(client: &Client, types: &[String]) -> Result<Standing, CloudError> {
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), NAMESPACE);
    let set = match found(client).await? {
        Some(theirs) if !is_ours(&theirs) => theirs,
        _ => match sets.patch(NAME, &PatchParams::apply(FIELD_MANAGER), &Patch::Apply(plugin(types))).await {
            // Somebody changed it by hand, and will have a reason.
            Err(error) if is_conflict(&error) => sets.get(NAME).await.map_err(refused)?,
            made => made.map_err(refused)?,
        },
    };
    let status = set.status.unwrap_or_default();
    let is_seen = status.observed_generation == set.metadata.generation;
    let (have, want) = (status.number_available.unwrap_or(0), status.desired_number_scheduled);
    if is_seen && want <= have {
        return Ok(Standing::Reached);
    }
    Ok(Standing::OnTheWay(format!("the device plugin runs on {have} of {want} nodes with GPUs")))
}

/// A plugin that is there already, ours before others.
async fn found(client: &Client) -> Result<Option<DaemonSet>, CloudError> {
    let everywhere: Api<DaemonSet> = Api::all(client.clone());
    let all = everywhere.list(&ListParams::default()).await.map_err(refused)?.items;
    let is_plugin = |set: &DaemonSet| {
        let pod = set.spec.as_ref().and_then(|spec| spec.template.spec.as_ref());
        let images = pod.into_iter().flat_map(|pod| &pod.containers).filter_map(|one| one.image.as_ref());
        images.into_iter().any(|image| image.contains(IMAGE_NAME))
    };
    let (ours, theirs): (Vec<_>, Vec<_>) = all.into_iter().filter(is_plugin).partition(is_ours);
    Ok(ours.into_iter().chain(theirs).next())
}

fn is_ours(set: &DaemonSet) -> bool {
    let label = set.metadata.labels.as_ref().and_then(|labels| labels.get(LABEL_MANAGED_BY));
    label.is_some_and(|label| label == FIELD_MANAGER)
}

fn is_conflict(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 409)
}

fn refused(error: kube::Error) -> CloudError {
    let why = words(&error);
    match error {
        kube::Error::Api(status) if matches!(status.code, 403 | 422) => CloudError::Refused(why),
        _ => CloudError::Failed(why),
    }
}

fn plugin(types: &[String]) -> Value {
    let own = json!({ "app.kubernetes.io/name": NAME });
    let labels = json!({ "app.kubernetes.io/name": NAME, LABEL_MANAGED_BY: FIELD_MANAGER });
    let on_gpus = json!([{ "key": LABEL_INSTANCE_TYPE, "operator": "In", "values": types }]);
    let devices = "/var/lib/kubelet/device-plugins";
    json!({
        "apiVersion": "apps/v1",
        "kind": "DaemonSet",
        "metadata": {
            "name": NAME,
            "namespace": NAMESPACE,
            "labels": labels,
        },
        "spec": {
            "selector": { "matchLabels": own },
            "template": {
                "metadata": { "labels": own },
                "spec": {
                    "priorityClassName": "system-node-critical",
                    // Whatever a node is tainted with, its GPUs have to be told of.
                    "tolerations": [{ "operator": "Exists" }],
                    "affinity": { "nodeAffinity": { "requiredDuringSchedulingIgnoredDuringExecution": {
                        "nodeSelectorTerms": [{ "matchExpressions": on_gpus }],
                    } } },
                    "containers": [{
                        "name": "plugin",
                        "image": IMAGE,
                        "securityContext": {
                            "allowPrivilegeEscalation": false,
                            "capabilities": { "drop": ["ALL"] },
                        },
                        "volumeMounts": [{ "name": "devices", "mountPath": devices }],
                    }],
                    "volumes": [{ "name": "devices", "hostPath": { "path": devices } }],
                },
            },
        },
    })
}
