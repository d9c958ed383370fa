//! Problems built from dumps of real API servers: what a person would expect of each.

#[path = "../../../tests/data.rs"]
mod data;

use std::collections::BTreeSet;
use std::fs::File;
use std::time::Instant;

use jiff::Timestamp;
use plimsoll_domain::build::{Built, build};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::check::{Violation, check as judge};
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::policy::Policy;
use plimsoll_domain::problem::{Problem, Topology};
use plimsoll_domain::snapshot::{ClusterState, Content};
use plimsoll_domain::solution::Bin;
use plimsoll_manifest::kube;

fn cluster(name: &str) -> Option<ClusterState> {
    let file = File::open(data::path(&format!("kube/{name}.json.gz"))?).expect("the dump is there");
    let now = "2026-11-22T18:00:00Z".parse::<Timestamp>().expect("a time");
    let snapshot = kube::read(file, &kube::Options::at(now)).expect("the dump is sound");
    let Content::Cluster(cluster) = snapshot.content else { panic!("not a cluster") };
    Some(*cluster)
}

struct Want {
    pods: u64,
    nodes: usize,
    /// Offerings that stand for running nodes.
    running: usize,
    /// Nodes that take no newcomers: burstable ones.
    sealed: usize,
    /// Demands that spread over zones by rule.
    spread: usize,
    /// Demands of which a node holds one.
    alone: usize,
    /// Demands that need a GPU.
    gpus: usize,
    pending: u64,
    codes: &'static [&'static str],
}

fn check(name: &str, want: &Want) {
    let Some(state) = cluster(name) else { return };
    let start = Instant::now();
    let built = build(&state, &Catalog::builtin(), &Policy::default()).expect("the cluster can be planned");
    let problem = &built.problem;
    println!(
        "{name}: {} demands, {} offerings in {:?}",
        problem.demands.len(),
        problem.offerings.len(),
        start.elapsed()
    );
    assert_eq!(problem.pod_count(), want.pods, "{name}: pods");
    assert_eq!(problem.nodes.len(), want.nodes, "{name}: nodes");
    let running = problem.offerings.iter().filter(|offering| offering.quantity_max.is_some());
    assert_eq!(running.count(), want.running, "{name}: offerings of running nodes");
    assert_eq!(problem.nodes.iter().filter(|node| node.sealed).count(), want.sealed, "{name}: sealed");
    let spread = |topology| {
        move |found: &&plimsoll_domain::problem::Demand| {
            found.spreads.iter().any(|rule| rule.topology == topology)
        }
    };
    assert_eq!(problem.demands.iter().filter(spread(Topology::Zone)).count(), want.spread, "{name}: spread");
    assert_eq!(
        problem.demands.iter().filter(|found| found.max_per_node == Some(1)).count(),
        want.alone,
        "{name}: alone"
    );
    let gpu = problem.resources.iter().position(|resource| resource == "nvidia.com/gpu");
    let asks = |found: &&plimsoll_domain::problem::Demand| gpu.is_some_and(|gpu| 0 < found.request[gpu]);
    assert_eq!(problem.demands.iter().filter(asks).count(), want.gpus, "{name}: GPUs");
    let codes: BTreeSet<&str> = built.findings.iter().map(|finding| finding.code.as_str()).collect();
    assert_eq!(codes.into_iter().collect::<Vec<_>>(), want.codes, "{name}: findings");
    the_fleet_as_it_runs_is_sound(name, problem, want.pending);
    every_pod_is_in_one_demand(name, &state, &built, want.pods);
    everybody_is_where_it_may_be(name, &state, &built);
}

/// What runs breaks no rule but the policy's, and only pending pods are missing.
fn the_fleet_as_it_runs_is_sound(name: &str, problem: &Problem, pending: u64) {
    let bins: Vec<Bin> = (0..)
        .zip(&problem.nodes)
        .map(|(index, node)| Bin {
            offering: node.offering,
            node: Some(index),
            group: None,
            placed: node.residents.clone(),
        })
        .collect();
    let mut missing = 0;
    for violation in judge(problem, &bins, &[]) {
        let Violation::Count { wanted, placed, .. } = violation else { panic!("{name}: {violation}") };
        missing += u64::from(wanted) - placed;
    }
    assert_eq!(missing, pending, "{name}: pending");
}

fn every_pod_is_in_one_demand(name: &str, state: &ClusterState, built: &Built, want: u64) {
    let mut seen = BTreeSet::new();
    for (demand, facts) in built.problem.demands.iter().zip(&built.context.demands) {
        let keys: Vec<String> = facts.pods.iter().map(|pod| state.pods[*pod].key()).collect();
        assert_eq!(keys, demand.pods, "{name}: {}", demand.id);
        seen.extend(facts.pods.iter().copied());
    }
    assert_eq!(seen.len() as u64, want, "{name}: pods, each once");
}

/// Spot only for who may, GPUs only for who asks, and volumes in their zone, on offerings of every kind.
fn everybody_is_where_it_may_be(name: &str, state: &ClusterState, built: &Built) {
    let problem = &built.problem;
    for (demand, facts) in problem.demands.iter().zip(&built.context.demands) {
        let offerings = || demand.offerings.iter().map(|index| &problem.offerings[*index as usize]);
        let pod = &state.pods[facts.pods[0]];
        let spot = offerings().any(|offering| offering.kind == CapacityKind::Spot);
        let bound = facts.tags.iter().any(|tag| tag.code == "ON_DEMAND_ONLY");
        assert!(!(spot && bound), "{name}: {} is on demand only", demand.id);
        assert!(!spot || pod.volumes.is_empty(), "{name}: {} has volumes", demand.id);
        let zones: BTreeSet<&str> = offerings().map(|offering| offering.zone.as_str()).collect();
        assert_eq!(zones.len(), if pod.volumes.is_empty() { 3 } else { 1 }, "{name}: zones of {}", demand.id);
        let gpu_types = offerings().filter(|offering| {
            offering.instance_type.starts_with('g') || offering.instance_type.starts_with('p')
        });
        assert_eq!(gpu_types.count() > 0, pod.requests.gpus() > 0, "{name}: GPUs of {}", demand.id);
    }
}

#[test]
fn shop() {
    let codes = &["PREFERENCES_NOT_PRICED"];
    check(
        "shop",
        &Want {
            pods: 176,
            nodes: 22,
            running: 11,
            sealed: 2,
            spread: 6,
            alone: 11,
            gpus: 0,
            pending: 0,
            codes,
        },
    );
}

#[test]
fn models() {
    let codes = &["PREFERENCES_NOT_PRICED"];
    check(
        "models",
        &Want {
            pods: 181,
            nodes: 26,
            running: 15,
            sealed: 2,
            spread: 6,
            alone: 11,
            gpus: 3,
            pending: 1,
            codes,
        },
    );
}

#[test]
fn wide() {
    let codes = &["PREFERENCES_NOT_PRICED"];
    check(
        "wide",
        &Want {
            pods: 645,
            nodes: 101,
            running: 16,
            sealed: 8,
            spread: 6,
            alone: 11,
            gpus: 3,
            pending: 1,
            codes,
        },
    );
}
