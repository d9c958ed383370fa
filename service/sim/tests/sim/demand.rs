//! Demand moves, and autoscalers follow.

use std::path::Path;

use plimsoll_domain::clock::Clock;
use plimsoll_domain::world::Metrics;
use plimsoll_sim::{Demand, Pace, Sim};

use crate::support::{Rig, SEED, Seen, atlas, start};

const HOUR: u64 = 3600;
const DAY: u64 = 24 * HOUR;

/// Three nodes with room for some 55 pods, and 12 under an autoscaler.
fn seen() -> Seen {
    Seen::default().group("web", 3).deployment("api", 12).budget("api", "api", 2).autoscaled("api", 4, 30)
}

fn living(sim: Sim, seen: Seen, demand: Demand) -> Rig {
    sim.load_with(&atlas(), seen.0, demand).expect("loaded");
    Rig { sim }
}

fn fresh(seed: u64) -> Sim {
    Sim::new(start(), seed, Pace::Jump)
}

/// Pods of `api` at the end of each hour.
async fn hours(rig: &Rig, count: u64) -> Vec<usize> {
    let mut sizes = Vec::new();
    for _ in 0..count {
        rig.wait(HOUR).await;
        sizes.push(rig.pods("api").await.len());
    }
    sizes
}

#[tokio::test]
async fn still_demand_is_as_if_there_were_no_autoscaler() {
    let still = living(fresh(SEED), seen(), Demand::Still);
    assert_eq!(hours(&still, 24).await, [12; 24]);
    assert_eq!(still.state().await, seen().0);
}

#[tokio::test]
async fn replicas_follow_the_day_and_the_week_within_their_bounds() {
    for seed in 0..3 {
        let rig = living(fresh(seed), seen(), Demand::Seasonal);
        // From Monday, 08:00.
        let sizes = hours(&rig, 7 * 24).await;
        let (least, most) = (sizes.iter().min().unwrap(), sizes.iter().max().unwrap());
        assert!((4..12).contains(least) && (13..=30).contains(most), "{sizes:?}\n{}", rig.sim.journal());
        let mean = |hours: &[usize]| hours.iter().sum::<usize>() as f64 / hours.len() as f64;
        let (week, weekend) = (mean(&sizes[..112]), mean(&sizes[112..160]));
        assert!(weekend < 0.95 * week, "weekend {weekend}, workdays {week}");
        let state = rig.state().await;
        let listed = state.workloads.iter().find(|one| one.reference.name == "api").expect("listed");
        assert_eq!(listed.replicas as usize, rig.pods("api").await.len());
        let tally = rig.sim.tally(&atlas());
        assert!(tally.budget_violations.is_empty() && tally.pods_lost.is_empty(), "{tally:?}");
    }
}

#[tokio::test]
async fn a_seed_makes_one_week_however_often_it_is_looked_at() {
    let (one, same, other) = (fresh(SEED), fresh(SEED), fresh(SEED + 1));
    let [one, same, other] = [one, same, other].map(|sim| living(sim, seen(), Demand::Seasonal));
    hours(&one, 48).await;
    same.wait(2 * DAY).await;
    other.wait(2 * DAY).await;
    assert_eq!(one.state().await, same.state().await);
    assert_eq!(one.sim.journal(), same.sim.journal());
    assert_ne!(one.state().await, other.state().await);
}

#[tokio::test]
async fn a_pod_too_many_waits_until_the_demand_falls() {
    // A node takes some fifteen pods, less what its DaemonSets have: twice as many find no place.
    let tight = Seen::default().group("web", 1).deployment("api", 15).autoscaled("api", 1, 60);
    let rig = living(fresh(SEED), tight, Demand::Seasonal);
    let mut waited = Vec::new();
    for _ in 0..72 {
        rig.wait(HOUR).await;
        waited.push(rig.pods("api").await.iter().filter(|pod| pod.node.is_none()).count());
    }
    assert!(waited.iter().any(|count| 0 < *count), "{waited:?}");
    assert!(waited.contains(&0), "{waited:?}");
}

#[tokio::test]
async fn a_world_whose_demand_moves_is_found_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("world.jsonl");
    let open = |path: &Path| Sim::open(path, start(), SEED, Pace::Jump).expect("opens");
    let killed = living(open(&path), seen(), Demand::Seasonal);
    hours(&killed, 20).await;
    killed.evict("api-0").await;
    killed.wait(20 * HOUR).await;
    let (last, state) = (killed.sim.clock().now(), killed.state().await);
    let alive = Rig { sim: killed.sim.clone() };
    let copy = folder.path().join("copy.jsonl");
    std::fs::copy(&path, &copy).expect("copied");
    let found = Rig { sim: open(&copy) };
    assert!(last <= found.sim.clock().now());
    alive.sim.clock().advance_to(found.sim.clock().now());
    assert_eq!(found.state().await, alive.state().await);
    assert!(!state.pods.is_empty());
}

#[tokio::test]
async fn pods_use_what_the_demand_asks_of_them() {
    let rig = living(fresh(SEED), seen(), Demand::Seasonal);
    let usage = async || rig.sim.usage(&atlas()).await.expect("measured");
    let mut sums = Vec::new();
    for _ in 0..48 {
        rig.wait(HOUR).await;
        let used = usage().await;
        assert_eq!(used, usage().await, "looking changes it");
        let pods = rig.pods("api").await;
        assert!(used.iter().all(|one| pods.iter().any(|pod| pod.name == one.name)));
        assert!(used.iter().all(|one| (1..=200).contains(&one.cpu_milli)), "{used:?}");
        sums.push(used.iter().map(|one| one.cpu_milli).sum::<i64>());
    }
    let (least, most) = (sums.iter().min().unwrap(), sums.iter().max().unwrap());
    assert!(3 * least < 2 * most, "use stands still: {sums:?}");
    let still = living(fresh(SEED), seen(), Demand::Still);
    let before = still.sim.usage(&atlas()).await.expect("measured");
    still.wait(DAY).await;
    assert_eq!(still.sim.usage(&atlas()).await.expect("measured"), before);
    assert_eq!(before.len(), 12);
}
