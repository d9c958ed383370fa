//! The device plugin of NVIDIA comes to nodes with GPUs, and to no others.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::DaemonSet;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{DeleteParams, ListParams};
use kube::{Api, Client};
use plimsoll_domain::estate::Standing;
use plimsoll_domain::fleet::LABEL_INSTANCE_TYPE;
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::objects::{daemon_set, node, put, template};
use serde_json::json;

use super::steps::{id, put_node, until};

/// Nodes on which pods of the plugin run.
async fn places(client: &Client) -> BTreeSet<String> {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "kube-system");
    let its = ListParams::default().labels("app.kubernetes.io/name=nvidia-device-plugin");
    let all = pods.list(&its).await.unwrap().items;
    all.into_iter().filter_map(|pod| pod.spec?.node_name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn gpus_are_told_of_by_a_plugin_that_is_brought_where_they_are_unless_there_is_one() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let client = ground.client().await;
    for (name, instance_type) in [("plain", "m7i.xlarge"), ("gpu", "g6.xlarge")] {
        let mut one = node(name, "us-east-1a", 4);
        let labels = one.metadata.labels.get_or_insert_default();
        labels.insert(LABEL_INSTANCE_TYPE.to_owned(), instance_type.to_owned());
        if name == "gpu" {
            let taints = json!([{ "key": "team", "value": "ml", "effect": "NoSchedule" }]);
            one.spec.get_or_insert_default().taints = Some(serde_json::from_value(taints).unwrap());
        }
        put_node(&client, &one).await;
    }
    let live = Kubernetes::new(id(), ground.config().await).unwrap();
    let types = ["g5.xlarge".to_owned(), "g6.xlarge".to_owned()];
    let reached = async || live.ensure_device_plugin(&types).await.unwrap() == Standing::Reached;
    until("the plugin runs", async || reached().await).await;
    assert_eq!(places(&client).await, BTreeSet::from(["gpu".to_owned()]));
    assert!(reached().await, "twice is once");
    let sets: Api<DaemonSet> = Api::namespaced(client.clone(), "kube-system");
    sets.delete("nvidia-device-plugin", &DeleteParams::default()).await.unwrap();
    until("the plugin goes", async || places(&client).await.is_empty()).await;

    let mut theirs = template("gpu-operator", "50m", &json!({}));
    theirs["spec"]["containers"][0]["image"] = json!("registry.example/nvidia/k8s-device-plugin:v0.17.4");
    put(&client, daemon_set("gpu-operator", &theirs)).await;
    until("the plugin of others is found", async || reached().await).await;
    assert!(places(&client).await.is_empty());
}
