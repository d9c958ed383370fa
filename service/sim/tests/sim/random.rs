//! Anything at any time: what has to hold holds, and the file tells the same world.

use std::path::Path;

use plimsoll_domain::clock::Clock;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::resources::Resources;
use plimsoll_domain::workload::WorkloadKind;
use plimsoll_domain::world::{Cloud, Cluster};
use plimsoll_sim::{Fault, Pace, Sim};

use crate::support::{Rig, Seen, ZONE, atlas, spec, start};

const STEPS: u64 = 120;

fn seen() -> Seen {
    let seen = Seen::default().group("web", 3).deployment("api", 8).budget("api", "api", 3);
    let seen = seen.pods(Some(WorkloadKind::StatefulSet), "db", 3).disks("db").budget("db", "db", 1);
    seen.pods(Some(WorkloadKind::DaemonSet), "agent", 3).daemon_set("agent")
}

fn open(path: &Path, seed: u64) -> Rig {
    Rig { sim: Sim::open(path, start(), seed, Pace::Jump).expect("opens") }
}

/// Linear congruential numbers (Knuth's MMIX), their high bits.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, count: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % count.max(1)
    }
}

/// Does something to something, whether or not it makes sense.
async fn step(rig: &Rig, numbers: &mut Numbers) {
    let state = rig.state().await;
    let group = ["web", "new", "other"][numbers.below(3)];
    let node = &state.nodes[numbers.below(state.nodes.len())];
    let pod = &state.pods[numbers.below(state.pods.len())];
    let sim = &rig.sim;
    match numbers.below(12) {
        0 => drop(sim.ensure_group(&atlas(), &spec(group)).await),
        1 => drop(rig.resize(group, numbers.below(6) as u32).await),
        // The last nodes stay, so that there is always something to do something to.
        2 if 2 < state.nodes.len() => drop(rig.terminate(&node.group, &node.provider_id).await),
        3 => drop(sim.give_up_missing(&atlas(), group).await),
        4 => drop(sim.ensure_group_gone(&atlas(), group).await),
        5 => rig.cordon(&node.name, numbers.below(2) == 0).await,
        6 => {
            let instance_type = spec("new").instance_types[numbers.below(2)].clone();
            let (zone, times) = (ZONE.to_owned(), Some(numbers.below(6) as u32));
            sim.fault(Fault::NoCapacity { instance_type, zone, kind: CapacityKind::Spot, times });
        }
        7 => rig.wait(numbers.below(400) as u64).await,
        _ => drop(sim.evict(&atlas(), &pod.key(), pod.node.as_deref().unwrap_or_default()).await),
    }
    rig.wait(numbers.below(30) as u64).await;
}

/// What holds at every moment.
async fn expect_sound(rig: &Rig) {
    let state = rig.state().await;
    let told = || format!("at {}\n{}", rig.sim.clock().now(), rig.sim.journal());
    for node in &state.nodes {
        let on_it = state.pods.iter().filter(|pod| pod.node.as_ref() == Some(&node.name));
        let used = on_it.fold(Resources::default(), |used, pod| used.plus(&pod.requests));
        assert!(used.fits(&node.allocatable), "{} is overfull {}", node.name, told());
    }
    let known = |name: &String| state.nodes.iter().any(|node| node.name == *name);
    assert!(state.pods.iter().all(|pod| pod.node.as_ref().is_none_or(known)), "{}", told());
    let replicas = (rig.pods("api").await.len(), rig.pods("db").await.len());
    // A pod on a machine that was terminated stays listed until its node is gone, and comes again then.
    assert_eq!(replicas, (8, 3), "{}", told());
    for (name, size) in rig.sim.sizes(&atlas()) {
        let status = rig.status(&name).await.expect("it has a size");
        assert_eq!(status.desired_count, size);
        assert!(status.instances.len() <= size as usize, "{name} {}", told());
        assert!(!status.issues.is_empty() || status.instances.len() == size as usize, "{name} {}", told());
    }
}

#[tokio::test]
async fn whatever_is_done_the_world_is_sound_and_found_again() {
    for seed in 0..20 {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("world.jsonl");
        let killed = Rig::of(open(&path, seed).sim, seen());
        let mut numbers = Numbers(seed);
        for _ in 0..STEPS {
            step(&killed, &mut numbers).await;
            expect_sound(&killed).await;
        }
        let (alive, last) = (killed.sim.clone(), killed.sim.clock().now());
        let copy = folder.path().join("copy.jsonl");
        std::fs::copy(&path, &copy).expect("copied");
        let (found, alive) = (open(&copy, seed), Rig { sim: alive });
        assert!(last <= found.sim.clock().now());
        for seconds in [0, 20, 500] {
            found.wait(seconds).await;
            alive.sim.clock().advance_to(found.sim.clock().now());
            assert_eq!(found.state().await, alive.state().await, "seed {seed}");
            assert_eq!(found.sim.tally(&atlas()), alive.sim.tally(&atlas()), "seed {seed}");
            assert_eq!(found.status("new").await, alive.status("new").await, "seed {seed}");
        }
    }
}
