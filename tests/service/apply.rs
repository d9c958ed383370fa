//! A plan is carried out over gRPC, and whatever speaks against it is said.

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation::Result as Outcome;
use plimsoll_proto::v1::operation_metadata::State;
use tonic::Code;

use super::rig::{CLUSTER, Rig, order, refusal};
use super::shop;

/// The shop in the simulated world, where plans may be carried out and every pod may move.
async fn simulated() -> Rig {
    Rig::over_nothing().await.with_shop().await
}

async fn let_act(rig: &Rig) {
    let policy = pb::Policy {
        name: format!("{CLUSTER}/policy"),
        actuator: pb::policy::Actuator::Plimsoll.into(),
        moved_pods_max_ratio: Some(1.0),
        ..Default::default()
    };
    let request = pb::UpdatePolicyRequest { policy: Some(policy), ..Default::default() };
    rig.clusters().update_policy(request).await.unwrap();
}

fn apply(plan: &pb::Plan) -> pb::ApplyPlanRequest {
    pb::ApplyPlanRequest { name: plan.name.clone(), etag: plan.etag.clone(), ..Default::default() }
}

async fn state_of(rig: &Rig, plan: &pb::Plan) -> pb::plan::State {
    let request = pb::GetPlanRequest { name: plan.name.clone(), ..Default::default() };
    rig.plans().get_plan(request).await.unwrap().into_inner().state()
}

#[tokio::test]
async fn a_plan_is_carried_out_and_every_step_is_told() {
    let rig = simulated().await;
    let_act(&rig).await;
    let plan = rig.plan(order()).await.unwrap();
    let request = pb::ApplyPlanRequest { request_id: "once".into(), ..apply(&plan) };
    let begun = rig.plans().apply_plan(request.clone()).await.unwrap().into_inner();
    let again = rig.plans().apply_plan(request).await.unwrap().into_inner();
    assert_eq!(again.name, begun.name, "a repeated request begins nothing");
    assert_eq!(state_of(&rig, &plan).await, pb::plan::State::Applying);
    let (code, info, _) = refusal("a second apply", rig.plans().apply_plan(apply(&plan)).await);
    assert_eq!((code, info.reason.as_str()), (Code::Aborted, "CLUSTER_BUSY"));
    assert_eq!(info.metadata["holder"], begun.name);

    let request = pb::WatchOperationRequest { name: begun.name.clone(), revision: 0 };
    let mut events = rig.operations().watch_operation(request).await.unwrap().into_inner();
    let (mut last, mut revision) = (None, -1);
    while let Some(event) = events.message().await.unwrap() {
        let operation = event.operation.unwrap();
        let now = operation.metadata.as_ref().unwrap().revision;
        assert!(revision < now, "{now} after {revision}");
        revision = now;
        last = Some(operation);
    }
    let ended = last.unwrap();
    let metadata = ended.metadata.clone().unwrap();
    assert_eq!((ended.done, metadata.state()), (true, State::Succeeded), "{ended:?}");
    assert_eq!(ended.result, Some(Outcome::Response(pb::OperationResponse { plan: plan.name.clone() })));
    let done = |step: &pb::OperationStep| step.state() == pb::operation_step::State::Done;
    assert!(
        metadata.steps.iter().all(|step| done(step) && !step.title.is_empty() && step.end_time.is_some())
    );
    assert_eq!(state_of(&rig, &plan).await, pb::plan::State::Applied);

    let request = pb::RefreshClusterRequest { name: CLUSTER.into(), ..Default::default() };
    let snapshot = rig.ingest().refresh_cluster(request).await.unwrap().into_inner();
    assert_eq!(snapshot.node_count as usize, plan.placements.len());
}

#[tokio::test]
async fn what_may_not_be_applied_is_refused_with_a_reason() {
    let offline = Rig::start().await;
    offline.import(shop::file()).await.unwrap();
    let plan = offline.plan(order()).await.unwrap();
    let check = async |rig: &Rig, request: pb::ApplyPlanRequest, code: Code, reason: &str| {
        let (have, info, message) = refusal(reason, rig.plans().apply_plan(request).await);
        assert_eq!((have, info.reason.as_str()), (code, reason), "{message}");
    };
    check(&offline, apply(&plan), Code::FailedPrecondition, "NOT_ACTUATOR").await;

    let rig = simulated().await;
    let plan = rig.plan(order()).await.unwrap();
    check(&rig, apply(&plan), Code::FailedPrecondition, "NOT_ACTUATOR").await;
    let_act(&rig).await;
    let other = pb::ApplyPlanRequest { etag: "another".into(), ..apply(&plan) };
    check(&rig, other, Code::Aborted, "ETAG_MISMATCH").await;
    let missing = pb::ApplyPlanRequest { name: format!("{CLUSTER}/plans/none"), ..Default::default() };
    check(&rig, missing, Code::NotFound, "UNKNOWN_PLAN").await;
    let nameless = pb::ApplyPlanRequest { name: "plans/none".into(), ..Default::default() };
    check(&rig, nameless, Code::InvalidArgument, "INVALID_FIELD").await;

    let request = pb::GetOperationRequest { name: "operations/none".into() };
    let (code, info, _) = refusal("no operation", rig.operations().get_operation(request).await);
    assert_eq!((code, info.reason.as_str()), (Code::NotFound, "UNKNOWN_OPERATION"));
}

#[tokio::test]
async fn an_operation_can_be_cancelled_until_pods_move() {
    let rig = simulated().await;
    let_act(&rig).await;
    let plan = rig.plan(order()).await.unwrap();
    let begun = rig.plans().apply_plan(apply(&plan)).await.unwrap().into_inner();
    let request = pb::CancelOperationRequest { name: begun.name.clone(), ..Default::default() };
    let told = rig.operations().cancel_operation(request).await.unwrap().into_inner();
    assert!(told.metadata.unwrap().cancel_requested);
    let request = pb::WaitOperationRequest { name: begun.name.clone(), timeout: None };
    let ended = rig.operations().wait_operation(request).await.unwrap().into_inner();
    assert_eq!(ended.metadata.as_ref().unwrap().state(), State::Cancelled, "{ended:?}");
    assert_eq!(state_of(&rig, &plan).await, pb::plan::State::Ready);

    let request = pb::ListOperationsRequest { parent: CLUSTER.into(), ..Default::default() };
    let listed = rig.operations().list_operations(request.clone()).await.unwrap().into_inner();
    assert_eq!(listed.operations.iter().map(|one| &one.name).collect::<Vec<_>>(), [&begun.name]);
    let open = pb::ListOperationsRequest { open: true, ..request };
    assert!(rig.operations().list_operations(open).await.unwrap().into_inner().operations.is_empty());
}
