//! What every world has to keep, pretended or real, as calls and what they must answer.
//!
//! [`check`] is run on this world in its tests, and on the real one's fakes in theirs. It changes the world: it makes a
//! group, grows it, deletes it, and evicts a pod. What a cloud keeps while it does what nobody asked for is checked by
//! [`check_reclaim`] and [`check_throttling`], which have to be told how to bring that about.

mod bills;
mod groups;
mod pods;
mod storms;

use std::fmt::Debug;
use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::world::{CloudError, GroupSpec, GroupStatus, World};

/// What there is to check on.
#[derive(Clone, Debug)]
pub struct Ground {
    /// A cluster that is there.
    pub cluster: ClusterId,
    /// A group that is not, and can be made and grown to two nodes.
    pub spec: GroupSpec,
    /// A healthy pod of a Deployment, `namespace/name`, that may be evicted, and finds another place.
    pub movable: String,
    /// A healthy pod, `namespace/name`, whose disruption budget lets nobody go.
    pub guarded: String,
    /// The longest that anything takes, in the world's time.
    pub patience: Duration,
    /// How long is waited between looks, in the world's time.
    pub look: Duration,
}

/// A promise that is not kept.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{promise}: {seen}")]
pub struct Breach {
    /// What was promised.
    pub promise: &'static str,
    /// What was seen instead.
    pub seen: String,
}

/// What is promised of [`plimsoll_domain::world::Prices::quotes`]: a cloud without a price list cannot keep it.
pub const QUOTES: &str = "quotes name every type with its facts, zones and prices, as of now";

/// Checks all promises, one after the other.
///
/// # Errors
/// The first that is not kept.
pub async fn check(world: &World, ground: &Ground) -> Result<(), Breach> {
    check_but(world, ground, &[]).await
}

/// Checks all promises but some, by their words.
///
/// # Errors
/// The first that is not kept.
pub async fn check_but(world: &World, ground: &Ground, without: &[&str]) -> Result<(), Breach> {
    let visit = Visit { without, ..Visit::new(world, ground) };
    visit.keeps("time passes by sleeping and never goes back", visit.time_passes()).await?;
    visit.keeps("a cluster that is not there is not found", visit.strange_cluster()).await?;
    visit.keeps("a group that is not there is none, and gone", visit.strange_group()).await?;
    visit.keeps(MADE, visit.made_once()).await?;
    visit.keeps(GROWN, visit.grown_once()).await?;
    let promise = "a machine's life is the group's, from its launch on, whoever asks since when";
    visit.keeps(promise, visit.lives_run()).await?;
    let promise = "a notice is of a machine that runs, at most two minutes ahead";
    visit.keeps(promise, visit.notices_are_of_what_runs()).await?;
    let promise = "spot prices are steps of the pools that ran, the same for whoever asks";
    visit.keeps(promise, visit.prices_step()).await?;
    visit.keeps(QUOTES, visit.quotes_are_whole()).await?;
    visit.keeps("a group with machines is not deleted", visit.kept_with_machines()).await?;
    let promise = "a machine is terminated once, and takes the size with it";
    visit.keeps(promise, visit.shrunk_by_one()).await?;
    visit.keeps("an empty group is deleted once", visit.deleted_once()).await?;
    let promise = "a life ends once, and is shown to whoever asks since before";
    visit.keeps(promise, visit.lives_end()).await?;
    let promise = "a cordon holds until it is lifted, and a node that is gone needs none";
    visit.keeps(promise, visit.cordoned()).await?;
    let promise = "a pod is evicted from where it is, and comes back elsewhere";
    visit.keeps(promise, visit.evicted()).await?;
    visit.keeps("a budget that lets nobody go blocks", visit.guarded()).await
}

/// Checks what is promised of a spot machine that is taken back; `take_back` has the cloud give notice to one, by its
/// provider id. Makes and grows the group, which is not there before, and leaves it at two machines.
///
/// # Errors
/// The first promise that is not kept.
pub async fn check_reclaim(
    world: &World,
    ground: &Ground,
    take_back: impl AsyncFn(&str),
) -> Result<(), Breach> {
    let visit = Visit::new(world, ground);
    visit.keeps(MADE, visit.made_once()).await?;
    visit.keeps(GROWN, visit.grown_once()).await?;
    let promise = "a machine that is taken back has its notice before, and another comes in its place";
    visit.keeps(promise, visit.taken_back(take_back)).await
}

/// Checks what is promised while the cloud throttles every call, which it does from before this until after.
///
/// # Errors
/// The first promise that is not kept.
pub async fn check_throttling(world: &World, ground: &Ground) -> Result<(), Breach> {
    let visit = Visit::new(world, ground);
    visit.keeps("a cloud that throttles says so, and the cluster answers", visit.throttled()).await
}

const MADE: &str = "a group is made once, empty, and is busy until it is active";
const GROWN: &str = "a size is reached once, and its nodes are the group's";

/// Kept, or what was seen instead.
type Kept = Result<(), String>;

struct Visit<'a> {
    world: &'a World,
    ground: &'a Ground,
    /// Promises that are not checked.
    without: &'a [&'a str],
    /// When it began.
    began: Timestamp,
}

impl<'a> Visit<'a> {
    fn new(world: &'a World, ground: &'a Ground) -> Self {
        Self { world, ground, without: &[], began: world.clock.now() }
    }

    async fn keeps(&self, promise: &'static str, kept: impl Future<Output = Kept>) -> Result<(), Breach> {
        if self.without.contains(&promise) {
            return Ok(());
        }
        kept.await.map_err(|seen| Breach { promise, seen })
    }
}

impl Visit<'_> {
    /// [`plimsoll_domain::clock::Clock`].
    async fn time_passes(&self) -> Kept {
        let (clock, look) = (&self.world.clock, self.ground.look);
        let (time, monotonic) = (clock.now(), clock.monotonic());
        clock.sleep(look).await;
        let passed = clock.now().duration_since(time).unsigned_abs();
        expect(look <= passed, || format!("{passed:?} of {look:?} passed"))?;
        let passed = clock.monotonic().saturating_sub(monotonic);
        expect(look <= passed, || format!("{passed:?} of {look:?} passed, monotonic"))
    }

    async fn state(&self) -> Result<ClusterState, String> {
        self.world.cluster.state(&self.ground.cluster).await.map_err(|error| format!("state: {error}"))
    }

    async fn status(&self, name: &str) -> Result<Option<GroupStatus>, String> {
        let status = self.world.cloud.group(&self.ground.cluster, name).await;
        status.map_err(|error| format!("group {name}: {error}"))
    }

    /// The group that is checked on.
    async fn its_status(&self) -> Result<GroupStatus, String> {
        let name = &self.ground.spec.name;
        self.status(name).await?.ok_or_else(|| format!("group {name} is not there"))
    }

    /// Looks until something is so.
    async fn until(&self, what: &str, so: impl AsyncFn() -> Result<bool, String>) -> Kept {
        let begin = self.world.clock.monotonic();
        while !so().await? {
            let waited = self.world.clock.monotonic().saturating_sub(begin);
            expect(waited < self.ground.patience, || format!("{what}: not after {waited:?}"))?;
            self.world.clock.sleep(self.ground.look).await;
        }
        Ok(())
    }

    /// Tells the cloud until it listens.
    async fn told(&self, what: &str, tell: impl AsyncFn() -> Result<(), CloudError>) -> Kept {
        self.until(what, async || match tell().await {
            Ok(()) => Ok(true),
            Err(CloudError::Busy(_) | CloudError::Throttled) => Ok(false),
            Err(error) => Err(format!("{what}: {error}")),
        })
        .await
    }
}

fn expect(so: bool, seen: impl FnOnce() -> String) -> Kept {
    if so { Ok(()) } else { Err(seen()) }
}

fn expect_same<T: PartialEq + Debug>(what: &str, got: &T, want: &T) -> Kept {
    expect(got == want, || format!("{what}: {got:?}, not {want:?}"))
}
