use std::collections::BTreeMap;

use super::*;
use crate::fleet::{LABEL_HOSTNAME, LABEL_ZONE, Node};
use crate::scheduler::fixture::{self, asking, node, pod, request, requires, ruled, taint, term};
use crate::scheduler::{NodeId, PodId, Simulation};
use crate::workload::{Container, Pod, TaintEffect};

/// Nodes `a` in zone z1 and `b` in zone z2, pods each on the node of an index, and one that is pending.
fn world(nodes: &[Node; 2], running: &[(Pod, usize)], pending: &Pod) -> (Simulation, PodId) {
    let mut simulation = Simulation::new(&BTreeMap::new(), Settings::default());
    let nodes: Vec<NodeId> = nodes.iter().map(|node| simulation.add_node(node)).collect();
    for (pod, at) in running {
        let id = simulation.add_pod(pod);
        simulation.bind(id, nodes[*at]);
    }
    let id = simulation.add_pod(pending);
    (simulation, id)
}

fn two() -> [Node; 2] {
    [node("a", "z1"), node("b", "z2")]
}

/// A score of both nodes.
#[track_caller]
fn check(
    score: impl Fn(&Cycle<'_>, &[usize]) -> Vec<i64>,
    running: &[(Pod, usize)],
    pending: &Pod,
    want: [i64; 2],
) {
    let (simulation, id) = world(&two(), running, pending);
    assert_eq!(score(&simulation.cycle(id), &[0, 1]), want, "{}", pending.name);
}

#[test]
fn scores_are_normalised_as_the_scheduler_does() {
    assert_eq!(most(vec![0, 5, 20]), [0, 25, 100]);
    assert_eq!(most(vec![0, 0]), [0, 0]);
    assert_eq!(fewest(vec![0, 1, 3]), [100, 67, 0]);
    assert_eq!(fewest(vec![0, 0]), [100, 100]);
    assert_eq!(between(&[-10, 0, 5]), [0, 66, 100]);
    assert_eq!(between(&[3, 3]), [0, 0]);
}

/// Nodes of 4 cores and 16 GiB. One core and 1 GiB leave 75 % and 93.75 %, cut off to 93: 84. Nothing
/// counts as 100m and 200 MiB: 97.5 % and 98.7 %, so 97 and 98: 97.
#[test]
fn fit_counts_what_is_free_or_what_is_used() {
    let by = |strategy| {
        move |cycle: &Cycle<'_>, nodes: &[usize]| {
            nodes.iter().map(|node| fit(cycle, *node, strategy)).collect::<Vec<_>>()
        }
    };
    let there = [(pod("there", "x"), 1)];
    // b: two cores and 2 GiB of it used: 50 % and 87.5 %, cut off to 87: 68.
    check(by(Strategy::LeastAllocated), &there, &pod("one core", "x"), [84, 68]);
    // a: 25 % and 6.25 %: 15. b: 50 % and 12.5 %: 31.
    check(by(Strategy::MostAllocated), &there, &pod("one core", "x"), [15, 31]);
    let nothing = asking(pod("nothing", "x"), request(0, 0));
    check(by(Strategy::LeastAllocated), &[], &nothing, [97, 97]);
}

/// A container asks for 20m and 1 GiB, and one before it for nothing, which counts as 100m: 97.5 % and 93.75 %, so 97 and
/// 93: 95. If that one asks for 10m, 99.5 %, so 99 and 93: 96.
#[test]
fn what_runs_first_and_asks_for_nothing_is_assumed_to_need_a_little() {
    let mut pod = asking(pod("pod", "x"), request(20, 1));
    pod.containers.insert(0, Container { init: true, ..Container::default() });
    let of = |cycle: &Cycle<'_>, nodes: &[usize]| -> Vec<i64> {
        nodes.iter().map(|node| fit(cycle, *node, Strategy::LeastAllocated)).collect()
    };
    check(of, &[], &pod, [95, 95]);
    pod.containers[0].requests = request(10, 1);
    check(of, &[], &pod, [96, 96]);
}

/// Two cores and 4 GiB for the pod as a whole, 400m and 2 GiB for its container: while it is pending its container counts,
/// 90 % and 87.5 %, so 90 and 87: 88. Where it runs, the whole does: 40 % and 62.5 %, so 40 and 62: 51.
#[test]
fn what_is_stated_for_a_pod_as_a_whole_counts_where_it_runs() {
    let mut pod = asking(pod("pod", "x"), request(400, 2));
    pod.requests = request(2000, 4);
    let of = |cycle: &Cycle<'_>, nodes: &[usize]| -> Vec<i64> {
        nodes.iter().map(|node| fit(cycle, *node, Strategy::LeastAllocated)).collect()
    };
    check(of, &[(pod.clone(), 1)], &pod, [88, 51]);
}

/// One core of 4 is 0.25, 1 GiB of 16 is 0.0625: they deviate by 0.09375 from their mean.
#[test]
fn balance_looks_at_shares_of_cpu_and_memory() {
    let of = |release| {
        move |cycle: &Cycle<'_>, nodes: &[usize]| {
            nodes.iter().map(|node| balance(cycle, *node, release)).collect::<Vec<_>>()
        }
    };
    // b runs 4 GiB more already: 0.25 against 0.3125 then, a deviation of 0.03125.
    let there = [(asking(pod("there", "x"), request(0, 4)), 1)];
    check(of(Release::V1_35), &there, &pod("one core", "x"), [90, 96]);
    // a: 0.75 - 0.09375 / 2 = 0.703. b: from 0.125 to 0.03125, so 0.75 + 0.09375 / 2 = 0.796.
    check(of(Release::V1_36), &there, &pod("one core", "x"), [70, 79]);
    check(of(Release::V1_36), &there, &asking(pod("nothing", "x"), request(0, 0)), [0, 0]);
}

/// On b, deviations of 0.005 without the pod and of 0.0075 with it are both 99: no change. On a, 100 becomes 99.
#[test]
fn balance_compares_whole_numbers() {
    let there = [(asking(pod("there", "x"), request(40, 0)), 1)];
    let of = |cycle: &Cycle<'_>, nodes: &[usize]| -> Vec<i64> {
        nodes.iter().map(|node| balance(cycle, *node, Release::V1_36)).collect()
    };
    check(of, &there, &asking(pod("small", "x"), request(20, 0)), [74, 75]);
}

/// Two siblings on a, one on b. Both keys have two domains, so a pod weighs ln 4 = 1.386. By default
/// the skews 3 and 5 add 6: 11.5 and 8.8, rounded to 12 and 9; 100 x (12 + 9 - 12) / 12 = 75.
#[test]
fn pods_keep_away_from_their_siblings() {
    let siblings = [(pod("1", "web"), 0), (pod("2", "web"), 0), (pod("3", "web"), 1)];
    check(spread, &siblings, &pod("by default", "web"), [75, 100]);
    check(spread, &siblings, &pod("another workload", "db"), [100, 100]);
    // Declared with a skew of 1: 2.77 and 1.39, rounded to 3 and 1; 100 x (3 + 1 - 3) / 3 = 33.
    let declared = ruled(pod("declared", "web"), |rules| rules.spreads.push(spread_rule()));
    check(spread, &siblings, &declared, [33, 100]);
    let mut bare = pod("bare", "web");
    bare.owner = None;
    check(spread, &siblings, &bare, [0, 0]);
}

fn spread_rule() -> crate::workload::SpreadConstraint {
    let mut rule = fixture::spread("web", LABEL_ZONE);
    rule.required = false;
    rule
}

#[test]
fn nodes_without_a_declared_key_score_nothing() {
    let mut nodes = two();
    nodes[0].labels.remove(LABEL_ZONE);
    let soft = ruled(pod("soft", "web"), |rules| rules.spreads.push(spread_rule()));
    let (simulation, id) = world(&nodes, &[], &soft);
    assert_eq!(spread(&simulation.cycle(id), &[0, 1]), [0, 100]);
    let (simulation, id) = world(&nodes, &[(pod("1", "web"), 1)], &pod("by default", "web"));
    // a counts its host alone: 2. b: 2 + 1.386 on the host, 4 + 1.386 in the zone, rounded to 9.
    assert_eq!(spread(&simulation.cycle(id), &[0, 1]), [100, 22]);
}

#[test]
fn wishes_about_other_pods_count_from_both_sides() {
    let wishing = |name: &str, weight: i32, target: &str| {
        ruled(pod(name, "x"), |rules| {
            rules.preferred_pod_terms.push((weight, term(target, LABEL_HOSTNAME)));
        })
    };
    let db = [(pod("db", "db"), 0)];
    check(pod_affinity, &db, &wishing("towards", 10, "db"), [100, 0]);
    check(pod_affinity, &db, &wishing("away", -10, "db"), [0, 100]);
    check(pod_affinity, &db, &wishing("indifferent", 10, "cache"), [0, 0]);
    let wanted = [(wishing("there", 10, "web"), 1)];
    check(pod_affinity, &wanted, &pod("wanted", "web"), [0, 100]);
    let needed = ruled(pod("there", "x"), |rules| rules.pod_affinity.push(term("web", LABEL_HOSTNAME)));
    check(pod_affinity, &[(needed, 1)], &pod("needed", "web"), [0, 100]);
}

/// Taints weigh 3, node affinity 2; fit and balance are equal here: 84 and 70.
#[test]
fn totals_add_up_with_the_default_weights() {
    let mut nodes = two();
    nodes[0].taints.push(taint("old", TaintEffect::PreferNoSchedule));
    let mut plain = pod("plain", "x");
    plain.owner = None;
    let picky = ruled(plain, |rules| rules.preferred_node_terms.push((7, requires(LABEL_ZONE, "z1"))));
    let (simulation, id) = world(&nodes, &[], &picky);
    let totals = totals(&simulation.cycle(id), &[0, 1], &Settings::default());
    assert_eq!(totals, [2 * 100 + 84 + 70, 3 * 100 + 84 + 70]);
}
