//! What Plimsoll made, as programs that others wrote see it: boto3 on AWS, kubectl on the cluster.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod wire;

use std::collections::BTreeSet;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{Cloud, Cluster, Cordon, GroupSpec, GroupStatus};
use plimsoll_live::aws::Aws;
use plimsoll_live::kubernetes::Kubernetes;
use plimsoll_props::aws::{FakeAws, Manners};
use plimsoll_props::ground::{Ground, Options};
use plimsoll_props::python;
use serde_json::Value;

const ZONE: &str = "us-east-1a";
const CLUSTER: &str = "prod";
const GROUP: &str = "plimsoll-web";
const PATIENCE: Duration = Duration::from_secs(60);

async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let begun = Instant::now();
    while !so().await {
        assert!(begun.elapsed() < PATIENCE, "{what}: not in {PATIENCE:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn status(aws: &Aws) -> GroupStatus {
    aws.group(&wire::id(CLUSTER), GROUP).await.unwrap().unwrap()
}

/// Nodes of the group that are ready.
async fn nodes(kubernetes: &Kubernetes) -> Vec<plimsoll_domain::fleet::Node> {
    let mut nodes = kubernetes.state(&wire::id(CLUSTER)).await.unwrap().nodes;
    nodes.retain(|node| node.group == GROUP && node.ready);
    nodes
}

/// Makes a group of two machines, and closes the first of their nodes, whose name is answered.
async fn make(aws: &Aws, kubernetes: &Kubernetes) -> String {
    let id = wire::id(CLUSTER);
    let spec = GroupSpec {
        name: GROUP.into(),
        zone: ZONE.into(),
        kind: CapacityKind::Spot,
        instance_types: vec!["m7i.large".into()],
        labels: [("tier".to_owned(), "web".to_owned())].into(),
        taints: Vec::new(),
    };
    aws.ensure_group(&id, &spec).await.unwrap();
    until("active", async || status(aws).await.is_active).await;
    aws.ensure_size(&id, GROUP, 2).await.unwrap();
    until("two nodes", async || nodes(kubernetes).await.len() == 2).await;
    until("active", async || status(aws).await.is_active).await;
    let closed = nodes(kubernetes).await[0].name.clone();
    kubernetes.set_cordon(&id, &closed, Cordon::Final).await.unwrap();
    closed
}

/// Texts at a path of each item.
fn texts(items: &Value, path: &str) -> BTreeSet<String> {
    let all = items.as_array().unwrap().iter();
    all.map(|item| item.pointer(path).unwrap().as_str().unwrap().to_owned()).collect()
}

fn expect_seen_by_boto3(python: &Path, url: &str, made: &GroupStatus) {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/props/python/boto_view.py");
    let seen = python::run(Command::new(python).arg(script).args([url, CLUSTER, GROUP]));
    let seen: Value = serde_json::from_str(&seen).unwrap();
    let group = &seen["group"];
    assert!(seen["names"].as_array().unwrap().contains(&GROUP.into()), "{seen}");
    assert_eq!((&group["status"], &group["capacityType"]), (&"ACTIVE".into(), &"SPOT".into()));
    assert_eq!(group["tags"]["plimsoll:managed"], "true");
    assert_eq!(
        (&group["labels"]["tier"], &group["scalingConfig"]["desiredSize"]),
        (&"web".into(), &2.into())
    );
    assert_eq!(seen["scaling"][0]["DesiredCapacity"], 2);
    let ours: BTreeSet<String> =
        made.instances.iter().map(|one| one.provider_id.rsplit('/').next().unwrap().to_owned()).collect();
    assert_eq!(texts(&seen["scaling"][0]["Instances"], "/InstanceId"), ours);
    assert_eq!(texts(&seen["instances"], "/InstanceId"), ours);
    assert_eq!(texts(&seen["instances"], "/State/Name"), ["running".to_owned()].into());
    assert_eq!(texts(&seen["instances"], "/InstanceLifecycle"), ["spot".to_owned()].into());
}

fn expect_seen_by_kubectl(ground: &Ground, closed: &str) {
    let selector = format!("--selector=eks.amazonaws.com/nodegroup={GROUP}");
    let seen = ground.kubectl(&["get", "nodes", &selector, "--output=json"]);
    let seen: Value = serde_json::from_str(&seen).unwrap();
    let nodes = seen["items"].as_array().unwrap();
    assert_eq!(nodes.len(), 2, "{seen}");
    for node in nodes {
        let is_closed = node["spec"]["unschedulable"] == true;
        assert_eq!(is_closed, node["metadata"]["name"] == closed, "{node}");
    }
    let table = ground.kubectl(&["get", "nodes", &selector]);
    let row = table.lines().find(|row| row.starts_with(closed)).unwrap();
    assert!(row.contains("Ready,SchedulingDisabled"), "{table}");
    let pods = ground.kubectl(&["get", "pods", "--all-namespaces", "--output=name"]);
    assert!(pods.is_empty(), "{pods}");
}

#[tokio::test(flavor = "multi_thread")]
async fn boto3_and_kubectl_see_what_was_made() {
    let Some(ground) = Ground::start(Options::default()).await else { return };
    let Some(python) = python::interpreter("venv") else { return };
    let fake = FakeAws::start(CLUSTER, &[ZONE], Manners::default(), ground.client().await).await;
    fake.found_group("general", ZONE, "m7i.xlarge", 1);
    let aws = wire::aws(CLUSTER, fake.url()).await;
    let kubernetes = Kubernetes::new(wire::id(CLUSTER), ground.config().await).unwrap();
    let closed = make(&aws, &kubernetes).await;
    let made = status(&aws).await;
    assert_eq!(made.instances.len(), 2);

    expect_seen_by_boto3(&python, fake.url(), &made);
    if let Some(faults) = fake.faults_on_the_wire() {
        assert_eq!(faults, "", "also in what boto3 asked");
    }
    expect_seen_by_kubectl(&ground, &closed);

    // And the other way round: what somebody does with kubectl is seen here.
    ground.kubectl(&["uncordon", &closed]);
    until("open", async || nodes(&kubernetes).await.iter().all(|node| !node.unschedulable)).await;
}
