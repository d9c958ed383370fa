//! What controllers make of manifests: nodes of groups, pods of workloads, volumes of claims.

use anyhow::Context;
use serde::Deserialize;
use serde_json::{Value, json};

/// Zones of the example.
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// On a node template: how many such nodes stand in which zone, such as `a=5 b=5`.
const ZONES_ANNOTATION: &str = "plimsoll.example/zones";
/// When everything in the example was created.
const CREATED: &str = "2026-07-20T08:00:00Z";

/// Reads manifests and adds the objects that controllers would.
pub fn expand(manifests: &[&str]) -> anyhow::Result<Vec<Value>> {
    let mut written = Vec::new();
    for manifest in manifests {
        for document in serde_norway::Deserializer::from_str(manifest) {
            let object = Value::deserialize(document).context("a manifest of the example is no YAML")?;
            if !object.is_null() {
                written.push(object);
            }
        }
    }
    let mut objects = Vec::new();
    for object in written {
        match object["kind"].as_str() {
            Some("Node") => nodes(&object, &mut objects),
            _ => objects.push(object),
        }
    }
    let nodes: Vec<Value> = objects.iter().filter(|object| object["kind"] == "Node").cloned().collect();
    let workloads = objects.clone();
    for workload in &workloads {
        run(workload, &nodes, &mut objects);
    }
    Ok(objects)
}

fn nodes(template: &Value, objects: &mut Vec<Value>) {
    let counts =
        template["metadata"]["annotations"][ZONES_ANNOTATION].as_str().unwrap_or_default().to_owned();
    for part in counts.split_whitespace() {
        let (zone, count) = part.split_once('=').unwrap_or((part, "0"));
        let zone = format!("us-east-1{zone}");
        for _ in 0..count.parse().unwrap_or(0) {
            let number = 1 + objects.iter().filter(|object| object["kind"] == "Node").count();
            let name = format!("ip-10-0-0-{number}.ec2.internal");
            let mut node = template.clone();
            node["metadata"]["name"] = json!(name);
            node["metadata"]["annotations"] = json!({});
            node["metadata"]["creationTimestamp"] = json!(CREATED);
            node["metadata"]["labels"]["kubernetes.io/hostname"] = json!(name);
            node["metadata"]["labels"]["topology.kubernetes.io/zone"] = json!(zone);
            node["metadata"]["labels"]["topology.ebs.csi.aws.com/zone"] = json!(zone);
            node["spec"]["providerID"] = json!(format!("aws:///{zone}/i-{number:017x}"));
            node["status"]["capacity"] = node["status"]["allocatable"].clone();
            objects.push(node);
        }
    }
}

fn run(workload: &Value, nodes: &[Value], objects: &mut Vec<Value>) {
    let count = |field: &str| workload["spec"][field].as_u64().unwrap_or(0);
    let name = workload["metadata"]["name"].as_str().unwrap_or_default();
    match workload["kind"].as_str() {
        Some("Deployment") => {
            let set = format!("{name}-7d9f");
            objects.push(replica_set(workload, &set));
            (0..count("replicas")).for_each(|number| {
                objects.push(pod(workload, ("ReplicaSet", &set), &format!("{set}-{number:02}")))
            });
        }
        Some("StatefulSet") => {
            for number in 0..count("replicas") {
                let mut pod = pod(workload, ("StatefulSet", name), &format!("{name}-{number}"));
                volume(workload, &mut pod, number as usize, objects);
                objects.push(pod);
            }
        }
        Some("Job") => {
            (0..count("parallelism")).for_each(|number| {
                objects.push(pod(workload, ("Job", name), &format!("{name}-{number:02}")))
            });
        }
        Some("DaemonSet") => {
            for (number, node) in nodes.iter().enumerate().filter(|(_, node)| selects(workload, node)) {
                let mut pod = pod(workload, ("DaemonSet", name), &format!("{name}-{number:02}"));
                pod["spec"]["nodeName"] = node["metadata"]["name"].clone();
                objects.push(pod);
            }
        }
        _ => {}
    }
}

fn selects(workload: &Value, node: &Value) -> bool {
    let selector = workload["spec"]["template"]["spec"]["nodeSelector"].as_object();
    selector.into_iter().flatten().all(|(key, value)| node["metadata"]["labels"][key] == *value)
}

fn replica_set(deployment: &Value, name: &str) -> Value {
    let mut set = deployment.clone();
    set["kind"] = json!("ReplicaSet");
    set["metadata"]["name"] = json!(name);
    set["metadata"]["ownerReferences"] =
        owner("Deployment", deployment["metadata"]["name"].as_str().unwrap_or_default());
    set
}

fn pod(workload: &Value, (kind, owner_name): (&str, &str), name: &str) -> Value {
    let template = &workload["spec"]["template"];
    json!({
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "name": name,
            "namespace": workload["metadata"]["namespace"],
            "labels": template["metadata"]["labels"],
            "ownerReferences": owner(kind, owner_name),
            "creationTimestamp": CREATED,
        },
        "spec": template["spec"],
        "status": {"phase": "Running"},
    })
}

fn owner(kind: &str, name: &str) -> Value {
    let version = if kind == "Job" { "batch/v1" } else { "apps/v1" };
    json!([{"apiVersion": version, "kind": kind, "name": name, "uid": format!("{kind}-{name}"), "controller": true}])
}

/// A bound claim for each template of a StatefulSet: replicas take the zones in turn.
fn volume(set: &Value, pod: &mut Value, number: usize, objects: &mut Vec<Value>) {
    let namespace = set["metadata"]["namespace"].clone();
    for template in set["spec"]["volumeClaimTemplates"].as_array().into_iter().flatten() {
        let mount = template["metadata"]["name"].as_str().unwrap_or_default();
        let claim = format!("{mount}-{}", pod["metadata"]["name"].as_str().unwrap_or_default());
        let volume = format!("pvc-{claim}");
        pod["spec"]["volumes"] = json!([{"name": mount, "persistentVolumeClaim": {"claimName": claim}}]);
        let mut spec = template["spec"].clone();
        spec["volumeName"] = json!(volume);
        objects.push(json!({
            "apiVersion": "v1", "kind": "PersistentVolumeClaim",
            "metadata": {"name": claim, "namespace": namespace},
            "spec": spec, "status": {"phase": "Bound"},
        }));
        let zone = ZONES[number % ZONES.len()];
        objects.push(json!({
            "apiVersion": "v1", "kind": "PersistentVolume",
            "metadata": {"name": volume},
            "spec": {
                "capacity": template["spec"]["resources"]["requests"],
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": template["spec"]["storageClassName"],
                "claimRef": {"kind": "PersistentVolumeClaim", "namespace": namespace, "name": claim},
                "csi": {"driver": "ebs.csi.aws.com", "volumeHandle": format!("vol-{claim}")},
                "nodeAffinity": {"required": {"nodeSelectorTerms": [
                    {"matchExpressions": [{"key": "topology.ebs.csi.aws.com/zone", "operator": "In", "values": [zone]}]},
                ]}},
            },
            "status": {"phase": "Bound"},
        }));
    }
}
