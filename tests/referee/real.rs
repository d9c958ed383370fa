//! The real cluster: a world is put there, read, and taken away.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use futures::StreamExt;
use http::{Method, Request};
use jiff::Timestamp;
use kube::Client;
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_manifest::kube::{Import, Options};
use serde_json::{Value, json};

use super::machine::LOOSE;
use super::world::{NAMESPACES, World};

/// Longest wait for something that is bound to come about.
const PATIENCE: Duration = Duration::from_secs(60);
/// Wait between two looks.
const LOOK: Duration = Duration::from_millis(15);
/// Objects that are made at a time.
const AT_ONCE: usize = 16;
/// Taint of nodes that their controller has not seen ready yet.
const NOT_READY: &str = "node.kubernetes.io/not-ready";
/// Taint of cordoned nodes.
const CORDONED: &str = "node.kubernetes.io/unschedulable";

/// Everything that the model reads: path and kind.
const KINDS: [(&str, &str, &str); 8] = [
    ("/api/v1/nodes", "v1", "Node"),
    ("/api/v1/pods", "v1", "Pod"),
    ("/api/v1/namespaces", "v1", "Namespace"),
    ("/api/v1/persistentvolumes", "v1", "PersistentVolume"),
    ("/api/v1/persistentvolumeclaims", "v1", "PersistentVolumeClaim"),
    ("/apis/apps/v1/replicasets", "apps/v1", "ReplicaSet"),
    ("/apis/storage.k8s.io/v1/storageclasses", "storage.k8s.io/v1", "StorageClass"),
    ("/apis/storage.k8s.io/v1/csinodes", "storage.k8s.io/v1", "CSINode"),
];

/// Ids of the ReplicaSets of a world, by namespace.
pub type Owners = BTreeMap<String, Value>;

/// What the scheduler made of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It is on this node.
    Bound(String),
    /// No node takes it; why, in the scheduler's words.
    Refused(String),
}

/// A cluster with namespaces and a class for worlds.
pub struct Real {
    client: Client,
}

impl Real {
    /// The cluster of a client, furnished.
    pub async fn new(client: Client) -> Self {
        let real = Self { client };
        let namespace = json!({ "metadata": { "name": "other", "labels": { "team": "blue" } } });
        real.post("/api/v1/namespaces", &namespace).await;
        let class = json!({
            "metadata": { "name": LOOSE },
            "provisioner": "kubernetes.io/no-provisioner",
            "volumeBindingMode": "WaitForFirstConsumer",
        });
        real.post("/apis/storage.k8s.io/v1/storageclasses", &class).await;
        let account = "/api/v1/namespaces/other/serviceaccounts/default";
        until("an account", async || real.get(account).await.is_some()).await;
        real
    }

    async fn ask(&self, method: Method, path: &str, body: &Value) -> Result<Value, kube::Error> {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let kind = if method == Method::PATCH { "application/merge-patch+json" } else { "application/json" };
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        self.client.request(request.body(bytes).unwrap()).await
    }

    /// What is at a path, if anything.
    pub async fn get(&self, path: &str) -> Option<Value> {
        self.ask(Method::GET, path, &Value::Null).await.ok()
    }

    /// Makes an object; returns it as it was taken.
    pub async fn post(&self, path: &str, object: &Value) -> Value {
        let made = self.ask(Method::POST, path, object).await;
        made.unwrap_or_else(|error| panic!("{path}: {error}\n{object:#}"))
    }

    /// Deletes what is at a path, at once or as it wishes. It may be gone.
    pub async fn delete(&self, path: &str, at_once: bool) {
        let grace = if at_once { json!({ "gracePeriodSeconds": 0 }) } else { json!({}) };
        let _gone = self.ask(Method::DELETE, path, &grace).await;
    }

    async fn post_all(&self, path: impl Fn(&Value) -> String, objects: &[Value]) {
        let made = futures::stream::iter(objects).for_each_concurrent(AT_ONCE, async |object| {
            self.post(&path(object), object).await;
        });
        made.await;
    }

    async fn items(&self, path: &str) -> Vec<Value> {
        let mut list = self.ask(Method::GET, path, &Value::Null).await.unwrap();
        serde_json::from_value(list["items"].take()).unwrap()
    }

    /// Makes a world, and waits until the scheduler knows it.
    pub async fn put(&self, world: &World) -> Owners {
        let mut owners = Owners::new();
        for set in &world.sets {
            let path = namespaced(set, "/apis/apps/v1", "replicasets");
            let made = self.post(&path, set).await;
            self.delete(&format!("{path}/{}", name(set)), false).await;
            owners.insert(namespace(set).to_owned(), made["metadata"]["uid"].clone());
        }
        self.post_all(|_| "/api/v1/nodes".to_owned(), &world.nodes).await;
        self.post_all(|_| "/apis/storage.k8s.io/v1/csinodes".to_owned(), &world.attach_limits).await;
        self.post_all(|_| "/api/v1/persistentvolumes".to_owned(), &world.volumes).await;
        self.post_all(|it| namespaced(it, "/api/v1", "persistentvolumeclaims"), &world.claims).await;
        until("nodes are ready", async || self.items("/api/v1/nodes").await.iter().all(is_settled)).await;
        let bound =
            |claim: &Value| claim["spec"]["volumeName"].is_null() || claim["status"]["phase"] == "Bound";
        let claims = "/api/v1/persistentvolumeclaims";
        until("claims are bound", async || self.items(claims).await.iter().all(bound)).await;
        let pods: Vec<Value> = world.pods.iter().map(|pod| owned(pod, &owners)).collect();
        self.post_all(pods_path, &pods).await;
        for (namespace, name) in &world.leaving {
            self.delete(&format!("/api/v1/namespaces/{namespace}/pods/{name}"), false).await;
        }
        self.until_known(world.nodes.len()).await;
        owners
    }

    /// Waits until the scheduler says that it looked at so many nodes. It has then seen all pods, too, which are told in order.
    pub async fn until_known(&self, nodes: usize) {
        let canary = json!({
            "metadata": { "name": "canary", "namespace": "default" },
            "spec": {
                "containers": [{ "name": "app", "image": "registry.k8s.io/pause:3.10" }],
                "nodeSelector": { "canary": "nowhere" },
            },
        });
        let all = format!("0/{nodes} nodes are available");
        let told = async || match self.outcome(&canary).await {
            Outcome::Refused(why) => {
                self.delete("/api/v1/namespaces/default/pods/canary", true).await;
                why.starts_with(&all)
            }
            Outcome::Bound(node) => panic!("the canary is on {node}"),
        };
        until("the scheduler knows all nodes", told).await;
    }

    /// Makes a pod and waits for what the scheduler makes of it.
    pub async fn outcome(&self, pod: &Value) -> Outcome {
        let path = pods_path(pod);
        self.post(&path, pod).await;
        let path = format!("{path}/{}", name(pod));
        let begun = Instant::now();
        loop {
            let now = self.get(&path).await.unwrap_or_else(|| panic!("{path} is gone"));
            if let Some(node) = now["spec"]["nodeName"].as_str() {
                return Outcome::Bound(node.to_owned());
            }
            let conditions = now["status"]["conditions"].as_array().into_iter().flatten();
            let refused = |it: &&Value| it["type"] == "PodScheduled" && it["reason"] == "Unschedulable";
            if let Some(condition) = conditions.into_iter().find(refused) {
                return Outcome::Refused(condition["message"].as_str().unwrap().to_owned());
            }
            assert!(begun.elapsed() < PATIENCE, "the scheduler says nothing of {path}: {now:#}");
            tokio::time::sleep(LOOK).await;
        }
    }

    /// A pod as the API server would take it.
    async fn admitted(&self, pod: &Value) -> Value {
        let mut taken = self.post(&format!("{}?dryRun=All", pods_path(pod)), pod).await;
        (taken["apiVersion"], taken["kind"]) = (json!("v1"), json!("Pod"));
        taken
    }

    /// Everything that is there.
    pub async fn state(&self) -> ClusterState {
        self.read(Vec::new()).await
    }

    /// Everything that is there, and a pod that is not there yet.
    pub async fn state_with(&self, pod: &Value) -> ClusterState {
        self.read(vec![self.admitted(pod).await]).await
    }

    async fn read(&self, mut items: Vec<Value>) -> ClusterState {
        for (path, version, kind) in KINDS {
            for mut item in self.items(path).await {
                (item["apiVersion"], item["kind"]) = (json!(version), json!(kind));
                items.push(item);
            }
        }
        let list = json!({ "apiVersion": "v1", "kind": "List", "items": items });
        let mut import = Import::default();
        import.read(list.to_string().as_bytes()).unwrap();
        match import.finish_live(&Options::at(Timestamp::UNIX_EPOCH)).unwrap().content {
            Content::Cluster(state) => *state,
            Content::Ready(_) => panic!("a list of objects is a cluster"),
        }
    }

    /// Waits until the claims that a pod mounts are bound: the scheduler knows that sooner than others do.
    pub async fn until_mounted(&self, pod: &Value) {
        let claims = pod["spec"]["volumes"].as_array().into_iter().flatten();
        for claim in claims.filter_map(|volume| volume["persistentVolumeClaim"]["claimName"].as_str()) {
            let path = format!("{}/{claim}", namespaced(pod, "/api/v1", "persistentvolumeclaims"));
            let bound = async || self.get(&path).await.is_some_and(|it| it["status"]["phase"] == "Bound");
            until("a claim is bound", bound).await;
        }
    }

    /// Takes a world away.
    pub async fn clear(&self, world: &World) {
        for namespace in NAMESPACES {
            self.delete(&format!("/api/v1/namespaces/{namespace}/pods"), true).await;
        }
        for set in &world.sets {
            let path = format!("{}/{}", namespaced(set, "/apis/apps/v1", "replicasets"), name(set));
            let free = json!({ "metadata": { "finalizers": null } });
            let _gone = self.ask(Method::PATCH, &path, &free).await;
        }
        for namespace in NAMESPACES {
            let claims = format!("/api/v1/namespaces/{namespace}/persistentvolumeclaims");
            self.delete(&claims, true).await;
        }
        self.delete("/api/v1/nodes", true).await;
        self.delete("/apis/storage.k8s.io/v1/csinodes", true).await;
        self.delete("/api/v1/persistentvolumes", true).await;
        for (path, _, kind) in [KINDS[0], KINDS[1], KINDS[3], KINDS[4], KINDS[5]] {
            until(kind, async || self.items(path).await.is_empty()).await;
        }
    }
}

fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap()
}

fn namespaced(object: &Value, group: &str, plural: &str) -> String {
    format!("{group}/namespaces/{}/{plural}", namespace(object))
}

/// Where a pod's siblings are.
pub fn pods_path(pod: &Value) -> String {
    namespaced(pod, "/api/v1", "pods")
}

/// The pod with the id of its owner, if it has one.
pub fn owned(pod: &Value, owners: &Owners) -> Value {
    let mut pod = pod.clone();
    if !pod["metadata"]["ownerReferences"].is_null() {
        pod["metadata"]["ownerReferences"][0]["uid"] = owners[namespace(&pod)].clone();
    }
    pod
}

/// Whether controllers have done to a node what they do to new ones.
fn is_settled(node: &Value) -> bool {
    let has = |key: &str| {
        let taints = node["spec"]["taints"].as_array().into_iter().flatten();
        taints.into_iter().any(|taint| taint["key"] == key)
    };
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.into_iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
    ready && !has(NOT_READY) && has(CORDONED) == (node["spec"]["unschedulable"] == true)
}

/// Waits until something holds.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: does not come about");
        tokio::time::sleep(LOOK).await;
    }
}
