//! Machines as nodes of the API server: what a kubelet reports, and how it looks when the machine is gone.

use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client, Error};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::catalog::node::NodeSettings;
use plimsoll_domain::resources::Resources;
use serde_json::{Map, Value, json};

use super::machines::Machine;
use super::state::Work;

pub async fn carry_out(client: &Client, works: Vec<Work>) {
    let nodes: Api<Node> = Api::all(client.clone());
    for work in works {
        match work {
            Work::Join(machine) => match nodes.create(&PostParams::default(), &node(&machine)).await {
                Err(Error::Api(status)) if status.code == 409 => {}
                made => drop(made.unwrap()),
            },
            Work::Leave(name) => {
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
            "annotations": { "kwok.x-k8s.io/node": "fake" },
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
