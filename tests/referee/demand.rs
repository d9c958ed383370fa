//! Random pods: their names, labels and what they ask for.

use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

use super::draw::{in_percent, one};

/// Values of the label `app`.
pub const APPS: [&str; 4] = ["web", "api", "db", "job"];

/// A pod with one container or two and no rules.
pub fn pod(random: &mut SmallRng, namespace: &str, name: &str) -> Value {
    let mut labels = json!({ "app": *one(random, &APPS) });
    if in_percent(random, 70) {
        labels["rev"] = json!(*one(random, &["1", "2"]));
    }
    let mut containers = vec![container(random, "app")];
    if in_percent(random, 15) {
        containers.push(container(random, "second"));
    }
    let mut spec = json!({ "containers": containers });
    if in_percent(random, 12) {
        let mut init = container(random, "init");
        if in_percent(random, 50) {
            init["restartPolicy"] = json!("Always");
        }
        spec["initContainers"] = json!([init]);
    }
    if in_percent(random, 5) {
        spec["resources"] = json!({ "requests": { "cpu": "3", "memory": "4Gi" } });
    }
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": { "name": name, "namespace": namespace, "labels": labels },
        "spec": spec,
    })
}

fn container(random: &mut SmallRng, name: &str) -> Value {
    let cpu = format!("{}m", one(random, &[20, 50, 100, 150, 200, 300, 500, 800]));
    let memory = format!("{}Mi", one(random, &[16, 64, 100, 128, 200, 256, 300, 512, 700]));
    let mut resources = match random.random_range(0..10) {
        0 => json!({}),
        1 => json!({ "requests": { "cpu": cpu } }),
        2 => json!({ "requests": { "memory": memory } }),
        3 => json!({ "limits": { "cpu": cpu, "memory": memory } }),
        _ => json!({ "requests": { "cpu": cpu, "memory": memory } }),
    };
    if in_percent(random, 3) {
        resources["limits"]["example.com/gpu"] = json!("1");
    }
    json!({ "name": name, "image": "registry.k8s.io/pause:3.10", "resources": resources })
}

/// Makes a pod ask for so much that few nodes have room.
pub fn enlarge(random: &mut SmallRng, pod: &mut Value) {
    let cpu = one(random, &["1", "1500m", "3", "6"]);
    let memory = one(random, &["1Gi", "3Gi", "7Gi", "20Gi"]);
    // A pod that states what it needs as a whole must not need less than its containers.
    pod["spec"].as_object_mut().unwrap().remove("resources");
    pod["spec"]["containers"][0]["resources"] = json!({ "requests": { "cpu": cpu, "memory": memory } });
}
