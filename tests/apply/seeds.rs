//! Random clusters, random accidents: plan, apply, interruptions, a resize, plan and apply again. Whatever happens, no pod
//! is lost but by machines that others took, no budget is broken by us, nothing goes that the plan did not name, machines'
//! lives add up, and every operation ends or says why it is stuck.
//!
//! `PLIMSOLL_SEEDS` sets how many; `PLIMSOLL_SEED` runs one again.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures::FutureExt;
use jiff::{SignedDuration, Timestamp};
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ledger::{
    Condition, CostQuery, Dimension, Granularity, Ledger, Span, SpotSteps, life_cost,
};
use plimsoll_domain::operation::{Operation, State, Step};
use plimsoll_domain::plan::{ChangeKind, Plan};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::world::MachineLife;
use plimsoll_engine::{Error, ResizeOrder};
use plimsoll_report::Lake;
use plimsoll_sim::{Fault, Origin, Targets, Weather};
use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tempfile::TempDir;

use super::rig::{Rig, look, shop_id, start, write};
use super::world;

/// Worlds in a run of every day.
const SEEDS: u64 = 12;
/// So many times as many machines as outside are taken back in every third world: some in each.
const STORMY: Weather = Weather { reclaims_factor: 300, prices_walk: true, pools_end: true };
/// Longest wait until everything has a place again, and steps of it.
const HEALING_MAX: Duration = Duration::from_secs(12 * 3600);
const LOOK: Duration = Duration::from_secs(300);
const DAY: SignedDuration = SignedDuration::from_hours(24);
/// How often costs are looked at, as the ledger is told; here only after operations.
const METER: SignedDuration = SignedDuration::from_mins(5);

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
    let (mut lost, mut failed) = (0, Vec::new());
    for seed in seeds() {
        let life = AssertUnwindSafe(async {
            let mut life = Life::begin(seed).await;
            life.live().await;
            life
        });
        let Ok(life) = life.catch_unwind().await else {
            eprintln!("PLIMSOLL_SEED={seed} lives it again");
            failed.push(seed);
            continue;
        };
        lost += life.rig.sim.tally(&shop_id()).pods_lost_by_reclaim.len();
        for end in life.ends {
            *ends.entry(end).or_insert(0) += 1;
        }
    }
    println!("{} worlds: {ends:?}; {lost} pods lost by reclaims", seeds().count());
    assert_eq!(
        failed,
        Vec::<u64>::new(),
        "worlds in which something was lost: PLIMSOLL_SEED lives one again"
    );
    assert!(!ends.is_empty(), "no world had anything to apply");
}

/// One world.
struct Life {
    seed: u64,
    random: SmallRng,
    rig: Rig,
    /// Whether machines go by other hands than ours.
    stormy: bool,
    /// How operations ended.
    ends: Vec<String>,
    /// What it costs is written down.
    ledger: Arc<Lake>,
    _folder: TempDir,
}

/// What an operation promised not to touch, and what was there before it.
struct Before {
    state: ClusterState,
    removed: usize,
}

impl Life {
    async fn begin(seed: u64) -> Self {
        let mut random = SmallRng::seed_from_u64(seed);
        let weather = if seed % 3 == 2 { STORMY } else { Weather::default() };
        let origin = Origin { start: start(), seed, weather };
        let mut rig = Rig::under(&origin, &world::random(&mut random)).await;
        let folder = TempDir::new().unwrap();
        let ledger = Arc::new(Lake::open(folder.path().to_str().unwrap(), &Default::default()).unwrap());
        rig.engine = rig.engine.with_ledger(ledger.clone());
        let mut policy = rig.engine.policy(&shop_id()).await.unwrap().policy;
        policy.spot_ok = (0..5).map(|workload| format!("shop/app-{workload}")).collect();
        rig.engine.put_policy(&write(start()), &shop_id(), &policy, "").await.unwrap();
        rig.engine.meter_costs(&shop_id(), METER).await.unwrap();
        Self { seed, random, rig, stormy: seed % 3 == 2, ends: Vec::new(), ledger, _folder: folder }
    }

    async fn live(&mut self) {
        self.stormy |= self.seed % 3 == 1 && self.random.random_bool(0.5);
        if !self.apply("apply").await {
            return;
        }
        self.interrupt().await;
        if self.resize().await {
            self.apply("again").await;
        }
    }

    /// Plans and applies; whether the cluster is free afterwards.
    async fn apply(&mut self, what: &str) -> bool {
        self.refresh().await;
        let before = self.before().await;
        if !before.state.nodes.iter().any(|node| node.ready) {
            // Others took all machines: a plan is refused, for nobody says where to buy.
            self.ends.push(format!("{what} without a node"));
            return true;
        }
        let plan = self.rig.plan().await;
        let safe = plan.referee.as_ref().is_some_and(|report| report.steered_pending.is_empty());
        if plan.changes.is_empty() || !safe {
            return true;
        }
        let offerings = offerings(&plan);
        let faults = self.accidents(&before.state, &offerings);
        let begun = begin(&self.rig, &plan).await;
        let begun = match begun {
            // The clock has jumped, or a machine went meanwhile.
            Err(why) if self.stormy || matches!(why, Error::ExpiredPlan { .. }) => {
                self.ends.push(format!("{what} refused"));
                self.lift(faults);
                assert!(!matches!(why, Error::Internal(_)), "seed {}: {why}", self.seed);
                return true;
            }
            begun => begun.unwrap_or_else(|error| panic!("seed {}: {error}", self.seed)),
        };
        let ended = self.end_of(what, begun, faults).await;
        let named = plan.changes.iter().filter(|change| change.kind != ChangeKind::Create);
        let named: BTreeSet<String> = named.flat_map(|change| change.nodes.clone()).collect();
        let free = self.check(&before, &named, &ended).await;
        if free {
            self.expect_healed(&before, &ended).await;
        }
        free
    }

    /// Machines go, other hands change things, and time passes; of us only who heeds notices does anything.
    async fn interrupt(&mut self) {
        if self.stormy {
            let state = self.state().await;
            let targets = Targets { cluster: &shop_id(), state: &state, offerings: &[] };
            for _ in 0..self.random.random_range(0..3) {
                self.rig.sim.fault(targets.calamity(self.random.random()));
            }
        }
        look(&self.rig.engine, "interruption").await;
        let span = Duration::from_secs(self.random.random_range(0..7_200));
        self.wait(span).await;
    }

    /// Brings a group to another size; whether the cluster is free afterwards.
    async fn resize(&mut self) -> bool {
        let before = self.before().await;
        let sizes = self.rig.sim.sizes(&shop_id());
        let Some((group, size)) = sizes.get(self.random.random_range(0..sizes.len().max(1))).cloned() else {
            return true;
        };
        let desired_count = i64::from(size) + self.random.random_range(-1..=2);
        let offerings: Vec<_> = before.state.nodes.iter().filter(|node| node.group == group).collect();
        let offerings: Vec<_> = offerings
            .into_iter()
            .map(|node| (node.instance_type.clone(), node.zone.clone(), node.kind))
            .collect();
        let faults = self.accidents(&before.state, &offerings);
        let order = ResizeOrder {
            write: write(start()),
            cluster: shop_id(),
            group: group.clone(),
            desired_count,
            reason: "test".into(),
            etag: String::new(),
        };
        let begun = match self.rig.engine.resize_node_group(order).await {
            Ok(begun) => begun,
            Err(why) => {
                assert!(!matches!(why, Error::Internal(_)), "seed {}: {why}", self.seed);
                self.ends.push("resize refused".to_owned());
                self.lift(faults);
                return true;
            }
        };
        let ended = self.end_of("resize", begun, faults).await;
        let named = ended.steps.iter().filter_map(|record| match &record.step {
            Step::Remove { nodes, .. } => Some(nodes.clone()),
            _ => None,
        });
        let named = named.flatten().collect();
        self.check(&before, &named, &ended).await
    }

    /// A few things that go wrong in one operation.
    fn accidents(
        &mut self,
        state: &ClusterState,
        offerings: &[(String, String, CapacityKind)],
    ) -> Vec<Fault> {
        let targets = Targets { cluster: &shop_id(), state, offerings };
        let count = self.random.random_range(0..4);
        let mut faults: Vec<Fault> = (0..count).map(|_| targets.trouble(self.random.random())).collect();
        if self.stormy && self.random.random_bool(0.5) {
            faults.push(targets.calamity(self.random.random()));
        }
        faults.iter().for_each(|fault| self.rig.sim.fault(fault.clone()));
        faults
    }

    /// Sees an operation to its end. One that is stuck is tried again once what was in its way is not.
    async fn end_of(&mut self, what: &str, begun: Operation, faults: Vec<Fault>) -> Operation {
        let mut ended = self.rig.end_of(&begun).await;
        if ended.state == State::Stuck {
            assert!(ended.failure.is_some(), "stuck without a reason: {}", self.told(&ended));
            self.ends.push(format!("{what} Stuck"));
            self.lift(faults.clone());
            // What was to come later has come.
            self.wait(Duration::from_secs(1_800)).await;
            self.lift(faults.clone());
            ended = self.rig.run_again(&ended).await;
        }
        self.lift(faults);
        self.ends.push(format!("{what} {:?}", ended.state));
        ended
    }

    /// What holds after every operation; whether the cluster is free.
    async fn check(&mut self, before: &Before, named: &BTreeSet<String>, ended: &Operation) -> bool {
        assert!(ended.state.is_final() || ended.failure.is_some(), "{}", self.told(ended));
        let tally = self.rig.sim.tally(&shop_id());
        assert_eq!(tally.pods_lost, Vec::<String>::new(), "{}", self.told(ended));
        assert_eq!(tally.budget_violations, Vec::<String>::new(), "{}", self.told(ended));
        let known = |id: &&String| before.state.nodes.iter().find(|node| node.provider_id == **id);
        for node in tally.machines_removed[before.removed..].iter().filter_map(|id| known(&id)) {
            assert!(named.contains(&node.name), "{} was not named: {}", node.name, self.told(ended));
        }
        self.expect_lives_add_up(ended).await;
        self.expect_costs_add_up(ended).await;
        self.expect_all_made_again(before, ended).await;
        if ended.state.is_final() && !self.stormy {
            self.expect_fleet(before, named, ended).await;
        }
        ended.state.is_final()
    }

    /// The lives of all machines, in sum, are what the meter of the world says.
    async fn expect_lives_add_up(&self, ended: &Operation) {
        let world = self.rig.sim.world();
        // A storm that is still on the way to the world lasts longer than any number of tries.
        while world.cloud.lives(&shop_id(), start()).await.is_err() {
            self.wait(LOOK).await;
        }
        let (lives, now) = (world.cloud.lives(&shop_id(), start()).await, world.clock.now());
        let mut sums: BTreeMap<(String, String), Duration> = BTreeMap::new();
        for life in lives.unwrap_or_else(|why| panic!("{why}: {}", self.told(ended))) {
            let end = life.end.map_or(now, |end| end.time);
            let span = end.duration_since(life.launch_time).unsigned_abs();
            *sums.entry((life.group, life.instance_type)).or_default() += span;
        }
        assert_eq!(sums, self.rig.sim.tally(&shop_id()).node_time, "{}", self.told(ended));
    }

    /// What the ledger says of machines is what their lives cost, to the nano-dollar.
    async fn expect_costs_add_up(&self, ended: &Operation) {
        let (cluster, world) = (shop_id(), self.rig.sim.world());
        asked(async || self.rig.engine.meter_costs(&cluster, METER).await).await;
        // Whoever else sleeps moves time on meanwhile.
        let later = Span { start: world.clock.now(), end: Timestamp::MAX };
        let now = self.ledger.observations(&cluster, later).await.unwrap().pop().unwrap().time;
        let lives = asked(async || world.cloud.lives(&cluster, start()).await).await;
        let spot = asked(async || world.prices.spot_changes(&cluster, start()).await).await;
        let (spot, catalog) = (SpotSteps::new(&spot), Catalog::builtin());
        let cost = |life: &MachineLife| {
            // What the ledger could not know yet.
            let life = &MachineLife { end: life.end.filter(|end| end.time <= now), ..life.clone() };
            let rate = catalog.price(&life.instance_type, &life.zone, life.kind).map(HourlyRate::nano_usd);
            let id = life.provider_id.rsplit('/').next().unwrap_or_default().to_owned();
            (id, i128::from(life_cost(life, &spot, rate, now.as_second()).unwrap_or(0)))
        };
        let want: BTreeMap<String, i128> = lives.iter().map(cost).collect();
        let query = CostQuery {
            cluster: Some(cluster),
            span: Span { start: start().saturating_sub(DAY).unwrap(), end: now.saturating_add(DAY).unwrap() },
            granularity: Granularity::Total,
            group_by: vec![Dimension::Resource],
            filter: vec![Condition { dimension: Dimension::Item, equal: true, value: "INSTANCE".into() }],
        };
        let rows = self.ledger.query(&query).await.unwrap().rows;
        let have: BTreeMap<String, i128> =
            rows.into_iter().map(|row| (row.keys[0].clone(), row.list_cost)).collect();
        let differs = |(id, cost): (&String, &i128)| {
            let told = have.get(id).copied().unwrap_or(0);
            (told != *cost).then(|| format!("{id}: {told} in the ledger, lived for {cost}"))
        };
        let wrong: Vec<String> = want.iter().filter_map(differs).collect();
        assert_eq!(wrong, Vec::<String>::new(), "{}", self.told(ended));
        assert!(have.keys().all(|id| want.contains_key(id)), "{have:?}: {}", self.told(ended));
    }

    /// Every workload has as many pods as before.
    async fn expect_all_made_again(&self, before: &Before, ended: &Operation) {
        let after = self.state().await;
        assert_eq!(replicas(&after, false), replicas(&before.state, false), "{}", self.told(ended));
    }

    /// In a calm world every pod finds a place: only a resize may leave too little room, for whoever asked for it.
    async fn expect_healed(&self, before: &Before, ended: &Operation) {
        if self.stormy {
            return;
        }
        let begin = self.rig.sim.clock().monotonic();
        let want = replicas(&before.state, true);
        loop {
            let have = replicas(&self.state().await, true);
            if want.iter().all(|(owner, count)| Some(count) <= have.get(owner)) {
                return;
            }
            let waited = self.rig.sim.clock().monotonic().saturating_sub(begin);
            assert!(waited < HEALING_MAX, "pods find no place: {}", self.told(ended));
            self.wait(LOOK).await;
        }
    }

    /// In a calm world the fleet is as the operation says, or as it was.
    async fn expect_fleet(&self, before: &Before, named: &BTreeSet<String>, ended: &Operation) {
        let after = self.state().await;
        let open = after.nodes.iter().all(|node| !node.unschedulable);
        assert!(open, "a node is still cordoned: {}", self.told(ended));
        let names = |state: &ClusterState| -> BTreeSet<String> {
            state.nodes.iter().map(|node| node.name.clone()).collect()
        };
        if ended.state != State::Succeeded {
            assert_eq!(names(&before.state), names(&after), "not taken back: {}", self.told(ended));
            return;
        }
        let gone: BTreeSet<String> = names(&before.state).difference(&names(&after)).cloned().collect();
        assert_eq!(gone, *named, "{}", self.told(ended));
        let sizes = ended.steps.iter().find_map(|record| match &record.step {
            Step::Verify { sizes } => Some(sizes.clone()),
            _ => None,
        });
        for (group, count) in sizes.unwrap_or_default() {
            let have = after.nodes.iter().filter(|node| node.group == group).count();
            assert_eq!(have, count as usize, "{group}: {}", self.told(ended));
        }
    }

    async fn before(&self) -> Before {
        let removed = self.rig.sim.tally(&shop_id()).machines_removed.len();
        Before { state: self.state().await, removed }
    }

    async fn refresh(&self) {
        asked(async || self.rig.engine.refresh_cluster(&write(start()), &shop_id()).await).await;
    }

    async fn state(&self) -> ClusterState {
        let world = self.rig.sim.world();
        asked(async || world.cluster.state(&shop_id()).await).await
    }

    async fn wait(&self, span: Duration) {
        self.rig.sim.clock().sleep(span).await;
    }

    fn lift(&self, faults: Vec<Fault>) {
        faults.into_iter().for_each(|fault| self.rig.sim.lift(fault));
    }

    fn told(&self, ended: &Operation) -> String {
        let (state, failure) = (ended.state, &ended.failure);
        format!("seed {}, {state:?}, {failure:?}\n{}", self.seed, self.rig.sim.journal())
    }
}

/// Asks until there is an answer: a fault may still be in the way.
async fn asked<T, E: std::fmt::Debug>(ask: impl AsyncFn() -> Result<T, E>) -> T {
    for _ in 0..10 {
        if let Ok(answer) = ask().await {
            return answer;
        }
    }
    ask().await.unwrap()
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

/// What a plan has launched.
fn offerings(plan: &Plan) -> Vec<(String, String, CapacityKind)> {
    let new = plan.groups.iter().filter(|group| !group.existing);
    new.map(|group| (group.instance_types[0].clone(), group.zones[0].clone(), group.kind)).collect()
}

/// Pods of each workload, or only those that have a node; a pod on its way out does not count.
fn replicas(state: &ClusterState, placed: bool) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    let alive = state.pods.iter().filter(|pod| !pod.terminating && (pod.node.is_some() || !placed));
    for owner in alive.filter_map(|pod| pod.owner.as_ref()) {
        *counts.entry(format!("{}/{}", owner.namespace, owner.name)).or_insert(0) += 1;
    }
    counts
}
