//! Several callers at once: one wins, the others are told why, and what was promised is kept.

use futures::future::join_all;
use plimsoll_domain::operation::{Kind, Operation, State, Step, StepRecord};
use plimsoll_domain::store::{AuditFilter, PageRequest, Store, StoreError};
use plimsoll_engine::{Error, ResizeOrder};

use super::resize::{GROUP, all_operations, expect_no_harm, expect_size, hold, holder, order, resize};
use super::rig::{Rig, shop_id, start, write};

/// A resize under a request id.
fn request(id: &str, size: i64) -> ResizeOrder {
    let mut order = order(size);
    order.write.request.id = id.into();
    order
}

/// A refusal that the wire documents for an apply that came too late.
#[track_caller]
fn expect_late(answer: &Result<Operation, Error>) {
    let is_late = matches!(answer, Err(Error::Store(StoreError::Busy { .. } | StoreError::Stale { .. })));
    assert!(is_late, "{answer:?}");
}

/// Whoever is polled first, second and third.
#[tokio::test]
async fn of_two_applies_and_a_resize_one_holds_the_cluster() {
    for turn in 0..3 {
        let rig = Rig::shop().await;
        let (a, b) = (rig.plan().await, rig.plan().await);
        let (first, second, third) = match turn {
            0 => tokio::join!(biased; rig.apply(&a.id), rig.apply(&b.id), resize(&rig, 8)),
            1 => {
                let (second, third, first) =
                    tokio::join!(biased; rig.apply(&b.id), resize(&rig, 8), rig.apply(&a.id));
                (first, second, third)
            }
            _ => {
                let (third, first, second) =
                    tokio::join!(biased; resize(&rig, 8), rig.apply(&a.id), rig.apply(&b.id));
                (first, second, third)
            }
        };
        // Growing is never refused.
        let grown = third.unwrap();
        let applied: Vec<&Operation> = [&first, &second].into_iter().flatten().collect();
        assert!(applied.len() <= 1, "{first:?}\n{second:?}");
        [&first, &second].into_iter().filter(|answer| answer.is_err()).for_each(expect_late);
        for begun in applied {
            assert_eq!(rig.end_of(begun).await.state, State::Succeeded, "{}", rig.sim.journal());
        }
        let ended = rig.end_of(&grown).await;
        match rig.sim.sizes(&shop_id()).into_iter().find(|(name, _)| name == GROUP) {
            Some((_, size)) => assert_eq!((ended.state, size), (State::Succeeded, 8), "turn {turn}"),
            // The plan has emptied and deleted the group.
            None => assert_eq!(ended.failure.unwrap().reason, "UNKNOWN_NODE_GROUP"),
        }
        expect_no_harm(&rig);
    }
}

#[tokio::test]
async fn a_plan_is_not_applied_while_a_resize_runs_and_stale_after_it() {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    // A resize that nobody runs for a while: its process died.
    let (group, from, to) = (GROUP.to_owned(), 6, 8);
    let step = Step::Grow { group: group.clone(), from, to };
    let holder = Operation {
        kind: Kind::ResizeNodeGroup { group, from, to, reason: String::new() },
        steps: vec![StepRecord::new(step)],
        ..holder()
    };
    let grown = rig.store.add_operation(&write(start()), &holder).await.unwrap();
    match rig.apply(&plan.id).await {
        Err(Error::Store(StoreError::Busy { holder, .. })) => assert_eq!(holder, grown.id.name()),
        other => panic!("not busy: {other:?}"),
    }
    rig.engine.resume_operations().await.unwrap();
    assert_eq!(rig.end_of(&grown).await.state, State::Succeeded);
    let late = rig.apply(&plan.id).await;
    assert!(matches!(late, Err(Error::Store(StoreError::Stale { .. }))), "{late:?}");
    expect_size(&rig, 8);
}

#[tokio::test]
async fn a_hundred_wishes_for_a_group_are_one_operation() {
    let rig = Rig::shop().await;
    let holder = hold(&rig).await;
    resize(&rig, 7).await.unwrap();
    let orders = (0..100).map(|number| request(&format!("r{number}"), 7 + number / 10));
    let answers = join_all(orders.map(|order| rig.engine.resize_node_group(order))).await;
    // Who asks for fewer than was promised meanwhile would lower the group.
    let accepted: Vec<&Operation> = answers.iter().flatten().collect();
    for answer in answers.iter().filter(|answer| answer.is_err()) {
        assert!(matches!(answer, Err(Error::Store(StoreError::Busy { .. }))), "{answer:?}");
    }
    let one = accepted[0];
    assert!(accepted.iter().all(|other| other.id == one.id));
    assert_eq!(all_operations(&rig).await.len(), 2);
    // Each of them is in the audit log, under its own request id.
    let filter = AuditFilter { resource: Some(one.id.name()), ..AuditFilter::default() };
    let lines = rig.store.audit(&filter, &PageRequest { size: 1000, token: String::new() }).await.unwrap();
    assert_eq!(lines.items.len(), accepted.len() + 1);

    let largest = accepted.iter().filter_map(|operation| operation.kind.size()).map(|(_, to)| to).max();
    rig.engine.resume_operations().await.unwrap();
    assert_eq!(rig.end_of(&holder).await.state, State::Succeeded);
    assert_eq!(rig.end_of(one).await.state, State::Succeeded);
    expect_size(&rig, largest.unwrap());
}

#[tokio::test]
async fn a_caller_that_hangs_up_gets_what_it_asked_for_or_nothing() {
    let rig = Rig::shop().await;
    for polls in 0..12 {
        let size = 7 + polls;
        let mut call = Box::pin(rig.engine.resize_node_group(request(&format!("r{polls}"), size)));
        for _ in 0..polls {
            if futures::poll!(&mut call).is_ready() {
                break;
            }
            tokio::task::yield_now().await;
        }
        drop(call);
        let again = rig.engine.resize_node_group(request(&format!("r{polls}"), size)).await.unwrap();
        assert_eq!(rig.end_of(&again).await.state, State::Succeeded, "{polls} polls");
        assert_eq!(all_operations(&rig).await.len(), polls as usize + 1, "{polls} polls");
        expect_size(&rig, u32::try_from(size).unwrap());
    }
}
