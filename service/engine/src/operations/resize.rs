//! Resizes: a node group is brought to a size, up by machines that join, down by nodes that are chosen here and drained.

use std::time::Duration;

use plimsoll_domain::fleet::Node;
use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::operation::{Failure, Kind, Operation, Progress, State, Step, StepRecord};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::store::{ClusterRecord, OpenOperation, StoreError, Write};
use plimsoll_domain::units::HourlyRate;
use plimsoll_domain::workload::Pod;
use plimsoll_domain::world::{GroupStatus, World};
use tracing::{info, warn};

use super::act::has_to_leave;
use super::groups::{etag, max_count};
use super::within_budget;
use crate::{Engine, Error};

/// Tries of planning a resize whose turn has come while the world does not answer.
const PREPARE_ATTEMPTS_MAX: u32 = 20;
/// Wait between two of them.
const PREPARE_BACKOFF: Duration = Duration::from_secs(10);

/// Which group to bring to which size.
#[derive(Clone, Debug)]
pub struct ResizeOrder {
    /// Who asks, and under which request id.
    pub write: Write,
    /// The group's cluster.
    pub cluster: ClusterId,
    /// The group.
    pub group: String,
    /// Nodes that it is to have.
    pub desired_count: i64,
    /// Why, for people; may be empty.
    pub reason: String,
    /// [`super::ShownGroup::etag`] as it was seen; empty: not compared.
    pub etag: String,
}

impl Engine {
    /// Begins to bring a node group to a size, and returns at once. Growing waits for whoever holds the cluster, together
    /// with others of the same group: they are one operation, for the largest size. The size that the group has already is
    /// an operation that is done. The same request again returns the operation as it is.
    ///
    /// # Errors
    /// [`Error::NotActuator`], [`Error::Frozen`], [`Error::ProtectedGroup`], [`Error::OutOfRangeSize`],
    /// [`Error::UnsafeShrink`], [`Error::BudgetExceeded`]; of the store, `NotFound`, `EtagMismatch`, and `Busy` for
    /// lowering a group of a cluster that is held.
    pub async fn resize_node_group(&self, order: ResizeOrder) -> Result<Operation, Error> {
        if let Some(earlier) = self.earlier_operation(&order.write).await? {
            return Ok(earlier);
        }
        let record = self.store.cluster(&order.cluster).await?;
        let policy = self.store.policy(&order.cluster).await?.policy;
        let world = self.world_to_change(&record, &policy)?;
        let resource = order.cluster.node_group_name(&order.group);
        let status = self.group_status(&record, &order.group).await?;
        let status = status.ok_or_else(|| StoreError::NotFound(resource.clone()))?;
        if policy.protected_groups.contains(&order.group) {
            return Err(Error::ProtectedGroup(resource));
        }
        let to = size_within(&order, max_count(policy.nodes_per_group_max), &resource)?;
        let current = etag(status.desired_count, max_count(policy.nodes_per_group_max));
        if !order.etag.is_empty() && order.etag != current {
            return Err(StoreError::EtagMismatch { resource, given: order.etag, current }.into());
        }
        let open = self.store.open_operations(&order.cluster).await?;
        let promised = promised_size(&open, &order.group);
        let from = promised.unwrap_or(status.desired_count);
        let state = match promised {
            None if to == from => State::Succeeded,
            _ if from <= to => State::Queued,
            _ => State::Running,
        };
        if let Some(holder) = open.first().filter(|_| state == State::Running) {
            return Err(StoreError::Busy { cluster: record.id.name(), holder: holder.id.name() }.into());
        }
        if from < to && 0.0 < policy.monthly_budget_usd {
            self.may_cost(&record, &policy, &order.group, to.saturating_sub(status.desired_count)).await?;
        }
        let steps = match state {
            State::Succeeded => Vec::new(),
            State::Queued => growing(&order.group, from, to),
            _ => shrinking(&status, &self.state_now(&record).await?, to)?,
        };
        let (group, reason) = (order.group.clone(), order.reason.clone());
        let kind = Kind::ResizeNodeGroup { group, from, to, reason };
        let operation = Operation { state, ..self.drafted(&order.write, &record, &world, kind, steps)? };
        let engine = self.clone();
        let is_free = open.iter().all(|operation| operation.is_queued);
        // Not cut short by a caller that goes away: what is stored has a runner, or a place in the queue.
        let begun =
            tokio::spawn(async move { engine.begin_resize(&order.write, operation, world, is_free).await });
        begun.await.map_err(|panic| Error::Internal(panic.to_string()))?
    }

    /// Refuses nodes that a cluster's budget does not pay for. What has no known price counts as free.
    async fn may_cost(
        &self,
        record: &ClusterRecord,
        policy: &Policy,
        group: &str,
        more: u32,
    ) -> Result<(), Error> {
        let catalog = self.catalog_or_newest(None, &record.region).await?.catalog;
        let nodes = self.state_now(record).await?.nodes;
        let price =
            |node: &Node| catalog.price(&node.instance_type, &node.zone, node.kind).unwrap_or_default();
        let sum = |nano: i64| HourlyRate::from_nano_usd(nano).unwrap_or_default();
        let now: i64 = nodes.iter().map(|node| price(node).nano_usd()).fold(0, i64::saturating_add);
        let dearest =
            nodes.iter().filter(|node| node.group == group).map(|node| price(node).nano_usd()).max();
        let then = now.saturating_add(dearest.unwrap_or(0).saturating_mul(i64::from(more)));
        within_budget(policy, &record.id, sum(now), sum(then))
    }

    /// Writes a resize down, and begins it if it is its turn. `is_free`: nobody held the cluster a moment ago.
    async fn begin_resize(
        &self,
        write: &Write,
        wish: Operation,
        world: World,
        is_free: bool,
    ) -> Result<Operation, Error> {
        let added = self.store.add_operation(write, &wish).await?;
        let is_new = added.id == wish.id;
        if is_new {
            info!(operation = %added.id, cluster = %added.cluster, kind = ?added.kind, "resize accepted");
        }
        match added.state {
            State::Running if is_new => self.spawn(added.clone(), world),
            // What was joined has its turn in the line already, unless whoever put it there did not come to that.
            State::Queued if is_new || is_free => match self.start_next(&added.cluster).await {
                Ok(Some(begun)) if begun.id == added.id => return Ok(begun),
                Ok(_) => {}
                Err(why) => warn!(operation = %added.id, %why, "a resize waits for the next turn"),
            },
            _ => {}
        }
        Ok(added)
    }

    /// Plans a resize anew, by the world as it is when its turn has come. Left alone if a step of it has begun. Where its
    /// policy or the world speak against it, it ends as failed: nothing was done.
    pub(super) async fn prepare(&self, operation: Operation, world: &World) -> Result<Operation, Error> {
        let begun = operation.steps.iter().any(|record| record.progress != Progress::Pending);
        if operation.state != State::Running || operation.kind.plan().is_some() || begun {
            return Ok(operation);
        }
        let mut attempt = 1;
        let steps = loop {
            match self.planned(&operation).await {
                Err(Error::World(why)) if attempt < PREPARE_ATTEMPTS_MAX => {
                    warn!(operation = %operation.id, why, "the cluster cannot be read");
                    world.clock.sleep(PREPARE_BACKOFF).await;
                    attempt += 1;
                }
                steps => break steps,
            }
        };
        let update_time = world.clock.now();
        let next = match steps {
            Ok(steps) => Operation { steps, update_time, ..operation },
            Err(why) => {
                let failure = Failure { reason: reason(&why)?.to_owned(), message: why.to_string() };
                Operation { state: State::Failed, failure: Some(failure), update_time, ..operation }
            }
        };
        let written = self.store.update_operation(&next).await?;
        self.operations_changed.send_modify(|count| *count += 1);
        Ok(written)
    }

    /// The steps of a resize from the world as it is.
    async fn planned(&self, operation: &Operation) -> Result<Vec<StepRecord>, Error> {
        let Kind::ResizeNodeGroup { group, from, to, .. } = &operation.kind else {
            return Ok(operation.steps.clone());
        };
        let record: ClusterRecord = self.store.cluster(&operation.cluster).await?;
        let policy = self.store.policy(&operation.cluster).await?.policy;
        self.world_to_change(&record, &policy)?;
        let resource = operation.cluster.node_group_name(group);
        if policy.protected_groups.contains(group) {
            return Err(Error::ProtectedGroup(resource));
        }
        let status = self.group_status(&record, group).await?.ok_or(StoreError::NotFound(resource))?;
        let now = status.desired_count;
        match from <= to {
            true if now < *to => Ok(growing(group, now, *to)),
            false if *to < now => shrinking(&status, &self.state_now(&record).await?, *to),
            _ => Ok(Vec::new()),
        }
    }
}

/// Whether evicting a pod would lose it, or its owner forbids it.
fn is_protected(pod: &Pod) -> bool {
    !pod.terminating && (pod.owner.is_none() || pod.do_not_disrupt.is_some())
}

fn size_within(order: &ResizeOrder, max: Option<u32>, resource: &str) -> Result<u32, Error> {
    let max = max.unwrap_or(i32::MAX as u32);
    let size = u32::try_from(order.desired_count).ok().filter(|size| *size <= max);
    size.ok_or_else(|| Error::OutOfRangeSize { group: resource.to_owned(), wanted: order.desired_count, max })
}

/// What the newest resize of a group that is not over brings it to.
fn promised_size(open: &[OpenOperation], group: &str) -> Option<u32> {
    let of_group = |operation: &OpenOperation| match &operation.size {
        Some((other, to)) if other == group => Some(*to),
        _ => None,
    };
    open.iter().rev().find_map(of_group)
}

/// Machines join open to pods: nothing is steered.
fn growing(group: &str, from: u32, to: u32) -> Vec<StepRecord> {
    let group = group.to_owned();
    vec![StepRecord::new(Step::Grow { group, from, to })]
}

/// Nodes are chosen by name: those with the fewest pods that have to leave, not ready ones first among equals. A node is
/// spared if a pod runs on it that nobody would make again, or that must not be disturbed.
fn shrinking(status: &GroupStatus, state: &ClusterState, to: u32) -> Result<Vec<StepRecord>, Error> {
    let group = status.name.clone();
    let mut members: Vec<_> = state.nodes.iter().filter(|node| node.group == group).collect();
    if members.len() != status.desired_count as usize || members.len() != status.instances.len() {
        let (have, want) = (members.len(), status.desired_count);
        return Err(Error::World(format!("group {group} is changing: it has {have} nodes and wants {want}")));
    }
    let count = members.len().saturating_sub(to as usize);
    let leaving = |node: &str| state.pods.iter().filter(|pod| has_to_leave(pod, node)).count();
    let guard = |node: &str| state.pods.iter().find(|pod| has_to_leave(pod, node) && is_protected(pod));
    let guards: Vec<String> =
        members.iter().filter_map(|node| guard(&node.name)).map(|pod| format!("pod {}", pod.key())).collect();
    members.retain(|node| guard(&node.name).is_none());
    if members.len() < count {
        let (free, first) = (members.len(), guards.first().map_or("none", String::as_str));
        return Err(Error::UnsafeShrink(format!(
            "{count} nodes would have to go, but only {free} have no pod that may not be evicted, as {first}"
        )));
    }
    members.sort_by_cached_key(|node| (leaving(&node.name), node.ready, node.name.clone()));
    let nodes: Vec<String> = members.into_iter().take(count).map(|node| node.name.clone()).collect();
    let steps = [
        Step::Cordon { nodes: nodes.clone() },
        Step::Remove { group: group.clone(), nodes },
        Step::Verify { sizes: vec![(group, to)] },
    ];
    Ok(steps.into_iter().map(StepRecord::new).collect())
}

/// The stable code of what ends a resize before its first step; the same as a caller would have been told.
///
/// # Errors
/// What is no reason to end it.
fn reason(why: &Error) -> Result<&'static str, Error> {
    match why {
        Error::World(_) => Ok("UNAVAILABLE_SOURCE"),
        Error::NotActuator { .. } => Ok("NOT_ACTUATOR"),
        Error::Frozen(_) => Ok("FROZEN"),
        Error::ProtectedGroup(_) => Ok("PROTECTED_GROUP"),
        Error::UnsafeShrink(_) => Ok("UNSAFE_SHRINK"),
        Error::Store(StoreError::NotFound(_)) => Ok("UNKNOWN_NODE_GROUP"),
        other => Err(Error::Internal(other.to_string())),
    }
}
