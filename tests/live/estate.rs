//! The life of a cluster by command: made from a file, upgraded under a budget, removed.

use std::fs;
use std::process::{Command, Output};

use k8s_openapi::api::core::v1::Node;
use kube::api::ListParams;
use kube::{Api, Client};
use plimsoll_props::budgets::Watch;
use plimsoll_props::free_port;
use plimsoll_props::objects::{self, put};
use serde_json::json;

use super::service;
use super::shop;
use super::site::{CLUSTER, Site, ZONES};

/// Workloads of three pods with a budget each.
const APPS: usize = 6;

/// What the file says.
fn file(site: &Site) -> String {
    let subnets = site.fake.subnets();
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
[[spec.groups]]
name = "gpu"
zone = "{}"
instance_types = ["g6.xlarge"]
node_count = 1
"#,
        role("cluster"),
        role("nodes"),
        role("team/platform"),
        ZONES[0],
        ZONES[1],
        ZONES[0],
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
    let Some(site) = Site::without_cluster().await else { return };
    for app in 0..APPS {
        let app = format!("app-{app}");
        put(&site.client, objects::deployment(&app, 3, &shop::slow(&app, &json!({})))).await;
        put(&site.client, objects::budget(&app, 1)).await;
    }
    let folder = tempfile::tempdir().unwrap();
    let port = free_port();
    let _server = service::server_on(&site, folder.path(), port, &[]);
    let path = folder.path().join("cluster.toml");
    fs::write(&path, file(&site)).unwrap();
    let file = path.display().to_string();

    let told = plimsoll(port, &["cluster", "create", "-f", &file, "--explain"]);
    assert!(told.contains("eks:CreateCluster") && told.contains("nothing is done"), "{told}");
    assert_eq!(site.fake.shown(), "launched 0\n");

    let told = plimsoll(port, &["cluster", "create", "-f", &file]);
    assert!(told.contains("SUCCEEDED") && told.contains("min left"), "{told}");
    assert!(told.contains("make the device plugin of NVIDIA"), "{told}");
    let old = nodes(&site.client).await;
    assert_eq!(old.len(), 4);
    // And the plugin, where the GPU is.
    site.until_serving(3 * APPS + 1).await;

    let watch = Watch::start(&site.client);
    let told = plimsoll(port, &["cluster", "upgrade", CLUSTER, "--to", "1.35"]);
    assert!(told.contains("SUCCEEDED"), "{told}");
    let seen = watch.seen().await;
    assert!(seen.broken.is_empty(), "budgets that were broken: {:?}", seen.broken);
    assert!(site.fake.shown().contains("group general ACTIVE 1.35"), "{}", site.fake.shown());
    assert!(plimsoll(port, &["cluster", "get", CLUSTER]).contains("1.35"));

    let told = plimsoll(port, &["cluster", "delete", CLUSTER, "--dry-run"]);
    assert!(told.contains("remove the control plane"), "{told}");
    let told = plimsoll(port, &["cluster", "delete", CLUSTER]);
    assert!(told.contains("SUCCEEDED"), "{told}");
    assert_eq!(site.fake.shown().lines().count(), 1, "{}", site.fake.shown());
    assert_eq!(site.fake.faults_on_the_wire().unwrap_or_default(), "");
    assert_eq!(site.fake.forbidden(), Default::default(), "no policy allows it");
    println!("{} calls", site.fake.log().len());
}
