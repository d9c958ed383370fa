//! Two processes on one database: one runs a cluster's operations, and the other takes over when it is gone.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::clock::Clock;
use plimsoll_domain::operation::{Kind, Operation, State, Step, StepRecord};
use plimsoll_domain::store::{Duty, Store, StoreError};
use plimsoll_store::Sqlite;

use super::rig::{Rig, engine, look, shop_id, start, write};

/// A server's clock that a test sets.
struct Set(Mutex<Timestamp>);

impl Set {
    fn advance(&self, by: SignedDuration) {
        let mut now = self.0.lock().unwrap();
        *now = now.saturating_add(by).unwrap();
    }
}

#[async_trait]
impl Clock for Set {
    fn now(&self) -> Timestamp {
        *self.0.lock().unwrap()
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    async fn sleep(&self, _: Duration) {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

/// An operation that grows the shop's group by one.
fn growing() -> Operation {
    let group = "general".to_owned();
    Operation {
        id: "o-growing".parse().unwrap(),
        cluster: shop_id(),
        kind: Kind::ResizeNodeGroup { group: group.clone(), from: 6, to: 7, reason: String::new() },
        state: State::Running,
        steps: vec![StepRecord::new(Step::Grow { group, from: 6, to: 7 })],
        failure: None,
        cancel_requested: false,
        actor: "test".into(),
        create_time: start(),
        update_time: start(),
        revision: 1,
    }
}

#[tokio::test]
async fn what_a_dead_process_ran_is_taken_over_when_its_lease_is_over_and_not_before() {
    let rig = Rig::shop().await;
    let begun = rig.store.add_operation(&write(start()), &growing()).await.unwrap();
    let until = start().saturating_add(SignedDuration::from_secs(10)).unwrap();
    let dead = rig
        .store
        .take_lease(&shop_id(), Duty::Operations, "dead", start(), until)
        .await
        .unwrap()
        .expect("it is free");
    let late = rig.store.operation(&begun.id).await.unwrap();

    let clock = Arc::new(Set(Mutex::new(start())));
    let other = engine(&rig.store, clock.clone(), Arc::new(rig.sim.clone()));
    look(&other, "operations").await;
    tokio::time::sleep(Duration::from_millis(50)).await;
    assert_eq!(rig.store.operation(&begun.id).await.unwrap(), late, "it was touched while its lease held");

    clock.advance(SignedDuration::from_secs(11));
    look(&other, "operations").await;
    let ended = rig.end_of(&begun).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    assert_eq!(rig.sim.sizes(&shop_id()), [("general".to_owned(), 7)]);
    // Whoever comes late is shut out.
    let refused = rig.store.update_operation(&late).await;
    assert!(matches!(refused, Err(StoreError::Superseded(_))), "{refused:?}");
    assert!(!rig.store.renew_lease(&dead, until).await.unwrap());
}

#[tokio::test]
async fn a_process_in_place_of_another_of_its_name_shuts_it_out_at_once() {
    let rig = Rig::shop().await;
    let begun = rig.store.add_operation(&write(start()), &growing()).await.unwrap();
    let until = start().saturating_add(SignedDuration::from_secs(10)).unwrap();
    let first = rig
        .store
        .take_lease(&shop_id(), Duty::Operations, "one", start(), until)
        .await
        .unwrap()
        .expect("it is free");
    let late = rig.store.operation(&begun.id).await.unwrap();
    let second = rig
        .store
        .take_lease(&shop_id(), Duty::Operations, "one", start(), until)
        .await
        .unwrap()
        .expect("it is its own");
    assert!(first.token < second.token);
    assert!(!rig.store.renew_lease(&first, until).await.unwrap());
    assert!(rig.store.renew_lease(&second, until).await.unwrap());
    let refused = rig.store.update_operation(&late).await;
    assert!(matches!(refused, Err(StoreError::Superseded(_))), "{refused:?}");
    assert_eq!(
        rig.store.take_lease(&shop_id(), Duty::Operations, "two", start(), until).await.unwrap(),
        None
    );
    rig.store.release_lease(&second).await.unwrap();
    assert!(
        rig.store.take_lease(&shop_id(), Duty::Operations, "two", start(), until).await.unwrap().is_some()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn of_two_processes_on_one_file_one_runs_an_apply() {
    let rig = Rig::shop().await;
    let undisturbed = rig.plan().await;
    let begun = rig.apply(&undisturbed.id).await.unwrap();
    assert_eq!(rig.end_of(&begun).await.state, State::Succeeded);
    let launches = |rig: &Rig| rig.sim.journal().lines().filter(|line| line.contains(": launched ")).count();
    let want = launches(&rig);

    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("plimsoll.db");
    let rig = Rig::over(Sqlite::open(&path).await.unwrap()).await;
    let clock = Arc::new(Set(Mutex::new(start())));
    let other = engine(&Sqlite::open(&path).await.unwrap(), clock, Arc::new(rig.sim.clone()));
    let plan = rig.plan().await;
    let begun = rig.apply(&plan.id).await.unwrap();
    let ended = tokio::select! {
        ended = rig.end_of(&begun) => ended,
        () = async { loop { look(&other, "operations").await; } } => unreachable!("it looks on and on"),
    };
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    assert_eq!(launches(&rig), want, "{}", rig.sim.journal());
}

#[tokio::test]
async fn a_process_that_stops_lets_go_at_once() {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let begun = rig.apply(&plan.id).await.unwrap();
    rig.engine.stop_operations().await;
    let other = engine(&rig.store, Arc::new(Set(Mutex::new(start()))), Arc::new(rig.sim.clone()));
    look(&other, "operations").await;
    let ended = rig.end_of(&begun).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
}
