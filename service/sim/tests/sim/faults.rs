use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{Cloud, CloudError, Cluster, ClusterError, Eviction};
use plimsoll_sim::{Call, Fault};

use crate::support::{Rig, Seen, ZONE, atlas, spec};

fn short(instance_type: &str, times: Option<u32>) -> Fault {
    let (instance_type, zone, kind) = (instance_type.to_owned(), ZONE.to_owned(), CapacityKind::Spot);
    Fault::NoCapacity { instance_type, zone, kind, times }
}

/// A world with an empty, active group `new`.
async fn with_group() -> Rig {
    let rig = Seen::default().group("web", 1).deployment("api", 2).budget("api", "api", 1).rig();
    rig.made(&spec("new")).await;
    rig
}

#[tokio::test]
async fn a_shortage_of_every_type_changes_nothing() {
    let rig = with_group().await;
    rig.sim.fault(short("m7i.large", None));
    rig.sim.fault(short("m6i.large", None));
    let refused = rig.resize("new", 2).await;
    let Err(CloudError::NoCapacity(why)) = refused else { panic!("{refused:?}") };
    assert!(why.starts_with("Could not launch Spot Instances. InsufficientInstanceCapacity - "), "{why}");
    rig.expect_sizes(&[("new", 0), ("web", 1)]);
    rig.sim.lift(short("m7i.large", None));
    assert_eq!(rig.resize("new", 2).await, Ok(()));
}

#[tokio::test]
async fn a_shortage_in_part_is_an_issue_until_it_is_given_up() {
    let rig = with_group().await;
    rig.sim.fault(short("m7i.large", Some(3)));
    rig.sim.fault(short("m6i.large", Some(1)));
    // The first machine meets both shortages, the next two meet one, the last none.
    rig.resize("new", 4).await.expect("accepted");
    let status = rig.status("new").await.expect("it is there");
    let types: Vec<_> = status.instances.iter().map(|instance| instance.instance_type.as_str()).collect();
    assert_eq!(types, ["m6i.large", "m6i.large", "m7i.large"], "{}", rig.sim.journal());
    assert_eq!((status.desired_count, status.issues.len()), (4, 1));

    rig.wait(60).await;
    rig.sim.give_up_missing(&atlas(), "new").await.expect("given up");
    rig.wait(1000).await;
    let status = rig.status("new").await.expect("it is there");
    assert_eq!((status.desired_count, status.instances.len(), status.issues.len()), (3, 3, 0));
}

#[tokio::test]
async fn a_group_goes_on_trying_to_launch_what_it_misses() {
    let rig = with_group().await;
    rig.sim.fault(short("m7i.large", None));
    rig.sim.fault(short("m6i.large", Some(2)));
    rig.resize("new", 3).await.expect("accepted");
    assert_eq!(rig.status("new").await.expect("it is there").instances.len(), 1);
    rig.wait(301).await;
    let status = rig.status("new").await.expect("it is there");
    assert_eq!((status.instances.len(), status.issues.len()), (3, 0), "{}", rig.sim.journal());
}

#[tokio::test]
async fn a_call_that_is_throttled_or_fails_does_nothing() {
    let rig = with_group().await;
    rig.sim.fault(Fault::Throttle { count: 2 });
    rig.sim.fault(Fault::Fail { call: Call::EnsureSize, count: 1 });
    assert_eq!(rig.resize("new", 1).await, Err(CloudError::Throttled));
    assert_eq!(rig.sim.group(&atlas(), "new").await, Err(CloudError::Throttled));
    assert!(matches!(rig.resize("new", 1).await, Err(CloudError::Failed(_))));
    rig.expect_sizes(&[("new", 0), ("web", 1)]);
    assert_eq!(rig.resize("new", 1).await, Ok(()));
}

#[tokio::test]
async fn a_call_that_fails_late_has_its_effect() {
    let rig = with_group().await;
    rig.sim.fault(Fault::FailAfter { call: Call::EnsureSize, count: 1 });
    rig.sim.fault(Fault::FailAfter { call: Call::Evict, count: 1 });
    assert!(matches!(rig.resize("new", 1).await, Err(CloudError::Failed(_))));
    rig.expect_sizes(&[("new", 1), ("web", 1)]);
    let failed = rig.sim.evict(&atlas(), "shop/api-0", "web-0").await;
    assert!(matches!(failed, Err(ClusterError::Failed(_))), "{failed:?}");
    assert!(rig.pod("api-0").await.is_some_and(|pod| pod.terminating));
}

#[tokio::test]
async fn a_stuck_budget_blocks_until_it_is_lifted() {
    let rig = with_group().await;
    let stuck = Fault::StuckBudget { budget: "shop/api".to_owned() };
    rig.sim.fault(stuck.clone());
    assert_eq!(rig.evict("api-0").await, Eviction::Blocked("shop/api".to_owned()));
    rig.sim.lift(stuck);
    assert_eq!(rig.evict("api-0").await, Eviction::Accepted);
}
