//! The life of a cluster by command: made from a file, upgraded under a budget, removed.

use std::fs;
use std::path::Path;
use std::process::{Command, Output};
use std::time::{Duration, Instant};

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};
use plimsoll_props::free_port;

use super::cluster::{CLUSTER, Shop, ZONES};

/// Longest wait for pods to serve.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the file says.
fn file(shop: &Shop) -> String {
    let subnets = shop.fake.subnets();
    let role = |name: &str| format!("arn:aws:iam::123456789012:role/{name}");
    format!(
        r#"
cluster_id = "{CLUSTER}"
[cluster]
region = "us-east-1"
[spec]
kubernetes_version = "1.34"
cluster_role_arn = "{}"
node_role_arn = "{}"
subnets = {subnets:?}
public_cidrs = ["203.0.113.0/24"]
log_types = ["audit"]
[[spec.access]]
principal_arn = "{}"
policy = "AmazonEKSAdminPolicy"
[[spec.groups]]
name = "general"
zone = "{}"
instance_types = ["m7i.xlarge"]
node_count = 2
[[spec.groups]]
name = "cheap"
zone = "{}"
kind = "SPOT"
instance_types = ["m7i.xlarge", "m6i.xlarge"]
node_count = 1
"#,
        role("cluster"),
        role("nodes"),
        role("team/platform"),
        ZONES[0],
        ZONES[1],
    )
}

/// Carries a command out; what it printed.
fn plimsoll(port: u16, args: &[&str]) -> String {
    let program = std::env::current_exe().unwrap();
    let program = program.ancestors().nth(2).unwrap().join("plimsoll");
    let server = format!("http://127.0.0.1:{port}");
    let Output { status, stdout, stderr } =
        Command::new(program).args(["--server", &server]).args(args).output().unwrap();
    let told = String::from_utf8_lossy(&stderr).into_owned() + &String::from_utf8_lossy(&stdout);
    assert!(status.success(), "{args:?} ended with {status}\n{told}");
    told
}

async fn nodes(client: &Client) -> Vec<String> {
    let nodes: Api<Node> = Api::all(client.clone());
    let all = nodes.list(&ListParams::default()).await.unwrap();
    all.items.into_iter().filter_map(|node| node.metadata.name).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cluster_is_made_upgraded_and_removed_by_command() {
    let Some(shop) = Shop::without_machines().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let _server = super::server_on(&shop, folder.path(), port);
    let path = folder.path().join("cluster.toml");
    fs::write(&path, file(&shop)).unwrap();
    let path = |path: &Path| path.display().to_string();
    let file = path(&folder.path().join("cluster.toml"));

    let told = plimsoll(port, &["cluster", "create", "-f", &file, "--explain"]);
    assert!(told.contains("eks:CreateCluster") && told.contains("nothing is done"), "{told}");
    assert_eq!(shop.fake.shown(), "launched 0\n");

    let told = plimsoll(port, &["cluster", "create", "-f", &file]);
    assert!(told.contains("SUCCEEDED") && told.contains("min left"), "{told}");
    let old = nodes(&shop.client).await;
    assert_eq!(old.len(), 3);
    let begun = Instant::now();
    while shop.serving().await != shop.wanted() {
        assert!(begun.elapsed() < PATIENCE, "{} of {} pods serve", shop.serving().await, shop.wanted());
        tokio::time::sleep(Duration::from_millis(250)).await;
    }

    let watch = shop.watch_budgets();
    let told = plimsoll(port, &["cluster", "upgrade", CLUSTER, "--to", "1.35"]);
    assert!(told.contains("SUCCEEDED"), "{told}");
    assert_eq!(watch.broken().await, Vec::<String>::new(), "budgets that were broken");
    assert!(shop.fake.shown().contains("group general ACTIVE 1.35"), "{}", shop.fake.shown());
    assert!(plimsoll(port, &["cluster", "get", CLUSTER]).contains("1.35"));

    let told = plimsoll(port, &["cluster", "delete", CLUSTER, "--dry-run"]);
    assert!(told.contains("remove the control plane"), "{told}");
    let told = plimsoll(port, &["cluster", "delete", CLUSTER]);
    assert!(told.contains("SUCCEEDED"), "{told}");
    assert_eq!(shop.fake.shown().lines().count(), 1, "{}", shop.fake.shown());
    assert_eq!(shop.fake.faults_on_the_wire().unwrap_or_default(), "");
    println!("{} calls", shop.fake.log().len());
}
