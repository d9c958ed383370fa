//! A cluster as `live` sees and moves it.

use kube::Client;
use plimsoll_domain::world::{Cluster, ClusterError, Cordon, Eviction, Metrics};
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::ground::{Ground, Options};
use serde_json::json;

use super::steps::{id, put_node, until, until_ready};
use plimsoll_props::objects::{budget, daemon_set, deployment, node, put, template};

/// Three nodes, two Deployments and a DaemonSet; the second Deployment's budget lets nobody go.
async fn shop(client: &Client) {
    for (name, zone) in [("one", "us-east-1a"), ("two", "us-east-1b"), ("three", "us-east-1c")] {
        put_node(client, &node(name, zone, 4)).await;
    }
    put(client, deployment("web", 4, &template("web", "500m", &json!({})))).await;
    put(client, deployment("db", 2, &template("db", "500m", &json!({})))).await;
    put(client, daemon_set("agent", &template("agent", "50m", &json!({})))).await;
    put(client, budget("db", 0)).await;
    until_ready(client, 9).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_read_and_moved_as_the_contract_says() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let client = ground.client().await;
    shop(&client).await;
    let live = Kubernetes::new(id(), ground.config().await).unwrap();
    let state = live.state(&id()).await.unwrap();
    assert_eq!(state.nodes.len(), 3);
    assert_eq!(state.pods.len(), 9);
    let pod =
        |app: &str| state.pods.iter().find(|pod| pod.labels.get("app").is_some_and(|is| is == app)).unwrap();

    let web = pod("web");
    let place = web.node.clone().unwrap();
    live.set_cordon(&id(), &place, Cordon::Final).await.unwrap();
    let cordoned = live.state(&id()).await.unwrap();
    assert!(cordoned.nodes.iter().any(|node| node.name == place && node.unschedulable));
    assert_eq!(live.evict(&id(), &web.key(), "elsewhere").await, Ok(Eviction::Gone));
    assert_eq!(live.evict(&id(), &web.key(), &place).await, Ok(Eviction::Accepted));
    // Whoever looks next sees it, though no watch may have told of it yet.
    let state_then = live.state(&id()).await.unwrap();
    assert!(state_then.pods.iter().find(|pod| pod.key() == web.key()).is_none_or(|pod| pod.terminating));
    until("the pod is made again", async || {
        let state = live.state(&id()).await.unwrap();
        let gone = !state.pods.iter().any(|pod| pod.key() == web.key());
        gone && state.pods.iter().filter(|pod| pod.owner == web.owner && pod.node.is_some()).count() == 4
    })
    .await;
    assert_eq!(live.evict(&id(), &web.key(), &place).await, Ok(Eviction::Gone));

    let db = pod("db");
    let place = db.node.clone().unwrap();
    assert_eq!(live.evict(&id(), &db.key(), &place).await, Ok(Eviction::Blocked("default/db".into())));
    let left = live.left_on(&id(), &place).await.unwrap();
    assert!(left.contains(&db.key()), "{left:?}");
    assert!(!left.iter().any(|pod| pod.contains("agent")), "{left:?}");
    assert_eq!(live.left_on(&id(), "nowhere").await, Ok(Vec::new()));
    assert_eq!(live.set_cordon(&id(), "nowhere", Cordon::Final).await, Ok(()));
    let unmeasured = live.usage(&id()).await.unwrap_err().to_string();
    assert!(unmeasured.contains("is metrics-server installed?"), "{unmeasured}");
    let stranger = live.state(&"stranger".parse().unwrap()).await;
    assert!(matches!(stranger, Err(ClusterError::NotFound(_))), "{stranger:?}");
}
