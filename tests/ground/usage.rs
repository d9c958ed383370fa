//! What pods use, as metrics-server measures it at simulated kubelets.

use std::collections::BTreeMap;

use plimsoll_domain::world::Metrics;
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::ground::{Ground, Options};
use serde_json::{Value, json};

use super::steps::{id, put_node, until, until_ready};
use plimsoll_props::objects::{node, object, put, template};

const MIB: i64 = 1 << 20;

/// A pod each of whose containers uses so much.
fn pod(name: &str, cpu: &str, memory: &str, containers: usize) -> Value {
    let mut pod = template(name, "100m", &json!({}));
    pod["metadata"] = json!({
        "name": name,
        "annotations": { "kwok.x-k8s.io/usage-cpu": cpu, "kwok.x-k8s.io/usage-memory": memory },
    });
    let one = pod["spec"]["containers"][0].clone();
    let named = |at: usize| {
        let mut container = one.clone();
        container["name"] = json!(format!("container-{at}"));
        container
    };
    pod["spec"]["containers"] = (0..containers).map(named).collect();
    pod
}

#[tokio::test(flavor = "multi_thread")]
async fn usage_is_what_pods_use() {
    let Some(ground) = Ground::start(Options { metrics: true, ..Options::default() }).await else { return };
    let client = ground.client().await;
    put_node(&client, &node("one", "us-east-1a", 4)).await;
    put_node(&client, &node("two", "us-east-1b", 4)).await;
    let pods = [("small", "20m", "30Mi", 1), ("large", "1500m", "700Mi", 1), ("pair", "200m", "50Mi", 2)];
    for (name, cpu, memory, containers) in pods {
        put(&client, object::<k8s_openapi::api::core::v1::Pod>(pod(name, cpu, memory, containers))).await;
    }
    until_ready(&client, pods.len()).await;

    let live = Kubernetes::new(id(), ground.config().await).unwrap();
    // Until the first measurements are there, nobody is measured, or nobody answers.
    until("everybody is measured", async || {
        live.usage(&id()).await.is_ok_and(|uses| uses.len() == pods.len())
    })
    .await;
    let uses = live.usage(&id()).await.unwrap();
    println!("{uses:?}");
    let uses: BTreeMap<&str, (i64, i64)> =
        uses.iter().map(|pod| (pod.name.as_str(), (pod.cpu_milli, pod.memory_bytes))).collect();
    for (name, cpu_milli, memory) in [("small", 20, 30), ("large", 1_500, 700), ("pair", 400, 100)] {
        let (cpu, bytes) = uses[name];
        // CPU is measured between two looks at a counter, whose times are rounded.
        assert!((cpu - cpu_milli).abs() <= 1 + cpu_milli / 10, "{name}: {cpu} of {cpu_milli} milli-CPU");
        assert_eq!(bytes, memory * MIB, "{name}");
    }
}
