//! A small cluster as `kubectl get -o json` prints it: six nodes in three zones, two Deployments, a budget.

use serde_json::{Value, json};

/// Pods of it.
pub const PODS: usize = 14;
/// Nodes of it.
pub const NODES: usize = 6;
/// The type of all its nodes.
pub const INSTANCE_TYPE: &str = "m5.2xlarge";

const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// Name, replicas, CPU and memory of each Deployment.
const DEPLOYMENTS: [(&str, usize, &str, &str); 2] = [("web", 8, "500m", "1Gi"), ("api", 6, "1", "2Gi")];

/// All of its objects.
pub fn objects() -> Vec<Value> {
    let mut objects: Vec<Value> = (0..NODES).map(node).collect();
    let mut placed = 0;
    for (name, replicas, cpu, memory) in DEPLOYMENTS {
        let labels = json!({"app": name});
        let template = json!({"metadata": {"labels": labels}, "spec": containers(cpu, memory)});
        let spec = json!({"replicas": replicas, "selector": {"matchLabels": labels}, "template": template});
        objects.push(object("apps/v1", "Deployment", name, spec.clone()));
        let set = format!("{name}-7d9f");
        let mut replica_set = object("apps/v1", "ReplicaSet", &set, spec);
        replica_set["metadata"]["ownerReferences"] = owner("Deployment", name);
        objects.push(replica_set);
        for number in 0..replicas {
            let mut pod = pod(&format!("{set}-{number}"), cpu, memory);
            pod["metadata"]["labels"] = labels.clone();
            pod["metadata"]["ownerReferences"] = owner("ReplicaSet", &set);
            pod["spec"]["nodeName"] = json!(node_name(placed % NODES));
            objects.push(pod);
            placed += 1;
        }
    }
    let budget = json!({"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}});
    objects.push(object("policy/v1", "PodDisruptionBudget", "web", budget));
    objects
}

/// The cluster as a file.
pub fn file() -> String {
    list(&objects())
}

/// Objects as a file, one field a line, so that lines mean something.
pub fn list(objects: &[Value]) -> String {
    serde_json::to_string_pretty(&json!({"apiVersion": "v1", "kind": "List", "items": objects})).unwrap()
}

/// The cluster with one more object.
pub fn with(object: Value) -> String {
    list(&objects().into_iter().chain([object]).collect::<Vec<Value>>())
}

/// A pending pod of no workload.
pub fn pod(name: &str, cpu: impl Into<Value>, memory: &str) -> Value {
    let mut pod = object("v1", "Pod", name, containers(cpu, memory));
    pod["status"] = json!({"phase": "Running"});
    pod
}

/// An object in the namespace `shop`.
pub fn object(version: &str, kind: &str, name: &str, spec: Value) -> Value {
    let metadata = json!({"name": name, "namespace": "shop", "creationTimestamp": "2026-07-20T08:00:00Z"});
    json!({"apiVersion": version, "kind": kind, "metadata": metadata, "spec": spec})
}

fn containers(cpu: impl Into<Value>, memory: &str) -> Value {
    let requests = json!({"cpu": cpu.into(), "memory": memory});
    json!({"containers": [{"name": "main", "image": "registry.example/main:1", "resources": {"requests": requests}}]})
}

fn node(number: usize) -> Value {
    let (name, zone) = (node_name(number), ZONES[number % ZONES.len()]);
    let room = json!({"cpu": "7910m", "memory": "30Gi", "ephemeral-storage": "76224326324", "pods": "58"});
    let labels = json!({
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": INSTANCE_TYPE,
        "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": zone,
        "eks.amazonaws.com/nodegroup": "general",
        "eks.amazonaws.com/capacityType": "ON_DEMAND",
    });
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": name, "labels": labels},
        "spec": {"providerID": format!("aws:///{zone}/i-{number:017x}")},
        "status": {"allocatable": room, "capacity": room, "conditions": [{"type": "Ready", "status": "True"}]},
    })
}

/// Name of a node, counted from 0.
pub fn node_name(number: usize) -> String {
    format!("ip-10-0-0-{}.ec2.internal", number + 1)
}

fn owner(kind: &str, name: &str) -> Value {
    json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("{kind}-{name}"), "controller": true}])
}
