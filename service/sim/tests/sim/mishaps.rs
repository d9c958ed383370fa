//! What is scripted to happen to a cluster, rather than to calls.

use plimsoll_domain::clock::Clock;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::world::{Cloud, CloudError, Eviction};
use plimsoll_sim::{Edit, Fault, Pace, Sim};

use crate::support::{Rig, SEED, Seen, TYPE, ZONE, atlas, spec, start};

fn taken_back(count: Option<u32>) -> Fault {
    Fault::SpotReclaim { instance_type: TYPE.to_owned(), zone: ZONE.to_owned(), count }
}

fn lost(node: &str) -> Fault {
    Fault::NodeLoss { cluster: atlas(), node: node.to_owned() }
}

fn foreign(edit: Edit) -> Fault {
    Fault::Foreign { cluster: atlas(), edit }
}

fn later(seconds: u32, fault: Fault) -> Fault {
    Fault::Later { seconds, fault: Box::new(fault) }
}

/// A spot group of three and two pods on each, watched by a budget.
fn seen() -> Seen {
    Seen::default().group("web", 3).spot("web").deployment("api", 6).budget("api", "api", 2)
}

async fn notices(rig: &Rig) -> usize {
    rig.sim.notices(&atlas()).await.expect("notices").len()
}

#[tokio::test]
async fn a_machine_that_is_left_in_time_goes_without_a_loss() {
    let rig = seen().rig();
    rig.sim.fault(taken_back(Some(1)));
    let notice = rig.sim.notices(&atlas()).await.expect("notices").remove(0);
    let node = rig.state().await.nodes.into_iter().find(|node| node.provider_id == notice.provider_id);
    let node = node.expect("it runs").name;
    rig.cordon(&node, true).await;
    for pod in rig.pods("api").await.into_iter().filter(|pod| pod.node.as_ref() == Some(&node)) {
        assert_eq!(rig.evict(&pod.name).await, Eviction::Accepted);
    }
    rig.wait(119).await;
    assert!(rig.state().await.nodes.iter().any(|other| other.name == node && other.ready));
    rig.wait(1).await;
    assert!(rig.state().await.nodes.iter().any(|other| other.name == node && !other.ready));
    rig.wait(300).await;
    let (state, tally) = (rig.state().await, rig.sim.tally(&atlas()));
    assert!(state.nodes.len() == 3 && state.nodes.iter().all(|other| other.name != node && other.ready));
    assert_eq!((tally.pods_lost, tally.pods_lost_by_reclaim), (vec![], vec![]));
    assert_eq!(rig.pods("api").await.len(), 6);
}

#[tokio::test]
async fn a_notice_ends_with_a_machine_that_is_given_back() {
    let rig = seen().rig();
    rig.sim.fault(taken_back(None));
    assert_eq!(notices(&rig).await, 3);
    let id = rig.state().await.nodes[0].provider_id.clone();
    rig.terminate("web", &id).await.expect("terminated");
    assert_eq!(notices(&rig).await, 2);
    rig.wait(120).await;
    let lives = rig.sim.lives(&atlas(), start()).await.expect("lives");
    let ended: Vec<_> =
        lives.iter().filter_map(|life| Some((life.end?.reclaimed, &life.provider_id))).collect();
    assert_eq!(ended.iter().filter(|(reclaimed, _)| *reclaimed).count(), 2);
    assert!(ended.contains(&(false, &id)));
    let tally = rig.sim.tally(&atlas());
    assert_eq!((tally.pods_lost.len(), tally.pods_lost_by_reclaim.len()), (2, 6));
    rig.wait(300).await;
    rig.expect_sizes(&[("web", 2)]);
    assert_eq!(rig.status("web").await.expect("it is there").instances.len(), 2);
}

#[tokio::test]
async fn a_pool_has_only_what_it_is_told() {
    let rig = Seen::default().group("web", 1).rig();
    rig.made(&spec("new")).await;
    for instance_type in ["m7i.large", "m6i.large"] {
        let (instance_type, zone) = (instance_type.to_owned(), ZONE.to_owned());
        rig.sim.fault(Fault::PoolDepth { instance_type, zone, kind: CapacityKind::Spot, count: 2 });
    }
    rig.resize("new", 5).await.expect("some are there");
    assert_eq!(rig.status("new").await.expect("it is there").instances.len(), 4);
    rig.sim.fault(Fault::PoolDepth {
        instance_type: "m7i.large".to_owned(),
        zone: ZONE.to_owned(),
        kind: CapacityKind::Spot,
        count: 3,
    });
    rig.wait(300).await;
    let status = rig.status("new").await.expect("it is there");
    assert_eq!((status.instances.len(), status.issues.len()), (5, 0));
}

#[tokio::test]
async fn a_machine_that_breaks_is_replaced_and_nobody_here_is_to_blame() {
    let rig = seen().rig();
    rig.sim.fault(lost("web-0"));
    rig.sim.fault(lost("nowhere"));
    assert!(rig.state().await.nodes.iter().any(|node| node.name == "web-0" && !node.ready));
    rig.wait(600).await;
    let (state, tally) = (rig.state().await, rig.sim.tally(&atlas()));
    assert!(state.nodes.len() == 3 && state.nodes.iter().all(|node| node.ready && node.name != "web-0"));
    assert_eq!(tally.pods_lost_by_others, ["shop/api-0 on web-0", "shop/api-3 on web-0"]);
    assert_eq!((tally.pods_lost, tally.pods_lost_by_reclaim), (vec![], vec![]));
    assert_eq!(rig.pods("api").await.len(), 6);
    rig.expect_sizes(&[("web", 3)]);
}

#[tokio::test]
async fn other_hands_resize_add_and_terminate() {
    let rig = seen().rig();
    rig.sim.fault(foreign(Edit::Resize { group: "web".to_owned(), count: 5 }));
    rig.sim.fault(foreign(Edit::AddGroup { spec: spec("theirs") }));
    rig.wait(300).await;
    rig.expect_sizes(&[("theirs", 0), ("web", 5)]);
    assert_eq!(rig.state().await.nodes.iter().filter(|node| node.ready).count(), 5);
    rig.sim.fault(foreign(Edit::Terminate { node: "web-2".to_owned() }));
    rig.sim.fault(foreign(Edit::Resize { group: "web".to_owned(), count: 2 }));
    rig.wait(300).await;
    rig.expect_sizes(&[("theirs", 0), ("web", 2)]);
    let tally = rig.sim.tally(&atlas());
    assert_eq!((tally.pods_lost, tally.budget_violations), (vec![], vec![]));
    assert!(!tally.pods_lost_by_others.is_empty() && tally.budget_violations_by_others == ["shop/api"]);
}

#[tokio::test]
async fn a_group_that_met_a_shortage_may_take_no_change_for_a_while() {
    let rig = Seen::default().group("web", 1).rig();
    let short = |times| Fault::NoCapacity {
        instance_type: TYPE.to_owned(),
        zone: ZONE.to_owned(),
        kind: CapacityKind::OnDemand,
        times: Some(times),
    };
    rig.sim.fault(Fault::Degrade { seconds: 900 });
    rig.sim.fault(short(1));
    assert!(matches!(rig.resize("web", 2).await, Err(CloudError::NoCapacity(_))));
    assert!(!rig.status("web").await.expect("it is there").is_active);
    let id = rig.state().await.nodes[0].provider_id.clone();
    let busy = CloudError::Busy("web".to_owned());
    assert_eq!(rig.resize("web", 2).await, Err(busy.clone()));
    assert_eq!(rig.terminate("web", &id).await, Err(busy));
    rig.wait(900).await;
    assert_eq!(rig.resize("web", 2).await, Ok(()));
    rig.sim.lift(Fault::Degrade { seconds: 0 });
    rig.sim.fault(short(1));
    rig.wait(60).await;
    assert!(matches!(rig.resize("web", 3).await, Err(CloudError::NoCapacity(_))));
    assert!(rig.status("web").await.expect("it is there").is_active);
}

#[tokio::test]
async fn a_slow_cloud_takes_its_time() {
    let rig = Seen::default().group("web", 1).rig();
    rig.sim.fault(Fault::Slow { factor: 5 });
    rig.sim.ensure_group(&atlas(), &spec("new")).await.expect("accepted");
    rig.wait(599).await;
    assert!(!rig.status("new").await.expect("it is there").is_active);
    rig.wait(901).await;
    assert!(rig.status("new").await.expect("it is there").is_active);
}

#[tokio::test]
async fn a_clock_that_jumps_takes_everybody_with_it() {
    let rig = Seen::default().group("web", 1).rig();
    rig.resize("web", 2).await.expect("accepted");
    let before = rig.sim.clock().now();
    rig.sim.fault(later(10, Fault::ClockJump { seconds: 86_400 }));
    rig.wait(11).await;
    assert_eq!(rig.state().await.nodes.len(), 2);
    assert_eq!(rig.sim.clock().now().duration_since(before).as_secs(), 86_411);
}

#[tokio::test]
async fn a_storm_throttles_the_cloud_for_its_time_and_the_cluster_answers() {
    let rig = Seen::default().group("web", 1).rig();
    rig.sim.fault(Fault::Storm { seconds: 120 });
    rig.wait(119).await;
    assert_eq!(rig.resize("web", 2).await, Err(CloudError::Throttled));
    assert_eq!(rig.sim.lives(&atlas(), start()).await, Err(CloudError::Throttled));
    assert_eq!(rig.state().await.nodes.len(), 1);
    rig.wait(1).await;
    assert_eq!(rig.resize("web", 2).await, Ok(()));
}

#[tokio::test]
async fn a_pod_that_is_held_does_not_end_until_it_is_let_go() {
    let rig = seen().rig();
    let held = Fault::StuckPod { pod: "shop/api-0".to_owned() };
    rig.sim.fault(held.clone());
    assert_eq!(rig.evict("api-0").await, Eviction::Accepted);
    rig.wait(3600).await;
    assert!(rig.pod("api-0").await.is_some_and(|pod| pod.terminating));
    rig.sim.lift(held);
    rig.wait(1).await;
    assert!(rig.pod("api-0").await.is_none());
}

#[tokio::test]
async fn what_happened_to_a_world_is_in_its_file() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    let live = async |rig: &Rig| {
        let faults = [
            taken_back(Some(1)),
            later(200, lost("web-2")),
            Fault::Slow { factor: 2 },
            later(30, foreign(Edit::Resize { group: "web".to_owned(), count: 4 })),
            Fault::StuckPod { pod: "shop/api-4".to_owned() },
            later(20, Fault::ClockJump { seconds: 45 }),
        ];
        faults.into_iter().for_each(|fault| rig.sim.fault(fault));
        drop(rig.evict("api-4").await);
        rig.wait(100).await;
        rig.sim.lift(Fault::Slow { factor: 0 });
        rig.sim.lift(Fault::StuckPod { pod: "shop/api-4".to_owned() });
        rig.state().await;
    };
    let killed = Rig::of(Sim::open(&path, start(), SEED, Pace::Jump).expect("opens"), seen());
    live(&killed).await;
    drop(killed);
    let found = Rig { sim: Sim::open(&path, start(), SEED, Pace::Jump).expect("opens") };
    let unbroken = seen().rig();
    live(&unbroken).await;
    for _ in 0..40 {
        unbroken.sim.clock().advance_to(found.sim.clock().now());
        assert_eq!(found.state().await, unbroken.state().await, "{}", found.sim.journal());
        assert_eq!(found.sim.tally(&atlas()), unbroken.sim.tally(&atlas()));
        found.wait(30).await;
    }
    assert!(!found.sim.tally(&atlas()).pods_lost_by_others.is_empty(), "{}", found.sim.journal());
}
