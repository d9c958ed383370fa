//! Random clusters, as `kubectl get -o json` prints them.

use rand::Rng;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use serde_json::{Value, json};

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// Type, milli-CPU and MiB that pods may use, a little below the kubelet's figures.
const TYPES: [(&str, i64, i64); 3] =
    [("m5.2xlarge", 7_800, 30_000), ("m5.xlarge", 3_800, 14_500), ("c5.4xlarge", 15_700, 28_500)];

/// Three to nine nodes in one to three groups, and workloads that fill them by a third or so.
pub fn random(random: &mut SmallRng) -> String {
    let mut objects: Vec<Value> = Vec::new();
    let mut room: Vec<(String, i64, i64)> = Vec::new();
    for group in 0..random.random_range(1..=3) {
        let (instance_type, cpu, memory) = *TYPES.choose(random).expect("not empty");
        let kind = if random.random_bool(0.4) { "SPOT" } else { "ON_DEMAND" };
        for number in 0..random.random_range(1..=3) {
            let zone = ZONES.choose(random).expect("not empty");
            let name = format!("ip-10-0-{group}-{number}.ec2.internal");
            objects.push(node(&name, &format!("group-{group}"), instance_type, (zone, kind), (cpu, memory)));
            room.push((name, cpu, memory));
        }
    }
    for workload in 0..random.random_range(1..=5) {
        let name = format!("app-{workload}");
        let (cpu, memory) = (100 * random.random_range(1..15_i64), 128 * random.random_range(1..24_i64));
        let stateful = random.random_bool(0.3);
        let mut placed = 0;
        for number in 0..random.random_range(1..=5) {
            let Some(home) =
                room.iter_mut().find(|(_, free_cpu, free_memory)| cpu <= *free_cpu && memory <= *free_memory)
            else {
                break;
            };
            (home.1, home.2) = (home.1 - cpu, home.2 - memory);
            objects.push(pod(&name, number, stateful, &home.0, (cpu, memory)));
            placed += 1;
            // Somewhere else next time, so that there is something to bring together.
            let shift = random.random_range(0..room.len());
            room.rotate_left(shift);
        }
        if placed == 0 {
            continue;
        }
        objects.extend(owners(&name, placed, stateful, (cpu, memory)));
        if 1 < placed && random.random_bool(0.5) {
            let spec = json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": name}}});
            objects.push(object("policy/v1", "PodDisruptionBudget", &name, spec));
        }
    }
    json!({"apiVersion": "v1", "kind": "List", "items": objects}).to_string()
}

fn object(api: &str, kind: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({"name": name, "namespace": "shop", "creationTimestamp": "2026-07-20T07:00:00Z"});
    json!({"apiVersion": api, "kind": kind, "metadata": metadata, "spec": spec})
}

fn containers((cpu, memory): (i64, i64)) -> Value {
    let requests = json!({"cpu": format!("{cpu}m"), "memory": format!("{memory}Mi")});
    json!({"containers": [{"name": "main", "image": "app", "resources": {"requests": requests}}]})
}

fn owner(kind: &str, name: &str) -> Value {
    json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": name, "controller": true}])
}

fn owners(name: &str, replicas: usize, stateful: bool, size: (i64, i64)) -> Vec<Value> {
    let labels = json!({"app": name});
    let template = json!({"metadata": {"labels": labels}, "spec": containers(size)});
    let spec = json!({"replicas": replicas, "selector": {"matchLabels": labels}, "template": template});
    if stateful {
        return vec![object("apps/v1", "StatefulSet", name, spec)];
    }
    let mut set = object("apps/v1", "ReplicaSet", &format!("{name}-5c9d"), spec.clone());
    set["metadata"]["ownerReferences"] = owner("Deployment", name);
    vec![object("apps/v1", "Deployment", name, spec), set]
}

fn pod(workload: &str, number: usize, stateful: bool, node: &str, size: (i64, i64)) -> Value {
    let (name, kind, set) = match stateful {
        true => (format!("{workload}-{number}"), "StatefulSet", workload.to_owned()),
        false => (format!("{workload}-5c9d-x{number}"), "ReplicaSet", format!("{workload}-5c9d")),
    };
    let mut pod = object("v1", "Pod", &name, containers(size));
    pod["spec"]["nodeName"] = json!(node);
    pod["metadata"]["labels"] = json!({"app": workload});
    pod["metadata"]["ownerReferences"] = owner(kind, &set);
    pod["status"] = json!({"phase": "Running", "conditions": [{"type": "Ready", "status": "True"}]});
    pod
}

fn node(
    name: &str,
    group: &str,
    instance_type: &str,
    (zone, kind): (&str, &str),
    (cpu, memory): (i64, i64),
) -> Value {
    let labels = json!({
        "kubernetes.io/hostname": name,
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "node.kubernetes.io/instance-type": instance_type,
        "topology.kubernetes.io/zone": zone,
        "topology.kubernetes.io/region": "us-east-1",
        "eks.amazonaws.com/nodegroup": group,
        "eks.amazonaws.com/capacityType": kind,
    });
    let holds = json!({"cpu": format!("{cpu}m"), "memory": format!("{memory}Mi"), "pods": "58", "ephemeral-storage": "80Gi"});
    let metadata = json!({"name": name, "labels": labels, "creationTimestamp": "2026-07-20T07:00:00Z"});
    json!({
        "apiVersion": "v1", "kind": "Node", "metadata": metadata, "spec": {},
        "status": {"capacity": holds, "allocatable": holds, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}
