//! Large clusters take seconds, not minutes: pods are asked by family, never one by one.

use super::*;
use crate::workload::SpreadConstraint;

/// A cluster of so many nodes and workloads of twenty pods, under the whole built-in catalog. Every
/// third workload keeps its pods apart, every fourth spreads them, every fifth asks for a zone.
fn large(nodes: usize, workloads: usize) -> World {
    let zones = ["a", "b", "c"];
    let mut world = world();
    world.catalog = (*Catalog::builtin()).clone();
    world.state.nodes =
        (0..nodes).map(|index| node(&format!("n{index:05}"), "c5.4xlarge", zones[index % 3])).collect();
    for workload in 0..workloads {
        let name = format!("app{workload:05}");
        let scheduling = Arc::new(shape(&name, workload));
        world.state.pods.extend((0..20_u32).map(|number| Pod {
            scheduling: scheduling.clone(),
            requests: resources(10 + (workload % 37) as i64 * 10, 32 + (workload % 23) as i64 * 16),
            ..on(
                &world.state.nodes[((workload * 7 + number as usize * 13) * 3 + workload % 3) % nodes].name,
                pod(&name, number),
            )
        }));
    }
    world
}

fn shape(name: &str, workload: usize) -> Scheduling {
    let mut spec = Scheduling::default();
    if workload.is_multiple_of(3) {
        spec.pod_anti_affinity.push(pods_of(name, LABEL_HOSTNAME));
    }
    if workload.is_multiple_of(4) {
        spec.spreads.push(SpreadConstraint {
            topology_key: LABEL_ZONE.into(),
            max_skew: 5,
            min_domains: 1,
            required: true,
            selector: app(name),
            honor_affinity: true,
            honor_taints: false,
        });
    }
    if workload.is_multiple_of(5) {
        spec.node_selector.insert(LABEL_ZONE.into(), format!("us-east-1{}", ["a", "b", "c"][workload % 3]));
    }
    spec
}

#[track_caller]
fn check(nodes: usize, workloads: usize) {
    let world = large(nodes, workloads);
    let start = std::time::Instant::now();
    let built = world.built();
    println!(
        "{} pods, {nodes} nodes: {} demands, {} offerings in {:?}",
        world.state.pods.len(),
        built.problem.demands.len(),
        built.problem.offerings.len(),
        start.elapsed()
    );
    assert_eq!(built.problem.pod_count(), world.state.pods.len() as u64);
    let residents: u32 =
        built.problem.nodes.iter().flat_map(|node| &node.residents).map(|entry| entry.count).sum();
    assert_eq!(residents as usize, world.state.pods.len());
}

#[test]
fn ten_thousand_pods() {
    check(501, 500);
}

#[test]
fn a_hundred_thousand_pods() {
    check(5001, 5000);
}
