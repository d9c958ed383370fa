//! A `plimsolld` at a site, and what its callers do.

use std::path::Path;

use plimsoll_props::free_port;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::cluster_service_client::ClusterServiceClient;
use plimsoll_proto::v1::ingest_service_client::IngestServiceClient;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use plimsoll_tests::process::Process;
use tonic::transport::Channel;

use super::site::{CLUSTER, Site};

/// Resource name of the cluster.
pub fn name() -> String {
    format!("clusters/{CLUSTER}")
}

/// A server that reaches the site's cluster, with more settings.
pub fn server(site: &Site, folder: &Path, more: &[String]) -> Process {
    server_on(site, folder, free_port(), more)
}

/// The same on a port.
pub fn server_on(site: &Site, folder: &Path, port: u16, more: &[String]) -> Process {
    let mut settings = vec![
        "live.enabled=true".to_owned(),
        format!("live.kubeconfig={}", site.kubeconfig(folder).display()),
    ];
    settings.extend_from_slice(more);
    let environment = [
        ("AWS_ENDPOINT_URL", site.fake.url()),
        ("AWS_ACCESS_KEY_ID", "AKID"),
        ("AWS_SECRET_ACCESS_KEY", "secret"),
        ("AWS_EC2_METADATA_DISABLED", "true"),
    ];
    Process::start_with(folder, port, 1, &settings, &environment)
}

/// Registers the cluster, with a policy that lets a plan move so large a share of pods, and reads it.
pub async fn register(channel: &Channel, moved_pods_max_ratio: f64) -> pb::Snapshot {
    let mode = pb::cluster::Mode::Live.into();
    let request = pb::RegisterClusterRequest {
        cluster_id: CLUSTER.into(),
        cluster: Some(pb::Cluster { mode, region: "us-east-1".into(), ..Default::default() }),
        ..Default::default()
    };
    let mut clusters = ClusterServiceClient::new(channel.clone());
    clusters.register_cluster(request).await.unwrap();
    let policy = pb::Policy {
        name: format!("{}/policy", name()),
        actuator: pb::policy::Actuator::Plimsoll.into(),
        moved_pods_max_ratio: Some(moved_pods_max_ratio),
        ..Default::default()
    };
    let request = pb::UpdatePolicyRequest { policy: Some(policy), ..Default::default() };
    clusters.update_policy(request).await.unwrap();
    let request = pb::RefreshClusterRequest { name: name(), ..Default::default() };
    IngestServiceClient::new(channel.clone()).refresh_cluster(request).await.unwrap().into_inner()
}

/// A plan of so many seconds.
pub async fn plan(channel: &Channel, seconds: i64) -> pb::Plan {
    let time_budget = Some(pbjson_types::Duration { seconds, nanos: 0 });
    let request = pb::CreatePlanRequest { parent: name(), time_budget, ..Default::default() };
    let mut plans = PlanServiceClient::new(channel.clone());
    plans.create_plan(request).await.unwrap().into_inner()
}

/// Carries a plan out to its end.
pub async fn apply(channel: &Channel, plan: &pb::Plan) -> pb::Operation {
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

/// All operations, newest first.
pub async fn operations(channel: &Channel) -> Vec<pb::Operation> {
    let request = pb::ListOperationsRequest { parent: name(), page_size: 1000, ..Default::default() };
    let mut operations = OperationServiceClient::new(channel.clone());
    operations.list_operations(request).await.unwrap().into_inner().operations
}

/// Seconds since a moment.
fn seconds(time: Option<&pbjson_types::Timestamp>, since: jiff::Timestamp) -> f64 {
    time.map_or(f64::NAN, |time| {
        let span = (time.seconds - since.as_second()) as f64;
        span + f64::from(time.nanos - since.subsec_nanosecond()) / 1e9
    })
}

/// When each step began and ended, in seconds since a moment.
pub fn timeline(operation: &pb::Operation, since: jiff::Timestamp) -> String {
    let steps = operation.metadata.iter().flat_map(|metadata| &metadata.steps);
    let line = |step: &pb::OperationStep| {
        let (begin, end) = (seconds(step.start_time.as_ref(), since), seconds(step.end_time.as_ref(), since));
        format!("  {begin:6.1} s to {end:6.1} s  {}", step.title)
    };
    steps.map(line).collect::<Vec<_>>().join("\n")
}
