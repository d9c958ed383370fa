use std::time::Duration;

use plimsoll_domain::world::Cloud;
use plimsoll_sim::contract::{Ground, check, check_reclaim, check_throttling};
use plimsoll_sim::{Fault, Origin, Pace, Sim, Weather};

use crate::support::{Rig, Seen, ZONE, atlas, spec, start};

#[track_caller]
fn ground() -> (Seen, Ground) {
    let seen = Seen::default().group("web", 2).deployment("api", 3).deployment("db", 2);
    let ground = Ground {
        cluster: atlas(),
        spec: spec("new"),
        movable: "shop/api-0".to_owned(),
        guarded: "shop/db-0".to_owned(),
        patience: Duration::from_secs(600),
        look: Duration::from_secs(5),
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
async fn the_contract_is_kept_in_any_weather() {
    for seed in 0..20 {
        let (seen, ground) = ground();
        let origin = Origin { start: start(), seed, weather: Weather::REAL };
        let rig = Rig::of(Sim::begin(&origin, Pace::Jump), seen);
        let kept = check(&rig.sim.world(), &ground).await;
        assert_eq!(kept, Ok(()), "seed {seed}\n{}", rig.sim.journal());
    }
}

#[tokio::test]
async fn a_machine_is_taken_back_as_the_contract_says() {
    for seed in 0..20 {
        let (seen, ground) = ground();
        let rig = Rig::of(Sim::new(start(), seed, Pace::Jump), seen);
        let take_back = async |provider_id: &str| {
            let status = rig.status(&ground.spec.name).await.expect("it is there");
            // The world takes those launched first, of one type.
            let first = status.instances.first().expect("it has machines");
            assert_eq!(first.provider_id, provider_id);
            let (instance_type, zone) = (first.instance_type.clone(), ZONE.to_owned());
            rig.sim.fault(Fault::SpotReclaim { instance_type, zone, count: Some(1) });
        };
        let kept = check_reclaim(&rig.sim.world(), &ground, take_back).await;
        assert_eq!(kept, Ok(()), "seed {seed}\n{}", rig.sim.journal());
    }
}

#[tokio::test]
async fn a_storm_throttles_as_the_contract_says() {
    let (seen, ground) = ground();
    let rig = seen.rig();
    rig.made(&ground.spec).await;
    rig.sim.fault(Fault::Storm { seconds: 60 });
    assert_eq!(check_throttling(&rig.sim.world(), &ground).await, Ok(()));
    rig.wait(60).await;
    assert!(rig.sim.groups(&atlas()).await.is_ok());
    let breach = check_throttling(&rig.sim.world(), &ground).await.expect_err("it answers");
    assert!(breach.seen.starts_with("groups: None"), "{breach}");
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
