//! A fleet that keeps every rule, and one change to it or to the problem for each rule.

use super::{Violation, check as judge};
use crate::fleet::CapacityKind;
use crate::problem::{Demand, ExistingNode, Offering, Placed, Problem, Spread, Topology};
use crate::solution::{Bin, Group};
use crate::units::HourlyRate;

/// A problem and an answer to it.
struct Answer {
    problem: Problem,
    bins: Vec<Bin>,
    groups: Vec<Group>,
}

/// Two zones with a large and a small type each, one running node; `web` is 4 pods, `db` 2.
///
/// The answer: node `old` holds web, a new node in each zone holds web and db.
fn sound() -> Answer {
    let offerings = vec![
        offering("m.a", "m", "a", 10),
        offering("m.b", "m", "b", 10),
        offering("l.a", "l", "a", 20),
        offering("l.b", "l", "b", 20),
        Offering { quantity_max: Some(1), ..offering("old", "m", "a", 10) },
    ];
    let demands = vec![demand("web", 4, 2), demand("db", 2, 3)];
    let node = ExistingNode {
        name: "old".into(),
        group: "g".into(),
        offering: 4,
        residents: placed(&[(0, 2), (1, 1)]),
        ..ExistingNode::default()
    };
    let problem = Problem {
        resources: vec!["cpu_milli".into(), "pods".into()],
        offerings,
        demands,
        nodes: vec![node],
        ..Problem::default()
    };
    let bins = vec![
        Bin { node: Some(0), ..bin(4, &[(0, 2)]) },
        bin(0, &[(0, 1), (1, 1)]),
        bin(1, &[(0, 1), (1, 1)]),
    ];
    Answer { problem, bins, groups: Vec::new() }
}

fn offering(id: &str, instance_type: &str, zone: &str, cpu: i64) -> Offering {
    Offering {
        id: id.into(),
        instance_type: instance_type.into(),
        zone: zone.into(),
        template: "plain".into(),
        capacity: vec![cpu, 8],
        price: HourlyRate::from_nano_usd(cpu * 1_000_000).expect("a price"),
        ..Offering::default()
    }
}

fn demand(id: &str, count: u32, cpu: i64) -> Demand {
    let offerings = (0..5).collect();
    Demand { id: id.into(), count, request: vec![cpu, 1], offerings, ..Demand::default() }
}

fn placed(list: &[(u32, u32)]) -> Vec<Placed> {
    list.iter().map(|(demand, count)| Placed { demand: *demand, count: *count }).collect()
}

fn bin(offering: u32, list: &[(u32, u32)]) -> Bin {
    Bin { offering, placed: placed(list), ..Bin::default() }
}

/// Puts the new nodes into one-type groups and allows three groups.
fn grouped(answer: &mut Answer) {
    answer.problem.rules.groups_max = 3;
    answer.groups = vec![Group { offerings: vec![0] }, Group { offerings: vec![1] }];
    answer.bins[1].group = Some(0);
    answer.bins[2].group = Some(1);
}

#[track_caller]
fn check(what: &str, change: impl Fn(&mut Answer), want: &[&str]) {
    let mut answer = sound();
    change(&mut answer);
    assert_eq!(answer.problem.validate(), Ok(()), "{what}");
    let found = judge(&answer.problem, &answer.bins, &answer.groups);
    let texts: Vec<String> = found.iter().map(Violation::to_string).collect();
    assert_eq!(texts, want, "{what}");
}

#[test]
fn a_sound_fleet_breaks_nothing() {
    check("plain", |_| {}, &[]);
    check("grouped", grouped, &[]);
}

#[test]
fn every_pod_is_placed_once() {
    check("one missing", |a| a.bins[0].placed[0].count = 1, &["3 pods of web are placed, not 4"]);
    check("one too many", |a| a.bins[1].placed[0].count = 2, &["5 pods of web are placed, not 4"]);
    let disorder = "the contents of node #1 are not by ascending demand with counts of at least 1";
    check("backwards", |a| a.bins[1].placed.reverse(), &[disorder]);
    check("zero", |a| a.bins[1].placed[0].count = 0, &[disorder]);
}

#[test]
fn an_unknown_index_ends_the_judgement() {
    let unknown = |what: &str| format!("node #1 refers to {what}, which does not exist");
    check("offering", |a| a.bins[1].offering = 9, &[&unknown("offering 9")]);
    check("node", |a| a.bins[1].node = Some(7), &[&unknown("node 7")]);
    check("group", |a| a.bins[1].group = Some(0), &[&unknown("group 0")]);
    check("demand", |a| a.bins[1].placed[1].demand = 5, &[&unknown("demand 5")]);
    check(
        "offering of a group",
        |a| a.groups = vec![Group { offerings: vec![8] }],
        &["group 0 refers to offering 8, which does not exist"],
    );
}

#[test]
fn a_node_holds_what_it_may_and_can() {
    check(
        "eligibility",
        |a| a.problem.demands[1].offerings = vec![0, 4],
        &["db may not run on m.b, but is placed on node #2"],
    );
    check(
        "capacity",
        |a| a.problem.offerings[1].capacity = vec![4, 1],
        &["node #2 holds 5 of cpu_milli, m.b has 4", "node #2 holds 2 of pods, m.b has 1"],
    );
    check(
        "per node",
        |a| a.problem.demands[0].max_per_node = Some(1),
        &["node old holds 2 pods of web, of which it may hold 1"],
    );
    check(
        "conflict",
        |a| (a.problem.demands[0].conflicts, a.problem.demands[1].conflicts) = (vec![1], vec![0]),
        &[
            "web and db may not share a node, but are both on #1",
            "web and db may not share a node, but are both on #2",
        ],
    );
}

#[test]
fn running_nodes_are_themselves() {
    check(
        "quantity",
        |a| a.problem.offerings[0].quantity_max = Some(0),
        &["1 nodes of m.a, of which there are 0"],
    );
    check("bought", |a| a.bins[0].node = None, &["old stands for running nodes and cannot be bought"]);
    check("another offering", |a| a.bins[0].offering = 0, &["node old is not of m.a"]);
    check(
        "twice",
        |a| {
            a.problem.offerings[4].quantity_max = None;
            a.bins[1] = Bin { node: Some(0), ..bin(4, &[(0, 1), (1, 1)]) };
        },
        &["node old appears twice"],
    );
    check(
        "sealed",
        |a| {
            a.problem.nodes[0].sealed = true;
            a.bins[0].placed = placed(&[(0, 3)]);
            a.bins[1].placed = placed(&[(1, 1)]);
        },
        &["node old takes no newcomers, but holds 3 pods of web, of which 2 live there"],
    );
    check(
        "kept",
        |a| {
            a.problem.nodes[0].kept = true;
            a.bins[0] = bin(2, &[(0, 2)]);
        },
        &["node old may not be removed"],
    );
}

#[test]
fn zones_keep_their_limits() {
    check(
        "per zone",
        |a| a.problem.demands[0].max_per_zone = Some(2),
        &["zone a holds 3 pods of web, of which it may hold 2"],
    );
    check(
        "zone conflict",
        |a| {
            (a.problem.demands[0].zone_conflicts, a.problem.demands[1].zone_conflicts) = (vec![1], vec![0]);
            a.bins[1].placed = placed(&[(0, 2)]);
            a.bins[2].placed = placed(&[(1, 2)]);
        },
        &[],
    );
    check(
        "zone conflict broken",
        |a| (a.problem.demands[0].zone_conflicts, a.problem.demands[1].zone_conflicts) = (vec![1], vec![0]),
        &[
            "web and db may not share a zone, but are both in a",
            "web and db may not share a zone, but are both in b",
        ],
    );
}

#[test]
fn spreads_keep_their_skew() {
    let spread = |topology, max_skew| Spread {
        topology,
        max_skew,
        min_domains: 1,
        counted: vec![0],
        ..Spread::default()
    };
    let with = |spread: Spread| move |a: &mut Answer| a.problem.demands[0].spreads = vec![spread.clone()];
    let uneven = |domain, count, emptiest, skew| {
        format!(
            "web is spread unevenly: {domain} has {count} pods, the emptiest domain {emptiest}, the largest skew allowed is {skew}"
        )
    };
    check("zones 3 and 1, skew 2", with(spread(Topology::Zone, 2)), &[]);
    check("zones 3 and 1, skew 1", with(spread(Topology::Zone, 1)), &[&uneven("a", 3, 1, 1)]);
    check("nodes 2, 1, 1", with(spread(Topology::Node, 1)), &[]);
    let strict = Spread { min_domains: 3, ..spread(Topology::Zone, 2) };
    check("too few zones", with(strict), &[&uneven("a", 3, 0, 2)]);
    let narrow = Spread { domain_offerings: vec![0, 4], ..spread(Topology::Zone, 1) };
    check("only zone a is a domain", with(narrow), &[]);
    let both = Spread { counted: vec![0, 1], ..spread(Topology::Node, 1) };
    check("all nodes hold two", with(both), &[]);
    check(
        "an empty node is a domain",
        |a| {
            a.problem.demands[0].spreads = vec![spread(Topology::Node, 1)];
            a.bins.push(bin(3, &[]));
        },
        &[&uneven("old", 2, 0, 1)],
    );
    check(
        "an empty node outside the domains is none",
        |a| {
            a.problem.demands[0].spreads =
                vec![Spread { domain_offerings: vec![0, 1, 4], ..spread(Topology::Node, 1) }];
            a.bins.push(bin(3, &[]));
        },
        &[],
    );
}

#[test]
fn what_belongs_together_shares_a_place() {
    let key = |a: &mut Answer, key: &str| a.problem.demands[1].together = Some(key.into());
    check("two zones", |a| key(a, "zone/x"), &["demands of zone/x must share one place, but are in 2"]);
    check("two nodes", |a| key(a, "node/x"), &["demands of node/x must share one place, but are in 2"]);
    check(
        "one zone, two nodes",
        |a| {
            key(a, "zone/x");
            a.bins[2].offering = 0;
        },
        &[],
    );
}

#[test]
fn groups_are_of_one_kind() {
    let set = |offerings: &'static [u32]| {
        move |a: &mut Answer| {
            grouped(a);
            a.groups[0].offerings = offerings.to_vec();
        }
    };
    let no_group =
        "group 0 is no group: its offerings must be ascending, for sale, and of one zone, kind and template";
    check("two types", set(&[0, 2]), &[]);
    check("two zones", set(&[0, 1]), &[no_group]);
    check("not in order", set(&[2, 0]), &[no_group]);
    check("of running nodes", set(&[0, 4]), &[no_group]);
    check("empty", set(&[]), &["node #1 is in a wrong group or in none", no_group]);
    check("without its own", set(&[2]), &["node #1 is in a wrong group or in none"]);
    check(
        "no group",
        |a| {
            grouped(a);
            a.bins[2].group = None;
        },
        &["node #2 is in a wrong group or in none"],
    );
    check(
        "fits only one of its types",
        |a| {
            set(&[0, 2])(a);
            a.problem.offerings[2].capacity[0] = 4;
            a.problem.demands[1].offerings = vec![0, 1, 4];
        },
        &["db may not run on l.a, but is placed on node #1", "node #1 holds 5 of cpu_milli, l.a has 4"],
    );
}

#[test]
fn groups_are_few_small_and_diverse() {
    check(
        "two new and one that keeps a node",
        |a| {
            grouped(a);
            a.problem.rules.groups_max = 2;
        },
        &["3 node groups, 2 are allowed"],
    );
    check(
        "two nodes in one",
        |a| {
            grouped(a);
            a.problem.rules.nodes_per_group_max = 1;
            a.bins[2] = Bin { group: Some(0), ..bin(0, &[(0, 1), (1, 1)]) };
        },
        &["group 0 has 2 nodes, 1 are allowed"],
    );
    check(
        "spot of one type",
        |a| {
            grouped(a);
            a.problem.rules.types_per_spot_group_min = 2;
            a.problem.offerings[0].kind = CapacityKind::Spot;
        },
        &["spot group 0 has 1 instance types, 2 are wanted"],
    );
}

#[test]
fn the_fleet_keeps_its_shares_and_sizes() {
    check(
        "a third on spot",
        |a| {
            a.problem.offerings[0].kind = CapacityKind::Spot;
            a.problem.rules.spot_share_max_permille = 333;
        },
        &["10 of 30 cpu_milli are on spot, 333 permille are allowed"],
    );
    check(
        "two thirds in a",
        |a| a.problem.rules.zone_share_max_permille = 666,
        &["20 of 30 cpu_milli are in a, 666 permille are allowed"],
    );
    check("base", |a| a.problem.rules.on_demand_base_count = 4, &["3 on-demand nodes, 4 are wanted"]);
    check("nodes", |a| a.problem.rules.nodes_max = 2, &["3 nodes, 2 are allowed"]);
    check("moves allowed", |a| a.problem.rules.moved_pods_max = Some(1), &[]);
    check("moves", |a| a.problem.rules.moved_pods_max = Some(0), &["1 pods move, 0 may"]);
    check(
        "a node that leaves moves all",
        |a| {
            a.problem.rules.moved_pods_max = Some(2);
            a.bins[0] = bin(2, &[(0, 2)]);
        },
        &["3 pods move, 2 may"],
    );
}

#[track_caller]
fn refuse(what: &str, change: impl Fn(&mut Problem)) {
    let mut problem = sound().problem;
    change(&mut problem);
    let error = problem.validate().expect_err(what);
    assert!(error.to_string().contains(what), "{error} should say {what}");
}

#[test]
fn a_problem_is_refused_at_the_door() {
    refuse("0 amounts for 0 resources", |p| p.resources.clear());
    refuse("\"web\" is empty or used twice", |p| p.demands[1].id = "web".into());
    refuse("offering m.b: 1 amounts for 2 resources", |p| p.offerings[1].capacity = vec![1]);
    refuse("offering m.b: capacity is -1", |p| p.offerings[1].capacity[0] = -1);
    refuse("demand db: request is -3", |p| p.demands[1].request[0] = -3);
    refuse("demand db: count is 0", |p| p.demands[1].count = 0);
    refuse("demand db: max_per_node is 0", |p| p.demands[1].max_per_node = Some(0));
    refuse("demand db: offerings 5 does not exist", |p| p.demands[1].offerings = vec![1, 5]);
    refuse("demand db: offerings are not in ascending order", |p| p.demands[1].offerings = vec![1, 1]);
    refuse("demand web: the conflict with demand 1 is not mutual", |p| p.demands[0].conflicts = vec![1]);
    refuse("demand web: the conflict with demand 0 is not mutual", |p| p.demands[0].zone_conflicts = vec![0]);
    refuse("together is malformed", |p| p.demands[0].together = Some("rack/1".into()));
    refuse("pods is malformed", |p| p.demands[0].pods = vec!["a/b".into()]);
    refuse("max_skew is 0", |p| p.demands[0].spreads = vec![Spread { min_domains: 1, ..Spread::default() }]);
    refuse("node old: offerings 9 does not exist", |p| p.nodes[0].offering = 9);
    refuse("node old: residents are not in", |p| p.nodes[0].residents.reverse());
    refuse("number of residents is 5", |p| p.nodes[0].residents[0].count = 5);
    refuse("sum of requests", |p| p.demands[0].request[0] = i64::MAX / 5);
    refuse("price", |p| p.offerings[0].price = HourlyRate::from_nano_usd(i64::MAX).expect("a price"));
    refuse("spot_share_max_permille is 1001", |p| p.rules.spot_share_max_permille = 1001);
}

/// Ten thousand pods in a thousand nodes, judged often while a solver works.
#[test]
fn a_large_fleet_is_judged_quickly() {
    const DEMANDS: u32 = 1000;
    let mut problem = sound().problem;
    problem.nodes.clear();
    problem.demands =
        (0..DEMANDS).map(|index| Demand { count: 10, ..demand(&format!("d{index}"), 10, 1) }).collect();
    for demand in &mut problem.demands {
        demand.spreads = vec![Spread {
            max_skew: 10,
            min_domains: 1,
            counted: (0..DEMANDS).step_by(100).collect(),
            ..Spread::default()
        }];
    }
    let hold = |node: u32| (0..10).map(|step| ((node / 10 * 10) + step, 1)).collect::<Vec<_>>();
    let bins: Vec<Bin> = (0..DEMANDS).map(|node| bin(2 + node % 2, &hold(node))).collect();
    problem.offerings[2].capacity[1] = 10;
    problem.offerings[3].capacity[1] = 10;
    assert_eq!(problem.validate(), Ok(()));
    assert_eq!(judge(&problem, &bins, &[]), Vec::new());
}
