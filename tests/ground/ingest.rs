//! How quickly a cluster is read for the first time, in how much memory and with how many requests, and how it is kept fresh.

use std::time::{Duration, Instant};

use futures::StreamExt;
use jiff::Timestamp;
use k8s_openapi::api::core::v1::{Node, Pod};
use kube::api::{DeleteParams, ListParams, PostParams};
use kube::{Api, Client};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::Cluster;
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::ground::{Ground, Options};
use serde_json::json;

use super::steps::{id, put_node, until};
use plimsoll_props::objects::{node, object, template};

/// Longest first look.
const FIRST_LOOK_MAX: Duration = Duration::from_secs(5);
/// Whoever asks so long after a change sees it. The answer itself takes a while: see the figures.
const SEEN_MAX: Duration = Duration::from_secs(1);
/// Most memory of this process at any time, with all that the test itself needs, in KiB.
const MEMORY_MAX_KIB: u64 = 200 << 10;
/// Kinds that are watched: a list and a watch for each.
const KINDS: u64 = 19;
/// Objects of one page of a list.
const PAGE: u64 = 500;
/// Objects that are made at a time.
const AT_ONCE: usize = 32;

/// Nodes and pods: few on ordinary days.
fn size() -> (u64, u64) {
    if is_full() { (500, 5_000) } else { (50, 500) }
}

/// Whether times and memory count, too: alone, and optimised.
fn is_full() -> bool {
    match std::env::var("PLIMSOLL_INGEST").as_deref() {
        Ok("full") => true,
        Ok(other) => panic!("PLIMSOLL_INGEST is full or not set, not {other:?}"),
        Err(_) => false,
    }
}

/// A figure of this process in KiB.
fn memory_kib(name: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':')).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

fn zone(number: u64) -> &'static str {
    ["us-east-1a", "us-east-1b", "us-east-1c"][number as usize % 3]
}

/// A pod that is on a node already, about as talkative as pods of a service are.
fn bound(number: u64, nodes: u64) -> Pod {
    let variables: Vec<_> = (0..12)
        .map(|at| json!({ "name": format!("VARIABLE_{at}"), "value": format!("value {at} of pod {number}") }))
        .collect();
    let app = format!("app-{}", number % 40);
    let mut pod = template(&app, "100m", &json!({ "nodeName": format!("node-{}", number % nodes) }));
    pod["metadata"]["name"] = json!(format!("pod-{number}"));
    pod["spec"]["containers"][0]["env"] = json!(variables);
    object(pod)
}

/// Nodes and pods that run on them.
async fn fill(client: &Client, nodes: u64, pods: u64) {
    let made = futures::stream::iter(0..nodes).for_each_concurrent(AT_ONCE, async |number| {
        put_node(client, &node(&format!("node-{number}"), zone(number), 8)).await;
    });
    made.await;
    let all: Api<Pod> = Api::namespaced(client.clone(), "default");
    let made = futures::stream::iter(0..pods).for_each_concurrent(AT_ONCE, async |number| {
        all.create(&PostParams::default(), &bound(number, nodes)).await.unwrap();
    });
    made.await;
    let others = ListParams::default().fields("status.phase!=Running").limit(1);
    until("every pod runs", async || all.list(&others).await.unwrap().items.is_empty()).await;
}

/// Looks until a change is there, and no longer than it may take.
async fn seen(live: &Kubernetes, what: &str, there: impl Fn(&ClusterState) -> bool) -> Duration {
    let changed = Instant::now();
    loop {
        let asked = changed.elapsed();
        if there(&live.state(&id()).await.unwrap()) {
            break;
        }
        assert!(asked < SEEN_MAX, "{what} is not seen by whoever asks after {asked:?}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    changed.elapsed()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_read_quickly_and_kept_fresh_by_watches() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let client = ground.client().await;
    let (nodes, pods) = size();
    fill(&client, nodes, pods).await;
    let live = Kubernetes::new(id(), ground.config().await).unwrap();

    let (before, begun) = (memory_kib("VmRSS"), Instant::now());
    let snapshot = live.snapshot(Timestamp::now()).await.unwrap();
    let first = begun.elapsed();
    drop(snapshot);
    let after = memory_kib("VmRSS");
    let begun = Instant::now();
    let state = live.state(&id()).await.unwrap();
    let second = begun.elapsed();
    assert_eq!((state.nodes.len() as u64, state.pods.len() as u64), (nodes, pods));
    drop(state);

    // One list and one watch for each kind, and the further pages of pods.
    let expected = 2 * KINDS + pods.div_ceil(PAGE) - 1;
    until("watches have begun", async || live.calls().count() == expected).await;
    let all: Api<Pod> = Api::namespaced(client.clone(), "default");
    all.delete("pod-7", &DeleteParams::default().grace_period(0)).await.unwrap();
    let deleted =
        seen(&live, "a pod that left", |state| !state.pods.iter().any(|pod| pod.key() == "default/pod-7"));
    let deleted = deleted.await;
    let come: Node = node("node-new", zone(0), 8);
    put_node(&client, &come).await;
    let added =
        seen(&live, "a node that came", |state| state.nodes.iter().any(|node| node.name == "node-new"));
    let added = added.await;
    assert_eq!(live.calls().count(), expected, "nothing is listed again");

    let peak = memory_kib("VmHWM");
    println!(
        "{nodes} nodes, {pods} pods: first look {first:?}, next {second:?}, {expected} requests; memory {before} KiB before, \
         {after} KiB after, {peak} KiB at most; a deleted pod seen after {deleted:?}, a new node after {added:?}"
    );
    if is_full() {
        assert!(first < FIRST_LOOK_MAX, "the first look took {first:?}");
        assert!(peak < MEMORY_MAX_KIB, "{peak} KiB of memory");
    }
}
