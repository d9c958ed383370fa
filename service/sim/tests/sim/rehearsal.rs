//! A cluster in a world of its own: what goes wrong happens at its time, and is counted.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::fleet::{CapacityKind, LABEL_CAPACITY_TYPE};
use plimsoll_domain::rehearsal::{Mishap, Rehearsal, Scene, Toll, Trouble};
use plimsoll_domain::world::{Eviction, MachineLife, Simulator, World};
use plimsoll_sim::{Pace, Sim};

use crate::support::{SEED, Seen, TYPE, ZONE, atlas, start};

/// Two on-demand nodes and two others, a third full.
fn seen(kind: CapacityKind) -> Seen {
    let mut seen = Seen::default().group("web", 2).group("cheap", 2);
    for node in seen.0.nodes.iter_mut().filter(|node| node.group == "cheap") {
        node.kind = kind;
        node.labels.insert(LABEL_CAPACITY_TYPE.to_owned(), kind.label().to_owned());
    }
    seen.deployment("api", 16).budget("api", "api", 2)
}

fn hour(number: i64) -> Timestamp {
    start() + SignedDuration::from_hours(number)
}

fn stage(kind: CapacityKind, mishaps: Vec<Mishap>) -> Arc<dyn Rehearsal> {
    let real = Sim::new(start(), SEED, Pace::Jump);
    let scene = Scene {
        cluster: atlas(),
        state: seen(kind).0,
        start: start(),
        seed: SEED,
        catalog: Catalog::builtin(),
        mishaps,
    };
    let rehearsal = real.rehearse(scene).expect("taken in");
    assert!(real.sizes(&atlas()).is_empty(), "it happens in the real world");
    rehearsal
}

async fn wait(world: &World, hours: u64) {
    world.clock.sleep(Duration::from_secs(3600 * hours)).await;
}

async fn lives(world: &World) -> Vec<MachineLife> {
    world.cloud.lives(&atlas(), start()).await.expect("listed")
}

#[tokio::test]
async fn nothing_befalls_machines_that_are_paid_in_full() {
    let quiet = stage(CapacityKind::OnDemand, Vec::new());
    wait(&quiet.world(), 24).await;
    let want = Toll { node_count: 4, node_count_max: 4, ..Toll::default() };
    assert_eq!(quiet.toll(), want);
}

#[tokio::test]
async fn spot_machines_are_taken_back_and_replaced_once_there_are_some_again() {
    let trouble = Trouble::SpotReclaim { instance_type: TYPE.to_owned(), zone: ZONE.to_owned() };
    let mishap = Mishap { trouble, begin: hour(1), end: Some(hour(3)) };
    let rehearsal = stage(CapacityKind::Spot, vec![mishap]);
    let world = rehearsal.world();
    wait(&world, 1).await;
    assert_eq!(rehearsal.toll().node_count, 4, "there are two minutes left");
    wait(&world, 1).await;
    assert_eq!(rehearsal.toll().node_count, 2);
    let ends: Vec<_> = lives(&world).await.iter().filter_map(|life| life.end).collect();
    assert_eq!(ends.len(), 2);
    assert!(ends.iter().all(|end| end.reclaimed && end.time == hour(1) + SignedDuration::from_mins(2)));
    wait(&world, 2).await;
    let toll = rehearsal.toll();
    assert_eq!((toll.node_count, toll.node_count_max, toll.restart_count), (4, 4, 8));
    assert_eq!(toll.pending_count, 0, "two nodes take sixteen pods");
}

#[tokio::test]
async fn a_node_that_breaks_is_replaced() {
    let trouble = Trouble::NodeLoss { node: "web-0".to_owned() };
    let unknown = Trouble::NodeLoss { node: "web-9".to_owned() };
    let at = |trouble, begin| Mishap { trouble, begin, end: None };
    let mishaps = vec![at(trouble, hour(2)), at(unknown, hour(0))];
    let rehearsal = stage(CapacityKind::OnDemand, mishaps);
    let world = rehearsal.world();
    wait(&world, 3).await;
    let lives = lives(&world).await;
    let ended: Vec<_> = lives.iter().filter(|life| life.end.is_some()).collect();
    assert_eq!((lives.len(), ended.len()), (5, 1));
    assert!(
        ended.iter().all(|life| life
            .end
            .is_some_and(|end| !end.reclaimed && hour(2) <= end.time && end.time < hour(3)))
    );
    let state = world.cluster.state(&atlas()).await.expect("a state");
    assert!(!state.nodes.iter().any(|node| node.name == "web-0"));
    assert_eq!((rehearsal.toll().node_count, rehearsal.toll().restart_count), (4, 4));
}

#[tokio::test]
async fn nothing_can_be_had_and_nobody_may_go_while_it_lasts() {
    let shortage = Trouble::NoCapacity { instance_type: TYPE.to_owned(), zone: ZONE.to_owned() };
    let stuck = Trouble::StuckBudget { budget: "shop/api".to_owned() };
    let between = |trouble| Mishap { trouble, begin: hour(1), end: Some(hour(2)) };
    let rehearsal = stage(CapacityKind::OnDemand, vec![between(shortage), between(stuck)]);
    let world = rehearsal.world();
    for (passed, is_short) in [(1, true), (1, false)] {
        wait(&world, passed).await;
        let grown = world.cloud.ensure_size(&atlas(), "web", 3).await;
        assert_eq!(grown.is_err(), is_short, "{grown:?}");
        let evicted = world.cluster.evict(&atlas(), "shop/api-0", "web-0").await.expect("answered");
        let blocked = Eviction::Blocked("shop/api".to_owned());
        assert_eq!(evicted, if is_short { blocked } else { Eviction::Accepted });
        assert_eq!(rehearsal.toll().budget_wait_count, 1);
    }
}
