//! Every step of every saga, every accident.
//!
//! `PLIMSOLL_STEPS=all` takes every step; every day, one of three.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::operation::{Kind, Operation, Progress, State, Step};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::Mode;
use plimsoll_live::actions;
use plimsoll_sim::Tally;
use plimsoll_store::Sqlite;

use super::bridge::Bridge;
use super::rig::{
    Bench, SEED, VERSION, at_rest, cluster_id, creation_of_its_own, deletion, engine, noted, pending,
    upgrading,
};

/// What an undisturbed run leaves behind.
#[derive(Debug, PartialEq)]
struct End {
    state: State,
    /// All of AWS, machines that were ever launched among it.
    aws: String,
    nodes_by_group: BTreeMap<String, usize>,
    pods_by_workload: BTreeMap<String, usize>,
    pods_lost: Vec<String>,
    budget_violations: Vec<String>,
}

async fn end(bench: &Bench, operation: &Operation) -> End {
    let state = bench.state().await;
    let mut tally = bench.bridge.sim.tally(&cluster_id());
    if operation.kind == Kind::DeleteCluster {
        // All pods go with their cluster; which were where is a matter of chance.
        tally = Tally::default();
    }
    End {
        state: operation.state,
        aws: bench.bridge.fake.shown(),
        nodes_by_group: count(state.nodes.iter().map(|node| node.group.clone())),
        pods_by_workload: running(&state),
        pods_lost: tally.pods_lost,
        budget_violations: tally.budget_violations,
    }
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

/// The operations that make a cluster, upgrade it and remove it, as the service would carry them out.
async fn models() -> [Operation; 3] {
    let bridge = Bridge::new(SEED, pending(&[("web", 4, 700), ("api", 2, 900)]));
    let store = Sqlite::in_memory().await.unwrap();
    let engine = engine(&store, &bridge);
    let created = engine.create_cluster(creation_of_its_own(&bridge)).await.unwrap().operation;
    let ended = at_rest(&engine, &created).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{:?}", ended.failure, bridge.fake.log());
    noted(&engine, |record| record.kubernetes_version == VERSION).await;
    let upgraded = engine.upgrade_cluster(upgrading(false)).await.unwrap().operation;
    let ended = at_rest(&engine, &upgraded).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{:?}", ended.failure, bridge.fake.log());
    let deleted = engine.delete_cluster(deletion(false)).await.unwrap().operation;
    let ended = at_rest(&engine, &deleted).await;
    assert_eq!(ended.state, State::Succeeded, "{:?}\n{:?}", ended.failure, bridge.fake.log());
    noted(&engine, |record| record.mode == Mode::Offline).await;
    assert_eq!(bridge.fake.shown(), "launched 6\n", "nothing is left in AWS");
    assert_eq!(bridge.fake.faults_on_the_wire().unwrap_or_default(), "");
    assert_eq!(bridge.fake.forbidden(), BTreeSet::new(), "no policy allows it");
    [created, upgraded, deleted]
}

/// Calls that a step may make to change something, and that were made.
fn changes(step: &Step, called: &BTreeSet<String>) -> Vec<&'static str> {
    let reads = |action: &&str| {
        let verb = action.split(':').nth(1).unwrap_or_default();
        ["Describe", "List", "Get"].iter().any(|word| verb.starts_with(word))
    };
    let may = actions::of(step).into_iter();
    may.filter(|action| !reads(action) && called.contains(*action)).collect()
}

#[tokio::test]
async fn every_step_of_every_saga_survives_every_accident() {
    let models = models().await;
    let mut cases = 0;
    for (index, model) in models.iter().enumerate() {
        cases += saga(&models[..index], model).await;
    }
    println!("{cases} cases over {} steps", models.iter().map(|model| model.steps.len()).sum::<usize>());
}

/// From one step that is looked at to the next.
fn stride() -> usize {
    match std::env::var("PLIMSOLL_STEPS").as_deref() {
        Ok("all") => 1,
        Ok(other) => panic!("PLIMSOLL_STEPS is all or not set, not {other:?}"),
        Err(_) => 3,
    }
}

/// One saga, after others that went well; how many cases there were.
async fn saga(before: &[Operation], model: &Operation) -> usize {
    let undisturbed = Bench::new(before, model).await;
    let began = undisturbed.bridge.fake.log().len();
    let ended = undisturbed.course.run().await;
    let want = end(&undisturbed, &ended).await;
    assert_eq!(want.state, State::Succeeded, "{:?}", ended.failure);
    assert_eq!((&want.pods_lost, &want.budget_violations), (&vec![], &vec![]));
    let calls = undisturbed.bridge.fake.log().split_off(began);
    let called: BTreeSet<String> = calls.into_iter().map(|call| call.action).collect();
    let declared: BTreeSet<&str> = model.steps.iter().flat_map(|record| actions::of(&record.step)).collect();
    let secret: Vec<&String> = called.iter().filter(|action| !declared.contains(action.as_str())).collect();
    assert!(secret.is_empty(), "calls that no step tells of: {secret:?}");

    let mut cases = 0;
    for (index, record) in model.steps.iter().enumerate().step_by(stride()) {
        let (begun, done) = (Progress::Running, Progress::Done);
        for (name, progress, forgets) in
            [("dies before", begun, false), ("dies after", done, false), ("runs twice", done, true)]
        {
            let bench = Bench::new(before, model).await;
            bench.course.run_until_death(index, progress).await;
            if forgets {
                bench.course.forget(index).await;
            }
            let ended = bench.course.run().await;
            let have = end(&bench, &ended).await;
            assert_eq!(have, want, "step {index} {name}: {:?} {:?}", record.step, ended.failure);
            cases += 1;
        }
        for action in changes(&record.step, &called) {
            for accident in ["fails", "throttled", "loses its answer"] {
                let bench = Bench::new(before, model).await;
                bench.course.run_until_death(index, begun).await;
                match accident {
                    "fails" => bench.bridge.fake.refuse(action, "ServerException", 1),
                    "throttled" => bench.bridge.fake.refuse(action, "ThrottlingException", 5),
                    _ => bench.bridge.fake.lose(action, 1),
                }
                let ended = bench.course.run().await;
                let have = end(&bench, &ended).await;
                let step = &record.step;
                assert_eq!(have, want, "step {index}, {action} {accident}: {step:?} {:?}", ended.failure);
                cases += 1;
            }
        }
    }
    cases
}
