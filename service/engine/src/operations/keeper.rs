//! Who runs what: operations of a cluster are run by one process at a time, the one that has the cluster's lease.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::SignedDuration;
use plimsoll_domain::ids::{ClusterId, OperationId};
use plimsoll_domain::operation::{Operation, State};
use plimsoll_domain::store::{
    Duty, Lease, Mode, OperationFilter, PageRequest, RequestKey, StoreError, Write,
};
use plimsoll_domain::world::World;
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};

use super::PAGE_MAX;
use super::estate::leaves_a_cluster;
use super::gate::ByPolicy;
use super::logbook::Kept;
use super::runner::{Halted, Runner};
use crate::{Engine, Error};

/// How long a lease holds without being renewed: a process that died is missed for so long. Clocks of replicas have to
/// agree to a fraction of it.
const LEASE_LIFE: SignedDuration = SignedDuration::from_secs(10);
/// Real time between two renewals: a lease outlives two that fail.
const LEASE_RENEWAL: Duration = Duration::from_secs(3);
/// Tries of reading a cluster after an operation: plans of before it are stale only then.
const REFRESH_ATTEMPTS_MAX: u32 = 20;
/// Wait between them.
const REFRESH_PAUSE: Duration = Duration::from_secs(15);
/// Wait after a runner had to stop because the store failed.
const HALT_PAUSE: Duration = Duration::from_secs(5);
/// Longest wait for runners to give their leases up when the process ends.
const STOP_WAIT: Duration = Duration::from_secs(2);

/// Operations whose sequel is remembered as seen to: more than there are clusters whose newest is looked at.
const FOLLOWED_MAX: usize = 10_000;

/// What this process runs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Keeper {
    /// Tells this process from others at the store.
    holder: Arc<str>,
    running: Arc<Mutex<BTreeSet<OperationId>>>,
    /// Operations that are over and whose sequel is seen to; at most [`FOLLOWED_MAX`], the newest.
    followed: Arc<Mutex<BTreeSet<OperationId>>>,
    stopping: CancellationToken,
}

impl Keeper {
    /// A keeper that runs nothing yet. No two processes that live may have the same `holder`; one that is started in
    /// place of another, under its name, takes its leases over at once.
    pub fn new(holder: &str) -> Self {
        let (running, followed) = Default::default();
        Self { holder: holder.into(), running, followed, stopping: CancellationToken::new() }
    }

    /// This process's name at the store.
    pub(crate) fn holder(&self) -> &str {
        &self.holder
    }

    /// Whether nobody here has seen to the sequel of an operation yet; from now on somebody does.
    pub(super) fn follows(&self, id: &OperationId) -> bool {
        let mut followed = self.followed.lock().unwrap_or_else(PoisonError::into_inner);
        // Ids begin with their time.
        if FOLLOWED_MAX <= followed.len() {
            followed.pop_first();
        }
        followed.insert(id.clone())
    }

    /// It has to be seen to again.
    pub(super) fn follows_not(&self, id: &OperationId) {
        self.followed.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn begins(&self, id: &OperationId) -> bool {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone())
    }

    fn ended(&self, id: &OperationId) {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    fn count(&self) -> usize {
        self.running.lock().unwrap_or_else(PoisonError::into_inner).len()
    }
}

/// Why an operation is not run any more.
enum Ended {
    /// It is over, or stuck.
    AtRest,
    /// The store or the world failed: again, after a pause.
    Halted(Error),
    /// Another process has taken it over.
    Lost,
    /// This process ends.
    Stopped,
}

impl Engine {
    /// Takes up every operation that is not over, stuck ones among them: those of a process that died. Those that wait for
    /// their cluster get it in their turn. Returns how many there are.
    pub async fn resume_operations(&self) -> Result<usize, Error> {
        let open = self.open_everywhere().await?;
        let count = open.len();
        self.take_up(open, true).await?;
        Ok(count)
    }

    /// The same without those that are stuck, and without those that this process runs already. Operations of a process
    /// that lives are left to it.
    pub(crate) async fn take_up_forsaken(&self) -> Result<(), Error> {
        let open = self.open_everywhere().await?;
        self.take_up(open, false).await
    }

    async fn open_everywhere(&self) -> Result<Vec<Operation>, Error> {
        let filter = OperationFilter { open: true, ..OperationFilter::default() };
        self.all_operations(&filter).await
    }

    async fn take_up(&self, open: Vec<Operation>, with_stuck: bool) -> Result<(), Error> {
        let (waiting, begun): (Vec<_>, Vec<_>) =
            open.into_iter().partition(|operation| operation.state == State::Queued);
        for operation in begun.into_iter().filter(|one| with_stuck || one.state != State::Stuck) {
            let record = self.store.cluster(&operation.cluster).await?;
            let world = self.world_of(&record)?;
            self.spawn(operation, world);
        }
        let clusters: BTreeSet<ClusterId> = waiting.into_iter().map(|operation| operation.cluster).collect();
        for cluster in clusters {
            self.start_next(&cluster).await?;
        }
        Ok(())
    }

    /// All pages of a list, newest first.
    pub(super) async fn all_operations(&self, filter: &OperationFilter) -> Result<Vec<Operation>, Error> {
        let mut all = Vec::new();
        let mut token = String::new();
        loop {
            let page = self.store.operations(filter, &PageRequest { size: PAGE_MAX, token }).await?;
            all.extend(page.items);
            token = page.next_token;
            if token.is_empty() {
                return Ok(all);
            }
        }
    }

    /// Begins the operation that has waited longest for a cluster, if the cluster is free.
    pub(super) async fn start_next(&self, cluster: &ClusterId) -> Result<Option<Operation>, Error> {
        let record = self.store.cluster(cluster).await?;
        if record.mode == Mode::Offline {
            // It was removed.
            return Ok(None);
        }
        let world = self.world_of(&record)?;
        let next = self.store.next_operation(cluster).await?;
        if let Some(operation) = &next {
            info!(operation = %operation.id, "operation has its turn");
            self.operations_changed.send_modify(|count| *count += 1);
            self.spawn(operation.clone(), world);
        }
        Ok(next)
    }

    /// Lets go of everything that this process runs, so that another may take it up at once.
    pub async fn stop_operations(&self) {
        self.keeper.stopping.cancel();
        let gone = async {
            while 0 < self.keeper.count() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(STOP_WAIT, gone).await.is_err() {
            warn!("operations are let go without giving up their leases");
        }
    }

    /// As [`Engine::stop_operations`], without waiting.
    pub fn drop_operations(&self) {
        self.keeper.stopping.cancel();
    }

    /// Runs an operation beside everything else, unless this process runs it already.
    pub(super) fn spawn(&self, operation: Operation, world: World) {
        let (id, cluster) = (operation.id, operation.cluster);
        if !self.keeper.begins(&id) {
            return;
        }
        let engine = self.clone();
        tokio::spawn(async move {
            let ended = engine.run_in_turns(&id, &cluster, &world).await;
            engine.keeper.ended(&id);
            if matches!(ended, Ended::Stopped | Ended::Lost) {
                return;
            }
            // Whoever resumed it while its cluster was read found it taken.
            if let Ok(resumed) = engine.store.operation(&id).await
                && matches!(resumed.state, State::Running | State::Undoing)
            {
                return engine.spawn(resumed, world);
            }
            if let Err(error) = engine.follow_up(&id).await {
                warn!(operation = %id, cause = &error as &dyn std::error::Error, "what follows is left for later");
            }
            if let Err(error) = engine.start_next(&cluster).await {
                error!(%cluster, cause = &error as &dyn std::error::Error, "who waits for the cluster goes on waiting");
            }
        });
    }

    /// Runs an operation until it rests, again after each failure of the store.
    async fn run_in_turns(&self, id: &OperationId, cluster: &ClusterId, world: &World) -> Ended {
        loop {
            match self.run_once(id, cluster, world).await {
                Ended::Halted(why) => {
                    error!(operation = %id, cause = &why as &dyn std::error::Error, "operation halts");
                }
                end => return end,
            }
            tokio::select! {
                () = self.clock.sleep(HALT_PAUSE) => {}
                () = self.keeper.stopping.cancelled() => return Ended::Stopped,
            }
        }
    }

    async fn run_once(&self, id: &OperationId, cluster: &ClusterId, world: &World) -> Ended {
        let now = self.clock.now();
        let lease = match self
            .store
            .take_lease(cluster, Duty::Operations, self.keeper.holder(), now, self.lease_end())
            .await
        {
            Ok(Some(lease)) => lease,
            Ok(None) => {
                info!(operation = %id, "another process runs this cluster");
                return Ended::Lost;
            }
            Err(why) => return Ended::Halted(why.into()),
        };
        let ended = tokio::select! {
            ended = self.run_operation(id, world) => match ended {
                Ok(()) => Ended::AtRest,
                Err(Error::Store(StoreError::Superseded(_))) => Ended::Lost,
                Err(why) => Ended::Halted(why),
            },
            () = self.until_lost(&lease) => Ended::Lost,
            () = self.keeper.stopping.cancelled() => Ended::Stopped,
        };
        if matches!(ended, Ended::Lost) {
            warn!(operation = %id, "another runner has taken over");
        } else if let Err(why) = self.store.release_lease(&lease).await {
            warn!(%cluster, %why, "the lease runs out by itself");
        }
        ended
    }

    fn lease_end(&self) -> jiff::Timestamp {
        self.clock.now().saturating_add(LEASE_LIFE).unwrap_or(jiff::Timestamp::MAX)
    }

    /// Renews a lease for as long as it can be. Paced by real time, whatever the clock: nothing is measured here.
    async fn until_lost(&self, lease: &Lease) {
        let mut end = self.lease_end();
        loop {
            tokio::time::sleep(LEASE_RENEWAL).await;
            let next = self.lease_end();
            match self.store.renew_lease(lease, next).await {
                Ok(true) => end = next,
                Ok(false) => return,
                Err(_) if self.clock.now() < end => {}
                Err(_) => return,
            }
        }
    }

    /// Runs an operation to its end and reads the cluster anew, so that the next plan starts from what is.
    async fn run_operation(&self, id: &OperationId, world: &World) -> Result<(), Error> {
        let operation = self.store.operation(id).await?;
        if operation.state.is_final() {
            return Ok(());
        }
        let changes = Arc::clone(&self.operations_changed);
        let changed = Arc::new(move || changes.send_modify(|count| *count += 1));
        let clock = Arc::clone(&world.clock);
        let operation = self.prepare(operation, world).await?;
        let minutes = self.store.policy(&operation.cluster).await?.policy.drain_timeout_minutes;
        let runner = Runner {
            store: Arc::new(Kept(Arc::clone(&self.store))),
            world: world.clone(),
            changed,
            gate: Arc::new(ByPolicy(Arc::clone(&self.store))),
            drain_timeout: Duration::from_secs(60 * u64::from(minutes)),
        };
        let operation = runner.run(operation).await.map_err(|Halted(store)| Error::Store(store))?;
        if !leaves_a_cluster(&operation) {
            return Ok(());
        }
        let write = self.own_write("RefreshCluster");
        for _ in 0..REFRESH_ATTEMPTS_MAX {
            match self.refresh_cluster(&write, &operation.cluster).await {
                Ok(_) => return Ok(()),
                Err(why) => {
                    warn!(cluster = %operation.cluster, %why, "the cluster cannot be read after an operation")
                }
            }
            clock.sleep(REFRESH_PAUSE).await;
        }
        // The operation rests all the same: to halt here would be to begin it again.
        Ok(())
    }

    /// A write that nobody asked for.
    pub(crate) fn own_write(&self, method: &str) -> Write {
        let request = RequestKey { id: String::new(), method: method.to_owned(), body_digest: String::new() };
        Write { request, actor: "plimsolld".to_owned(), time: self.clock.now() }
    }
}
