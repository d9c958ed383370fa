//! An operation is followed to its end, across streams that break, and waited for.

use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation_step::State as StepState;
use tonic::{Code, Streaming};

use super::node_groups::{GROUP, check, order, resize, rig};
use super::rig::Rig;

async fn watch(rig: &Rig, name: &str, revision: i64) -> Streaming<pb::OperationEvent> {
    let request = pb::WatchOperationRequest { name: name.into(), revision };
    rig.operations().watch_operation(request).await.unwrap().into_inner()
}

async fn next(events: &mut Streaming<pb::OperationEvent>) -> Option<pb::Operation> {
    events.message().await.unwrap().map(|event| event.operation.unwrap())
}

fn revision(operation: &pb::Operation) -> i64 {
    operation.metadata.as_ref().unwrap().revision
}

#[tokio::test]
async fn a_broken_stream_is_resumed_without_an_event_told_twice() {
    let rig = rig().await;
    let begun = resize(&rig, order(GROUP, 3)).await.unwrap();
    let mut seen: Vec<pb::Operation> = Vec::new();
    // Each stream breaks after its first event.
    while !seen.last().is_some_and(|newest| newest.done) {
        let after = seen.last().map_or(0, revision);
        let mut events = watch(&rig, &begun.name, after).await;
        seen.push(next(&mut events).await.expect("it goes on"));
    }
    let revisions: Vec<i64> = seen.iter().map(revision).collect();
    assert!(revisions.is_sorted_by(|a, b| a < b), "{revisions:?}");
    // What was done stays told: no event takes a step back.
    let done = |operation: &pb::Operation| {
        let steps = &operation.metadata.as_ref().unwrap().steps;
        steps.iter().filter(|step| step.state() == StepState::Done).count()
    };
    assert!(seen.iter().map(done).is_sorted());
    let newest = seen.last().unwrap();
    let steps = &newest.metadata.as_ref().unwrap().steps;
    assert!(steps.iter().all(|step| step.start_time.is_some() && step.end_time.is_some()), "{steps:?}");
    // Who has seen the end is told nothing more, and who begins anew sees it.
    assert_eq!(next(&mut watch(&rig, &begun.name, revision(newest)).await).await, None);
    let mut anew = watch(&rig, &begun.name, 0).await;
    assert_eq!(next(&mut anew).await.as_ref(), Some(newest));
    assert_eq!(next(&mut anew).await, None);
}

#[tokio::test]
async fn waiting_ends_with_the_operation_or_the_patience() {
    let rig = rig().await;
    let begun = resize(&rig, order(GROUP, 7)).await.unwrap();
    let wait = async |name: &str, seconds| {
        let timeout = Some(pbjson_types::Duration { seconds, nanos: 0 });
        rig.operations().wait_operation(pb::WaitOperationRequest { name: name.into(), timeout }).await
    };
    let at_once = wait(&begun.name, 0).await.unwrap().into_inner();
    assert_eq!((at_once.name.as_str(), at_once.done), (begun.name.as_str(), false));
    let ended = wait(&begun.name, 60).await.unwrap().into_inner();
    assert!(ended.done);
    assert_eq!(wait(&begun.name, 0).await.unwrap().into_inner(), ended);
    check("patience", wait(&begun.name, 601).await, Code::InvalidArgument, "INVALID_FIELD");
    check("nobody", wait("operations/nobody", 1).await, Code::NotFound, "UNKNOWN_OPERATION");
}
