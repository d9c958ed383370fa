use std::collections::BTreeMap;
use std::time::Instant;

use super::fixture::{asking, node, pod, request, ruled, spread, term};
use super::referee::{Inputs, judge};
use super::{Settings, Simulation};
use crate::fleet::{LABEL_HOSTNAME, LABEL_ZONE, Node};
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

/// All pods move from as many old nodes to new ones; a third each spreads over zones, over hosts, or
/// does not care. Prints the time: what a plan of this size may cost is a second or two.
#[test]
fn a_middling_plan_is_judged_completely() {
    let (pods, nodes) = (1200, 100);
    let named = |prefix: &str| -> Vec<Node> {
        (0..nodes).map(|it| node(&format!("{prefix}{it}"), &format!("z{}", it % 3))).collect()
    };
    let mut state = ClusterState { nodes: named("old"), ..ClusterState::default() };
    let mut assignment = BTreeMap::new();
    for index in 0..pods {
        let (app, replica) = (index % (pods / 10), index / (pods / 10));
        let at = 3 * ((app + replica) % (nodes / 3)) + replica % 3;
        let app = format!("app-{app}");
        let plain = asking(pod(&format!("{app}-{index}"), &app), request(250, 1));
        let mut one = match index % 3 {
            0 => ruled(plain, |rules| rules.spreads.push(spread(&app, LABEL_ZONE))),
            1 => ruled(plain, |rules| rules.pod_anti_affinity.push(term(&app, LABEL_HOSTNAME))),
            _ => plain,
        };
        one.node = Some(format!("old{at}"));
        assignment.insert(one.key(), format!("new{at}"));
        state.pods.push(one);
    }
    let begin = Instant::now();
    let report = judge(&Inputs {
        state: &state,
        nodes_after: &named("new"),
        assignment: &assignment,
        offers: &[],
        settings: Settings::default(),
        orders: 20,
        stop: &|| false,
    });
    println!("{pods} pods, {nodes} nodes: judged in {:.2?}", begin.elapsed());
    assert_eq!(report.steered_moves.len(), pods);
    assert_eq!(report.strandings, []);
    assert_eq!(report.cold_pending, [0; 20]);
    assert_eq!(report.omissions, Vec::<String>::new());
}
