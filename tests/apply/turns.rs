//! What else may happen to an apply: somebody is faster, cancels it, there is no capacity, a budget never lets go.

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::operation::{Operation, Progress, State, Step};
use plimsoll_domain::store::StoreError;
use plimsoll_engine::Error;
use plimsoll_sim::Fault;

use super::rig::{Bench, Rig, seen, shop_id, start, write};

#[tokio::test]
async fn of_two_applies_one_wins() {
    let rig = Rig::shop().await;
    let (one, other) = (rig.plan().await, rig.plan().await);
    let (first, second) = tokio::join!(rig.apply(&one.id), rig.apply(&other.id));
    let (begun, refused) = match (first, second) {
        (Ok(begun), Err(refused)) | (Err(refused), Ok(begun)) => (begun, refused),
        both => panic!("not one of them: {both:?}"),
    };
    let busy = matches!(refused, Error::Store(StoreError::Busy { .. } | StoreError::Stale { .. }));
    assert!(busy, "{refused:?}");
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded);
}

#[tokio::test]
async fn a_plan_is_applied_once_and_only_to_the_fleet_it_was_made_for() {
    let rig = Rig::shop().await;
    let (one, other) = (rig.plan().await, rig.plan().await);
    let begun = rig.apply(&one.id).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded);
    let again = rig.apply(&one.id).await;
    assert!(again.is_err(), "applied twice: {again:?}");
    rig.engine.refresh_cluster(&write(start()), &shop_id()).await.unwrap();
    let late = rig.apply(&other.id).await;
    assert!(matches!(late, Err(Error::Store(StoreError::Stale { .. }))), "{late:?}");
    let now = rig.plan().await;
    // A mixed group is planned at its dearest type, and bought at the cheapest that is to be had.
    assert!(
        now.cost_before <= one.after.cost,
        "{} is more than the plan's {}",
        now.cost_before,
        one.after.cost
    );
    assert_eq!(seen(&rig.store).await.nodes.len(), one.solution.bins.len());
}

/// An operation of the shop's best plan that has not begun, in a world of its own.
async fn bench() -> Bench {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let state = seen(&rig.store).await;
    let model = rig.apply(&plan.id).await.unwrap();
    rig.end_of(&model).await;
    Bench::new(&state, &model).await
}

#[tokio::test]
async fn a_shortage_before_the_first_move_takes_everything_back() {
    let bench = bench().await;
    let before = bench.sim.sizes(&shop_id());
    let spec = bench.operation.steps.iter().find_map(|record| match &record.step {
        Step::EnsureGroup { spec } => Some(spec.clone()),
        _ => None,
    });
    let spec = spec.expect("the plan makes a group");
    for instance_type in spec.instance_types {
        let (zone, kind): (String, CapacityKind) = (spec.zone.clone(), spec.kind);
        bench.sim.fault(Fault::NoCapacity { instance_type, zone, kind, times: None });
    }
    let ended = bench.course.run().await;
    let reason = ended.failure.map(|failure| failure.reason);
    assert_eq!((ended.state, reason.as_deref()), (State::Failed, Some("NO_CAPACITY")));
    assert_eq!(bench.sim.sizes(&shop_id()), before, "{}", bench.sim.journal());
    let state = bench.state().await;
    assert!(state.nodes.iter().all(|node| !node.unschedulable), "a node is still cordoned");
}

#[tokio::test]
async fn a_budget_that_never_lets_go_leaves_the_operation_stuck_and_later_it_goes_on() {
    let bench = bench().await;
    let stuck = Fault::StuckBudget { budget: "shop/web".into() };
    bench.sim.fault(stuck.clone());
    let ended = bench.course.run().await;
    let failure = ended.failure.expect("it says why");
    assert_eq!(ended.state, State::Stuck, "{}", bench.sim.journal());
    assert!(failure.message.contains("shop/web"), "{failure:?}");
    bench.sim.lift(stuck);
    let ended = bench.course.run().await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, bench.sim.journal());
    assert_eq!(bench.sim.tally(&shop_id()).pods_lost, Vec::<String>::new());
}

#[tokio::test]
async fn a_cancelled_operation_leaves_the_fleet_as_it_was() {
    use plimsoll_domain::store::Store;
    let bench = bench().await;
    let before = bench.sim.sizes(&shop_id());
    // Begun: the first group is being made.
    bench.course.run_until_death(0, Progress::Running).await;
    bench.store.cancel_operation(&write(start()), &bench.operation.id).await.unwrap();
    let ended = bench.course.run().await;
    assert_eq!(ended.state, State::Cancelled, "{:?}", ended.failure);
    assert_eq!(bench.sim.sizes(&shop_id()), before, "{}", bench.sim.journal());
}

/// The shop with an apply that a budget holds up for good.
async fn stuck() -> (Rig, Operation, Fault) {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let fault = Fault::StuckBudget { budget: "shop/web".into() };
    rig.sim.fault(fault.clone());
    let begun = rig.apply(&plan.id).await.unwrap();
    let ended = rig.end_of(&begun).await;
    assert_eq!(ended.state, State::Stuck, "{}", rig.sim.journal());
    (rig, ended, fault)
}

#[tokio::test]
async fn a_stuck_operation_is_resumed_once_its_cause_is_gone() {
    let (rig, stuck, fault) = stuck().await;
    let state = rig.sim.world().cluster.state(&shop_id()).await.unwrap();
    let open = state.nodes.iter().filter(|node| !node.unschedulable).count();
    assert!(0 < open, "pods have nowhere to go while it is stuck");
    rig.sim.lift(fault);
    let resumed = rig.engine.resume_operation(&write(start()), &stuck.id).await.unwrap();
    assert_eq!(rig.end_of(&resumed).await.state, State::Succeeded, "{}", rig.sim.journal());
    let over = rig.engine.resume_operation(&write(start()), &stuck.id).await;
    assert!(matches!(over, Err(Error::NotStuck(_))), "{over:?}");
}

#[tokio::test]
async fn an_abandoned_operation_leaves_the_cluster_to_another_plan() {
    let (rig, stuck, fault) = stuck().await;
    let abandoned = rig.engine.abandon_operation(&write(start()), &stuck.id).await.unwrap();
    assert_eq!((abandoned.state, abandoned.failure), (State::Failed, stuck.failure));
    let again = rig.engine.abandon_operation(&write(start()), &stuck.id).await;
    assert!(matches!(again, Err(Error::NotStuck(_))), "{again:?}");
    rig.sim.lift(fault);
    rig.engine.refresh_cluster(&write(start()), &shop_id()).await.unwrap();
    let next = rig.plan().await;
    if next.changes.is_empty() {
        return;
    }
    let begun = rig.apply(&next.id).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded, "{}", rig.sim.journal());
}

#[tokio::test]
async fn a_pod_that_does_not_end_is_named_and_the_operation_goes_on_once_it_does() {
    let bench = bench().await;
    let moves = bench.operation.steps.iter().find_map(|record| match &record.step {
        Step::Migrate { moves } => moves.first().map(|one| one.pod.clone()),
        _ => None,
    });
    let pod = moves.expect("the plan moves pods");
    let held = Fault::StuckPod { pod: pod.clone() };
    bench.sim.fault(held.clone());
    let ended = bench.course.run().await;
    assert_eq!(ended.state, State::Stuck, "{}", bench.sim.journal());
    let why = ended.failure.expect("it says why").message;
    assert!(why.contains(&pod), "{why}");
    bench.sim.lift(held);
    let ended = bench.course.run().await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, bench.sim.journal());
    assert_eq!(bench.sim.tally(&shop_id()).pods_lost, Vec::<String>::new());
}
