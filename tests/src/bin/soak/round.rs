//! What callers do all day: look, resize up and down, plan, follow.

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::audit_service_client::AuditServiceClient;
use plimsoll_proto::v1::node_group_service_client::NodeGroupServiceClient;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;
use plimsoll_proto::v1::plan_service_client::PlanServiceClient;
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tonic::transport::Channel;
use tonic::{Code, Status};

/// Nodes that a group is brought to at most.
const SIZE_MAX: i32 = 12;
/// A plan is made every so many rounds: it costs a core for a second.
const ROUNDS_PER_PLAN: u64 = 100;

/// Rounds without an end.
///
/// # Panics
/// If the server refuses what it has no reason to refuse.
pub async fn rounds(channel: Channel, clusters: usize, groups: usize) {
    let mut random = SmallRng::seed_from_u64(1);
    for number in 1_u64.. {
        let parent = format!("clusters/c{}", random.random_range(0..clusters));
        let name = format!("{parent}/nodeGroups/g{}", random.random_range(0..groups));
        let size = random.random_range(1..=SIZE_MAX);
        resize(&channel, &name, size, number).await;
        look(&channel, &parent, &name).await;
        if number % ROUNDS_PER_PLAN == 0 {
            plan(&channel, &parent).await;
        }
    }
}

/// Brings a group to a size and follows that, unless the cluster is held or a machine is still on its way.
async fn resize(channel: &Channel, name: &str, desired_count: i32, number: u64) {
    let request_id = format!("soak-{number}");
    let request =
        pb::ResizeNodeGroupRequest { name: name.into(), desired_count, request_id, ..Default::default() };
    let begun = match NodeGroupServiceClient::new(channel.clone()).resize_node_group(request).await {
        Ok(begun) => begun.into_inner(),
        Err(status) => return expect_passing(&status),
    };
    let request = pb::WatchOperationRequest { name: begun.name, revision: 0 };
    let events = OperationServiceClient::new(channel.clone()).watch_operation(request).await;
    let mut events = events.unwrap().into_inner();
    while events.message().await.unwrap().is_some() {}
}

async fn look(channel: &Channel, parent: &str, name: &str) {
    let mut groups = NodeGroupServiceClient::new(channel.clone());
    groups.get_node_group(pb::GetNodeGroupRequest { name: name.into() }).await.unwrap();
    let request = pb::ListOperationsRequest { parent: parent.into(), ..Default::default() };
    OperationServiceClient::new(channel.clone()).list_operations(request).await.unwrap();
    let request = pb::ListAuditEntriesRequest { parent: parent.into(), ..Default::default() };
    AuditServiceClient::new(channel.clone()).list_audit_entries(request).await.unwrap();
}

async fn plan(channel: &Channel, parent: &str) {
    let time_budget = Some(pbjson_types::Duration { seconds: 1, nanos: 0 });
    let request = pb::CreatePlanRequest { parent: parent.into(), time_budget, ..Default::default() };
    PlanServiceClient::new(channel.clone()).create_plan(request).await.unwrap();
}

/// Refusals that a caller gets over by waiting, or that protect pods.
fn expect_passing(status: &Status) {
    let passing = [Code::Aborted, Code::Unavailable, Code::FailedPrecondition];
    assert!(passing.contains(&status.code()), "{status}");
}
