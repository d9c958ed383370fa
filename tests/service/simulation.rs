//! A plan is tried out: two worlds, the same seed, and the difference.

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation_metadata::State;
use plimsoll_proto::v1::simulate_plan_request::Fault;
use plimsoll_proto::v1::simulate_plan_request::fault::Kind;
use tonic::Code;

use super::rig::{CLUSTER, Rig, order, refusal};
use super::shop;

async fn planned() -> (Rig, pb::Plan) {
    let rig = Rig::start().await;
    rig.import(shop::file()).await.unwrap();
    let everything = pb::Policy { moved_pods_max_ratio: Some(1.0), ..Default::default() };
    let request = pb::CreatePlanRequest { policy_override: Some(everything), ..order() };
    let plan = rig.plan(request).await.unwrap();
    (rig, plan)
}

fn trial(plan: &pb::Plan) -> pb::SimulatePlanRequest {
    pb::SimulatePlanRequest { name: plan.name.clone(), hours: 48, seed: 7, ..Default::default() }
}

async fn simulate(rig: &Rig, request: pb::SimulatePlanRequest) -> pb::Simulation {
    rig.plans().simulate_plan(request).await.unwrap().into_inner()
}

#[tokio::test]
async fn a_plan_is_tried_out_against_todays_fleet_and_nothing_changes() {
    let (rig, plan) = planned().await;
    let before = rig.stored().await;
    let simulation = simulate(&rig, trial(&plan)).await;
    assert_eq!(simulation, simulate(&rig, trial(&plan)).await, "the same request, another answer");
    assert_eq!(rig.stored().await, before);

    assert_eq!((simulation.plan.as_str(), simulation.hours, simulation.seed), (plan.name.as_str(), 48, 7));
    assert_eq!(simulation.operation_state(), State::Succeeded, "{:?}", simulation.findings);
    assert!((60..24 * 3600).contains(&simulation.operation_seconds), "{}", simulation.operation_seconds);
    let (alone, with) = (simulation.before.unwrap(), simulation.after.unwrap());
    assert_eq!((alone.node_count, alone.node_count_max), (plan.node_count_before, plan.node_count_before));
    assert_eq!(with.node_count, plan.node_count_after);
    assert!(plan.node_count_after < with.node_count_max, "old and new nodes were there at once");
    assert_eq!((alone.restart_count, alone.pending_count_max, alone.cost_nano_usd), {
        (0, 0, 48 * plan.cost_before_nano_usd_per_hour)
    });
    assert!(0 < with.restart_count && with.cost_nano_usd < alone.cost_nano_usd, "{with:?}");

    assert_eq!(simulation.timeline.len(), 48);
    let numbers: Vec<i32> = simulation.timeline.iter().map(|hour| hour.hour).collect();
    assert_eq!(numbers, (1..=48).collect::<Vec<_>>());
    let sum = |cost: fn(&pb::simulation::Hour) -> i64| simulation.timeline.iter().map(cost).sum::<i64>();
    assert_eq!(sum(|hour| hour.cost_before_nano_usd), alone.cost_nano_usd);
    assert_eq!(sum(|hour| hour.cost_after_nano_usd), with.cost_nano_usd);
    let last = simulation.timeline.last().unwrap();
    // A plan is billed at each group's dearest type; a world launches the cheapest that it has.
    assert!((1..=plan.cost_after_nano_usd_per_hour).contains(&last.cost_after_nano_usd), "{last:?}");
}

#[tokio::test]
async fn what_goes_wrong_is_felt_and_told() {
    let (rig, plan) = planned().await;
    let new = plan.groups.iter().find(|group| !group.existing && 0 < group.to_count).unwrap();
    let shortage = |instance_type: &String| Fault {
        kind: Kind::NoCapacity.into(),
        instance_type: instance_type.clone(),
        zone: new.zones[0].clone(),
        ..Default::default()
    };
    let faults = new.instance_types.iter().map(shortage).collect();
    let short = simulate(&rig, pb::SimulatePlanRequest { faults, ..trial(&plan) }).await;
    assert_eq!(short.operation_state(), State::Failed);
    assert!(short.findings.iter().any(|one| one.code == "NO_CAPACITY"), "{:?}", short.findings);
    assert_eq!(short.after.unwrap().node_count, plan.node_count_before);
    assert_eq!(short.operation_seconds, 0);

    let loss = Fault {
        kind: Kind::NodeLoss.into(),
        start_hour: 40.0,
        subject: shop::node_name(0),
        ..Default::default()
    };
    let lost = simulate(&rig, pb::SimulatePlanRequest { faults: vec![loss], ..trial(&plan) }).await;
    assert!(0 < lost.before.unwrap().restart_count);

    let hour = pb::SimulatePlanRequest { hours: 1, ..trial(&plan) };
    let cut = simulate(&rig, hour).await;
    assert_eq!(cut.timeline.len(), 1);
}

#[tokio::test]
async fn what_cannot_be_tried_out_is_refused_with_a_reason() {
    let (rig, plan) = planned().await;
    let check = async |request: pb::SimulatePlanRequest, code: Code, reason: &str, field: &str| {
        let (have, info, message) = refusal(reason, rig.plans().simulate_plan(request).await);
        assert_eq!((have, info.reason.as_str()), (code, reason), "{message}");
        assert_eq!(info.metadata.get("field").map_or("", String::as_str), field);
    };
    let missing = pb::SimulatePlanRequest { name: format!("{CLUSTER}/plans/none"), ..Default::default() };
    check(missing, Code::NotFound, "UNKNOWN_PLAN", "").await;
    let nameless = pb::SimulatePlanRequest::default();
    check(nameless, Code::InvalidArgument, "INVALID_FIELD", "name").await;
    let long = pb::SimulatePlanRequest { hours: 745, ..trial(&plan) };
    check(long, Code::InvalidArgument, "INVALID_FIELD", "hours").await;
    let faults = vec![Fault { kind: Kind::NodeLoss.into(), ..Default::default() }];
    let vague = pb::SimulatePlanRequest { faults, ..trial(&plan) };
    check(vague, Code::InvalidArgument, "INVALID_FIELD", "faults[0].subject").await;
}
