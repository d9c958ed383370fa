//! A cluster from a file in a control plane of one's own, with an AWS beside it that has its machines.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use kube::Client;
use plimsoll_domain::plan::Plan;
use plimsoll_props::aws::{FakeAws, Found, Manners};
use plimsoll_props::ground::{Ground, Options};
use serde_json::Value;

use super::dump::Dump;
use super::owners::{Places, places, sizes, workload};
use super::raw::{LOOK, Raw, key, name, namespace, node_of, path, until};
use super::service::SPEED;

/// Name of each cluster.
pub const CLUSTER: &str = "replay";
const ZONES: [&str; 3] = ["us-east-1a", "us-east-1b", "us-east-1c"];
/// Longest until pods that find a node have found it: the scheduler tries again within 10 s.
const SETTLE_MAX: Duration = Duration::from_secs(60);
/// Objects that an API server makes by itself.
const BORN: [&str; 6] = [
    "default",
    "kube-node-lease",
    "kube-public",
    "kube-system",
    "system-cluster-critical",
    "system-node-critical",
];

/// The cluster. Ends when dropped.
pub struct Stage {
    pub ground: Ground,
    pub client: Client,
    pub raw: Raw,
    pub fake: FakeAws,
    /// Pods at the start: workload and node, by `namespace/name`.
    start: BTreeMap<String, (String, Option<String>)>,
    /// How many pods each workload had.
    sizes: BTreeMap<String, i64>,
}

impl Stage {
    /// Sets a file up: pods are where they are in the file, and real controllers own them. None where there is no control
    /// plane.
    pub async fn open(dump: &Dump) -> Option<Self> {
        let ground = Ground::start(Options { speed: Some(SPEED), ..Options::default() }).await?;
        let client = ground.client().await;
        let raw = Raw(client.clone());
        let fake = FakeAws::start(CLUSTER, &ZONES, Manners::default(), client.clone()).await;
        furnish(&raw, dump, &dump.fresh("Node")).await;
        groups(dump).iter().for_each(|group| fake.found_running(group));
        // Whoever selects them takes them in: they must be there first.
        let orphans = dump.orphans();
        raw.post_all(|pod| path("Pod", namespace(pod)), &orphans).await;
        let count = orphans.len();
        let all = path("Pod", "");
        until("pods run", async || raw.items(&all).await.iter().filter(|pod| runs(pod)).count() == count)
            .await;
        for kind in ["PodDisruptionBudget", "ReplicaSet", "StatefulSet", "Job", "DaemonSet"] {
            raw.post_all(|it| path(kind, namespace(it)), &dump.fresh(kind)).await;
        }
        let adopted = async || raw.items(&all).await.iter().all(|pod| workload(pod).is_some());
        until("pods have owners", adopted).await;
        for kind in ["Deployment", "HorizontalPodAutoscaler"] {
            raw.post_all(|it| path(kind, namespace(it)), &dump.fresh(kind)).await;
        }
        let count = dump.of("Pod").len();
        let whole = async || raw.items(&all).await.len() == count;
        until("there are as many pods as in the file", whole).await;
        let mut stage = Self { ground, client, raw, fake, start: BTreeMap::new(), sizes: BTreeMap::new() };
        stage.expect_as_in(dump).await;
        let pods = stage.pods().await;
        stage.sizes = sizes(&places(&pods));
        let place = |pod: &Value| Some((key(pod), (workload(pod)?, node_of(pod).map(str::to_owned))));
        stage.start = pods.iter().filter_map(place).collect();
        Some(stage)
    }

    /// Nothing was moved or made anew on the way.
    async fn expect_as_in(&self, dump: &Dump) {
        let has: BTreeSet<String> = self.pods().await.iter().map(key).collect();
        let gone: Vec<String> = dump.orphans().iter().map(key).filter(|key| !has.contains(key)).collect();
        assert_eq!(gone, Vec::<String>::new(), "pods that controllers replaced");
        let sets = self.raw.items(&path("ReplicaSet", "")).await;
        assert_eq!(sets.len(), dump.of("ReplicaSet").len(), "Deployments made ReplicaSets of their own");
    }

    pub async fn pods(&self) -> Vec<Value> {
        self.raw.items(&path("Pod", "")).await
    }

    pub async fn nodes(&self) -> Vec<Value> {
        self.raw.items(&path("Node", "")).await
    }

    /// Names of all nodes.
    pub async fn fleet(&self) -> BTreeSet<String> {
        self.nodes().await.iter().map(|node| name(node).to_owned()).collect()
    }

    /// Waits until every workload has as many pods as at the start, each on a node; what is left without one after a while,
    /// and workloads that have too few.
    pub async fn settled(&self) -> Vec<String> {
        let begun = Instant::now();
        loop {
            let left = self.unsettled(&self.pods().await);
            if left.is_empty() || SETTLE_MAX < begun.elapsed() {
                return left;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Pods without a node, and workloads with fewer pods than at the start.
    fn unsettled(&self, pods: &[Value]) -> Vec<String> {
        let small =
            self.missing(pods).into_iter().map(|(workload, count)| format!("{workload} lacks {count}"));
        homeless(pods).chain(small).collect()
    }

    /// The same, but for Jobs: their pods come last, may be pushed out by others, and come again when their controller says so.
    pub fn unsettled_services(&self, pods: &[Value]) -> Vec<String> {
        let small = self.missing(pods).into_iter().filter(|(workload, _)| !is_job(workload));
        homeless(pods).chain(small.map(|(workload, count)| format!("{workload} lacks {count}"))).collect()
    }

    /// Pods of Jobs that were there at the start and are not now.
    pub fn pushed_out(&self, pods: &[Value]) -> i64 {
        self.missing(pods).into_iter().filter(|(workload, _)| is_job(workload)).map(|(_, count)| count).sum()
    }

    /// How many pods fewer than at the start each workload has, if any.
    fn missing(&self, pods: &[Value]) -> Vec<(String, i64)> {
        let now = sizes(&places(pods));
        let lacks = |(workload, size): (&String, &i64)| {
            let count = size - now.get(workload).copied().unwrap_or(0);
            (0 < count).then(|| (workload.clone(), count))
        };
        self.sizes.iter().filter_map(lacks).collect()
    }

    /// How many pods are not where a plan puts them, each as good as another of its workload.
    pub fn astray(&self, plan: &Plan, pods: &[Value]) -> i64 {
        let mut ends = self.start.clone();
        for one in plan.referee.iter().flat_map(|referee| &referee.steered_moves) {
            if let Some((_, node)) = ends.get_mut(&one.pod) {
                *node = Some(self.real_name(&one.to));
            }
        }
        let mut wanted = Places::new();
        for (workload, node) in ends.into_values().filter(|(workload, _)| !workload.contains("/DaemonSet/")) {
            *wanted.entry((workload, node)).or_default() += 1;
        }
        let has = places(pods);
        wanted.iter().map(|(place, count)| (count - has.get(place).copied().unwrap_or(0)).max(0)).sum()
    }

    /// The node that a plan's name stands for: of a new group, the machines in the order in which they were launched.
    fn real_name(&self, planned: &str) -> String {
        let running = self.fake.running();
        let made_up = planned.rsplit_once("-new-").and_then(|(group, number)| {
            let number: usize = number.parse().ok()?;
            running.get(group)?.get(number - 1)
        });
        made_up.map_or_else(|| planned.to_owned(), |machine| format!("{machine}.ec2.internal"))
    }
}

/// Namespaces, classes, nodes, volumes.
pub async fn furnish(raw: &Raw, dump: &Dump, nodes: &[Value]) {
    for kind in ["Namespace", "PriorityClass", "StorageClass"] {
        let mut objects = dump.fresh(kind);
        objects.retain(|object| !BORN.contains(&name(object)));
        raw.post_all(|_| path(kind, ""), &objects).await;
    }
    for space in dump.of("Namespace") {
        let account = format!("/api/v1/namespaces/{}/serviceaccounts/default", name(space));
        until("an account", async || raw.get(&account).await.is_some()).await;
    }
    raw.post_all(|_| path("Node", ""), nodes).await;
    for kind in ["PersistentVolume", "PersistentVolumeClaim"] {
        raw.post_all(|it| path(kind, namespace(it)), &dump.fresh(kind)).await;
    }
    let claims = path("PersistentVolumeClaim", "");
    let bound = async || raw.items(&claims).await.iter().all(|claim| claim["status"]["phase"] == "Bound");
    until("claims are bound", bound).await;
    let nodes = path("Node", "");
    until("nodes are ready", async || raw.items(&nodes).await.iter().all(is_settled)).await;
}

/// The node groups of a file.
fn groups(dump: &Dump) -> Vec<Found> {
    let mut groups: BTreeMap<&str, Found> = BTreeMap::new();
    for node in dump.of("Node") {
        let label = |key: &str| node["metadata"]["labels"][key].as_str().unwrap();
        let group = label("eks.amazonaws.com/nodegroup");
        let found = groups.entry(group).or_insert_with(|| Found {
            name: group.to_owned(),
            instance_type: label("node.kubernetes.io/instance-type").to_owned(),
            is_spot: label("eks.amazonaws.com/capacityType") == "SPOT",
            machines: Vec::new(),
        });
        let machine = node["spec"]["providerID"].as_str().unwrap().rsplit('/').next().unwrap();
        found.machines.push((machine.to_owned(), label("topology.kubernetes.io/zone").to_owned()));
    }
    groups.into_values().collect()
}

fn homeless(pods: &[Value]) -> impl Iterator<Item = String> {
    pods.iter().filter(|pod| node_of(pod).is_none()).map(key)
}

/// Whether a workload, `namespace/kind/name`, is a Job.
pub fn is_job(workload: &str) -> bool {
    workload.contains("/Job/")
}

fn runs(pod: &Value) -> bool {
    pod["status"]["phase"] == "Running"
}

/// Whether controllers have done to a node what they do to new ones.
fn is_settled(node: &Value) -> bool {
    let conditions = node["status"]["conditions"].as_array().into_iter().flatten();
    let ready = conditions.into_iter().any(|it| it["type"] == "Ready" && it["status"] == "True");
    let taints = node["spec"]["taints"].as_array().into_iter().flatten();
    ready && !taints.into_iter().any(|taint| taint["key"] == "node.kubernetes.io/not-ready")
}
