use std::collections::BTreeMap;
use std::time::Instant;

use super::fixture::{asking, node, pod, request, ruled, spread, term};
use super::referee::{Inputs, judge};
use super::{Settings, Simulation};
use crate::fleet::{LABEL_HOSTNAME, LABEL_ZONE};
use crate::snapshot::ClusterState;

fn empty() -> Simulation {
    Simulation::new(&BTreeMap::new(), Settings::default())
}

#[test]
fn a_pending_pod_is_told_why_in_the_words_of_kubernetes() {
    let mut simulation = empty();
    for name in ["a", "b"] {
        simulation.add_node(&node(name, "z1"));
    }
    let big = simulation.add_pod(&asking(pod("big", "big"), request(5000, 20)));
    let refusal = simulation.schedule(big).expect_err("5 cores do not fit into 4");
    let want = "0/2 nodes are available: 2 Insufficient cpu, 2 Insufficient memory.";
    assert_eq!(refusal.to_string(), want);
}

#[test]
fn the_emptiest_node_is_taken() {
    let mut simulation = empty();
    let full = simulation.add_node(&node("a", "z1"));
    let free = simulation.add_node(&node("b", "z1"));
    let first = simulation.add_pod(&pod("x", "x"));
    simulation.bind(first, full);
    let second = simulation.add_pod(&pod("y", "y"));
    assert_eq!(simulation.schedule(second), Ok(free));
}

#[test]
fn twenty_cold_starts_of_a_middling_cluster_take_a_moment() {
    let mut state = ClusterState::default();
    let mut assignment = BTreeMap::new();
    for index in 0..1200 {
        let app = format!("app-{}", index % 120);
        let name = format!("{app}-{index}");
        let plain = asking(pod(&name, &app), request(250, 1));
        let one = match index % 3 {
            0 => ruled(plain, |rules| rules.spreads.push(spread(&app, LABEL_ZONE))),
            1 => ruled(plain, |rules| rules.pod_anti_affinity.push(term(&app, LABEL_HOSTNAME))),
            _ => plain,
        };
        assignment.insert(one.key(), format!("n{}", index % 100));
        state.pods.push(one);
    }
    let nodes: Vec<_> = (0..100).map(|it| node(&format!("n{it}"), &format!("z{}", it % 3))).collect();
    let begin = Instant::now();
    let report = judge(&Inputs {
        state: &state,
        nodes_after: &nodes,
        assignment: &assignment,
        offers: &[],
        settings: Settings::default(),
        orders: 20,
        stop: &|| false,
    });
    println!("{:?} {report:?}", begin.elapsed());
    assert_eq!((report.cold_orders, report.cold_pods), (20, 1200));
    assert_eq!(report.cold_pending, vec![0; 20]);
}
