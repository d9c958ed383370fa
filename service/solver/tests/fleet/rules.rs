//! One small world for each rule, in which the rule costs something: without it a cheaper fleet is found,
//! which the judge rejects as soon as the rule is there.

use crate::support::{priced, solve_in};
use plimsoll_domain::check::check as judge;
use plimsoll_domain::fleet::CapacityKind::{self, OnDemand, Spot};
use plimsoll_domain::problem::*;
use plimsoll_domain::solution::objective;

const ATTEMPTS: u64 = 8_000;

/// Solves a world with its rule and without; `cost` and `free_cost` are what each must come to.
#[track_caller]
fn check(ruled: &Problem, relax: impl Fn(&mut Problem), (cost, free_cost): (i64, i64)) {
    ruled.validate().expect("the world is sound");
    let total = |problem: &Problem| {
        let answer = solve_in(ATTEMPTS, problem, 1).expect("there is a plan");
        let broken = judge(problem, &answer.bins, &answer.groups);
        assert!(broken.is_empty(), "{broken:?}");
        (objective(problem, &answer.bins, &answer.groups).total().nano_usd(), answer)
    };
    let mut free = ruled.clone();
    relax(&mut free);
    let (found, answer) = total(ruled);
    let (found_free, free_answer) = total(&free);
    assert_eq!((found, found_free), (cost, free_cost), "{:?}\n{:?}", answer.bins, free_answer.bins);
    let broken = judge(ruled, &free_answer.bins, &free_answer.groups);
    assert!(!broken.is_empty(), "the cheaper fleet keeps the rule: {:?}", free_answer.bins);
}

/// One resource, offerings as `(type, zone, kind, capacity, price)`, one demand of pods of size 1 for
/// each count.
fn world(offerings: &[(&str, &str, CapacityKind, i64, i64)], counts: &[u32]) -> Problem {
    let sold = offerings.iter().map(|(name, zone, kind, capacity, price)| Offering {
        id: format!("{name}/{zone}/{kind:?}"),
        instance_type: (*name).into(),
        zone: (*zone).into(),
        kind: *kind,
        capacity: vec![*capacity],
        price: priced(*price),
        ..Offering::default()
    });
    let demands = counts.iter().enumerate().map(|(index, count)| Demand {
        id: format!("d{index}"),
        count: *count,
        request: vec![1],
        offerings: (0..offerings.len() as u32).collect(),
        ..Demand::default()
    });
    Problem {
        resources: vec!["cpu_milli".into()],
        demands: demands.collect(),
        offerings: sold.collect(),
        ..Problem::default()
    }
}

/// Adds a running node of a type of its own; `residents` as `(demand, count)`.
fn run(problem: &mut Problem, (zone, capacity, price): (&str, i64, i64), residents: &[(u32, u32)]) {
    let index = problem.nodes.len();
    let own = problem.offerings.len() as u32;
    problem.offerings.push(Offering {
        id: format!("running{index}"),
        instance_type: "old".into(),
        zone: zone.into(),
        capacity: vec![capacity],
        price: priced(price),
        quantity_max: Some(1),
        ..Offering::default()
    });
    problem.demands.iter_mut().for_each(|demand| demand.offerings.push(own));
    problem.nodes.push(ExistingNode {
        name: format!("n{index}"),
        group: format!("g{index}"),
        offering: own,
        residents: residents
            .iter()
            .map(|(demand, count)| Placed { demand: *demand, count: *count })
            .collect(),
        ..ExistingNode::default()
    });
}

fn spread(topology: Topology, max_skew: u32, counted: &[u32]) -> Vec<Spread> {
    let counted = counted.to_vec();
    vec![Spread { topology, max_skew, min_domains: 1, counted, domain_offerings: Vec::new() }]
}

/// Types of one size in each of three zones, a little dearer from zone to zone.
const THREE_ZONES: [(&str, &str, CapacityKind, i64, i64); 3] =
    [("m", "a", OnDemand, 4, 40), ("m", "b", OnDemand, 4, 50), ("m", "c", OnDemand, 4, 60)];

#[test]
fn spot_share_buys_on_demand() {
    let mut problem = world(&[("m", "a", OnDemand, 4, 100), ("m", "a", Spot, 4, 40)], &[4]);
    problem.rules.spot_share_max_permille = 499;
    check(&problem, |free| free.rules.spot_share_max_permille = 1000, (100, 40));
    problem.demands[0].count = 8;
    problem.rules.spot_share_max_permille = 500;
    check(&problem, |free| free.rules.spot_share_max_permille = 1000, (140, 80));
}

#[test]
fn zone_share_buys_in_dearer_zones() {
    let mut problem = world(&THREE_ZONES, &[12]);
    problem.rules.zone_share_max_permille = 400;
    check(&problem, |free| free.rules.zone_share_max_permille = 0, (150, 120));
    problem.rules.zone_share_max_permille = 700;
    check(&problem, |free| free.rules.zone_share_max_permille = 0, (130, 120));
}

#[test]
fn on_demand_base_is_bought_even_where_spot_would_do() {
    let mut problem = world(&[("s", "a", OnDemand, 1, 30), ("m", "a", Spot, 4, 40)], &[4]);
    problem.rules.on_demand_base_count = 2;
    check(&problem, |free| free.rules.on_demand_base_count = 0, (100, 40));
}

#[test]
fn few_nodes_are_large_nodes() {
    let mut problem = world(&[("s", "a", OnDemand, 1, 10), ("m", "a", OnDemand, 4, 60)], &[4]);
    problem.rules.nodes_max = 1;
    check(&problem, |free| free.rules.nodes_max = 0, (60, 40));
}

#[test]
fn the_budget_of_moves_keeps_nodes() {
    let mut problem = world(&[("m", "a", OnDemand, 4, 90)], &[5]);
    run(&mut problem, ("a", 6, 100), &[(0, 3)]);
    run(&mut problem, ("a", 6, 100), &[(0, 2)]);
    problem.rules.moved_pods_max = Some(1);
    check(&problem, |free| free.rules.moved_pods_max = None, (200, 100));
}

#[test]
fn the_dearest_node_that_the_moves_allow_is_emptied() {
    let mut problem = world(&[("m", "a", OnDemand, 4, 90)], &[6]);
    run(&mut problem, ("a", 6, 100), &[(0, 2)]);
    run(&mut problem, ("a", 6, 110), &[(0, 2)]);
    run(&mut problem, ("a", 6, 150), &[(0, 2)]);
    problem.rules.moved_pods_max = Some(3);
    check(&problem, |free| free.rules.moved_pods_max = None, (210, 100));
}

#[test]
fn moves_and_drains_are_paid_for() {
    let mut problem = world(&[("m", "a", OnDemand, 4, 90)], &[4]);
    run(&mut problem, ("a", 6, 100), &[(0, 2)]);
    run(&mut problem, ("a", 6, 100), &[(0, 2)]);
    problem.demands[0].move_cost = priced(7);
    problem.nodes.iter_mut().for_each(|node| node.drain_cost = priced(5));
    let kept = |free: &mut Problem| free.nodes.iter_mut().for_each(|node| node.kept = false);
    problem.nodes.iter_mut().for_each(|node| node.kept = true);
    check(&problem, kept, (200, 119));
}

#[test]
fn sealed_nodes_take_nobody() {
    let mut problem = world(&[("m", "a", OnDemand, 4, 90)], &[3]);
    run(&mut problem, ("a", 6, 100), &[(0, 2)]);
    problem.nodes[0].kept = true;
    problem.nodes[0].sealed = true;
    check(&problem, |free| free.nodes[0].sealed = false, (190, 100));
}

#[test]
fn caps_per_node_and_per_zone_need_more_nodes() {
    let types = [("s", "a", OnDemand, 1, 35), ("m", "a", OnDemand, 4, 60), ("s", "b", OnDemand, 1, 50)];
    let mut problem = world(&types, &[2]);
    problem.demands[0].max_per_node = Some(1);
    check(&problem, |free| free.demands[0].max_per_node = None, (70, 60));
    problem.demands[0].max_per_node = None;
    problem.demands[0].max_per_zone = Some(1);
    check(&problem, |free| free.demands[0].max_per_zone = None, (85, 60));
}

#[test]
fn conflicts_part_nodes_and_zones() {
    let types = [("s", "a", OnDemand, 1, 35), ("m", "a", OnDemand, 4, 60), ("s", "b", OnDemand, 1, 50)];
    let mut problem = world(&types, &[1, 1]);
    problem.demands[0].conflicts = vec![1];
    problem.demands[1].conflicts = vec![0];
    let friends = |free: &mut Problem| {
        for demand in &mut free.demands {
            demand.conflicts.clear();
            demand.zone_conflicts.clear();
        }
    };
    check(&problem, friends, (70, 60));
    friends(&mut problem);
    problem.demands[0].zone_conflicts = vec![1];
    problem.demands[1].zone_conflicts = vec![0];
    check(&problem, friends, (85, 60));
}

/// Zones with a node are what counts: the node that another demand needs in the third zone makes it a
/// domain, and only one pod fits there.
#[test]
fn zone_spread_looks_at_every_zone_with_a_node() {
    let mut problem = world(&THREE_ZONES, &[4, 1]);
    problem.offerings[2].capacity = vec![2];
    problem.demands[0].spreads = spread(Topology::Zone, 1, &[0]);
    problem.demands[1].offerings = vec![2];
    check(&problem, |free| free.demands[0].spreads.clear(), (150, 100));
}

#[test]
fn too_few_domains_count_as_an_empty_one() {
    let mut problem = world(&THREE_ZONES, &[2]);
    problem.demands[0].spreads = spread(Topology::Zone, 1, &[0]);
    problem.demands[0].spreads[0].min_domains = 2;
    check(&problem, |free| free.demands[0].spreads[0].min_domains = 1, (90, 40));
}

#[test]
fn nodes_that_the_rule_does_not_look_at_make_no_domain() {
    let mut problem = world(&THREE_ZONES, &[4, 1]);
    problem.offerings[2].capacity = vec![2];
    problem.demands[0].spreads = spread(Topology::Zone, 1, &[0]);
    problem.demands[1].offerings = vec![2];
    let only_a = |free: &mut Problem| free.demands[0].spreads[0].domain_offerings = vec![0];
    check(&problem, only_a, (150, 100));
}

/// Two demands that count each other, one tied to a zone: the free one has to balance it.
#[test]
fn spread_is_joint_over_the_demands_that_count_each_other() {
    let mut problem = world(&THREE_ZONES, &[3, 3, 1]);
    for demand in 0..2 {
        problem.demands[demand].spreads = spread(Topology::Zone, 1, &[0, 1]);
    }
    problem.demands[0].offerings = vec![0];
    problem.demands[2].offerings = vec![1];
    let free = |free: &mut Problem| free.demands.iter_mut().for_each(|demand| demand.spreads.clear());
    problem.offerings[0].capacity = vec![6];
    problem.demands[2].count = 4;
    check(&problem, free, (140, 90));
}

/// The node that another demand needs holds none of the spread pods, so no node may hold more than one.
#[test]
fn node_spread_counts_nodes_that_hold_nothing() {
    let types = [("m", "a", OnDemand, 4, 40), ("l", "a", OnDemand, 8, 60)];
    let mut problem = world(&types, &[4, 4]);
    problem.demands[0].offerings = vec![1];
    problem.demands[1].offerings = vec![0];
    problem.demands[0].spreads = spread(Topology::Node, 1, &[0]);
    check(&problem, |free| free.demands[0].spreads.clear(), (280, 100));
    problem.demands[0].spreads[0].domain_offerings = vec![1];
    problem.demands[0].spreads[0].min_domains = 2;
    check(&problem, |free| free.demands[0].spreads.clear(), (160, 100));
}

#[test]
fn together_needs_one_zone_or_one_node() {
    let types = [("s", "a", OnDemand, 2, 10), ("s", "b", OnDemand, 2, 11), ("l", "b", OnDemand, 4, 50)];
    let mut problem = world(&types, &[2, 2]);
    problem.demands[1].offerings = vec![1, 2];
    for demand in &mut problem.demands {
        demand.together = Some("zone/x".into());
    }
    let free = |free: &mut Problem| free.demands.iter_mut().for_each(|demand| demand.together = None);
    check(&problem, free, (22, 21));
    for demand in &mut problem.demands {
        demand.together = Some("node/x".into());
    }
    check(&problem, free, (50, 21));
}

#[test]
fn limited_offerings_run_out() {
    let mut problem = world(&[("s", "a", OnDemand, 1, 10), ("m", "a", OnDemand, 4, 60)], &[4]);
    problem.offerings[0].quantity_max = Some(2);
    check(&problem, |free| free.offerings[0].quantity_max = None, (60, 40));
}

#[test]
fn one_group_makes_do_with_one_type() {
    let mut problem = world(&[("s", "a", OnDemand, 1, 10), ("m", "b", OnDemand, 4, 35)], &[4, 1]);
    problem.demands[1].offerings = vec![1];
    problem.rules.groups_max = 1;
    check(&problem, |free| free.rules.groups_max = 2, (70, 45));
}

#[test]
fn a_full_group_needs_another() {
    let mut problem = world(&[("s", "a", OnDemand, 1, 10), ("m", "a", OnDemand, 4, 60)], &[4]);
    problem.rules.groups_max = 1;
    problem.rules.nodes_per_group_max = 3;
    check(&problem, |free| free.rules.nodes_per_group_max = 0, (60, 40));
}

#[test]
fn existing_groups_count_while_they_keep_a_node() {
    let mut problem = world(&[("s", "a", OnDemand, 1, 10), ("m", "a", OnDemand, 6, 70)], &[5]);
    run(&mut problem, ("a", 3, 20), &[(0, 3)]);
    problem.rules.groups_max = 1;
    check(&problem, |free| free.rules.groups_max = 2, (50, 40));
}

/// Three types, the dearest of which sets the price and the smallest the size.
#[test]
fn a_spot_group_is_as_dear_as_its_dearest_and_as_small_as_its_smallest() {
    let types =
        [("s", "a", Spot, 4, 20), ("m", "a", Spot, 4, 22), ("l", "a", Spot, 3, 24), ("x", "a", Spot, 8, 90)];
    let mut problem = world(&types, &[4]);
    problem.rules.groups_max = 1;
    problem.rules.types_per_spot_group_min = 2;
    check(&problem, |free| free.rules.types_per_spot_group_min = 1, (22, 20));
    problem.rules.types_per_spot_group_min = 3;
    check(&problem, |free| free.rules.types_per_spot_group_min = 2, (48, 22));
}
