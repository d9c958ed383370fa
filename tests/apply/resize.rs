//! A node group is brought to a size: up, down, not at all, and in its turn.

use std::io::Cursor;

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::operation::{Kind, Operation, Progress, State, Step};
use plimsoll_domain::policy::{Actuator, Policy};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::{OperationFilter, PageRequest, Store, StoreError};
use plimsoll_domain::world::Cordon;
use plimsoll_engine::{Error, ResizeOrder, SnapshotImport};
use plimsoll_sim::Fault;

use super::rig::{Bench, Rig, shop_id, start, write};
use super::shop;

/// The only group of the shop, of six nodes.
pub const GROUP: &str = "general";

pub fn order(desired_count: i64) -> ResizeOrder {
    ResizeOrder {
        write: write(start()),
        cluster: shop_id(),
        group: GROUP.into(),
        desired_count,
        reason: "test".into(),
        etag: String::new(),
    }
}

pub async fn resize(rig: &Rig, desired_count: i64) -> Result<Operation, Error> {
    rig.engine.resize_node_group(order(desired_count)).await
}

async fn state(rig: &Rig) -> ClusterState {
    rig.sim.world().cluster.state(&shop_id()).await.unwrap()
}

async fn put_policy(rig: &Rig, change: impl FnOnce(&mut Policy)) {
    let mut policy = rig.engine.policy(&shop_id()).await.unwrap().policy;
    change(&mut policy);
    rig.engine.put_policy(&write(start()), &shop_id(), &policy, "").await.unwrap();
}

pub async fn all_operations(rig: &Rig) -> Vec<Operation> {
    let page = PageRequest { size: 1000, token: String::new() };
    rig.store.operations(&OperationFilter::default(), &page).await.unwrap().items
}

/// An operation that holds the cluster, and that nobody runs: its process died.
pub async fn hold(rig: &Rig) -> Operation {
    let generation = rig.store.cluster(&shop_id()).await.unwrap().generation;
    rig.store.start_operation(&write(start()), &holder(), generation).await.unwrap()
}

/// Carries out a plan, without a step.
pub fn holder() -> Operation {
    Operation {
        id: "o-holder".parse().unwrap(),
        cluster: shop_id(),
        kind: Kind::ApplyPlan { plan: "p1".parse().unwrap() },
        state: State::Running,
        steps: Vec::new(),
        failure: None,
        cancel_requested: false,
        actor: "test".into(),
        create_time: start(),
        update_time: start(),
        revision: 1,
    }
}

#[track_caller]
pub fn expect_size(rig: &Rig, want: u32) {
    assert_eq!(rig.sim.sizes(&shop_id()), [(GROUP.to_owned(), want)], "{}", rig.sim.journal());
}

#[track_caller]
pub fn expect_no_harm(rig: &Rig) {
    let tally = rig.sim.tally(&shop_id());
    assert_eq!((tally.pods_lost, tally.budget_violations), (vec![], vec![]), "{}", rig.sim.journal());
}

#[track_caller]
fn expect_busy(answer: Result<Operation, Error>, holder: &str) {
    match answer {
        Err(Error::Store(StoreError::Busy { holder: by, .. })) => assert_eq!(by, holder),
        other => panic!("not busy: {other:?}"),
    }
}

#[tokio::test]
async fn a_group_that_grows_gets_open_nodes() {
    let rig = Rig::shop().await;
    let begun = resize(&rig, 8).await.unwrap();
    assert_eq!(begun.state, State::Running);
    let ended = rig.end_of(&begun).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    expect_size(&rig, 8);
    let nodes = state(&rig).await.nodes;
    assert_eq!(nodes.iter().filter(|node| node.ready && !node.unschedulable).count(), 8);
    expect_no_harm(&rig);
}

#[tokio::test]
async fn growing_leaves_a_node_closed_that_somebody_closed() {
    let rig = Rig::shop().await;
    let closed = state(&rig).await.nodes[0].name.clone();
    rig.sim.world().cluster.set_cordon(&shop_id(), &closed, Cordon::Final).await.unwrap();
    let begun = resize(&rig, 7).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded);
    let nodes = state(&rig).await.nodes;
    let closed_now: Vec<&str> =
        nodes.iter().filter(|node| node.unschedulable).map(|node| node.name.as_str()).collect();
    assert_eq!(closed_now, [closed.as_str()]);
}

#[tokio::test]
async fn a_group_that_shrinks_loses_its_emptiest_nodes_pod_by_pod() {
    let rig = Rig::shop().await;
    let before = state(&rig).await;
    let load = |name: &str| before.pods.iter().filter(|pod| pod.node.as_deref() == Some(name)).count();
    let begun = resize(&rig, 3).await.unwrap();
    let ended = rig.end_of(&begun).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    expect_size(&rig, 3);

    let after = state(&rig).await;
    let gone: Vec<usize> = before
        .nodes
        .iter()
        .filter(|node| !after.nodes.iter().any(|other| other.name == node.name))
        .map(|node| load(&node.name))
        .collect();
    let stays = after.nodes.iter().map(|node| load(&node.name)).min().unwrap();
    assert!(gone.len() == 3 && gone.iter().all(|pods| *pods <= stays), "{gone:?} left, {stays} stay");
    assert!(after.nodes.iter().all(|node| !node.unschedulable));
    let placed = after.pods.iter().filter(|pod| pod.node.is_some() && !pod.terminating).count();
    assert_eq!(placed, shop::PODS);
    expect_no_harm(&rig);
}

#[tokio::test]
async fn a_budget_that_never_lets_go_leaves_a_shrink_stuck_and_breaks_nothing() {
    let rig = Rig::shop().await;
    let stuck = Fault::StuckBudget { budget: "shop/web".into() };
    rig.sim.fault(stuck.clone());
    let ended = rig.end_of(&resize(&rig, 4).await.unwrap()).await;
    assert_eq!(ended.state, State::Stuck, "{}", rig.sim.journal());
    expect_busy(resize(&rig, 3).await, &ended.id.name());
    expect_no_harm(&rig);
    rig.sim.lift(stuck);
    rig.engine.resume_operations().await.unwrap();
    let mut ended = ended;
    while ended.state != State::Succeeded {
        ended = rig.engine.operation_after(&ended.id, ended.revision).await.unwrap();
        tokio::task::yield_now().await;
    }
    expect_size(&rig, 4);
    expect_no_harm(&rig);
}

#[tokio::test]
async fn the_size_it_has_is_done_already() {
    let rig = Rig::shop().await;
    let journal = rig.sim.journal();
    let done = resize(&rig, 6).await.unwrap();
    assert_eq!((done.state, done.steps.len()), (State::Succeeded, 0));
    assert_eq!(rig.engine.operation(&done.id).await.unwrap(), done);
    assert_eq!(rig.sim.journal(), journal);
    let holder = hold(&rig).await;
    assert_eq!(resize(&rig, 6).await.unwrap().state, State::Succeeded);
    assert_eq!(rig.store.operation(&holder.id).await.unwrap(), holder);
}

#[tokio::test]
async fn a_size_out_of_range_is_refused_and_never_clamped() {
    let rig = Rig::shop().await;
    put_policy(&rig, |policy| policy.nodes_per_group_max = 9).await;
    for wanted in [-1, 10, i64::from(u32::MAX) + 7] {
        match resize(&rig, wanted).await {
            Err(Error::OutOfRangeSize { wanted: told, max: 9, .. }) => assert_eq!(told, wanted),
            other => panic!("{wanted}: {other:?}"),
        }
    }
    assert_eq!(all_operations(&rig).await, []);
    expect_size(&rig, 6);
    assert_eq!(rig.end_of(&resize(&rig, 9).await.unwrap()).await.state, State::Succeeded);
}

#[tokio::test]
async fn the_policy_and_the_group_have_their_say() {
    let rig = Rig::shop().await;
    let missing = ResizeOrder { group: "nowhere".into(), ..order(7) };
    let missing = rig.engine.resize_node_group(missing).await;
    assert!(matches!(missing, Err(Error::Store(StoreError::NotFound(_)))), "{missing:?}");
    let outdated = ResizeOrder { etag: "old".into(), ..order(7) };
    let outdated = rig.engine.resize_node_group(outdated).await;
    assert!(matches!(outdated, Err(Error::Store(StoreError::EtagMismatch { .. }))), "{outdated:?}");

    put_policy(&rig, |policy| policy.protected_groups = vec![GROUP.into()]).await;
    assert!(matches!(resize(&rig, 7).await, Err(Error::ProtectedGroup(_))));
    put_policy(&rig, |policy| policy.freeze = true).await;
    assert!(matches!(resize(&rig, 7).await, Err(Error::Frozen(_))));
    for actuator in [Actuator::Advise, Actuator::ClusterAutoscaler, Actuator::Karpenter] {
        put_policy(&rig, |policy| policy.actuator = actuator).await;
        assert!(matches!(resize(&rig, 7).await, Err(Error::NotActuator { .. })));
    }
    assert_eq!(all_operations(&rig).await, []);
}

#[tokio::test]
async fn while_the_cluster_is_held_growing_waits_and_shrinking_is_refused() {
    let rig = Rig::shop().await;
    let holder = hold(&rig).await;
    let first = resize(&rig, 7).await.unwrap();
    let second = resize(&rig, 9).await.unwrap();
    assert_eq!((first.state, second.state), (State::Queued, State::Queued));
    // They wait as one, for the larger size.
    assert_eq!((&second.id, second.kind.size()), (&first.id, Some((GROUP, 9))));
    expect_busy(resize(&rig, 5).await, &holder.id.name());
    // Fewer than was promised, though more than there are.
    expect_busy(resize(&rig, 8).await, &holder.id.name());
    let cancelled = rig.engine.cancel_operation(&write(start()), &first.id).await.unwrap();
    assert_eq!(cancelled.state, State::Cancelled);
    let third = resize(&rig, 10).await.unwrap();
    assert_eq!((third.state, third.id == first.id), (State::Queued, false));
    expect_size(&rig, 6);

    // The process died; another one takes up what is open.
    assert_eq!(rig.engine.resume_operations().await.unwrap(), 2);
    assert_eq!(rig.end_of(&holder).await.state, State::Succeeded);
    assert_eq!(rig.end_of(&third).await.state, State::Succeeded);
    expect_size(&rig, 10);
    expect_no_harm(&rig);
}

#[tokio::test]
async fn whoever_waited_behind_an_apply_grows_after_it() {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let apply = rig.apply(&plan.id).await.unwrap();
    let waited = resize(&rig, 7).await.unwrap();
    assert_eq!(waited.state, State::Queued, "{}", rig.sim.journal());
    assert_eq!(rig.end_of(&apply).await.state, State::Succeeded);
    // The plan has emptied and deleted the group, or left it: either way the resize ends and says how.
    let ended = rig.end_of(&waited).await;
    match rig.sim.sizes(&shop_id()).into_iter().find(|(name, _)| name == GROUP) {
        Some((_, size)) => assert_eq!((ended.state, size), (State::Succeeded, 7)),
        None => assert_eq!(ended.failure.unwrap().reason, "UNKNOWN_NODE_GROUP"),
    }
    expect_no_harm(&rig);
}

#[tokio::test]
async fn a_shortage_takes_a_resize_back() {
    let rig = Rig::shop().await;
    for zone in ["us-east-1a", "us-east-1b", "us-east-1c"] {
        let (instance_type, zone) = (shop::INSTANCE_TYPE.to_owned(), zone.to_owned());
        let kind = CapacityKind::OnDemand;
        rig.sim.fault(Fault::NoCapacity { instance_type, zone, kind, times: None });
    }
    let ended = rig.end_of(&resize(&rig, 8).await.unwrap()).await;
    let reason = ended.failure.map(|failure| failure.reason);
    assert_eq!((ended.state, reason.as_deref()), (State::Failed, Some("NO_CAPACITY")));
    expect_size(&rig, 6);
    expect_no_harm(&rig);
}

#[tokio::test]
async fn what_nobody_would_make_again_keeps_its_node() {
    let rig = Rig::shop().await;
    let home = state(&rig).await.nodes[3].name.clone();
    let mut bare = shop::pod("bare", "100m", "64Mi");
    bare["spec"]["nodeName"] = home.clone().into();
    let source = Box::new(Cursor::new(shop::with(bare)));
    let import = SnapshotImport { file_name: String::new(), include_finished: false, source };
    rig.engine.import_snapshot(&write(start()), &shop_id(), import).await.unwrap();

    let refused = resize(&rig, 0).await;
    assert!(matches!(&refused, Err(Error::UnsafeShrink(why)) if why.contains("shop/bare")), "{refused:?}");
    let begun = resize(&rig, 2).await.unwrap();
    let cordon = begun.steps.iter().find_map(|record| match &record.step {
        Step::Cordon { nodes } => Some(nodes.clone()),
        _ => None,
    });
    assert!(!cordon.unwrap().contains(&home));
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded, "{}", rig.sim.journal());
    expect_no_harm(&rig);
}

#[tokio::test]
async fn a_resize_sent_twice_is_one() {
    let rig = Rig::shop().await;
    let request = || {
        let mut order = order(7);
        order.write.request.id = "once".into();
        order
    };
    let first = rig.engine.resize_node_group(request()).await.unwrap();
    let ended = rig.end_of(&first).await;
    assert_eq!(rig.engine.resize_node_group(request()).await.unwrap(), ended);
    assert_eq!(all_operations(&rig).await.len(), 1);
}

#[tokio::test]
async fn a_resize_goes_on_wherever_its_process_died() {
    for size in [4, 8] {
        let rig = Rig::shop().await;
        let seen = state(&rig).await;
        let model = resize(&rig, size).await.unwrap();
        rig.end_of(&model).await;
        let steps =
            (0..model.steps.len()).flat_map(|step| [(step, Progress::Running), (step, Progress::Done)]);
        for (step, progress) in steps {
            let bench = Bench::new(&seen, &model).await;
            bench.course.run_until_death(step, progress).await;
            let ended = bench.course.run().await;
            let journal = bench.sim.journal();
            assert_eq!(
                ended.state,
                State::Succeeded,
                "step {step} {progress:?}: {:?}\n{journal}",
                ended.failure
            );
            let want = [(GROUP.to_owned(), u32::try_from(size).unwrap())];
            assert_eq!(bench.sim.sizes(&shop_id()), want, "step {step} {progress:?}\n{journal}");
            let tally = bench.sim.tally(&shop_id());
            assert_eq!((tally.pods_lost, tally.budget_violations), (vec![], vec![]), "{journal}");
        }
    }
}
