//! What tests do to a cluster, and how they wait for what comes of it.

use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client};
use plimsoll_domain::ids::ClusterId;
use plimsoll_props::objects::is_ready;

/// Longest wait for something that is bound to come about: until pods are measured, 40 s on a machine with nothing else to do.
const PATIENCE: Duration = Duration::from_secs(120);
/// Wait between two looks.
const LOOK: Duration = Duration::from_millis(100);

/// The cluster of these tests.
pub fn id() -> ClusterId {
    "ground".parse().unwrap()
}

/// Makes a node.
pub async fn put_node(client: &Client, node: &Node) {
    let nodes: Api<Node> = Api::all(client.clone());
    nodes.create(&PostParams::default(), node).await.unwrap();
}

/// Waits until something holds.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what} does not come about");
        tokio::time::sleep(LOOK).await;
    }
}

/// Waits until so many pods serve, and no others are there.
pub async fn until_ready(client: &Client, count: usize) {
    let pods: Api<Pod> = Api::namespaced(client.clone(), "default");
    until("everybody serves", async || {
        let all = pods.list(&ListParams::default()).await.unwrap().items;
        all.len() == count && all.iter().all(is_ready)
    })
    .await;
}
