//! Cold starts: everything arrives in a random order from nothing, at the fleet of the plan.
//!
//! Pods come one by one as the order says, so they are nobody's: their ReplicaSets and StatefulSets are there for the
//! scheduler, which spreads by them, but are being deleted, so that no controller has a say.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use plimsoll_props::ground::{Ground, Options};
use rand::SeedableRng;
use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use serde_json::{Value, json};

use super::dump::{Dump, fresh};
use super::owners::counts;
use super::raw::{LOOK, Raw, is_daemon, name, namespace, node_of, owner, path, place, until};
use super::stage::furnish;

/// When nobody found a node for so long, nobody will: the scheduler tries again within 10 s what it refused.
const STILL: Duration = Duration::from_secs(12);

/// Label of pods that arrive.
const ARRIVES: &str = "ground.plimsoll/arrives";

/// Ids of owners, by kind, namespace and name.
type Owners = BTreeMap<(String, String, String), Value>;

/// Pods left pending in each of so many random orders.
pub async fn starts(dump: &Dump, nodes: &[Value], pods: &[Value], orders: u64) -> Vec<usize> {
    let Some(ground) = Ground::start(Options::default()).await else { return Vec::new() };
    let raw = Raw(ground.client().await);
    let nodes: Vec<Value> = nodes.iter().map(|node| fresh("Node", node)).collect();
    furnish(&raw, dump, &nodes).await;
    let daemons: Vec<Value> = pods.iter().filter(|pod| is_daemon(pod)).map(|pod| fresh("Pod", pod)).collect();
    raw.post_all(|pod| path("Pod", namespace(pod)), &daemons).await;
    let owners = owners(&raw, dump).await;
    let mut others: Vec<Value> =
        pods.iter().filter(|pod| counts(pod)).map(|pod| arriving(pod, &owners)).collect();
    let mut pending = Vec::new();
    for order in 0..orders {
        others.shuffle(&mut SmallRng::seed_from_u64(order));
        for pod in &others {
            raw.post(&path("Pod", namespace(pod)), pod).await;
        }
        let left = until_still(&raw, daemons.len() + others.len()).await;
        println!("{}: order {order} leaves {left} pending", dump.name);
        pending.push(left);
        for space in dump.of("Namespace") {
            raw.delete(&format!("{}?labelSelector={ARRIVES}", path("Pod", name(space))), true).await;
        }
        until("pods are gone", async || raw.items(&path("Pod", "")).await.len() == daemons.len()).await;
    }
    pending
}

/// Makes the owners that the scheduler spreads by.
async fn owners(raw: &Raw, dump: &Dump) -> Owners {
    let mut owners = Owners::new();
    for kind in ["ReplicaSet", "StatefulSet"] {
        for mut set in dump.fresh(kind) {
            set["spec"]["replicas"] = json!(0);
            set["metadata"]["finalizers"] = json!(["ground.plimsoll/kept"]);
            let made = raw.post(&path(kind, namespace(&set)), &set).await;
            raw.delete(&place(kind, &set), false).await;
            let id = (kind.to_owned(), namespace(&set).to_owned(), name(&set).to_owned());
            owners.insert(id, made["metadata"]["uid"].clone());
        }
    }
    owners
}

/// A pod that has yet to be placed.
fn arriving(pod: &Value, owners: &Owners) -> Value {
    let mut made = fresh("Pod", pod);
    made["spec"].as_object_mut().unwrap().remove("nodeName");
    let labels = made["metadata"]["labels"].as_object_mut().unwrap();
    // Where it was placed before.
    for key in ["topology.kubernetes.io/zone", "topology.kubernetes.io/region"] {
        labels.remove(key);
    }
    labels.insert(ARRIVES.to_owned(), json!("yes"));
    let Some((kind, its_name)) = owner(pod) else { return made };
    let id = (kind.to_owned(), namespace(pod).to_owned(), its_name.to_owned());
    if let Some(uid) = owners.get(&id) {
        made["metadata"]["ownerReferences"] = json!([{
            "apiVersion": "apps/v1",
            "kind": kind,
            "name": its_name,
            "uid": uid,
            "controller": true,
        }]);
    }
    made
}

/// Waits until all pods have a node, or nobody finds one any more; how many have none, those among them that had to make room.
async fn until_still(raw: &Raw, count: usize) -> usize {
    let (mut before, mut since) = (0, Instant::now());
    loop {
        let placed = raw.items(&path("Pod", "")).await.iter().filter(|pod| node_of(pod).is_some()).count();
        if before != placed {
            (before, since) = (placed, Instant::now());
        }
        if placed == count || STILL < since.elapsed() {
            return count - placed;
        }
        tokio::time::sleep(LOOK).await;
    }
}
