//! Objects in, snapshot out: what each kind of statement in a manifest comes to.

mod bad;
mod billed;
mod forms;
mod places;
mod pods;
mod volumes;

use plimsoll_domain::snapshot::{ClusterState, Content, Snapshot};
use plimsoll_domain::workload::Pod;
use serde_json::{Value, json};

use super::{Import, Object, Options, read};
use crate::error::ReadError;

/// The time of all tests.
fn options() -> Options {
    Options::at("2026-11-22T12:00:00Z".parse().expect("a time"))
}

/// Reads a list of these objects. One by one they come to the same.
fn list(items: &[Value]) -> Result<Snapshot, ReadError> {
    let text = json!({"apiVersion": "v1", "kind": "List", "items": items}).to_string();
    let listed = read(text.as_bytes(), &options());
    if let Ok(listed) = &listed {
        assert_eq!(*listed, one_by_one(items).expect("each can be read"));
    }
    listed
}

fn one_by_one(items: &[Value]) -> Result<Snapshot, ReadError> {
    let mut import = Import::default();
    for item in items {
        import.add(&Object::read(&item.to_string())?)?;
    }
    import.finish(&options())
}

#[track_caller]
fn snapshot(items: &[Value]) -> Snapshot {
    list(items).unwrap_or_else(|error| panic!("{error}"))
}

#[track_caller]
fn cluster(items: &[Value]) -> ClusterState {
    match snapshot(items).content {
        Content::Cluster(cluster) => *cluster,
        Content::Ready(_) => panic!("not a cluster"),
    }
}

/// Reads one pod with this spec, beside these objects.
#[track_caller]
fn pod(spec: Value, beside: &[Value]) -> Pod {
    let pod = object("v1", "Pod", "web-0", json!({"spec": with_container(spec)}));
    let items: Vec<Value> = beside.iter().cloned().chain([pod]).collect();
    cluster(&items).pods.remove(0)
}

/// An object in the namespace `shop`; `rest` adds to it, also to its metadata.
fn object(version: &str, kind: &str, name: &str, rest: Value) -> Value {
    let mut object =
        json!({"apiVersion": version, "kind": kind, "metadata": {"name": name, "namespace": "shop"}});
    merge(&mut object, rest);
    object
}

fn with_container(mut spec: Value) -> Value {
    if spec.get("containers").is_none() {
        spec["containers"] = json!([{"name": "main", "image": "web:1"}]);
    }
    spec
}

fn merge(into: &mut Value, from: Value) {
    match (into, from) {
        (Value::Object(into), Value::Object(from)) => {
            for (key, value) in from {
                merge(into.entry(key).or_insert(Value::Null), value);
            }
        }
        (into, from) => *into = from,
    }
}

/// Codes of a snapshot's findings.
fn codes(snapshot: &Snapshot) -> Vec<&str> {
    snapshot.findings.iter().map(|finding| finding.code.as_str()).collect()
}
