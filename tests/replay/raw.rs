//! An API server, asked in JSON.

use std::time::{Duration, Instant};

use futures::StreamExt;
use http::{Method, Request};
use kube::Client;
use serde_json::{Value, json};

/// Longest wait for something that is bound to come about.
pub const PATIENCE: Duration = Duration::from_secs(120);
/// Wait between two looks.
pub const LOOK: Duration = Duration::from_millis(50);
/// Objects that are made at a time.
const AT_ONCE: usize = 16;

/// Somebody who may do everything.
#[derive(Clone)]
pub struct Raw(pub Client);

impl Raw {
    async fn ask(&self, method: Method, path: &str, kind: &str, body: &Value) -> Result<Value, kube::Error> {
        let bytes = if body.is_null() { Vec::new() } else { serde_json::to_vec(body).unwrap() };
        let request = Request::builder().method(method).uri(path).header("content-type", kind);
        self.0.request(request.body(bytes).unwrap()).await
    }

    /// What is at a path, if anything.
    pub async fn get(&self, path: &str) -> Option<Value> {
        self.ask(Method::GET, path, "application/json", &Value::Null).await.ok()
    }

    /// What a list has.
    pub async fn items(&self, path: &str) -> Vec<Value> {
        let mut list = self.ask(Method::GET, path, "application/json", &Value::Null).await.unwrap();
        serde_json::from_value(list["items"].take()).unwrap()
    }

    /// Makes an object; returns it as it was taken. It must not be there.
    pub async fn post(&self, path: &str, object: &Value) -> Value {
        let made = self.ask(Method::POST, path, "application/json", object).await;
        made.unwrap_or_else(|error| panic!("{path}: {error}\n{object:#}"))
    }

    /// Makes objects, some at a time; `path` tells where.
    pub async fn post_all(&self, path: impl Fn(&Value) -> String, objects: &[Value]) {
        let made = futures::stream::iter(objects).for_each_concurrent(AT_ONCE, async |object| {
            self.post(&path(object), object).await;
        });
        made.await;
    }

    /// Changes what is at a path.
    pub async fn patch(&self, path: &str, change: &Value) -> Value {
        let changed = self.ask(Method::PATCH, path, "application/merge-patch+json", change).await;
        changed.unwrap_or_else(|error| panic!("{path}: {error}\n{change:#}"))
    }

    /// Deletes what is at a path, at once or as it wishes. It may be gone.
    pub async fn delete(&self, path: &str, at_once: bool) {
        let grace = if at_once { json!({ "gracePeriodSeconds": 0 }) } else { json!({}) };
        let _gone = self.ask(Method::DELETE, path, "application/json", &grace).await;
    }
}

/// The name of an object.
pub fn name(object: &Value) -> &str {
    object["metadata"]["name"].as_str().unwrap()
}

/// Its namespace.
pub fn namespace(object: &Value) -> &str {
    object["metadata"]["namespace"].as_str().unwrap_or_default()
}

/// `namespace/name`.
pub fn key(object: &Value) -> String {
    format!("{}/{}", namespace(object), name(object))
}

/// The node of a pod, if it has one.
pub fn node_of(pod: &Value) -> Option<&str> {
    pod["spec"]["nodeName"].as_str()
}

/// Kind and name of an object's controller.
pub fn owner(object: &Value) -> Option<(&str, &str)> {
    let owners = object["metadata"]["ownerReferences"].as_array().into_iter().flatten();
    let owner = owners.into_iter().find(|owner| owner["controller"] == true)?;
    Some((owner["kind"].as_str()?, owner["name"].as_str()?))
}

/// Whether a DaemonSet made a pod.
pub fn is_daemon(pod: &Value) -> bool {
    owner(pod).is_some_and(|(kind, _)| kind == "DaemonSet")
}

/// Where objects of a kind are made.
pub fn path(kind: &str, namespace: &str) -> String {
    let (group, plural) = match kind {
        "Namespace" => ("/api/v1", "namespaces"),
        "Node" => ("/api/v1", "nodes"),
        "PersistentVolume" => ("/api/v1", "persistentvolumes"),
        "PersistentVolumeClaim" => ("/api/v1", "persistentvolumeclaims"),
        "Pod" => ("/api/v1", "pods"),
        "PriorityClass" => ("/apis/scheduling.k8s.io/v1", "priorityclasses"),
        "StorageClass" => ("/apis/storage.k8s.io/v1", "storageclasses"),
        "PodDisruptionBudget" => ("/apis/policy/v1", "poddisruptionbudgets"),
        "HorizontalPodAutoscaler" => ("/apis/autoscaling/v2", "horizontalpodautoscalers"),
        "ReplicaSet" => ("/apis/apps/v1", "replicasets"),
        "Deployment" => ("/apis/apps/v1", "deployments"),
        "StatefulSet" => ("/apis/apps/v1", "statefulsets"),
        "DaemonSet" => ("/apis/apps/v1", "daemonsets"),
        "Job" => ("/apis/batch/v1", "jobs"),
        other => panic!("no place for a {other}"),
    };
    match namespace {
        "" => format!("{group}/{plural}"),
        namespace => format!("{group}/namespaces/{namespace}/{plural}"),
    }
}

/// The path of an object that is there.
pub fn place(kind: &str, object: &Value) -> String {
    format!("{}/{}", path(kind, namespace(object)), name(object))
}

/// Waits until something holds.
pub async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !holds().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: does not come about");
        tokio::time::sleep(LOOK).await;
    }
}
