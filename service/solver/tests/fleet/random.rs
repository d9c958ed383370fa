//! Random small worlds: every answer keeps every rule, and none is worse than the fleet that runs.

use crate::support::{floor_of, priced as rate, solve_in};
use plimsoll_domain::check::check;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::problem::*;
use plimsoll_domain::solution::{Bin, objective};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};

const WORLDS: u64 = 150;
const ATTEMPTS: u64 = 6_000;

/// A world that runs already: pods are placed on its nodes at random, some wait.
fn world(seed: u64) -> Problem {
    let rng = &mut SmallRng::seed_from_u64(seed);
    let mut problem = Problem { resources: vec!["cpu_milli".into(), "memory".into()], ..Problem::default() };
    offerings(&mut problem, rng);
    let bought = problem.offerings.len() as u32;
    demands(&mut problem, bought, rng);
    nodes(&mut problem, rng);
    for demand in &mut problem.demands {
        demand.offerings.sort_unstable();
    }
    rules(&mut problem, rng);
    problem.validate().expect("the world is sound");
    problem
}

fn offerings(problem: &mut Problem, rng: &mut SmallRng) {
    for zone in ["a", "b", "c"] {
        for size in [1, 2, 4] {
            for family in ["c", "m", "r", "n"] {
                for kind in [CapacityKind::OnDemand, CapacityKind::Spot] {
                    let memory = size
                        * 1000
                        * match family {
                            "c" => 2,
                            "r" => 8,
                            _ => 4,
                        };
                    let price = size * (700 + memory / size / 10) * rng.random_range(900..1100) / 1000;
                    let price = if kind == CapacityKind::Spot { price * 4 / 10 } else { price };
                    problem.offerings.push(Offering {
                        id: format!("{family}{size}-{zone}-{kind:?}"),
                        instance_type: format!("{family}{size}"),
                        zone: zone.into(),
                        kind,
                        template: "default".into(),
                        capacity: vec![size * 1000, memory],
                        price: rate(price),
                        risk: rate(0),
                        quantity_max: None,
                    });
                }
            }
        }
    }
}

fn demands(problem: &mut Problem, bought: u32, rng: &mut SmallRng) {
    let number = rng.random_range(2..10_u32);
    for index in 0..number {
        let zone = rng.random_bool(0.15).then(|| ["a", "b", "c"][rng.random_range(0..3)]);
        let spot = rng.random_bool(0.5);
        let fits = |offering: &Offering| {
            zone.is_none_or(|zone| zone == offering.zone) && (spot || offering.kind == CapacityKind::OnDemand)
        };
        let offerings = (0..bought).filter(|at| fits(&problem.offerings[*at as usize])).collect();
        let topology = if rng.random_bool(0.5) { Topology::Zone } else { Topology::Node };
        let spread = Spread {
            topology,
            max_skew: rng.random_range(1..3),
            min_domains: 1,
            counted: vec![index],
            domain_offerings: Vec::new(),
        };
        problem.demands.push(Demand {
            id: format!("d{index}"),
            count: rng.random_range(1..8),
            request: vec![rng.random_range(50..900), rng.random_range(50..1900)],
            max_per_node: rng.random_bool(0.2).then(|| rng.random_range(1..4)),
            max_per_zone: rng.random_bool(0.1).then_some(3),
            offerings,
            spreads: if rng.random_bool(0.3) && zone.is_none() { vec![spread] } else { Vec::new() },
            together: rng.random_bool(0.1).then(|| if index % 2 == 0 { "node/x" } else { "zone/y" }.into()),
            move_cost: rate(rng.random_range(0..20)),
            ..Demand::default()
        });
    }
    if rng.random_bool(0.3) {
        problem.demands[0].conflicts = vec![1];
        problem.demands[1].conflicts = vec![0];
    }
    if rng.random_bool(0.1) {
        problem.demands[0].zone_conflicts = vec![1];
        problem.demands[1].zone_conflicts = vec![0];
    }
}

/// Nodes of an offering of their own each, filled in the order of the demands.
fn nodes(problem: &mut Problem, rng: &mut SmallRng) {
    let mut left: Vec<u32> = problem.demands.iter().map(|demand| demand.count).collect();
    for index in 0..rng.random_range(0..6_u32) {
        let like = rng.random_range(0..problem.offerings.len().min(72));
        let mut offering = problem.offerings[like].clone();
        offering.id = format!("node{index}");
        offering.quantity_max = Some(1);
        let mut free = offering.capacity.clone();
        problem.offerings.push(offering);
        let mut residents = Vec::new();
        for (at, demand) in problem.demands.iter_mut().enumerate() {
            if demand.offerings.contains(&(like as u32)) {
                demand.offerings.push(problem.offerings.len() as u32 - 1);
                let mut count = 0;
                while 0 < left[at]
                    && count < demand.max_per_node.unwrap_or(9).min(2)
                    && demand.request.iter().zip(&free).all(|(ask, free)| ask <= free)
                {
                    count += 1;
                    left[at] -= 1;
                    for (free, ask) in free.iter_mut().zip(&demand.request) {
                        *free -= ask;
                    }
                }
                if 0 < count {
                    residents.push(Placed { demand: at as u32, count });
                }
            }
        }
        problem.nodes.push(ExistingNode {
            name: format!("n{index}"),
            group: format!("g{}", index % 2),
            offering: problem.offerings.len() as u32 - 1,
            drain_cost: rate(rng.random_range(0..50)),
            residents,
            sealed: rng.random_bool(0.1),
            kept: rng.random_bool(0.1),
        });
    }
}

fn rules(problem: &mut Problem, rng: &mut SmallRng) {
    let rules = &mut problem.rules;
    if rng.random_bool(0.5) {
        rules.groups_max = rng.random_range(4..10);
        rules.types_per_spot_group_min = rng.random_range(0..4);
        rules.nodes_per_group_max = rng.random_range(0..4);
    }
    if rng.random_bool(0.3) {
        rules.spot_share_max_permille = 600;
    }
    if rng.random_bool(0.2) {
        rules.zone_share_max_permille = 700;
    }
    if rng.random_bool(0.3) {
        rules.on_demand_base_count = 2;
    }
    if rng.random_bool(0.3) {
        rules.moved_pods_max = Some(rng.random_range(0..10));
    }
}

/// The fleet as it runs, if no pod waits.
fn today(problem: &Problem) -> Option<Vec<Bin>> {
    let bin = |(index, node): (usize, &ExistingNode)| Bin {
        offering: node.offering,
        node: Some(index as u32),
        group: None,
        placed: node.residents.clone(),
    };
    let bins: Vec<Bin> = problem.nodes.iter().enumerate().map(bin).collect();
    check(problem, &bins, &[]).is_empty().then_some(bins)
}

#[test]
fn answers_of_random_worlds_keep_the_rules_and_are_no_worse_than_today() {
    let mut refused = 0;
    for seed in 0..WORLDS {
        let problem = world(seed);
        let answer = match solve_in(ATTEMPTS, &problem, seed) {
            Ok(answer) => answer,
            Err(error) => {
                refused += 1;
                assert!(today(&problem).is_none(), "world {seed} runs, yet: {error}");
                continue;
            }
        };
        let broken = check(&problem, &answer.bins, &answer.groups);
        assert!(broken.is_empty(), "world {seed}: {broken:?}");
        let cost = objective(&problem, &answer.bins, &answer.groups).total();
        let floor = floor_of(&problem);
        assert!(0 < floor && floor <= cost.nano_usd(), "world {seed}: floor {floor}, cost {cost}");
        if let Some(bins) = today(&problem) {
            assert!(cost <= objective(&problem, &bins, &[]).total(), "world {seed}");
        }
    }
    assert!(refused * 5 < WORLDS, "{refused} of {WORLDS} worlds refused");
}
