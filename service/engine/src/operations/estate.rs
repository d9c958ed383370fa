//! Parts of a cluster: driven to their end, and written down once they are there or gone.

use std::sync::Arc;
use std::time::Duration;

use plimsoll_domain::estate::{Estate, Part, Standing};
use plimsoll_domain::ids::OperationId;
use plimsoll_domain::operation::{Kind, Operation, State, Step, StepRecord};
use plimsoll_domain::store::{ClusterRecord, Mode, Write};
use plimsoll_domain::world::{CloudError, World};
use tracing::info;

use super::act::{Hands, StepError};
use crate::{Engine, Error};

/// How often a part is asked how far it is.
const LOOK: Duration = Duration::from_secs(5);
/// Longest wait for one part. A control plane takes 8 to 15 minutes, its upgrade up to 25, machines of a group a
/// quarter of an hour each where budgets hold their pods.
const PART_WAIT_MAX: Duration = Duration::from_secs(2 * 3600);
/// The same for pods whose image is pulled from outside. A guess: where it can be had, it is there within two minutes.
const IMAGE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);

impl Hands<'_> {
    /// Brings a part to its end.
    pub(super) async fn ensure(&self, part: &Part) -> Result<(), StepError> {
        let estate = self.estate()?;
        let longest = if matches!(part, Part::DevicePlugin(_)) { IMAGE_WAIT_MAX } else { PART_WAIT_MAX };
        self.until_reached(longest, || estate.ensure(self.cluster, part, self.operation)).await
    }

    /// Removes a part; `mine`: only if this operation made it.
    pub(super) async fn dismantle(&self, part: &Part, mine: bool) -> Result<(), StepError> {
        let estate = self.estate()?;
        let by = mine.then_some(self.operation);
        self.until_reached(PART_WAIT_MAX, || estate.ensure_gone(self.cluster, part, by)).await
    }

    fn estate(&self) -> Result<&dyn Estate, StepError> {
        let missing = || StepError::Hopeless {
            reason: "NOT_ACTUATOR",
            message: "clusters are not made in this world".to_owned(),
        };
        self.world.estate.as_deref().ok_or_else(missing)
    }

    async fn until_reached<F>(
        &self,
        longest: Duration,
        ask: impl Fn() -> F + Send + Sync,
    ) -> Result<(), StepError>
    where
        F: Future<Output = Result<Standing, CloudError>> + Send,
    {
        let deadline = self.world.clock.monotonic() + longest;
        loop {
            let waits = match self.patiently(&ask).await? {
                Standing::Reached => return Ok(()),
                Standing::OnTheWay(waits) => waits,
            };
            self.note(waits.clone());
            if deadline <= self.world.clock.monotonic() {
                let message = format!("{waits}, and has for {} minutes", longest.as_secs() / 60);
                return Err(StepError::Hopeless { reason: "TOO_SLOW", message });
            }
            self.world.clock.sleep(LOOK).await;
        }
    }
}

/// What would be carried out, or is.
#[derive(Clone, Debug, PartialEq)]
pub struct Proposal {
    /// The operation; not written down if it was only asked what would be done.
    pub operation: Operation,
    /// What will be left behind and goes on being billed.
    pub leftovers: Vec<Leftover>,
}

/// Something that outlives its cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leftover {
    /// What it is, and its name.
    pub what: String,
    /// What it costs, nano-USD in an hour, at list prices and without traffic; 0: not known.
    pub nano_usd_per_hour: i64,
    /// Whether the cluster's network cannot go while it is there.
    pub holds_network: bool,
}

impl Engine {
    /// The estate of a cluster of AWS.
    pub(super) fn estate_of(&self, record: &ClusterRecord) -> Result<(World, Arc<dyn Estate>), Error> {
        let world = self.world_of(record)?;
        let why = "it is SIMULATED: clusters are made in AWS alone";
        let estate = world.estate.clone();
        let estate = estate.ok_or(Error::NotActuator { cluster: record.id.to_string(), why })?;
        Ok((world, estate))
    }

    /// An operation on a cluster, not written down yet.
    pub(super) fn drafted(
        &self,
        write: &Write,
        record: &ClusterRecord,
        world: &World,
        kind: Kind,
        steps: Vec<StepRecord>,
    ) -> Result<Operation, Error> {
        let now = world.clock.now();
        Ok(Operation {
            id: crate::imports::fresh_id("o", write.time)?,
            cluster: record.id.clone(),
            kind,
            state: State::Running,
            steps,
            failure: None,
            cancel_requested: false,
            actor: write.actor.clone(),
            create_time: now,
            update_time: now,
            revision: 1,
        })
    }

    /// Writes an operation down and has it run; not cut short by a caller that goes away.
    pub(super) async fn begin(
        &self,
        write: Write,
        operation: Operation,
        world: World,
    ) -> Result<Operation, Error> {
        let engine = self.clone();
        let begun = tokio::spawn(async move {
            let begun = engine.store.add_operation(&write, &operation).await?;
            if begun.id == operation.id {
                info!(operation = %begun.id, kind = ?begun.kind, steps = begun.steps.len(), "operation begins");
                engine.spawn(begun.clone(), world);
            }
            Ok(begun)
        });
        begun.await.map_err(|panic| Error::Internal(panic.to_string()))?
    }

    /// What an earlier request made of a cluster.
    pub(super) async fn earlier_proposal(&self, write: &Write) -> Result<Option<Proposal>, Error> {
        let earlier = self.earlier_operation(write).await?;
        Ok(earlier.map(|operation| Proposal { operation, leftovers: Vec::new() }))
    }

    /// Writes down what an operation that is over made of its cluster: its version, or that it is gone and known by its
    /// past alone. May be called twice.
    pub(super) async fn note_cluster(&self, id: &OperationId) -> Result<(), Error> {
        let operation = self.store.operation(id).await?;
        if operation.state != State::Succeeded {
            return Ok(());
        }
        let mut record = self.store.cluster(&operation.cluster).await?;
        match &operation.kind {
            Kind::CreateCluster => record.kubernetes_version = made_version(&operation),
            Kind::UpgradeCluster { to, .. } => record.kubernetes_version.clone_from(to),
            Kind::DeleteCluster => record.mode = Mode::Offline,
            _ => return Ok(()),
        }
        let write = self.write_once("NoteCluster", id);
        self.store.put_cluster(&write, &record).await?;
        Ok(())
    }
}

/// Whether there is a cluster to read after an operation.
pub(super) fn leaves_a_cluster(operation: &Operation) -> bool {
    match operation.kind {
        Kind::DeleteCluster => false,
        Kind::CreateCluster => operation.state == State::Succeeded,
        _ => true,
    }
}

fn made_version(operation: &Operation) -> String {
    let version = operation.steps.iter().find_map(|record| match &record.step {
        Step::Ensure { part: Part::ControlPlane(plane) } => Some(&plane.version),
        _ => None,
    });
    version.cloned().unwrap_or_default()
}
