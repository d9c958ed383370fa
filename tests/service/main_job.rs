//! What the service is for: a cluster comes in, a cheaper fleet with its reasons and its proof goes out.

use std::collections::BTreeMap;

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::plan_event::Event;
use plimsoll_verify::Bundle;
use plimsoll_verify::problem::CapacityKind;

use super::bundle::{check_proof, export};
use super::rig::{CLUSTER, Rig, order};
use super::shop;

#[tokio::test]
async fn a_cluster_becomes_a_plan_that_anyone_can_prove() {
    let rig = Rig::start().await;
    let snapshot = rig.import(shop::file()).await.unwrap();
    assert_eq!((snapshot.pod_count as usize, snapshot.node_count as usize), (shop::PODS, shop::NODES));

    let made = rig.plan(order()).await.unwrap();
    check_plan(&made, &snapshot);
    check_reading(&rig, &made).await;
    check_reasons(&rig, &made).await;
    check_proof(&export(&rig, &made.name).await);
}

fn check_plan(plan: &pb::Plan, snapshot: &pb::Snapshot) {
    assert_eq!(plan.snapshot, snapshot.name);
    assert_eq!((plan.pod_count as usize, plan.node_count_before as usize), (shop::PODS, shop::NODES));
    assert!(plan.verified, "the verifier did not prove it");
    assert!(0 < plan.cost_after_nano_usd_per_hour, "pods that cost nothing");
    assert!(plan.cost_after_nano_usd_per_hour < plan.cost_before_nano_usd_per_hour, "nothing is saved");
    assert!(plan.objective_floor_nano_usd_per_hour <= plan.objective_nano_usd_per_hour);
    assert!(!plan.changes.is_empty() && plan.changes.iter().all(|change| !change.why.is_empty()));
}

async fn check_reading(rig: &Rig, made: &pb::Plan) {
    let request = pb::GetPlanRequest { name: made.name.clone(), ..Default::default() };
    assert_eq!(rig.plans().get_plan(request).await.unwrap().into_inner(), *made);
    let request = pb::ListPlansRequest { parent: CLUSTER.into(), ..Default::default() };
    let listed = rig.plans().list_plans(request).await.unwrap().into_inner();
    let names: Vec<&str> = listed.plans.iter().map(|plan| plan.name.as_str()).collect();
    assert_eq!((names, listed.next_page_token.as_str()), (vec![made.name.as_str()], ""));
    assert!(listed.plans[0].placements.is_empty(), "a list shows the whole plan");
}

async fn check_reasons(rig: &Rig, made: &pb::Plan) {
    let explain = async |offering: &str| {
        let request = pb::ExplainPlanRequest { name: made.name.clone(), offering: offering.into() };
        rig.plans().explain_plan(request).await.unwrap().into_inner()
    };
    let explained = explain("").await;
    assert_eq!(explained.plan, made.name);
    assert!(!explained.why.is_empty() && !explained.why_not.is_empty(), "{explained:?}");
    let dear = explain("m5.24xlarge").await.why_not;
    assert!(!dear.is_empty() && dear.iter().all(|not| not.offering.contains("m5.24xlarge")), "{dear:?}");
}

#[tokio::test]
async fn a_planning_tells_where_it_stands_and_ends_with_the_plan() {
    let rig = Rig::start().await;
    rig.import(shop::file()).await.unwrap();
    let mut stream = rig.plans().stream_plan(order()).await.unwrap().into_inner();
    let mut stages = Vec::new();
    let mut plans = Vec::new();
    while let Some(event) = stream.message().await.unwrap() {
        assert!(plans.is_empty(), "the plan was not the last event");
        match event.event.unwrap() {
            Event::Progress(progress) => stages.push(progress.stage),
            Event::Plan(plan) => plans.push(plan),
        }
    }
    assert!(stages.is_sorted() && 2 <= stages.len(), "stages {stages:?}");
    let [streamed] = plans.as_slice() else { panic!("{} plans", plans.len()) };
    let request = pb::GetPlanRequest { name: streamed.name.clone(), ..Default::default() };
    assert_eq!(rig.plans().get_plan(request).await.unwrap().into_inner(), *streamed);
}

#[tokio::test]
async fn a_dearer_type_makes_another_problem_and_leaves_the_plan() {
    let rig = Rig::start().await;
    rig.import(shop::file()).await.unwrap();
    let before = rig.plan(order_that_may_move_all()).await.unwrap();
    let unchanged = rig.plan(order_that_may_move_all()).await.unwrap();
    assert_eq!(before.problem_digest, unchanged.problem_digest, "the same question has two digests");

    let (instance_type, usd) = most_used(&export(&rig, &before.name).await);
    assert!(buys(&before, &instance_type), "{instance_type} is not bought: {:?}", before.groups);
    let dearer = usd * 10.0;
    let rows =
        format!("instance_type,zone,capacity_kind,usd_per_hour\n{instance_type},,on-demand,{dearer}\n");
    let catalog = rig.import_prices(&rows).await.unwrap();
    let after = rig.plan(order_that_may_move_all()).await.unwrap();
    assert_eq!(after.catalog, catalog.name, "the new prices were not planned with");
    assert_ne!(after.problem_digest, before.problem_digest);
    assert!(!buys(&after, &instance_type), "{instance_type} is still bought: {:?}", after.groups);

    let bundle = export(&rig, &after.name).await;
    let mut offerings = bundle.problem.offerings.iter();
    let priced = offerings.find(|it| it.instance_type == instance_type && it.kind == CapacityKind::OnDemand);
    let priced = priced.expect("dearer, but still on offer");
    assert_eq!(priced.price_nano_usd_per_hour, (dearer * 1e9).round() as i64);
    check_proof(&bundle);
}

/// An order whose plan may leave every node that runs, so that prices decide alone.
fn order_that_may_move_all() -> pb::CreatePlanRequest {
    let policy = pb::Policy { moved_pods_max_ratio: Some(1.0), ..Default::default() };
    pb::CreatePlanRequest { policy_override: Some(policy), ..order() }
}

/// Whether a node after the plan may be of a type.
fn buys(plan: &pb::Plan, instance_type: &str) -> bool {
    let mut groups = plan.groups.iter().filter(|group| 0 < group.to_count);
    groups.any(|group| group.instance_types.iter().any(|it| it == instance_type))
}

/// The on-demand type with most nodes after the plan, and its price in USD per hour.
fn most_used(bundle: &Bundle) -> (String, f64) {
    let mut counts: BTreeMap<&str, (usize, i64)> = BTreeMap::new();
    let used = bundle.plan.placements.iter().map(|node| &bundle.problem.offerings[node.offering as usize]);
    for offering in used.filter(|offering| offering.kind == CapacityKind::OnDemand) {
        let entry = counts.entry(&offering.instance_type).or_default();
        *entry = (entry.0 + 1, offering.price_nano_usd_per_hour);
    }
    let (name, (_, price)) = counts.into_iter().max_by_key(|(_, (count, _))| *count).unwrap();
    (name.to_owned(), price as f64 / 1e9)
}
