//! Objects of a test cluster, in the API server's own words, and how they get there.

use std::fmt::Debug;

use k8s_openapi::NamespaceResourceScope;
use k8s_openapi::api::apps::v1::{DaemonSet, Deployment};
use k8s_openapi::api::core::v1::{Node, Pod};
use k8s_openapi::api::policy::v1::PodDisruptionBudget;
use kube::api::PostParams;
use kube::{Api, Client, Resource};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// An object from its JSON.
///
/// # Panics
/// If it is none.
pub fn object<K: DeserializeOwned>(value: Value) -> K {
    serde_json::from_value(value).unwrap()
}

/// A node of a zone with so many cores, 4 GiB of memory for each.
pub fn node(name: &str, zone: &str, cores: u32) -> Node {
    let room = json!({ "cpu": cores.to_string(), "memory": format!("{}Gi", 4 * cores), "pods": "110" });
    object(json!({
        "metadata": {
            "name": name,
            "annotations": {
                "kwok.x-k8s.io/node": "fake",
                // All nodes are one process: metrics-server asks it for one of them.
                "metrics.k8s.io/resource-metrics-path": format!("/metrics/nodes/{name}/metrics/resource"),
            },
            "labels": {
                "kubernetes.io/hostname": name,
                "kubernetes.io/arch": "amd64",
                "kubernetes.io/os": "linux",
                "topology.kubernetes.io/zone": zone,
                "topology.kubernetes.io/region": "us-east-1",
                "node.kubernetes.io/instance-type": "m7i.xlarge",
                "eks.amazonaws.com/nodegroup": "general",
                "eks.amazonaws.com/capacityType": "ON_DEMAND",
            },
        },
        "spec": { "providerID": format!("aws:///{zone}/i-{name}") },
        "status": { "capacity": room, "allocatable": room },
    }))
}

/// What makes pods alike: labels, requests and what `spec` adds.
pub fn template(app: &str, cpu: &str, spec: &Value) -> Value {
    let container = json!({
        "name": "app",
        "image": "registry.k8s.io/pause:3.10",
        "resources": { "requests": { "cpu": cpu, "memory": "64Mi" } },
    });
    let mut whole = json!({ "containers": [container], "terminationGracePeriodSeconds": 1 });
    for (key, value) in spec.as_object().into_iter().flatten() {
        whole[key] = value.clone();
    }
    json!({ "metadata": { "labels": { "app": app } }, "spec": whole })
}

/// A Deployment.
pub fn deployment(app: &str, replicas: u32, template: &Value) -> Deployment {
    object(json!({
        "metadata": { "name": app },
        "spec": { "replicas": replicas, "selector": { "matchLabels": { "app": app } }, "template": template },
    }))
}

/// A DaemonSet.
pub fn daemon_set(app: &str, template: &Value) -> DaemonSet {
    object(json!({
        "metadata": { "name": app },
        "spec": { "selector": { "matchLabels": { "app": app } }, "template": template },
    }))
}

/// A budget that lets so many pods of an app be away.
pub fn budget(app: &str, max_unavailable: u32) -> PodDisruptionBudget {
    object(json!({
        "metadata": { "name": app },
        "spec": { "selector": { "matchLabels": { "app": app } }, "maxUnavailable": max_unavailable },
    }))
}

/// Whether a pod serves.
pub fn is_ready(pod: &Pod) -> bool {
    let conditions = pod.status.iter().flat_map(|status| status.conditions.iter().flatten());
    conditions.into_iter().any(|condition| condition.type_ == "Ready" && condition.status == "True")
}

/// Makes an object in the namespace `default`.
///
/// # Panics
/// If the API server refuses it.
pub async fn put<K>(client: &Client, object: K) -> K
where
    K: Resource<Scope = NamespaceResourceScope, DynamicType = ()>
        + Clone
        + Serialize
        + DeserializeOwned
        + Debug,
{
    let api: Api<K> = Api::namespaced(client.clone(), "default");
    api.create(&PostParams::default(), &object).await.unwrap()
}
