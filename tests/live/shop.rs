//! A cluster that others made: three node groups that are too large, workloads with budgets and volumes, a DaemonSet.

use std::collections::BTreeSet;

use k8s_openapi::api::apps::v1::StatefulSet;
use k8s_openapi::api::core::v1::{Node, PersistentVolume, Pod};
use k8s_openapi::api::storage::v1::StorageClass;
use kube::api::{ListParams, Patch, PatchParams, PostParams};
use kube::{Api, Client};
use plimsoll_props::attacher::Attacher;
use plimsoll_props::objects::{self, object, put};
use serde_json::{Value, json};

use super::site::{Site, ZONES, node_of};

/// How much there is.
#[derive(Clone, Copy, Debug)]
pub struct Size {
    /// Machines of each group; there is one for each zone.
    machines: usize,
    /// Workloads of so many pods, with a budget each.
    apps: usize,
    replicas: usize,
    /// Pods with a volume of their own, which is in one zone.
    volumes: usize,
    /// Seconds to plan.
    pub seconds: i64,
    /// Largest share of pods that a plan may move: each takes seconds.
    pub moved_pods_max_ratio: f64,
}

impl Size {
    /// By `PLIMSOLL_LIVE`: 12 nodes and 33 pods, or with `full` 42 nodes and 400 pods.
    pub fn from_environment() -> Self {
        match std::env::var("PLIMSOLL_LIVE").as_deref() {
            Ok("full") => Self {
                machines: 14,
                apps: 43,
                replicas: 8,
                volumes: 14,
                seconds: 10,
                moved_pods_max_ratio: 0.5,
            },
            Ok(other) => panic!("PLIMSOLL_LIVE is full or not set, not {other:?}"),
            Err(_) => {
                Self { machines: 4, apps: 6, replicas: 3, volumes: 3, seconds: 5, moved_pods_max_ratio: 1.0 }
            }
        }
    }

    pub fn nodes(&self) -> usize {
        self.machines * ZONES.len()
    }

    pub fn pods(&self) -> usize {
        self.apps * self.replicas + self.volumes + self.nodes()
    }
}

/// The class of volumes.
const CLASS: &str = "gp3";
/// The set whose pods have volumes.
const STORE: &str = "store";

/// Fills a site. Volumes are attached as long as what is returned lives.
pub async fn open(site: &Site, size: &Size) -> Attacher {
    let count = i32::try_from(size.machines).unwrap();
    for zone in ZONES {
        site.fake.found_group(&format!("general-{}", &zone[zone.len() - 1..]), zone, "m7i.xlarge", count);
    }
    let client = &site.client;
    let attacher = Attacher::start(client);
    let agent = objects::template("agent", "50m", &json!({ "tolerations": [{ "operator": "Exists" }] }));
    put(client, objects::daemon_set("agent", &agent)).await;
    for app in 0..size.apps {
        let app = format!("app-{app}");
        let replicas = u32::try_from(size.replicas).unwrap();
        put(client, objects::deployment(&app, replicas, &slow(&app, &json!({})))).await;
        put(client, objects::budget(&app, 1)).await;
    }
    volumes(client, size.volumes).await;
    put(client, store(size.volumes)).await;
    put(client, objects::budget(STORE, 1)).await;
    site.until_serving(size.pods()).await;
    role(client).await;
    attacher
}

/// A label that people set on nodes by hand: no node group may state it.
async fn role(client: &Client) {
    let nodes: Api<Node> = Api::all(client.clone());
    let role = json!({ "metadata": { "labels": { "node-role.kubernetes.io/worker": "" } } });
    for node in nodes.list(&ListParams::default()).await.unwrap() {
        nodes
            .patch(&node.metadata.name.unwrap(), &PatchParams::default(), &Patch::Merge(&role))
            .await
            .unwrap();
    }
}

/// Volumes that are there before their claims, each in a zone, as after a restore from snapshots.
async fn volumes(client: &Client, count: usize) {
    let classes: Api<StorageClass> = Api::all(client.clone());
    let class = object(json!({
        "metadata": { "name": CLASS },
        "provisioner": "ebs.csi.aws.com",
        "volumeBindingMode": "WaitForFirstConsumer",
    }));
    classes.create(&PostParams::default(), &class).await.unwrap();
    let all: Api<PersistentVolume> = Api::all(client.clone());
    for (number, zone) in (0..count).zip(ZONES.iter().cycle()) {
        let expression = json!({ "key": "topology.kubernetes.io/zone", "operator": "In", "values": [zone] });
        let volume = object(json!({
            "metadata": { "name": format!("vol-{number}") },
            "spec": {
                "capacity": { "storage": "10Gi" },
                "accessModes": ["ReadWriteOnce"],
                "storageClassName": CLASS,
                "persistentVolumeReclaimPolicy": "Retain",
                "claimRef": { "namespace": "default", "name": format!("data-{STORE}-{number}") },
                "csi": { "driver": "ebs.csi.aws.com", "volumeHandle": format!("vol-{number:017x}") },
                "nodeAffinity": { "required": { "nodeSelectorTerms": [{ "matchExpressions": [expression] }] } },
            },
        }));
        all.create(&PostParams::default(), &volume).await.unwrap();
    }
}

fn store(replicas: usize) -> StatefulSet {
    let mut template = slow(STORE, &json!({}));
    template["spec"]["containers"][0]["volumeMounts"] = json!([{ "name": "data", "mountPath": "/data" }]);
    let claim = json!({
        "metadata": { "name": "data" },
        "spec": {
            "accessModes": ["ReadWriteOnce"],
            "storageClassName": CLASS,
            "resources": { "requests": { "storage": "10Gi" } },
        },
    });
    object(json!({
        "metadata": { "name": STORE },
        "spec": {
            "replicas": replicas,
            "serviceName": STORE,
            "podManagementPolicy": "Parallel",
            "selector": { "matchLabels": { "app": STORE } },
            "template": template,
            "volumeClaimTemplates": [claim],
        },
    }))
}

/// Volumes whose pods have a node, each with that.
pub fn mounted(pods: &[Pod]) -> BTreeSet<(String, String)> {
    let of_store = |pod: &Pod| {
        let number = pod.metadata.name.as_deref()?.strip_prefix(STORE)?.to_owned();
        Some((format!("vol{number}"), node_of(pod)?.to_owned()))
    };
    pods.iter().filter_map(of_store).collect()
}

/// Pods that are ready a while after they start, so that a budget has something to keep.
pub fn slow(app: &str, spec: &Value) -> Value {
    let mut template = objects::template(app, "250m", spec);
    template["metadata"]["annotations"] = json!({ "ground.plimsoll/ready-after": "1s" });
    template
}
