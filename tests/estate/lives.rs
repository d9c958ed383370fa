//! Whole lives with random faults: a cluster is made, planned for, changed, interrupted, upgraded and removed. Whatever happens,
//! no pod is lost but by machines that were taken back, no budget is broken, nothing of others is touched, and every operation
//! ends, or is stuck for a reason that can be mended.
//!
//! `PLIMSOLL_LIVES` sets how many; `PLIMSOLL_LIFE` lives one again.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::time::Duration;

use futures::FutureExt;
use plimsoll_domain::operation::{Kind, Operation, State};
use plimsoll_domain::store::Mode;
use plimsoll_engine::tasks::{self, Periods};
use plimsoll_engine::{ApplyOrder, Engine, Error};
use plimsoll_props::aws::Shortage;
use plimsoll_store::Sqlite;
use rand::rngs::SmallRng;
use rand::seq::IndexedRandom;
use rand::{Rng, SeedableRng};

use super::bridge::{Bridge, ZONES};
use super::rig::{
    at_rest, cluster_id, creation, deletion, engine, noted, pending, plan_of, upgrading, write,
};

/// Lives in a run of every day.
const LIVES: u64 = 8;
/// A node group of others.
const THEIRS: &str = "theirs";
/// Calls that go wrong.
const CALLS: [&str; 20] = [
    "eks:DescribeCluster",
    "eks:CreateCluster",
    "eks:DeleteCluster",
    "eks:UpdateClusterConfig",
    "eks:UpdateClusterVersion",
    "eks:DescribeUpdate",
    "eks:CreateAddon",
    "eks:DescribeAddon",
    "eks:UpdateAddon",
    "eks:CreateAccessEntry",
    "eks:AssociateAccessPolicy",
    "eks:CreateNodegroup",
    "eks:DescribeNodegroup",
    "eks:UpdateNodegroupConfig",
    "eks:UpdateNodegroupVersion",
    "eks:DeleteNodegroup",
    "autoscaling:TerminateInstanceInAutoScalingGroup",
    "autoscaling:DescribeAutoScalingGroups",
    "ec2:CreateLaunchTemplate",
    "ec2:DescribeInstances",
];

fn seeds() -> std::ops::Range<u64> {
    let number = |name: &str| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
    match number("PLIMSOLL_LIFE") {
        Some(seed) => seed..seed + 1,
        None => 0..number("PLIMSOLL_LIVES").unwrap_or(LIVES),
    }
}

#[tokio::test]
async fn nothing_is_lost_in_any_life() {
    let mut ends: BTreeMap<String, usize> = BTreeMap::new();
    let mut failed = Vec::new();
    for seed in seeds() {
        let life = AssertUnwindSafe(async {
            let mut life = Life::begin(seed).await;
            life.live().await;
            life.ends
        });
        match life.catch_unwind().await {
            Ok(its) => its.into_iter().for_each(|end| *ends.entry(end).or_insert(0) += 1),
            Err(_) => {
                eprintln!("PLIMSOLL_LIFE={seed} lives it again");
                failed.push(seed);
            }
        }
    }
    println!("{} lives: {ends:#?}", seeds().count());
    assert_eq!(failed, Vec::<u64>::new(), "lives in which something was lost");
    for stage in ["create", "apply", "interrupt", "upgrade", "delete"] {
        let went_well = ends.keys().any(|end| *end == format!("{stage} Succeeded"));
        assert!(went_well || seeds().count() < LIVES as usize, "no life had {stage} that went well");
    }
}

/// One life.
struct Life {
    random: SmallRng,
    bridge: Bridge,
    store: Sqlite,
    engine: Engine,
    /// How operations ended.
    ends: Vec<String>,
}

impl Life {
    async fn begin(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let mut workloads = Vec::new();
        for name in ["web", "api", "job"] {
            workloads.push((name, random.random_range(1..=4), 100 * random.random_range(1..=9)));
        }
        let bridge = Bridge::new(seed, pending(&workloads));
        let store = Sqlite::in_memory().await.unwrap();
        let engine = engine(&store, &bridge);
        Self { random, bridge, store, engine, ends: Vec::new() }
    }

    async fn live(&mut self) {
        self.create().await;
        let with_theirs = self.random.random_bool(0.3);
        if with_theirs {
            self.bridge.fake.found_group(THEIRS, ZONES[2], "m7i.large", 1);
            let mut policy = self.engine.policy(&cluster_id()).await.unwrap().policy;
            policy.protected_groups = vec![THEIRS.to_owned()];
            self.engine.put_policy(&write(), &cluster_id(), &policy, "").await.unwrap();
            self.wait(600).await;
        }
        let theirs = self.bridge.fake.running().remove(THEIRS);
        self.apply().await;
        self.interrupt().await;
        self.upgrade().await;
        self.expect_kept();
        if with_theirs {
            let now = self.bridge.fake.running().remove(THEIRS);
            assert_eq!(now, theirs, "others' machine is where it was");
            let why = self.engine.delete_cluster(deletion(false)).await.unwrap_err();
            assert!(why.to_string().contains(THEIRS), "{why}");
            self.bridge.fake.remove_group(THEIRS);
            self.wait(600).await;
        }
        self.delete().await;
    }

    /// Random faults, until [`Life::heal`].
    fn accidents(&mut self) {
        let fake = &self.bridge.fake;
        for _ in 0..self.random.random_range(0..=3) {
            let call = CALLS.choose(&mut self.random).unwrap();
            let times = self.random.random_range(1..=6);
            match self.random.random_range(0..10) {
                0..=2 => fake.refuse(call, "ThrottlingException", times),
                3..=4 => fake.refuse(call, "ServerException", times),
                5..=6 => fake.lose(call, 1),
                7 => fake.refuse(call, "AccessDeniedException", 1),
                8 => {
                    let kinds = ["VersionUpdate", "AddonUpdate", "NodegroupVersionUpdate"];
                    fake.fail_update(kinds.choose(&mut self.random).unwrap(), "as it was told to");
                }
                _ => {
                    for instance_type in ["m7i.xlarge", "m6i.xlarge"] {
                        let zone = ZONES[self.random.random_range(0..2)].to_owned();
                        fake.shortage(Shortage { instance_type: instance_type.into(), zone });
                    }
                }
            }
        }
        if self.random.random_bool(0.1) {
            fake.estate(|estate| estate.cannot_make = true);
        }
        if self.random.random_bool(0.1) {
            fake.estate(|estate| estate.degrade("coredns"));
        }
    }

    fn heal(&self) {
        self.bridge.fake.heal();
    }

    /// Follows an operation to where it rests; now and then the process that runs it dies on the way.
    async fn follow(&mut self, what: &str, begun: &Operation) -> Operation {
        if self.random.random_bool(0.3) {
            for _ in 0..self.random.random_range(1..40) {
                tokio::task::yield_now().await;
            }
            self.engine.stop_operations().await;
            self.engine = engine(&self.store, &self.bridge);
            self.engine.resume_operations().await.unwrap();
        }
        let mut ended = at_rest(&self.engine, begun).await;
        let mut end = format!("{what} {:?}", ended.state);
        if ended.state == State::Stuck {
            let why = ended.failure.clone().expect("what is stuck says why");
            assert!(!why.message.is_empty());
            end += &format!(" {}, resumed", why.reason);
            self.heal();
            let resumed = self.engine.resume_operation(&write(), &ended.id).await.unwrap();
            ended = at_rest(&self.engine, &resumed).await;
            // Pods that have nowhere else to go, and a budget that holds them: a person gives that up.
            let held = ended.steps.iter().any(|record| record.note.contains("pods are left on"));
            if ended.state == State::Stuck && held {
                ended = self.engine.abandon_operation(&write(), &ended.id).await.unwrap();
                end += ", abandoned";
            }
            // It goes on, or back, if nothing of it was to stay.
            let ends = matches!(ended.state, State::Succeeded | State::Failed);
            let notes: Vec<_> = ended.steps.iter().map(|record| (&record.progress, &record.note)).collect();
            assert!(ends, "{what} resumed: {:?} {:?} {notes:?}", ended.state, ended.failure);
        }
        self.heal();
        self.ends.push(end);
        ended
    }

    async fn create(&mut self) {
        self.accidents();
        let begun =
            self.again(async |engine, bridge| engine.create_cluster(creation(bridge, false)).await).await;
        let ended = self.follow("create", &begun.operation).await;
        if ended.state == State::Failed {
            let left = self.bridge.fake.shown();
            let is_given_up = self.ends.last().is_some_and(|end| end.ends_with("abandoned"));
            let is_clean = left.lines().count() == 1 && left.starts_with("launched");
            assert!(is_given_up || is_clean, "left behind: {left}");
            let begun = self.engine.create_cluster(creation(&self.bridge, false)).await.unwrap();
            let ended = at_rest(&self.engine, &begun.operation).await;
            assert_eq!(ended.state, State::Succeeded, "{:?}", ended.failure);
        }
        // A process that died may have left that to be done.
        self.look("operations").await;
        noted(&self.engine, |record| !record.kubernetes_version.is_empty()).await;
    }

    /// Asks until AWS listens.
    async fn again<T>(&self, ask: impl AsyncFn(&Engine, &Bridge) -> Result<T, Error>) -> T {
        for _ in 0..10 {
            match ask(&self.engine, &self.bridge).await {
                Err(Error::World(_)) => {}
                done => return done.unwrap_or_else(|why| panic!("{why}")),
            }
        }
        panic!("AWS never listens");
    }

    async fn apply(&mut self) {
        let refreshed =
            self.again(async |engine, _| engine.refresh_cluster(&write(), &cluster_id()).await).await;
        let plan = plan_of(&self.engine, refreshed.stored.id).await;
        let safe = plan.referee.as_ref().is_some_and(|report| report.steered_pending.is_empty());
        if plan.changes.is_empty() || !safe {
            self.ends.push("apply nothing".to_owned());
            return;
        }
        self.accidents();
        let order = || ApplyOrder { write: write(), cluster: cluster_id(), plan: plan.id.clone() };
        let begun = self.again(async |engine, _| engine.apply_plan(order()).await).await;
        self.follow("apply", &begun).await;
    }

    async fn interrupt(&mut self) {
        let spot = self.bridge.fake.spot();
        let Some(machine) = spot.choose(&mut self.random) else { return };
        self.bridge.fake.interrupt(machine);
        self.look("interruption").await;
        let all = self.engine.operations(&Default::default(), &page()).await.unwrap().items;
        let heeds = |operation: &&Operation| match &operation.kind {
            Kind::ReplaceInterrupted { machines } => machines.iter().any(|id| id.ends_with(machine)),
            _ => false,
        };
        let begun = all.iter().find(heeds).unwrap_or_else(|| panic!("nobody heeds the notice of {machine}"));
        self.follow("interrupt", begun).await;
        self.wait(900).await;
    }

    async fn upgrade(&mut self) {
        self.accidents();
        let asked = self.again(async |engine, _| match engine.upgrade_cluster(upgrading(false)).await {
            Err(Error::Unready(why)) => Ok(Err(why)),
            done => done.map(Ok),
        });
        match asked.await {
            Ok(begun) => {
                let ended = self.follow("upgrade", &begun.operation).await;
                assert_eq!(ended.state, State::Succeeded);
            }
            Err(why) => {
                self.heal();
                self.ends.push(format!("upgrade refused: {why}"));
            }
        }
    }

    /// Nothing was lost so far that we could have kept.
    fn expect_kept(&self) {
        let tally = self.bridge.sim.tally(&cluster_id());
        assert_eq!(
            (tally.pods_lost, tally.budget_violations),
            (vec![], vec![]),
            "{}",
            self.bridge.sim.journal()
        );
    }

    async fn delete(&mut self) {
        self.accidents();
        let begun = self.again(async |engine, _| engine.delete_cluster(deletion(false)).await).await;
        let ended = self.follow("delete", &begun.operation).await;
        assert_eq!(ended.state, State::Succeeded);
        self.look("operations").await;
        noted(&self.engine, |record| record.mode == Mode::Offline).await;
        let left = self.bridge.fake.shown();
        assert!(left.lines().count() == 1 && left.starts_with("launched"), "left behind: {left}");
    }

    /// Time goes by.
    async fn wait(&self, seconds: u64) {
        self.bridge.world().clock.sleep(Duration::from_secs(seconds)).await;
    }

    /// The service takes one look, as its supervisor would.
    async fn look(&self, task: &str) {
        const DAY: Duration = Duration::from_secs(24 * 3600);
        let periods = Periods {
            ingest: DAY,
            prices: DAY,
            catalog: None,
            operations: DAY,
            drift: DAY,
            interruption: DAY,
            cost: DAY,
            retention: DAY,
            keep: 90 * DAY,
            snapshots_max: 10,
        };
        let table = tasks::table(&self.engine, &periods);
        let task = table.into_iter().find(|row| row.name == task).unwrap();
        (task.look)().await.unwrap();
    }
}

fn page() -> plimsoll_domain::store::PageRequest {
    plimsoll_domain::store::PageRequest { size: 1000, token: String::new() }
}
