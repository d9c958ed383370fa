//! Random clusters, random accidents: plan, apply, plan again, apply again. Whatever happens, no pod is lost, no budget is
//! broken, nothing goes that the plan did not name, and every operation ends or says why it is stuck.
//!
//! `PLIMSOLL_SEEDS` sets how many; `PLIMSOLL_SEED` runs one again.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::operation::{Operation, State, Step};
use plimsoll_domain::plan::{ChangeKind, Plan};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_engine::Error;
use plimsoll_sim::{Call, Fault};
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::rig::{Rig, seen, shop_id, start, write};
use super::world;

/// Worlds in a run of every day.
const SEEDS: u64 = 12;
/// Applies in each world.
const ROUNDS: usize = 2;

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("PLIMSOLL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PLIMSOLL_SEEDS").unwrap_or(SEEDS),
    }
}

#[tokio::test]
async fn nothing_is_lost_in_any_world() {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    for seed in seeds() {
        for end in live(seed).await {
            *ends.entry(end).or_insert(0) += 1;
        }
    }
    println!("{} worlds: {ends:?}", seeds().count());
    assert!(!ends.is_empty(), "no world had anything to apply");
}

/// Lives through one world; how its operations ended.
async fn live(seed: u64) -> Vec<String> {
    let mut random = SmallRng::seed_from_u64(seed);
    let rig = Rig::of(seed, &world::random(&mut random)).await;
    let mut ends = Vec::new();
    for round in 0..ROUNDS {
        let before = seen(&rig.store).await;
        let plan = rig.plan().await;
        let safe = plan.referee.as_ref().is_some_and(|report| report.steered_pending.is_empty());
        if plan.changes.is_empty() || !safe {
            break;
        }
        let faults = accidents(&mut random, &before, &plan);
        faults.iter().for_each(|fault| rig.sim.fault(fault.clone()));
        let begun = begin(&rig, &plan).await.unwrap_or_else(|error| panic!("seed {seed}: {error}"));
        let mut ended = rig.end_of(&begun).await;
        if ended.state == State::Stuck {
            assert!(ended.failure.is_some(), "seed {seed}: stuck without a reason");
            ends.push(format!("{round} Stuck"));
            faults.iter().for_each(|fault| rig.sim.lift(fault.clone()));
            ended = rig.run_again(&ended).await;
        }
        faults.into_iter().for_each(|fault| rig.sim.lift(fault));
        ends.push(format!("{round} {:?}", ended.state));
        rig.engine.refresh_cluster(&write(start()), &shop_id()).await.unwrap();
        check(seed, &rig, &before, &plan, &ended).await;
    }
    ends
}

/// Begins an apply, again if the world does not answer: nothing has happened then.
async fn begin(rig: &Rig, plan: &Plan) -> Result<Operation, Error> {
    for _ in 0..10 {
        match rig.apply(&plan.id).await {
            Err(Error::World(_)) => {}
            end => return end,
        }
    }
    rig.apply(&plan.id).await
}

/// A few things that go wrong in one apply.
fn accidents(random: &mut SmallRng, state: &ClusterState, plan: &Plan) -> Vec<Fault> {
    const CALLS: [Call; 8] = [
        Call::Group,
        Call::EnsureGroup,
        Call::EnsureSize,
        Call::EnsureInstanceGone,
        Call::EnsureGroupGone,
        Call::State,
        Call::SetCordoned,
        Call::Evict,
    ];
    let mut faults = Vec::new();
    for _ in 0..random.random_range(0..4) {
        let call = *CALLS.choose(random).expect("not empty");
        let count = random.random_range(1..3);
        faults.push(match random.random_range(0..5) {
            0 => Fault::Throttle { count },
            1 => Fault::FailAfter { call, count },
            2 => Fault::Fail { call, count },
            3 => match (state.budgets.choose(random), random.random_bool(0.3)) {
                (Some(budget), true) => {
                    Fault::StuckBudget { budget: format!("{}/{}", budget.namespace, budget.name) }
                }
                _ => Fault::Throttle { count },
            },
            _ => {
                match plan.groups.iter().filter(|group| !group.existing).collect::<Vec<_>>().choose(random) {
                    Some(group) => Fault::NoCapacity {
                        instance_type: group.instance_types[0].clone(),
                        zone: group.zones[0].clone(),
                        kind: group.kind,
                        times: Some(count),
                    },
                    None => Fault::Throttle { count },
                }
            }
        });
    }
    faults
}

async fn check(seed: u64, rig: &Rig, before: &ClusterState, plan: &Plan, ended: &Operation) {
    let told = || format!("seed {seed}, {:?}, {:?}\n{}", ended.state, ended.failure, rig.sim.journal());
    assert!(ended.state.is_final(), "{}", told());
    let tally = rig.sim.tally(&shop_id());
    assert_eq!(tally.pods_lost, Vec::<String>::new(), "{}", told());
    assert_eq!(tally.budget_violations, Vec::<String>::new(), "{}", told());
    let after = seen(&rig.store).await;
    assert_eq!(replicas(&after), replicas(before), "{}", told());
    assert!(after.nodes.iter().all(|node| !node.unschedulable), "a node is still cordoned: {}", told());

    let names =
        |state: &ClusterState| state.nodes.iter().map(|node| node.name.clone()).collect::<BTreeSet<_>>();
    let gone: BTreeSet<String> = names(before).difference(&names(&after)).cloned().collect();
    let named = plan.changes.iter().filter(|change| change.kind != ChangeKind::Create);
    let named: BTreeSet<String> = named.flat_map(|change| change.nodes.clone()).collect();
    if ended.state == State::Succeeded {
        assert_eq!(gone, named, "{}", told());
        let sizes = ended.steps.iter().find_map(|record| match &record.step {
            Step::Verify { sizes } => Some(sizes.clone()),
            _ => None,
        });
        for (group, count) in sizes.unwrap_or_default() {
            let have = after.nodes.iter().filter(|node| node.group == group).count();
            assert_eq!(have, count as usize, "{group}: {}", told());
        }
    } else {
        assert_eq!(names(before), names(&after), "not taken back: {}", told());
    }
}

/// Pods of each workload that have a node; a pod on its way out does not count.
fn replicas(state: &ClusterState) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let placed = state.pods.iter().filter(|pod| pod.node.is_some() && !pod.terminating);
    for owner in placed.filter_map(|pod| pod.owner.as_ref()) {
        *counts.entry(format!("{}/{}", owner.namespace, owner.name)).or_insert(0) += 1;
    }
    counts
}
