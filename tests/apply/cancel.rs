//! An operation's end is asked for in each of its states: before the first drain it is taken back, later it goes on, and
//! what is over stays as it is.

use plimsoll_domain::operation::{Failure, Operation, Progress, State};
use plimsoll_domain::store::Store;

use super::resize::{GROUP, expect_size, hold, resize};
use super::rig::{Bench, Rig, shop_id, start, write};

/// Steps of a resize that lowers a group.
const CORDON: usize = 0;
const REMOVE: usize = 1;

/// A resize from six to four nodes: cordon, remove, verify.
async fn shrink() -> Bench {
    let rig = Rig::shop().await;
    let seen = rig.sim.world().cluster.state(&shop_id()).await.unwrap();
    let model = resize(&rig, 4).await.unwrap();
    rig.end_of(&model).await;
    Bench::new(&seen, &model).await
}

async fn cancel(bench: &Bench) -> Operation {
    let asked = bench.store.cancel_operation(&write(start()), &bench.operation.id).await.unwrap();
    assert!(asked.cancel_requested || asked.state.is_final());
    asked
}

#[track_caller]
fn expect(bench: &Bench, ended: &Operation, state: State, size: u32) {
    let journal = bench.sim.journal();
    assert_eq!(ended.state, state, "{:?}\n{journal}", ended.failure);
    assert_eq!(bench.sim.sizes(&shop_id()), [(GROUP.to_owned(), size)], "{journal}");
    let tally = bench.sim.tally(&shop_id());
    assert_eq!((tally.pods_lost, tally.budget_violations), (vec![], vec![]), "{journal}");
}

#[tokio::test]
async fn one_that_waits_ends_at_once() {
    let rig = Rig::shop().await;
    hold(&rig).await;
    let waits = resize(&rig, 7).await.unwrap();
    let ended = rig.engine.cancel_operation(&write(start()), &waits.id).await.unwrap();
    assert_eq!((ended.state, ended.failure.unwrap().reason.as_str()), (State::Cancelled, "CANCELLED"));
    expect_size(&rig, 6);
}

#[tokio::test]
async fn one_that_runs_is_taken_back_until_the_first_drain_and_goes_on_after_it() {
    // How far it is when its end is asked for; to remove is to drain.
    let (begun, done) = (Progress::Running, Progress::Done);
    for (step, progress, state, size) in [
        (CORDON, begun, State::Cancelled, 6),
        (CORDON, done, State::Cancelled, 6),
        (REMOVE, begun, State::Succeeded, 4),
        (REMOVE, done, State::Succeeded, 4),
    ] {
        let bench = shrink().await;
        bench.course.run_until_death(step, progress).await;
        assert_eq!(cancel(&bench).await.state, State::Running, "step {step} {progress:?}");
        expect(&bench, &bench.course.run().await, state, size);
        let closed = bench.state().await.nodes.iter().filter(|node| node.unschedulable).count();
        assert_eq!(closed, 0, "step {step} {progress:?}");
    }
}

#[tokio::test]
async fn one_that_is_taken_back_already_is_taken_back() {
    let bench = shrink().await;
    bench.course.run_until_death(CORDON, Progress::Done).await;
    cancel(&bench).await;
    bench.course.run_until_death(CORDON, Progress::Done).await;
    assert_eq!(cancel(&bench).await.state, State::Undoing);
    expect(&bench, &bench.course.run().await, State::Cancelled, 6);
}

#[tokio::test]
async fn one_that_is_stuck_stays_so_until_it_is_resumed_and_then_goes_on() {
    let bench = shrink().await;
    bench.course.run_until_death(REMOVE, Progress::Running).await;
    let running = bench.store.operation(&bench.operation.id).await.unwrap();
    let failure = Some(Failure { reason: "GAVE_UP".into(), message: "test".into() });
    let stuck = Operation { state: State::Stuck, failure, ..running };
    bench.store.update_operation(&stuck).await.unwrap();
    assert_eq!(cancel(&bench).await.state, State::Stuck);
    expect(&bench, &bench.course.run().await, State::Succeeded, 4);
}

#[tokio::test]
async fn one_that_is_over_stays_as_it_is() {
    let bench = shrink().await;
    let ended = bench.course.run().await;
    assert_eq!(cancel(&bench).await, ended);
    expect(&bench, &ended, State::Succeeded, 4);
}
