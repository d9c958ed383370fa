use std::time::Duration;

use plimsoll_sim::contract::{Ground, check};
use plimsoll_sim::{Fault, Pace, Sim};

use crate::support::{Rig, Seen, atlas, spec, start};

#[track_caller]
fn ground() -> (Seen, Ground) {
    let seen = Seen::default().group("web", 2).deployment("api", 3).deployment("db", 2);
    let ground = Ground {
        cluster: atlas(),
        spec: spec("new"),
        movable: "shop/api-0".to_owned(),
        guarded: "shop/db-0".to_owned(),
        patience: Duration::from_secs(600),
    };
    (seen.budget("db", "db", 0).budget("api", "api", 1).daemon_set("agent"), ground)
}

#[tokio::test]
async fn the_contract_is_kept_whatever_the_seed() {
    for seed in 0..50 {
        let (seen, ground) = ground();
        let rig = Rig::of(Sim::new(start(), seed, Pace::Jump), seen);
        let kept = check(&rig.sim.world(), &ground).await;
        assert_eq!(kept, Ok(()), "seed {seed}\n{}", rig.sim.journal());
    }
}

#[tokio::test]
async fn the_contract_is_kept_while_time_runs() {
    let (seen, ground) = ground();
    let rig = Rig::of(Sim::new(start(), 1, Pace::Speed(300.0)), seen);
    let kept = check(&rig.sim.world(), &ground).await;
    assert_eq!(kept, Ok(()), "{}", rig.sim.journal());
}

#[tokio::test]
async fn a_promise_that_is_not_kept_is_named() {
    let (seen, ground) = ground();
    let rig = seen.rig();
    rig.sim.fault(Fault::StuckBudget { budget: "shop/api".to_owned() });
    let breach = check(&rig.sim.world(), &ground).await.expect_err("an eviction is refused");
    assert_eq!(breach.promise, "a pod is evicted from where it is, and comes back elsewhere");
    assert!(breach.seen.contains("Blocked"), "{breach}");
}
