//! What the meter writes down, and who may.

use std::sync::Arc;

use jiff::SignedDuration;
use plimsoll_domain::ledger::{Ledger, Span};
use plimsoll_domain::store::{Duty, Store};
use plimsoll_report::Lake;
use tempfile::TempDir;

use super::rig::{Rig, shop_id, start};

const INTERVAL: SignedDuration = SignedDuration::from_mins(5);

async fn metered() -> (Rig, Arc<Lake>, TempDir) {
    let mut rig = Rig::shop().await;
    let folder = TempDir::new().unwrap();
    let ledger = Arc::new(Lake::open(folder.path().to_str().unwrap(), &Default::default()).unwrap());
    rig.engine = rig.engine.with_ledger(ledger.clone());
    (rig, ledger, folder)
}

#[tokio::test]
async fn what_pods_use_is_written_down_with_what_they_ask_for() {
    let (rig, ledger, _folder) = metered().await;
    rig.engine.meter_costs(&shop_id(), INTERVAL).await.unwrap();
    let always = Span { start: start(), end: start().saturating_add(SignedDuration::from_hours(1)).unwrap() };
    let seen = ledger.observations(&shop_id(), always).await.unwrap().pop().expect("it looked");
    let serving: Vec<_> = seen.pods.iter().filter(|pod| 0 < pod.cpu_milli).collect();
    assert!(!serving.is_empty());
    for pod in serving {
        assert!(pod.used_cpu_milli.is_some_and(|cpu| 0 < cpu), "{pod:?}");
        assert!(pod.used_memory_bytes.is_some_and(|memory| 0 < memory), "{pod:?}");
    }
}

#[tokio::test]
async fn one_process_at_a_time_accounts_for_a_cluster() {
    let (rig, ledger, _folder) = metered().await;
    let until = start().saturating_add(SignedDuration::from_hours(1)).unwrap();
    let other = rig.store.take_lease(&shop_id(), Duty::Costs, "other", start(), until).await.unwrap();
    // Whoever runs its operations is somebody else.
    let runner = rig.store.take_lease(&shop_id(), Duty::Operations, "third", start(), until).await.unwrap();
    assert!(runner.is_some());
    assert_eq!(rig.engine.meter_costs(&shop_id(), INTERVAL).await.unwrap(), 0);
    let always = Span { start: start(), end: until };
    assert!(ledger.observations(&shop_id(), always).await.unwrap().is_empty());

    rig.store.release_lease(&other.expect("it is free")).await.unwrap();
    assert!(0 < rig.engine.meter_costs(&shop_id(), INTERVAL).await.unwrap());
    let again = rig.store.take_lease(&shop_id(), Duty::Costs, "other", start(), until).await.unwrap();
    assert!(again.is_some(), "a look lets go");
}
