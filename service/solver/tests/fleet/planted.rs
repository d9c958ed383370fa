//! Worlds with a known answer: a fleet is made up first, then the demands and the rules that it just keeps.
//! Every one of them has a plan, so a plan must be found, and not a much dearer one.

use std::collections::BTreeMap;

use crate::support::{priced, solve_in};
use plimsoll_domain::check::check;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::problem::*;
use plimsoll_domain::solution::{Bin, objective};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

const WORLDS: u64 = 120;
const ATTEMPTS: u64 = 8_000;
const ZONES: [&str; 3] = ["a", "b", "c"];

/// A problem and a fleet that solves it.
struct Planted {
    problem: Problem,
    bins: Vec<Bin>,
}

fn plant(seed: u64) -> Planted {
    let rng = &mut SmallRng::seed_from_u64(seed);
    let mut problem = Problem { resources: vec!["cpu_milli".into(), "memory".into()], ..Problem::default() };
    problem.offerings = catalog();
    let shapes = rng.random_range(2..12_u32);
    for index in 0..shapes {
        problem.demands.push(Demand {
            id: format!("d{index}"),
            request: vec![rng.random_range(50..700), rng.random_range(50..1500)],
            offerings: (0..problem.offerings.len() as u32).collect(),
            move_cost: priced(rng.random_range(0..20)),
            ..Demand::default()
        });
    }
    let bins: Vec<Bin> = (0..rng.random_range(1..12)).map(|_| filled(&problem, rng)).collect();
    count(&mut problem, &bins);
    tighten(&mut problem, &bins, rng);
    let mut planted = without_unused(problem, bins);
    run_some(&mut planted, rng);
    planted
}

fn catalog() -> Vec<Offering> {
    let mut all = Vec::new();
    for zone in ZONES {
        for size in [1, 2, 4_i64] {
            for (family, memory) in [("c", 2), ("m", 4), ("r", 8)] {
                for kind in [CapacityKind::OnDemand, CapacityKind::Spot] {
                    let price =
                        size * (600 + memory * 100) * if kind == CapacityKind::Spot { 2 } else { 5 } / 5;
                    all.push(Offering {
                        id: format!("{family}{size}-{zone}-{kind:?}"),
                        instance_type: format!("{family}{size}"),
                        zone: zone.into(),
                        kind,
                        capacity: vec![size * 1000, size * memory * 1000],
                        price: priced(price),
                        ..Offering::default()
                    });
                }
            }
        }
    }
    all
}

fn filled(problem: &Problem, rng: &mut SmallRng) -> Bin {
    let offering = rng.random_range(0..problem.offerings.len());
    let mut free = problem.offerings[offering].capacity.clone();
    let mut placed: BTreeMap<u32, u32> = BTreeMap::new();
    for _ in 0..12 {
        let demand = rng.random_range(0..problem.demands.len());
        let request = &problem.demands[demand].request;
        if request.iter().zip(&free).all(|(ask, free)| ask <= free) {
            *placed.entry(demand as u32).or_default() += 1;
            free.iter_mut().zip(request).for_each(|(free, ask)| *free -= ask);
        }
    }
    let placed = placed.into_iter().map(|(demand, count)| Placed { demand, count }).collect();
    Bin { offering: offering as u32, placed, ..Bin::default() }
}

fn count(problem: &mut Problem, bins: &[Bin]) {
    for entry in bins.iter().flat_map(|bin| &bin.placed) {
        problem.demands[entry.demand as usize].count += entry.count;
    }
}

/// Draws rules and makes each as tight as the fleet allows.
fn tighten(problem: &mut Problem, bins: &[Bin], rng: &mut SmallRng) {
    let offerings = problem.offerings.clone();
    let zone = |bin: &Bin| offerings[bin.offering as usize].zone.clone();
    let held = |bin: &Bin, demand: u32| plimsoll_domain::solution::count_of(&bin.placed, demand);
    let by_zone = |demand: u32| -> BTreeMap<String, u32> {
        let mut counts = BTreeMap::new();
        for bin in bins {
            *counts.entry(zone(bin)).or_default() += held(bin, demand);
        }
        counts
    };
    let on_nodes = |demand: u32| -> Vec<u32> { bins.iter().map(|bin| held(bin, demand)).collect() };
    let skew = |counts: Vec<u32>| {
        let (most, least) = (counts.iter().max(), counts.iter().min());
        most.zip(least).map_or(1, |(most, least)| (most - least).max(1))
    };
    let mut drawn: Vec<Demand> = problem.demands.clone();
    for (index, demand) in (0..).zip(&mut drawn) {
        let zones = by_zone(index);
        let spread = |topology, max_skew| Spread {
            topology,
            max_skew,
            min_domains: 1,
            counted: vec![index],
            domain_offerings: Vec::new(),
        };
        match rng.random_range(0..10) {
            0 => demand.max_per_node = on_nodes(index).into_iter().max(),
            1 => demand.max_per_zone = zones.values().max().copied(),
            2 => demand.spreads = vec![spread(Topology::Zone, skew(zones.values().copied().collect()))],
            3 => demand.spreads = vec![spread(Topology::Node, skew(on_nodes(index)))],
            4 if zones.values().filter(|count| 0 < **count).count() == 1 => {
                demand.together = Some(format!("zone/{index}"));
            }
            5 if on_nodes(index).iter().filter(|count| 0 < **count).count() == 1 => {
                demand.together = Some(format!("node/{index}"));
            }
            6 => {
                let seen: Vec<u32> =
                    bins.iter().filter(|bin| 0 < held(bin, index)).map(|bin| bin.offering).collect();
                let zones: Vec<&str> = seen.iter().map(|at| &*offerings[*at as usize].zone).collect();
                demand.offerings.retain(|at| zones.contains(&&*offerings[*at as usize].zone));
            }
            _ => {}
        }
    }
    problem.demands = drawn;
    for index in 0..problem.demands.len() as u32 {
        let other = rng.random_range(0..problem.demands.len() as u32);
        let share_node = bins.iter().any(|bin| 0 < held(bin, index) && 0 < held(bin, other));
        if other != index && !share_node && rng.random_bool(0.4) {
            link(problem, index, other, |demand| &mut demand.conflicts);
        }
    }
    let size = |bin: &Bin| offerings[bin.offering as usize].capacity[0];
    let is_spot = |bin: &&Bin| offerings[bin.offering as usize].kind == CapacityKind::Spot;
    let whole: i64 = bins.iter().map(size).sum();
    let permille = |part: i64| (part * 1000).div_euclid(whole) as u32 + 1;
    let spot = permille(bins.iter().filter(is_spot).map(size).sum()).min(1000);
    let widest = ZONES.map(|name| bins.iter().filter(|bin| zone(bin) == name).map(size).sum::<i64>());
    let base = bins.iter().filter(|bin| !is_spot(bin)).count() as u32;
    let rules = &mut problem.rules;
    rules.spot_share_max_permille = if rng.random_bool(0.4) { spot } else { 1000 };
    rules.zone_share_max_permille =
        if rng.random_bool(0.3) { permille(widest.into_iter().fold(0, i64::max)).min(1000) } else { 1000 };
    rules.on_demand_base_count = if rng.random_bool(0.3) { base } else { 0 };
    rules.nodes_max = if rng.random_bool(0.3) { bins.len() as u32 } else { 0 };
}

fn link(problem: &mut Problem, one: u32, other: u32, list: impl Fn(&mut Demand) -> &mut Vec<u32>) {
    for (from, to) in [(one, other), (other, one)] {
        let conflicts = list(&mut problem.demands[from as usize]);
        conflicts.push(to);
        conflicts.sort_unstable();
        conflicts.dedup();
    }
}

/// Leaves out demands of which the fleet holds nothing.
fn without_unused(mut problem: Problem, mut bins: Vec<Bin>) -> Planted {
    let used: Vec<u32> = (0..problem.demands.len() as u32)
        .filter(|index| 0 < problem.demands[*index as usize].count)
        .collect();
    let renamed = |old: u32| used.binary_search(&old).ok().map(|new| new as u32);
    problem.demands.retain(|demand| 0 < demand.count);
    for demand in &mut problem.demands {
        demand.conflicts = demand.conflicts.iter().filter_map(|old| renamed(*old)).collect();
        for spread in &mut demand.spreads {
            spread.counted = spread.counted.iter().filter_map(|old| renamed(*old)).collect();
        }
    }
    for entry in bins.iter_mut().flat_map(|bin| &mut bin.placed) {
        entry.demand = renamed(entry.demand).expect("what is placed is counted");
    }
    Planted { problem, bins }
}

/// Makes some of the fleet's nodes run already, with some of their pods, and forbids to move any.
fn run_some(planted: &mut Planted, rng: &mut SmallRng) {
    if rng.random_bool(0.3) {
        return;
    }
    let problem = &mut planted.problem;
    for bin in &mut planted.bins {
        if rng.random_bool(0.5) {
            continue;
        }
        let mut offering = problem.offerings[bin.offering as usize].clone();
        offering.id = format!("run{}", problem.nodes.len());
        offering.quantity_max = Some(1);
        problem.offerings.push(offering);
        let own = problem.offerings.len() as u32 - 1;
        for demand in &mut problem.demands {
            if demand.offerings.contains(&bin.offering) {
                demand.offerings.push(own);
            }
        }
        bin.offering = own;
        bin.node = Some(problem.nodes.len() as u32);
        let number = rng.random_range(0..=bin.placed.len());
        let mut residents: Vec<Placed> = bin.placed.choose_multiple(rng, number).copied().collect();
        residents.sort_unstable();
        problem.nodes.push(ExistingNode {
            name: format!("n{}", problem.nodes.len()),
            group: "old".into(),
            offering: own,
            drain_cost: priced(rng.random_range(0..50)),
            residents,
            sealed: false,
            kept: rng.random_bool(0.2),
        });
    }
    problem.rules.moved_pods_max = rng.random_bool(0.5).then_some(0);
}

#[test]
fn a_world_that_has_an_answer_gets_one_and_not_a_much_dearer_one() {
    let mut dearer = 0;
    for seed in 0..WORLDS {
        let Planted { problem, bins } = plant(seed);
        problem.validate().expect("the world is sound");
        let broken = check(&problem, &bins, &[]);
        assert!(broken.is_empty(), "world {seed} is planted badly: {broken:?}");
        let answer =
            solve_in(ATTEMPTS, &problem, seed).unwrap_or_else(|error| panic!("world {seed}: {error:?}"));
        let broken = check(&problem, &answer.bins, &answer.groups);
        assert!(broken.is_empty(), "world {seed}: {broken:?}");
        let (cost, known) =
            (objective(&problem, &answer.bins, &[]).total(), objective(&problem, &bins, &[]).total());
        dearer += u64::from(known < cost);
        assert!(cost.usd() <= known.usd() * 1.05, "world {seed}: {cost}, known {known}");
    }
    assert!(dearer * 20 <= WORLDS, "{dearer} of {WORLDS} answers are dearer than a known one");
}
