//! Every step, every accident.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::operation::{Operation, Progress, State, Step};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_sim::{Call, Fault};

use super::rig::{Bench, Rig, seen, shop_id};

/// Calls that are throttled in a row: fewer than one is tried.
const THROTTLED: u32 = 5;

/// What an undisturbed run leaves behind.
#[derive(Debug, PartialEq)]
struct End {
    state: State,
    sizes: Vec<(String, u32)>,
    /// Machines that were launched: each once, however often the call was made.
    launches: usize,
    /// Pods that were evicted, and from where: no others.
    evictions: BTreeSet<String>,
    nodes_by_group: BTreeMap<String, usize>,
    pods_by_workload: BTreeMap<String, usize>,
    pods_lost: Vec<String>,
    budget_violations: Vec<String>,
}

async fn end(bench: &Bench, operation: &Operation) -> End {
    let state = bench.state().await;
    let tally = bench.sim.tally(&shop_id());
    End {
        state: operation.state,
        sizes: bench.sim.sizes(&shop_id()),
        launches: bench.sim.journal().lines().filter(|line| line.contains(": launched ")).count(),
        evictions: evictions(&bench.sim.journal()),
        nodes_by_group: count(state.nodes.iter().map(|node| node.group.clone())),
        pods_by_workload: running(&state),
        pods_lost: tally.pods_lost,
        budget_violations: tally.budget_violations,
    }
}

/// Every eviction that was accepted, pod and node.
fn evictions(journal: &str) -> BTreeSet<String> {
    let accepted = journal.lines().filter(|line| line.ends_with("Ok(Accepted)"));
    accepted.filter_map(|line| line.split_once(": evict ")).map(|(_, told)| told.to_owned()).collect()
}

fn running(state: &ClusterState) -> BTreeMap<String, usize> {
    let placed = state.pods.iter().filter(|pod| pod.node.is_some() && !pod.terminating);
    count(placed.filter_map(|pod| pod.owner.as_ref()).map(|owner| owner.name.clone()))
}

fn count(names: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    names.for_each(|name| *counts.entry(name).or_insert(0) += 1);
    counts
}

/// The cluster, and an operation that makes groups, moves pods and removes nodes.
async fn model() -> (ClusterState, Operation) {
    let rig = Rig::shop().await;
    let plan = rig.plan().await;
    let state = seen(&rig.store).await;
    let operation = rig.apply(&plan.id).await.unwrap();
    let ended = rig.end_of(&operation).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{}", ended.failure, rig.sim.journal());
    let kinds = |wanted: fn(&Step) -> bool| ended.steps.iter().any(|record| wanted(&record.step));
    assert!(kinds(|step| matches!(step, Step::Grow { .. })), "{:?}", ended.steps);
    assert!(kinds(|step| matches!(step, Step::Migrate { .. })));
    assert!(kinds(|step| matches!(step, Step::Remove { .. })));
    (state, ended)
}

/// The calls that a step makes to change the world.
fn calls(step: &Step) -> &'static [Call] {
    match step {
        Step::EnsureGroup { .. } => &[Call::EnsureGroup],
        Step::Grow { .. } => &[Call::EnsureSize, Call::SetCordon],
        Step::Order { .. } | Step::Refill { .. } => &[Call::EnsureSize],
        Step::Evacuate { .. } => &[Call::Evict, Call::SetCordon, Call::EnsureInstanceGone],
        Step::Cordon { .. } | Step::Open { .. } => &[Call::SetCordon],
        Step::Migrate { .. } => &[Call::Evict, Call::SetCordon],
        Step::Remove { .. } => &[Call::EnsureInstanceGone],
        Step::DeleteGroup { .. } => &[Call::EnsureGroupGone],
        Step::Verify { .. } => &[Call::State],
        Step::Ensure { .. } | Step::Upgrade { .. } | Step::Dismantle { .. } => &[],
    }
}

#[tokio::test]
async fn every_step_survives_every_accident() {
    let (state, model) = model().await;
    let undisturbed = Bench::new(&state, &model).await;
    let ended = undisturbed.course.run().await;
    let want = end(&undisturbed, &ended).await;
    assert_eq!((want.state, &want.pods_lost, &want.budget_violations), (State::Succeeded, &vec![], &vec![]));

    let mut cases = 0;
    for (index, record) in model.steps.iter().enumerate() {
        let (begun, done) = (Progress::Running, Progress::Done);
        for (name, progress, forgets) in
            [("dies before", begun, false), ("dies after", done, false), ("runs twice", done, true)]
        {
            let bench = Bench::new(&state, &model).await;
            bench.course.run_until_death(index, progress).await;
            if forgets {
                bench.course.forget(index).await;
            }
            let ended = bench.course.run().await;
            let have = end(&bench, &ended).await;
            assert_eq!(have, want, "step {index} {name}: {:?}\n{}", record.step, bench.sim.journal());
            cases += 1;
        }
        let faults = calls(&record.step).iter().flat_map(|call| {
            [Fault::Fail { call: *call, count: 1 }, Fault::FailAfter { call: *call, count: 1 }]
        });
        for fault in faults.chain([Fault::Throttle { count: THROTTLED }]) {
            let bench = Bench::new(&state, &model).await;
            bench.course.run_until_death(index, begun).await;
            bench.sim.fault(fault.clone());
            let ended = bench.course.run().await;
            let have = end(&bench, &ended).await;
            assert_eq!(have, want, "step {index}, {fault:?}: {:?}\n{}", record.step, bench.sim.journal());
            cases += 1;
        }
    }
    println!("{cases} cases over {} steps", model.steps.len());
    assert!(5 * model.steps.len() <= cases);
}
