//! Node groups: how they are named, read and refused.

use std::time::Duration;

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation_metadata::{Kind, State};
use tonic::{Code, Response, Status};
use tonic_types::StatusExt;

use super::rig::{CLUSTER, REGION, Rig, refusal};
use super::shop;

/// The only group of the shop in the simulated world.
pub const GROUP: &str = "clusters/sim/nodeGroups/general";

/// The shop twice: offline, and in the simulated world, where Plimsoll owns sizes.
pub async fn rig() -> Rig {
    // Slow enough that a machine takes a second or two to join.
    let rig = Rig::at_speed(60).await;
    rig.register("shop").await.unwrap();
    rig.import(shop::file()).await.unwrap();
    let mode = pb::cluster::Mode::Simulated.into();
    let cluster = pb::Cluster { region: REGION.into(), mode, ..Default::default() };
    let request =
        pb::RegisterClusterRequest { cluster_id: "sim".into(), cluster: Some(cluster), ..Default::default() };
    rig.clusters().register_cluster(request).await.unwrap();
    let policy = pb::Policy {
        name: "clusters/sim/policy".into(),
        actuator: pb::policy::Actuator::Plimsoll.into(),
        ..Default::default()
    };
    let request = pb::UpdatePolicyRequest { policy: Some(policy), ..Default::default() };
    rig.clusters().update_policy(request).await.unwrap();
    let header = pb::ImportHeader { parent: "clusters/sim".into(), ..Default::default() };
    rig.import_as(header, shop::file()).await.unwrap();
    rig
}

async fn get(rig: &Rig, name: &str) -> Result<pb::NodeGroup, Status> {
    let request = pb::GetNodeGroupRequest { name: name.into() };
    rig.node_groups().get_node_group(request).await.map(Response::into_inner)
}

pub fn order(name: &str, desired_count: i32) -> pb::ResizeNodeGroupRequest {
    pb::ResizeNodeGroupRequest { name: name.into(), desired_count, ..Default::default() }
}

pub async fn resize(rig: &Rig, request: pb::ResizeNodeGroupRequest) -> Result<pb::Operation, Status> {
    rig.node_groups().resize_node_group(request).await.map(Response::into_inner)
}

#[track_caller]
pub fn check<T>(what: &str, answer: Result<T, Status>, code: Code, reason: &str) {
    let (found, info, message) = refusal(what, answer);
    assert_eq!((found, info.reason.as_str()), (code, reason), "{what}: {message}");
}

#[tokio::test]
async fn groups_are_listed_and_read_by_name() {
    let rig = rig().await;
    let found = get(&rig, GROUP).await.unwrap();
    assert_eq!((found.name.as_str(), found.desired_count, found.ready_count), (GROUP, 6, Some(6)));
    assert_eq!((found.min_count, found.max_count), (Some(0), Some(450)));
    assert_eq!(
        (found.zones.len(), found.instance_types.as_slice()),
        (3, &[shop::INSTANCE_TYPE.to_owned()][..])
    );
    assert!(!found.etag.is_empty() && found.existing);
    let list = async |parent: &str, page_size| {
        let request = pb::ListNodeGroupsRequest { parent: parent.into(), page_size, ..Default::default() };
        rig.node_groups().list_node_groups(request).await.unwrap().into_inner()
    };
    let page = list("clusters/sim", 1).await;
    assert_eq!((page.node_groups.as_slice(), page.next_page_token.as_str()), (&[found][..], ""));
    // An offline cluster shows what its newest snapshot shows.
    let offline = list(CLUSTER, 0).await.node_groups;
    assert_eq!((offline.len(), offline[0].desired_count), (1, 6));
}

#[tokio::test]
async fn a_resize_is_an_operation_that_names_its_group() {
    let rig = rig().await;
    let etag = get(&rig, GROUP).await.unwrap().etag;
    let request = || pb::ResizeNodeGroupRequest {
        reason: "sale".into(),
        request_id: "r1".into(),
        etag: etag.clone(),
        ..order(GROUP, 7)
    };
    let begun = resize(&rig, request()).await.unwrap();
    let metadata = begun.metadata.clone().unwrap();
    assert_eq!((metadata.kind(), metadata.state()), (Kind::ResizeNodeGroup, State::Running));
    assert_eq!((metadata.node_group.as_str(), metadata.desired_count), (GROUP, 7));
    assert_eq!((metadata.reason.as_str(), metadata.plan.as_str()), ("sale", ""));
    assert_eq!((metadata.target.as_str(), begun.done), ("clusters/sim", false));
    // It holds the cluster: what shrinks has to wait, and is told so.
    let busy = resize(&rig, order(GROUP, 3)).await.unwrap_err();
    assert!(busy.get_error_details().retry_info().is_some());
    check("shrink", Err::<(), _>(busy), Code::Aborted, "CLUSTER_BUSY");

    let timeout = Some(pbjson_types::Duration { seconds: 60, nanos: 0 });
    let wait = pb::WaitOperationRequest { name: begun.name.clone(), timeout };
    let waited = tokio::time::timeout(Duration::from_secs(90), rig.operations().wait_operation(wait)).await;
    let ended = waited.expect("it ends in time").unwrap().into_inner();
    assert!(ended.done, "{ended:?}");
    assert_eq!(get(&rig, GROUP).await.unwrap().desired_count, 7);
    // The request again, although the etag is another one by now.
    assert_eq!(resize(&rig, request()).await.unwrap().name, begun.name);
    let late = pb::ResizeNodeGroupRequest { request_id: String::new(), ..request() };
    check("etag", resize(&rig, late).await, Code::Aborted, "ETAG_MISMATCH");
    let same = resize(&rig, order(GROUP, 7)).await.unwrap();
    assert!(same.done && same.metadata.unwrap().state() == State::Succeeded);
}

#[tokio::test]
async fn what_cannot_be_is_refused_with_its_reason() {
    let rig = rig().await;
    for name in ["", "general", "clusters/sim", "clusters/sim/nodeGroups/", "clusters/sim/nodeGroups/a/b"] {
        check(name, get(&rig, name).await, Code::InvalidArgument, "INVALID_FIELD");
        check(name, resize(&rig, order(name, 7)).await, Code::InvalidArgument, "INVALID_FIELD");
    }
    let nowhere = "clusters/sim/nodeGroups/Nowhere_1";
    check("get", get(&rig, nowhere).await, Code::NotFound, "UNKNOWN_NODE_GROUP");
    check("resize", resize(&rig, order(nowhere, 7)).await, Code::NotFound, "UNKNOWN_NODE_GROUP");
    let strange = "clusters/zeus/nodeGroups/general";
    check("strange", resize(&rig, order(strange, 7)).await, Code::NotFound, "UNKNOWN_CLUSTER");
    let offline = format!("{CLUSTER}/nodeGroups/general");
    check("offline", resize(&rig, order(&offline, 7)).await, Code::FailedPrecondition, "NOT_ACTUATOR");
    for size in [-1, 451] {
        check("range", resize(&rig, order(GROUP, size)).await, Code::OutOfRange, "OUT_OF_RANGE_SIZE");
    }
    let chatty = pb::ResizeNodeGroupRequest { reason: "x".repeat(1001), ..order(GROUP, 7) };
    check("reason", resize(&rig, chatty).await, Code::InvalidArgument, "INVALID_FIELD");
    assert_eq!(get(&rig, GROUP).await.unwrap().desired_count, 6);
}
