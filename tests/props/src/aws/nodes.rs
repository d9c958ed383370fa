//! Machines as nodes of the API server: what a kubelet reports, and how it looks when the machine is gone.

use std::collections::BTreeMap;

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, EvictParams, ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client, Error};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::catalog::node::NodeSettings;
use plimsoll_domain::fleet::{self, CapacityKind};
use plimsoll_domain::resources::Resources;
use plimsoll_domain::workload::{Taint, TaintEffect};
use serde_json::{Map, Value, json};

use super::machines::Machine;
use super::state::Work;

/// Does what is to be done; the nodes that were to be emptied and are.
pub async fn carry_out(client: &Client, works: Vec<Work>) -> Vec<String> {
    let mut emptied = Vec::new();
    let nodes: Api<Node> = Api::all(client.clone());
    for work in works {
        match work {
            Work::Join(machine) => match nodes.create(&PostParams::default(), &node(&machine)).await {
                Err(Error::Api(status)) if status.code == 409 => {}
                made => drop(made.unwrap()),
            },
            Work::Empty(name) => {
                if empty(client, &name).await {
                    emptied.push(name);
                }
            }
            Work::Leave(name, _) => {
                // The node's controller would do it within a minute.
                let pods: Api<Pod> = Api::all(client.clone());
                let here = ListParams::default().fields(&format!("spec.nodeName={name}"));
                let _gone = nodes.delete(&name, &DeleteParams::default()).await;
                for pod in pods.list(&here).await.unwrap() {
                    let (namespace, name) = (pod.metadata.namespace.unwrap(), pod.metadata.name.unwrap());
                    let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
                    let _gone = pods.delete(&name, &DeleteParams::default().grace_period(0)).await;
                }
            }
        }
    }
    emptied
}

/// Cordons a node and evicts what is on it as budgets allow; whether nothing is left.
async fn empty(client: &Client, name: &str) -> bool {
    let nodes: Api<Node> = Api::all(client.clone());
    let closed = json!({ "spec": { "unschedulable": true } });
    nodes.patch(name, &PatchParams::default(), &Patch::Merge(closed)).await.unwrap();
    let pods: Api<Pod> = Api::all(client.clone());
    let here = ListParams::default().fields(&format!("spec.nodeName={name}"));
    let mut is_empty = true;
    for pod in pods.list(&here).await.unwrap() {
        let owners = pod.metadata.owner_references.unwrap_or_default();
        if owners.iter().any(|owner| owner.kind == "DaemonSet") {
            continue;
        }
        is_empty = false;
        let (namespace, name) = (pod.metadata.namespace.unwrap(), pod.metadata.name.unwrap());
        let pods: Api<Pod> = Api::namespaced(client.clone(), &namespace);
        // A budget may forbid it for now.
        let _asked = pods.evict(&name, &EvictParams::default()).await;
    }
    is_empty
}

/// A machine's node as planning sees it.
pub fn seen(machine: &Machine) -> fleet::Node {
    let catalog = Catalog::builtin();
    let kind = &catalog.types[&machine.instance_type];
    let settings = NodeSettings::default();
    let shown = node(machine);
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let taint = |one: &Value| Taint {
        key: text(&one["key"]),
        value: text(&one["value"]),
        effect: match one["effect"].as_str() {
            Some("NO_EXECUTE") => TaintEffect::NoExecute,
            Some("PREFER_NO_SCHEDULE") => TaintEffect::PreferNoSchedule,
            _ => TaintEffect::NoSchedule,
        },
    };
    fleet::Node {
        name: machine.node(),
        provider_id: format!("aws:///{}/{}", machine.zone, machine.id),
        group: machine.group.clone(),
        instance_type: machine.instance_type.clone(),
        zone: machine.zone.clone(),
        kind: if machine.is_spot { CapacityKind::Spot } else { CapacityKind::OnDemand },
        labels: shown.metadata.labels.unwrap_or_default(),
        taints: machine.taints.as_array().into_iter().flatten().map(taint).collect(),
        capacity: kind.capacity(&settings),
        allocatable: kind.allocatable(&settings),
        attach_limits: BTreeMap::new(),
        unschedulable: false,
        ready: true,
        create_time: Some(machine.launched),
    }
}

fn node(machine: &Machine) -> Node {
    let catalog = Catalog::builtin();
    let kind = &catalog.types[&machine.instance_type];
    let settings = NodeSettings::default();
    let mut labels = json!({
        "kubernetes.io/hostname": machine.node(),
        "kubernetes.io/arch": kind.architecture,
        "kubernetes.io/os": "linux",
        "topology.kubernetes.io/zone": machine.zone,
        "topology.kubernetes.io/region": &machine.zone[..machine.zone.len() - 1],
        "topology.ebs.csi.aws.com/zone": machine.zone,
        "node.kubernetes.io/instance-type": machine.instance_type,
        "eks.amazonaws.com/nodegroup": machine.group,
        "eks.amazonaws.com/capacityType": if machine.is_spot { "SPOT" } else { "ON_DEMAND" },
    });
    for (key, value) in machine.labels.as_object().into_iter().flatten() {
        labels[key] = value.clone();
    }
    let taints: Vec<Value> = machine.taints.as_array().into_iter().flatten().map(taint).collect();
    serde_json::from_value(json!({
        "metadata": {
            "name": machine.node(),
            "labels": labels,
            "annotations": {
                "kwok.x-k8s.io/node": "fake",
                // As a kubelet has it: volumes are attached by the controller.
                "volumes.kubernetes.io/controller-managed-attach-detach": "true",
            },
        },
        "spec": { "providerID": format!("aws:///{}/{}", machine.zone, machine.id), "taints": taints },
        "status": {
            "capacity": amounts(&kind.capacity(&settings)),
            "allocatable": amounts(&kind.allocatable(&settings)),
        },
    }))
    .unwrap()
}

/// A taint of a node from that of a node group.
fn taint(taint: &Value) -> Value {
    let effect = match taint["effect"].as_str() {
        Some("NO_EXECUTE") => "NoExecute",
        Some("PREFER_NO_SCHEDULE") => "PreferNoSchedule",
        _ => "NoSchedule",
    };
    json!({ "key": taint["key"], "value": taint["value"], "effect": effect })
}

fn amounts(resources: &Resources) -> Value {
    let mut amounts = Map::new();
    amounts.insert("cpu".into(), format!("{}m", resources.cpu_milli).into());
    amounts.insert("memory".into(), resources.memory_bytes.to_string().into());
    amounts.insert("ephemeral-storage".into(), resources.ephemeral_bytes.to_string().into());
    amounts.insert("pods".into(), resources.pods.to_string().into());
    for (name, count) in &resources.extended {
        amounts.insert(name.clone(), count.to_string().into());
    }
    amounts.into()
}
