//! Nothing is lost: what was accepted is there, once.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use futures::StreamExt;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::node_group_service_client::NodeGroupServiceClient;
use plimsoll_proto::v1::operation_service_client::OperationServiceClient;

use super::drive::{Answer, Answers, Lines, resize};
use super::intent::{Intents, Kind};

/// Calls at the same time.
const CALLS: usize = 64;
/// Longest time in which all that is open has to end.
const PATIENCE: Duration = Duration::from_secs(300);

/// # Panics
/// If something is lost, done twice, or answered with the wrong reason.
pub async fn check(lines: &Lines, intents: &Intents, answers: &Answers) {
    for (number, write) in intents.writes.iter().enumerate() {
        check_answer(number, write.kind, &answers.writes);
    }
    let lowered = expect_found(lines, answers).await;
    let again = send_again(lines, intents, answers).await;
    expect_sizes(lines, intents, answers, &again, &lowered).await;
}

fn check_answer(number: usize, kind: Kind, answers: &[Option<Answer>]) {
    let answer = answers[number].as_ref().unwrap();
    let earlier = |number: usize| answers[number].as_ref().unwrap();
    match (kind, answer) {
        (_, Answer::Silent(_)) | (Kind::Wish, _) => {}
        (Kind::Repeat(first), Answer::Accepted(name)) => {
            if let Answer::Accepted(first) = earlier(first) {
                assert_eq!(first, name, "write {number}: a repeat made something new");
            }
        }
        (Kind::Reused(first), Answer::Accepted(name)) => {
            assert!(!matches!(earlier(first), Answer::Accepted(_)), "write {number}: {name} has a used id");
        }
        (Kind::Outdated, _) => assert_eq!(*answer, Answer::Refused("ETAG_MISMATCH".into()), "write {number}"),
        (Kind::OutOfRange, _) => {
            assert_eq!(*answer, Answer::Refused("OUT_OF_RANGE_SIZE".into()), "write {number}");
        }
        (Kind::Repeat(_) | Kind::Reused(_), Answer::Refused(_)) => {}
    }
}

/// Every operation that was answered can be read. Returns the groups that one of them lowers.
async fn expect_found(lines: &Lines, answers: &Answers) -> BTreeSet<String> {
    let names: BTreeSet<&String> = answers
        .writes
        .iter()
        .flatten()
        .filter_map(|answer| if let Answer::Accepted(name) = answer { Some(name) } else { None })
        .collect();
    println!("{} operations", names.len());
    futures::stream::iter(names.into_iter().enumerate())
        .map(|(number, name)| async move {
            let request = pb::GetOperationRequest { name: name.clone() };
            let found = OperationServiceClient::new(lines.nth(number)).get_operation(request).await;
            let found = found.unwrap_or_else(|status| panic!("{name} is lost: {status}"));
            let metadata = found.into_inner().metadata.unwrap();
            let lowers = metadata.steps.iter().any(|step| step.action == "REMOVE");
            lowers.then_some(metadata.node_group)
        })
        .buffer_unordered(CALLS)
        .filter_map(std::future::ready)
        .collect()
        .await
}

/// Sends every accepted write again, which has to answer with the same operation, and every one without an answer, which
/// has to get one.
async fn send_again(lines: &Lines, intents: &Intents, answers: &Answers) -> Vec<Answer> {
    futures::stream::iter(intents.writes.iter().zip(&answers.writes).enumerate())
        .map(|(number, (write, answer))| async move {
            let answer = answer.clone().unwrap();
            if matches!(answer, Answer::Refused(_)) {
                return answer;
            }
            let again = resize(lines.nth(number), write.request.clone()).await;
            match &answer {
                Answer::Accepted(_) => assert_eq!(answer, again, "write {number}"),
                _ => assert!(!matches!(again, Answer::Silent(_)), "write {number}: {again:?}"),
            }
            again
        })
        .buffered(CALLS)
        .collect()
        .await
}

/// Once nothing is open any more, each group that nobody lowered has the largest size that it was promised.
async fn expect_sizes(
    lines: &Lines,
    intents: &Intents,
    answers: &Answers,
    again: &[Answer],
    lowered: &BTreeSet<String>,
) {
    let begin = Instant::now();
    loop {
        let request = pb::ListOperationsRequest { open: true, page_size: 1, ..Default::default() };
        let open = OperationServiceClient::new(lines.any().clone()).list_operations(request).await.unwrap();
        if open.into_inner().operations.is_empty() {
            break;
        }
        assert!(begin.elapsed() < PATIENCE, "operations do not end");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let mut promised: BTreeMap<&String, i32> = BTreeMap::new();
    for ((write, answer), again) in intents.writes.iter().zip(&answers.writes).zip(again) {
        if matches!(answer, Some(Answer::Accepted(_))) || matches!(again, Answer::Accepted(_)) {
            let size = promised.entry(&write.request.name).or_default();
            *size = write.request.desired_count.max(*size);
        }
    }
    promised.retain(|name, _| !lowered.contains(*name));
    println!("{} groups have the size that they were promised", promised.len());
    for (name, size) in promised {
        let request = pb::GetNodeGroupRequest { name: name.clone() };
        let group = NodeGroupServiceClient::new(lines.any().clone()).get_node_group(request).await.unwrap();
        assert_eq!(group.into_inner().desired_count, size, "{name}");
    }
}
