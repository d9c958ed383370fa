//! Whose a node is.

use rand::rngs::SmallRng;
use rand::seq::SliceRandom;
use rand::{Rng, SeedableRng};

use super::{Given, MIB, at, by_owner, change, large, life, pod, seen, spot};
use crate::ledger::{
    AllocationKind, HourRows, Item, Observation, PodSeen, Quality, Room, Share, SplitMethod,
};
use crate::world::{End, MachineLife};

/// The node of the check value, looked at every hour.
fn given(observations: &[Observation]) -> Given {
    let mut given = Given::lives(&[life("m5.large", "09:00:00", None)]);
    given.inventory.rooms.insert("aws:///us-east-1a/i-1".into(), large());
    given.observations = observations.to_vec();
    given.interval_seconds = 3600;
    given
}

#[track_caller]
fn check(rows: &HourRows, want: &[(&str, i64)]) {
    let want = want.iter().map(|(owner, cost)| ((*owner).to_owned(), *cost)).collect();
    assert_eq!(by_owner(rows, Item::Instance), want);
}

#[test]
fn a_pod_pays_for_the_larger_of_request_and_use() {
    let (a, b) = (pod("a", 500, 2048), pod("b", 1000, 1024));
    let used = |pod: &PodSeen, cpu: i64, mib: i64| PodSeen {
        used_cpu_milli: Some(cpu),
        used_memory_bytes: Some(mib * MIB),
        ..pod.clone()
    };
    let after = [used(&a, 700, 1024), used(&b, 200, 3072)];
    let rows = given(&[seen("10:00:00", &[a, b]), seen("11:00:00", &after)]).settle(at("10:00:00"));
    check(&rows, &[("a", 30_646_153), ("b", 44_307_692), ("Idle", 14_072_164), ("Overhead", 6_973_991)]);
    assert!(
        rows.allocations.iter().all(|part| part.item != Item::Instance || part.quality == Quality::Measured)
    );
}

#[test]
fn time_counts() {
    let (a, b) = (pod("a", 1930, 6903), pod("b", 1930, 6903));
    let looks = [seen("10:00:00", &[a]), seen("10:15:00", &[b])];
    let rows = given(&looks).settle(at("10:00:00"));
    let sums = by_owner(&rows, Item::Instance);
    assert_eq!(sums.get("Idle"), None);
    // 45 minutes against 15, rounded once for each of CPU and memory.
    assert!((sums["b"] - 3 * sums["a"]).abs() <= 8, "{sums:?}");
}

#[test]
fn more_than_there_is_is_shared_out_and_nothing_is_idle() {
    let looks = [seen("10:00:00", &[pod("a", 4000, 8000), pod("b", 2000, 4000)])];
    let rows = given(&looks).settle(at("10:00:00"));
    let sums = by_owner(&rows, Item::Instance);
    assert_eq!(sums.get("Idle"), None);
    assert!((sums["a"] - 2 * sums["b"]).abs() <= 3, "{sums:?}");
    let overhead =
        by_owner(&given(&[seen("10:00:00", &[])]).settle(at("10:00:00")), Item::Instance)["Overhead"];
    assert!((sums["Overhead"] - overhead).abs() <= 1, "what the node keeps is what it keeps");
}

#[test]
fn nobody_looked_is_not_nobody_was_there() {
    let full = [pod("a", 1930, 6903)];
    let quality = |rows: &HourRows, name: &str| {
        rows.allocations.iter().filter(|part| part.pod == name).map(|part| part.quality).max()
    };
    let mut short = given(&[seen("10:00:00", &full), seen("10:10:00", &full)]);
    short.interval_seconds = 60;
    let rows = short.settle(at("10:00:00"));
    assert_eq!(quality(&rows, "a"), Some(Quality::Estimated), "up to ten minutes are bridged");
    let sums = by_owner(&rows, Item::Instance);
    assert!((sums["Unattributed"] - 2 * sums["a"]).abs() <= 8, "20 minutes seen, 40 not: {sums:?}");
    let parts = rows.allocations.iter().filter(|part| part.kind == AllocationKind::Unattributed);
    assert!(parts.clone().all(|part| part.quality == Quality::Gap) && parts.count() > 0);

    let never = given(&[]).settle(at("10:00:00"));
    check(&never, &[("Overhead", 6_973_991), ("Unattributed", 89_026_009)]);
}

#[test]
fn a_gpu_is_paid_for_by_who_asks_for_it() {
    let mut given = given(&[seen("10:00:00", &[PodSeen { gpus: 1, ..pod("llm", 0, 0) }])]);
    given.lives[0].instance_type = "g5.xlarge".into();
    let room = Room {
        capacity: crate::ledger::split::Shape { cpu_milli: 4000, memory_bytes: 16384 * MIB, gpus: 1 },
        ..Room::default()
    };
    let room = Room { allocatable: room.capacity, ..room };
    given.inventory.rooms.insert("aws:///us-east-1a/i-1".into(), room);
    check(&given.settle(at("10:00:00")), &[("Idle", 368_394_366), ("llm", 637_605_634)]);
    given.observations = vec![seen("10:00:00", &[])];
    check(&given.settle(at("10:00:00")), &[("Idle", 1_006_000_000)]);
}

#[test]
fn a_node_that_was_never_seen_is_idle_as_its_type_is() {
    let mut given = given(&[seen("10:00:00", &[])]);
    given.inventory.rooms.clear();
    let rows = given.settle(at("10:00:00"));
    let sums = by_owner(&rows, Item::Instance);
    assert_eq!(sums.keys().collect::<Vec<_>>(), ["Idle", "Overhead"]);
    assert!(
        rows.allocations.iter().all(|part| part.item != Item::Instance || part.quality == Quality::Estimated)
    );
    given.lives[0].instance_type = "no.such".into();
    given.catalog.on_demand.insert("no.such".into(), given.catalog.on_demand["m5.large"]);
    let rows = given.settle(at("10:00:00"));
    check(&rows, &[("Unattributed", 96_000_000)]);
    let shares: Vec<Share> =
        rows.allocations.iter().filter(|part| part.item == Item::Instance).map(|part| part.share).collect();
    assert_eq!(shares, [Share::Whole]);
}

#[test]
fn relabelling_splits_the_hour() {
    let team = |name: &str| PodSeen { team: name.into(), ..pod("a", 1930, 6903) };
    let looks = [seen("10:00:00", &[team("red")]), seen("10:30:00", &[team("blue")])];
    let rows = given(&looks).settle(at("10:00:00"));
    let of = |team: &str| -> i64 {
        rows.allocations
            .iter()
            .filter(|part| part.team == team && part.item == Item::Instance)
            .map(|part| part.list_cost)
            .sum()
    };
    assert!((of("red") - of("blue")).abs() <= 4 && of("red") > 40_000_000);
}

#[test]
fn daemons_are_told_apart_and_the_root_volume_goes_with_the_node() {
    let daemon = PodSeen { daemon: true, ..pod("agent", 1930, 6903) };
    let rows = given(&[seen("10:00:00", &[daemon])]).settle(at("10:00:00"));
    let part = rows.allocations.iter().find(|part| part.item == Item::RootVolume && part.pod == "agent");
    assert_eq!(part.map(|part| part.kind), Some(AllocationKind::DaemonSet));
}

/// A small cluster at random: what is charged is what is divided, whatever the order and the method.
#[test]
fn the_order_of_the_input_does_not_matter() {
    let mut random = SmallRng::seed_from_u64(3);
    for round in 0..40 {
        let ids: Vec<String> = (0..5).map(|index| format!("aws:///us-east-1a/i-{index}")).collect();
        let lives: Vec<MachineLife> = ids
            .iter()
            .map(|id| {
                let minutes = |random: &mut SmallRng| {
                    format!("10:{:02}:{:02}", random.random_range(0..60), random.random_range(0..60))
                };
                let end = random
                    .random_bool(0.3)
                    .then(|| End { time: at(&minutes(&mut random)), reclaimed: random.random() });
                let launch = if random.random_bool(0.5) { "08:00:00".into() } else { minutes(&mut random) };
                let base = if random.random() {
                    spot(&launch, None, false)
                } else {
                    life("g5.xlarge", &launch, None)
                };
                MachineLife { provider_id: id.clone(), end, ..base }
            })
            .collect();
        let mut given = Given::lives(&lives);
        given.method = if random.random() { SplitMethod::Aws } else { SplitMethod::OpenCost };
        given.discount_ratio = random.random_range(0.0..0.5);
        given.spot = (0..6)
            .map(|minute| change(&format!("10:{:02}:00", minute * 9), random.random_range(0..90_000_000)))
            .collect();
        given.spot.push(change("07:00:00", 33_333_333));
        given.observations = (0..12)
            .map(|index| {
                let pods: Vec<PodSeen> = (0..random.random_range(0..12))
                    .map(|name| PodSeen {
                        provider_id: ids[random.random_range(0..ids.len())].clone(),
                        used_cpu_milli: random.random_bool(0.5).then(|| random.random_range(0..3000)),
                        gpus: random.random_range(0..2),
                        ..pod(&format!("p{name}"), random.random_range(0..1500), random.random_range(0..4000))
                    })
                    .collect();
                seen(&format!("10:{:02}:30", index * 5), &pods)
            })
            .collect();
        if random.random() {
            given.inventory.rooms.insert(ids[0].clone(), large());
        }
        let rows = given.settle(at("10:00:00"));
        given.lives.shuffle(&mut random);
        given.spot.shuffle(&mut random);
        given.observations.shuffle(&mut random);
        given.observations.iter_mut().for_each(|seen| seen.pods.shuffle(&mut random));
        assert_eq!(given.settle(at("10:59:59")), rows, "round {round}");
    }
}
