//! Random nodes and volumes.

use rand::Rng;
use rand::rngs::SmallRng;
use serde_json::{Value, json};

use super::draw::{in_percent, one};

/// Zones of all worlds; a world has some of them.
pub const ZONES: [&str; 4] = ["us-east-1a", "us-east-1b", "us-east-1c", "us-east-1d"];
/// The driver of volumes.
pub const DRIVER: &str = "ebs.csi.aws.com";
/// The class of volumes that claims find when the first pod wants them.
pub const LOOSE: &str = "loose";

/// A node of one of so many zones. Some lack labels, some are tainted or cordoned.
pub fn node(random: &mut SmallRng, name: &str, zones: usize) -> Value {
    let mut labels = json!({
        "kubernetes.io/hostname": name,
        "disk": *one(random, &["ssd", "hdd"]),
        "tier": *one(random, &["a", "b", "c"]),
        "size": random.random_range(1..9).to_string(),
        "topology.kubernetes.io/region": "us-east-1",
    });
    if in_percent(random, 95) {
        labels["topology.kubernetes.io/zone"] = json!(one(random, &ZONES[..zones]));
    }
    if in_percent(random, 80) {
        labels["rack"] = json!(*one(random, &["r1", "r2", "r3", "r4", "r5"]));
    }
    let cores = *one(random, &[1, 2, 2, 4, 4, 8]);
    let memory = cores * one(random, &[1, 2, 4, 4, 8]);
    let mut room = json!({
        "cpu": format!("{}m", cores * 1000 - 70),
        "memory": format!("{}Mi", memory * 1024 - 300),
        "pods": random.random_range(3..20).to_string(),
        "ephemeral-storage": "20Gi",
    });
    if in_percent(random, 20) {
        room["example.com/gpu"] = json!("2");
    }
    json!({
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": { "name": name, "annotations": { "kwok.x-k8s.io/node": "fake" }, "labels": labels },
        "spec": { "taints": taints(random), "unschedulable": in_percent(random, 7) },
        "status": { "capacity": room, "allocatable": room },
    })
}

fn taints(random: &mut SmallRng) -> Vec<Value> {
    let mut taints = Vec::new();
    if in_percent(random, 20) {
        let value = *one(random, &["x", "y"]);
        taints.push(json!({ "key": "dedicated", "value": value, "effect": "NoSchedule" }));
    }
    for key in ["slow", "old"] {
        if in_percent(random, 20) {
            taints.push(json!({ "key": key, "value": "yes", "effect": "PreferNoSchedule" }));
        }
    }
    taints
}

/// How many volumes a node's driver attaches at most.
pub fn attach_limit(random: &mut SmallRng, node: &str) -> Value {
    let driver = json!({
        "name": DRIVER,
        "nodeID": node,
        "topologyKeys": [],
        "allocatable": { "count": random.random_range(1..4) },
    });
    json!({ "metadata": { "name": node }, "spec": { "drivers": [driver] } })
}

/// A volume of a zone, told by its affinity, its label, or both; for a claim, or for any of class [`LOOSE`].
pub fn volume(random: &mut SmallRng, name: &str, zone: &str, claim: Option<&Value>) -> Value {
    let expression = json!({ "key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone] });
    let affinity = json!({ "required": { "nodeSelectorTerms": [{ "matchExpressions": [expression] }] } });
    let mut volume = json!({
        "metadata": { "name": name },
        "spec": {
            "capacity": { "storage": "1Gi" },
            "accessModes": ["ReadWriteMany"],
            "persistentVolumeReclaimPolicy": "Retain",
            "csi": { "driver": DRIVER, "volumeHandle": name },
        },
    });
    let by_label = claim.is_some() && in_percent(random, 40);
    if by_label {
        volume["metadata"]["labels"] = json!({ "topology.kubernetes.io/zone": zone });
    }
    if !by_label || in_percent(random, 50) {
        volume["spec"]["nodeAffinity"] = affinity;
    }
    match claim {
        Some(claim) => {
            let metadata = &claim["metadata"];
            volume["spec"]["claimRef"] =
                json!({ "namespace": metadata["namespace"], "name": metadata["name"] });
        }
        None => volume["spec"]["storageClassName"] = json!(LOOSE),
    }
    volume
}

/// A claim of a volume, or of any of class [`LOOSE`].
pub fn claim(namespace: &str, name: &str, volume: Option<&str>) -> Value {
    let mut claim = json!({
        "metadata": { "name": name, "namespace": namespace },
        "spec": {
            "accessModes": ["ReadWriteMany"],
            "resources": { "requests": { "storage": "1Gi" } },
            "storageClassName": "",
        },
    });
    match volume {
        Some(volume) => claim["spec"]["volumeName"] = json!(volume),
        None => claim["spec"]["storageClassName"] = json!(LOOSE),
    }
    claim
}
