//! Somebody else changes node groups: it is noticed, said, and makes plans stale.

use std::time::Duration;

use plimsoll_domain::finding::Finding;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::operation::State;
use plimsoll_domain::store::{Store, StoreError};
use plimsoll_domain::world::GroupSpec;
use plimsoll_engine::{Error, ResizeOrder};
use plimsoll_sim::Fault;

use super::rig::{Rig, look, seen, shop_id, start, write};

async fn findings(rig: &Rig) -> Vec<Finding> {
    rig.store.snapshot(&shop_id(), None).await.unwrap().snapshot.findings
}

async fn generation(rig: &Rig) -> i64 {
    rig.store.cluster(&shop_id()).await.unwrap().generation
}

async fn pass(rig: &Rig, minutes: u64) {
    rig.sim.world().clock.sleep(Duration::from_secs(60 * minutes)).await;
}

#[track_caller]
fn expect(findings: &[Finding], code: &str, subject: &str) {
    let told: Vec<(&str, &str)> =
        findings.iter().map(|one| (one.code.as_str(), one.subject.as_str())).collect();
    assert_eq!(told, [(code, subject)]);
}

#[tokio::test]
async fn a_group_that_others_resize_is_a_finding_and_makes_plans_stale() {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let before = generation(&rig).await;
    rig.sim.world().cloud.ensure_size(&shop_id(), "general", 8).await.unwrap();
    pass(&rig, 10).await;
    look(&rig.engine, "drift").await;
    expect(&findings(&rig).await, "GROUP_RESIZED", "group/general");
    assert_eq!(generation(&rig).await, before + 1);
    let told = |finding: &Finding| finding.code == "GROUP_RESIZED";
    assert!(rig.plan().await.findings.iter().any(told));
    let late = rig.apply(&plan.id).await;
    assert!(matches!(late, Err(Error::Store(StoreError::Stale { .. }))), "{late:?}");
}

#[tokio::test]
async fn a_node_that_is_not_ready_any_more_is_a_finding_and_its_place_is_taken() {
    let rig = Rig::shop().await;
    let node = seen(&rig.store).await.nodes[0].name.clone();
    rig.sim.fault(Fault::NodeLoss { cluster: shop_id(), node: node.clone() });
    look(&rig.engine, "ingest").await;
    expect(&findings(&rig).await, "NODE_NOT_READY", &format!("node/{node}"));
    pass(&rig, 30).await;
    look(&rig.engine, "ingest").await;
    expect(&findings(&rig).await, "NODES_REPLACED", "group/general");
    assert!(seen(&rig.store).await.nodes.iter().all(|node| node.ready));
}

/// Brings the shop's group to a size, and waits until that is known.
async fn grown(rig: &Rig, to: i64) -> State {
    let order = ResizeOrder {
        write: write(start()),
        cluster: shop_id(),
        group: "general".into(),
        desired_count: to,
        reason: "pods wait".into(),
        etag: String::new(),
    };
    let begun = rig.engine.resize_node_group(order).await.unwrap();
    let ended = rig.end_of(&begun).await;
    // The cluster is read after the operation.
    for _ in 0..500 {
        let nodes = seen(&rig.store).await.nodes.len();
        if nodes as i64 == to {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    ended.state
}

#[tokio::test]
async fn a_resize_that_was_accepted_since_makes_no_plan_stale_that_leaves_the_group_alone() {
    let rig = Rig::shop().await;
    rig.put_policy(|policy| policy.protected_groups = vec!["general".into()]).await;
    let plan = rig.plan().await;
    rig.put_policy(|policy| policy.protected_groups.clear()).await;
    assert!(plan.changes.is_empty(), "{:?}", plan.changes);
    assert_eq!(grown(&rig, 7).await, State::Succeeded);
    let begun = rig.apply(&plan.id).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded, "{}", rig.sim.journal());
    assert_eq!(rig.sim.sizes(&shop_id()), [("general".to_owned(), 7)]);
}

#[tokio::test]
async fn a_resize_that_was_accepted_since_makes_a_plan_stale_that_lowers_the_group() {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    assert!(plan.changes.iter().any(|change| change.group == "general"), "{:?}", plan.changes);
    assert_eq!(grown(&rig, 7).await, State::Succeeded);
    let late = rig.apply(&plan.id).await;
    assert!(matches!(late, Err(Error::Store(StoreError::Stale { .. }))), "{late:?}");
}

#[tokio::test]
async fn pods_that_came_since_make_a_plan_unsafe_and_are_named() {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let mut state = rig.sim.world().cluster.state(&shop_id()).await.unwrap();
    let mut pod = state.pods[0].clone();
    pod.name = "web-one-more".into();
    state.pods.push(pod);
    rig.sim.load(&shop_id(), state).unwrap();
    match rig.apply(&plan.id).await {
        Err(Error::UnsafePlan(why)) => assert!(why.contains("shop/web-one-more"), "{why}"),
        other => panic!("not refused: {other:?}"),
    }
}

#[tokio::test]
async fn a_group_that_others_make_is_a_finding() {
    let rig = Rig::shop().await;
    let spec = GroupSpec {
        name: "foreign".into(),
        zone: "us-east-1a".into(),
        kind: CapacityKind::OnDemand,
        instance_types: vec!["m5.large".into()],
        labels: Default::default(),
        taints: Vec::new(),
    };
    let cloud = rig.sim.world().cloud;
    cloud.ensure_group(&shop_id(), &spec).await.unwrap();
    pass(&rig, 10).await;
    cloud.ensure_size(&shop_id(), "foreign", 1).await.unwrap();
    pass(&rig, 10).await;
    look(&rig.engine, "drift").await;
    expect(&findings(&rig).await, "GROUP_APPEARED", "group/foreign");
}

#[tokio::test]
async fn machines_that_others_remove_are_a_finding() {
    let rig = Rig::shop().await;
    let cloud = rig.sim.world().cloud;
    let status = cloud.group(&shop_id(), "general").await.unwrap().unwrap();
    for instance in &status.instances[..2] {
        cloud.ensure_instance_gone(&shop_id(), "general", &instance.provider_id).await.unwrap();
        pass(&rig, 10).await;
    }
    look(&rig.engine, "ingest").await;
    expect(&findings(&rig).await, "GROUP_RESIZED", "group/general");
}

#[tokio::test]
async fn what_we_changed_is_no_drift_and_what_did_not_change_is_not_stored_again() {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let begun = rig.apply(&plan.id).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded);
    pass(&rig, 10).await;
    look(&rig.engine, "drift").await;
    look(&rig.engine, "ingest").await;
    assert_eq!(findings(&rig).await, []);
    let id = rig.store.snapshot(&shop_id(), None).await.unwrap().id;
    look(&rig.engine, "drift").await;
    look(&rig.engine, "ingest").await;
    assert_eq!(rig.store.snapshot(&shop_id(), None).await.unwrap().id, id);
}
