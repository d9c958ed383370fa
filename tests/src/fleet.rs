//! Clusters to put load on: a few node groups, a few pods, in the simulated world.

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cluster_service_client::ClusterServiceClient;
use plimsoll_proto::v1::import_chunk::Part;
use plimsoll_proto::v1::ingest_service_client::IngestServiceClient;
use serde_json::{Value, json};
use tonic::transport::Channel;

/// Nodes of each group at the start.
pub const GROUP_NODES: usize = 2;

const INSTANCE_TYPE: &str = "m5.large";
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];

/// Registers a simulated cluster whose sizes Plimsoll owns, with so many groups `g0`, `g1`, ... of [`GROUP_NODES`] nodes.
///
/// # Panics
/// If the server refuses.
pub async fn load(channel: &Channel, cluster: &str, groups: usize) {
    let mut clusters = ClusterServiceClient::new(channel.clone());
    let mode = pb::cluster::Mode::Simulated.into();
    let request = pb::RegisterClusterRequest {
        cluster_id: cluster.into(),
        cluster: Some(pb::Cluster { mode, region: "us-east-1".into(), ..Default::default() }),
        ..Default::default()
    };
    clusters.register_cluster(request).await.unwrap();
    let policy = pb::Policy {
        name: format!("clusters/{cluster}/policy"),
        actuator: pb::policy::Actuator::Plimsoll.into(),
        ..Default::default()
    };
    let request = pb::UpdatePolicyRequest { policy: Some(policy), ..Default::default() };
    clusters.update_policy(request).await.unwrap();
    let header = pb::ImportHeader { parent: format!("clusters/{cluster}"), ..Default::default() };
    let parts = [Part::Header(header), Part::Data(file(groups).into())];
    let chunks = futures::stream::iter(parts.map(|part| pb::ImportChunk { part: Some(part) }));
    IngestServiceClient::new(channel.clone()).import_snapshot(chunks).await.unwrap();
}

fn file(groups: usize) -> String {
    let nodes = (0..groups * GROUP_NODES).map(|number| node(number, number / GROUP_NODES));
    let items: Vec<Value> = nodes.chain((0..groups).flat_map(workload)).collect();
    json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string()
}

/// A Deployment of one pod on the first node of its group.
fn workload(group: usize) -> [Value; 3] {
    let (name, labels) = (format!("app-{group}"), json!({"app": format!("app-{group}")}));
    let containers = json!([{"name": "main", "image": "registry.example/main:1", "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}]);
    let template = json!({"metadata": {"labels": labels}, "spec": {"containers": containers}});
    let spec = json!({"replicas": 1, "selector": {"matchLabels": labels}, "template": template});
    let owner = |kind: &str| json!([{"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": format!("{kind}-{name}"), "controller": true}]);
    let object = |version: &str, kind: &str, owners: Value, spec: Value| {
        json!({"apiVersion": version, "kind": kind, "spec": spec,
            "metadata": {"name": name, "namespace": "load", "labels": labels, "ownerReferences": owners}})
    };
    let mut pod = object("v1", "Pod", owner("ReplicaSet"), json!({"containers": containers}));
    pod["spec"]["nodeName"] = node_name(group * GROUP_NODES).into();
    pod["status"] = json!({"phase": "Running"});
    [
        object("apps/v1", "Deployment", json!([]), spec.clone()),
        object("apps/v1", "ReplicaSet", owner("Deployment"), spec),
        pod,
    ]
}

fn node(number: usize, group: usize) -> Value {
    let (name, zone) = (node_name(number), ZONES[group % ZONES.len()]);
    let room = json!({"cpu": "1930m", "memory": "7Gi", "ephemeral-storage": "18Gi", "pods": "29"});
    let labels = json!({
        "kubernetes.io/arch": "amd64",
        "kubernetes.io/os": "linux",
        "kubernetes.io/hostname": name,
        "node.kubernetes.io/instance-type": INSTANCE_TYPE,
        "topology.kubernetes.io/region": "us-east-1",
        "topology.kubernetes.io/zone": zone,
        "eks.amazonaws.com/nodegroup": format!("g{group}"),
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

fn node_name(number: usize) -> String {
    format!("ip-10-0-0-{}.ec2.internal", number + 1)
}
