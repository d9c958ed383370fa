//! A LIVE cluster from end to end: a real `plimsolld`, an AWS on the wire, and a real Kubernetes control plane.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod cluster;
mod estate;

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_props::free_port;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cluster_service_client::ClusterServiceClient;
use plimsoll_proto::v1::ingest_service_client::IngestServiceClient;
use plimsoll_proto::v1::operation_metadata::State;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use plimsoll_tests::process::Process;
use tonic::transport::Channel;

use cluster::{CLUSTER, Shop};

fn server(shop: &Shop, folder: &std::path::Path) -> Process {
    server_on(shop, folder, free_port())
}

fn server_on(shop: &Shop, folder: &std::path::Path, port: u16) -> Process {
    let settings =
        ["live.enabled=true".to_owned(), format!("live.kubeconfig={}", shop.kubeconfig(folder).display())];
    let environment = [
        ("AWS_ENDPOINT_URL", shop.fake.url()),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    Process::start_with(folder, port, 1, &settings, &environment)
}

async fn register(channel: &Channel) {
    let mut clusters = ClusterServiceClient::new(channel.clone());
    let mode = pb::cluster::Mode::Live.into();
    let request = pb::RegisterClusterRequest {
        cluster_id: CLUSTER.into(),
        cluster: Some(pb::Cluster { mode, region: "us-east-1".into(), ..Default::default() }),
        ..Default::default()
    };
    clusters.register_cluster(request).await.unwrap();
    let policy = pb::Policy {
        name: format!("clusters/{CLUSTER}/policy"),
        actuator: pb::policy::Actuator::Plimsoll.into(),
        moved_pods_max_ratio: Some(1.0),
        ..Default::default()
    };
    let request = pb::UpdatePolicyRequest { policy: Some(policy), ..Default::default() };
    clusters.update_policy(request).await.unwrap();
}

/// Carries a plan out to its end.
async fn apply(channel: &Channel, plan: &pb::Plan) -> pb::Operation {
    let request =
        pb::ApplyPlanRequest { name: plan.name.clone(), etag: plan.etag.clone(), ..Default::default() };
    let begun = PlanServiceClient::new(channel.clone()).apply_plan(request).await.unwrap().into_inner();
    let request = pb::WatchOperationRequest { name: begun.name, revision: 0 };
    let mut events =
        OperationServiceClient::new(channel.clone()).watch_operation(request).await.unwrap().into_inner();
    let mut last = None;
    while let Some(event) = events.message().await.unwrap() {
        last = event.operation;
    }
    last.unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_live_cluster_is_read_planned_for_and_brought_to_the_plan() {
    let Some(shop) = Shop::start().await else { return };
    let folder = tempfile::tempdir().unwrap();
    let server = server(&shop, folder.path());
    let channel = server.channel();
    register(&channel).await;
    let name = format!("clusters/{CLUSTER}");
    let request = pb::RefreshClusterRequest { name: name.clone(), ..Default::default() };
    let snapshot =
        IngestServiceClient::new(channel.clone()).refresh_cluster(request).await.unwrap().into_inner();
    assert_eq!(snapshot.node_count as usize, shop.machines());

    let time_budget = Some(pbjson_types::Duration { seconds: 5, nanos: 0 });
    let request = pb::CreatePlanRequest { parent: name, time_budget, ..Default::default() };
    let plan = PlanServiceClient::new(channel.clone()).create_plan(request).await.unwrap().into_inner();
    assert!(
        plan.cost_after_nano_usd_per_hour < plan.cost_before_nano_usd_per_hour,
        "nothing to do: {plan:?}"
    );
    let before = shop.fake.running();
    let watch = shop.watch_budgets();
    let ended = apply(&channel, &plan).await;
    let metadata = ended.metadata.clone().unwrap();
    assert_eq!(metadata.state(), State::Succeeded, "{ended:#?}\n{:?}", shop.fake.log());
    assert_eq!(watch.broken().await, Vec::<String>::new(), "budgets that were broken");

    // Exactly the machines of nodes that the plan names are gone.
    let there = |node: &&String| node.ends_with(".ec2.internal");
    let named: BTreeSet<String> = plan
        .changes
        .iter()
        .flat_map(|change| &change.nodes)
        .filter(there)
        .map(|node| shop.instance(node))
        .collect();
    let all = |running: &BTreeMap<String, Vec<String>>| {
        running.values().flatten().cloned().collect::<BTreeSet<_>>()
    };
    let gone: BTreeSet<String> = all(&before).difference(&all(&shop.fake.running())).cloned().collect();
    assert_eq!(gone, named);
    assert_eq!(shop.machines(), plan.placements.len());
    assert_eq!(shop.pending().await, 0);
    assert_eq!(shop.fake.faults_on_the_wire().unwrap_or_default(), "");
    println!("{} nodes to {}: {:?}", all(&before).len(), shop.machines(), shop.fake.log());
}
