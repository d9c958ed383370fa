//! A caller that goes away takes its planning along: the place is given back by the thread that solves, at its end.

use std::time::Duration;

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::plan_event::Event;
use plimsoll_proto::v1::plan_progress::Stage;
use plimsoll_server::config::Plan;
use tonic::Streaming;

use super::rig::Rig;

/// A planning that nobody waits for any more frees its place within this time.
const FREE_WITHIN: Duration = Duration::from_secs(2);
/// How long a place is looked at that is taken: the demo's cluster is solved within two seconds on some days, by its prices.
const TAKEN_FOR: Duration = Duration::from_millis(300);
/// Longer than the test lasts: the planning does not end by itself.
const SECONDS_TO_SOLVE: i64 = 60;

/// A planning of the example cluster that is content only with the best plan there is.
fn order(seconds: i64) -> pb::CreatePlanRequest {
    let time_budget = Some(pbjson_types::Duration { seconds, nanos: 0 });
    let exact = pb::Policy { gap_target_ratio: Some(0.0), ..Default::default() };
    let parent = format!("clusters/{}", plimsoll_server::DEMO_CLUSTER);
    pb::CreatePlanRequest { parent, time_budget, policy_override: Some(exact), ..Default::default() }
}

async fn solving(rig: &Rig) -> Streaming<pb::PlanEvent> {
    let mut stream = rig.plans().stream_plan(order(SECONDS_TO_SOLVE)).await.unwrap().into_inner();
    loop {
        match stream.message().await.unwrap().unwrap().event.unwrap() {
            Event::Progress(progress) if progress.stage() == Stage::Solve => return stream,
            Event::Progress(_) => {}
            Event::Plan(_) => panic!("the planning was over before anyone could leave"),
        }
    }
}

/// Asks for a short plan and waits so long for its first news, which come once it has a place.
async fn has_place(rig: &Rig, within: Duration) -> bool {
    let mut stream = rig.plans().stream_plan(order(1)).await.unwrap().into_inner();
    let first = tokio::time::timeout(within, stream.message()).await;
    first.is_ok_and(|event| event.unwrap().is_some())
}

#[tokio::test]
async fn a_place_is_free_soon_after_its_caller_left() {
    let rig = Rig::demo(Plan { concurrent_max: 1, waiting_max: 1, ..Plan::default() }).await;
    let caller = solving(&rig).await;
    assert!(
        !has_place(&rig, TAKEN_FOR).await,
        "two plannings share the only place, or the first one ended by itself"
    );
    drop(caller);
    assert!(has_place(&rig, FREE_WITHIN).await, "the planning goes on {FREE_WITHIN:?} after its caller left");
}
