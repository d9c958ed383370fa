//! Carrying one step out. Each function drives the world to an end that the step states, and finds it reached if it is
//! called again.

use std::collections::BTreeMap;
use std::time::Duration;

use plimsoll_domain::ids::ClusterId;
use plimsoll_domain::operation::Step;
use plimsoll_domain::plan::Move;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::{Pod, WorkloadKind, WorkloadRef};
use plimsoll_domain::world::{CloudError, ClusterError, Eviction, GroupStatus, World};

/// How often the world is asked whether an end is reached.
const POLL: Duration = Duration::from_secs(5);
/// Longest wait for a group to take changes, or for its nodes to be ready. Machines take one to two minutes; botocore's
/// waiter for node groups gives up after 40.
const READY_WAIT_MAX: Duration = Duration::from_secs(20 * 60);
/// Longest wait for one pod to leave its node and run again: the policy's default drain timeout.
const MOVE_WAIT_MAX: Duration = Duration::from_secs(15 * 60);
/// After this share of [`MOVE_WAIT_MAX`] a pod that found no place gets all new nodes to choose from.
const STEERING_PATIENCE: Duration = Duration::from_secs(2 * 60);

/// Why a step did not reach its end. One variant for each thing the runner does about it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum StepError {
    /// Another try may help.
    #[error("{0}")]
    Again(String),
    /// No try will help. Carries a stable reason.
    #[error("{message}")]
    Hopeless {
        /// In UPPER_SNAKE.
        reason: &'static str,
        /// One sentence.
        message: String,
    },
}

impl From<CloudError> for StepError {
    fn from(error: CloudError) -> Self {
        match error {
            CloudError::NoCapacity(message) => Self::Hopeless { reason: "NO_CAPACITY", message },
            CloudError::Conflict(message) => Self::Hopeless { reason: "CONFLICT", message },
            other => Self::Again(other.to_string()),
        }
    }
}

impl From<ClusterError> for StepError {
    fn from(error: ClusterError) -> Self {
        Self::Again(error.to_string())
    }
}

/// One cluster of a world.
pub struct Hands<'a> {
    /// The world.
    pub world: &'a World,
    /// The cluster.
    pub cluster: &'a ClusterId,
    /// Groups that the operation made.
    pub created: &'a [String],
}

impl Hands<'_> {
    /// Carries a step out.
    pub async fn act(&self, step: &Step) -> Result<(), StepError> {
        match step {
            Step::EnsureGroup { spec } => {
                self.world.cloud.ensure_group(self.cluster, spec).await?;
                self.until_active(&spec.name).await.map(drop)
            }
            Step::Grow { group, to, .. } => self.grow(group, *to).await,
            Step::Cordon { nodes } => self.cordon_all(nodes, true).await,
            Step::Migrate { moves } => self.migrate(moves).await,
            Step::Remove { group, nodes } => self.remove(group, nodes).await,
            Step::Open { groups } => self.open(groups).await,
            Step::DeleteGroup { group } => self.delete_group(group).await,
            Step::Verify { sizes } => self.verify(sizes).await,
        }
    }

    /// Takes a step back. Only what came before the first move has a way back.
    pub async fn undo(&self, step: &Step) -> Result<(), StepError> {
        match step {
            Step::EnsureGroup { spec } => self.delete_group(&spec.name).await,
            Step::Grow { group, from, .. } => self.shrink_back(group, *from as usize).await,
            Step::Cordon { nodes } => self.cordon_all(nodes, false).await,
            _ => Ok(()),
        }
    }

    async fn grow(&self, group: &str, to: u32) -> Result<(), StepError> {
        self.until_active(group).await?;
        self.world.cloud.ensure_size(self.cluster, group, to).await?;
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            let status = self.until_active(group).await?;
            if let Some(issue) = status.issues.first() {
                return Err(StepError::Hopeless { reason: "NO_CAPACITY", message: issue.clone() });
            }
            let state = self.world.cluster.state(self.cluster).await?;
            let ready = nodes_of(&status, &state).len();
            if to as usize <= ready {
                let nodes = nodes_of(&status, &state);
                return self.cordon_all(&nodes, true).await;
            }
            self.wait(deadline, || format!("{ready} of {to} nodes of {group} are ready")).await?;
        }
    }

    async fn shrink_back(&self, group: &str, to: usize) -> Result<(), StepError> {
        let Some(status) = self.world.cloud.group(self.cluster, group).await? else { return Ok(()) };
        if !status.is_active {
            self.until_active(group).await?;
        }
        self.world.cloud.give_up_missing(self.cluster, group).await?;
        for instance in status.instances.iter().skip(to) {
            self.world.cloud.ensure_instance_gone(self.cluster, group, &instance.provider_id).await?;
        }
        Ok(())
    }

    async fn cordon_all(&self, nodes: &[String], cordoned: bool) -> Result<(), StepError> {
        for node in nodes {
            match self.world.cluster.set_cordoned(self.cluster, node, cordoned).await {
                Ok(()) | Err(ClusterError::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    async fn migrate(&self, moves: &[Move]) -> Result<(), StepError> {
        for one in moves {
            self.move_pod(one).await?;
        }
        Ok(())
    }

    /// Opens the target, evicts the pod, waits until its workload has no pending pod, closes the target again.
    async fn move_pod(&self, one: &Move) -> Result<(), StepError> {
        let state = self.world.cluster.state(self.cluster).await?;
        let Some(pod) = state.pods.iter().find(|pod| pod.key() == one.pod) else { return Ok(()) };
        let is_there = pod.node.is_some() && pod.node == one.from && !pod.terminating;
        let is_waiting = pod.node.is_none();
        if !is_there && !is_waiting {
            return Ok(());
        }
        let owner = pod.owner.clone();
        let target = self.real_name(&one.to, &state).await?;
        let steered = self.is_new(&one.to);
        if steered {
            self.cordon_all(std::slice::from_ref(&target), false).await?;
        }
        if let Some(from) = one.from.as_deref().filter(|_| is_there) {
            self.evict(&one.pod, from).await?;
        }
        self.until_placed(&one.pod, owner.as_ref()).await?;
        if steered { self.cordon_all(&[target], true).await } else { Ok(()) }
    }

    async fn evict(&self, pod: &str, node: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + MOVE_WAIT_MAX;
        loop {
            match self.world.cluster.evict(self.cluster, pod, node).await? {
                Eviction::Accepted | Eviction::Gone => return Ok(()),
                Eviction::Blocked(budget) => {
                    self.wait(deadline, || format!("disruption budget {budget} keeps pod {pod}")).await?;
                }
            }
        }
    }

    /// Waits until neither the pod nor, if it comes back by another name, a sibling is pending.
    async fn until_placed(&self, key: &str, owner: Option<&WorkloadRef>) -> Result<(), StepError> {
        let start = self.world.clock.monotonic();
        let mut is_steered = true;
        loop {
            let state = self.world.cluster.state(self.cluster).await?;
            let concerns = |pod: &&Pod| pod.key() == key || (owner.is_some() && pod.owner.as_ref() == owner);
            let pending =
                state.pods.iter().filter(concerns).find(|pod| pod.node.is_none() || pod.terminating);
            let Some(pending) = pending else { return Ok(()) };
            if is_steered && start + STEERING_PATIENCE <= self.world.clock.monotonic() {
                self.open(self.created).await?;
                is_steered = false;
            }
            let who = pending.key();
            self.wait(start + MOVE_WAIT_MAX, || format!("pod {who} finds no node")).await?;
        }
    }

    /// Drains what is left on the nodes, then terminates them. What a DaemonSet runs goes with its node.
    async fn remove(&self, group: &str, nodes: &[String]) -> Result<(), StepError> {
        for name in nodes {
            self.drain(name).await?;
            let state = self.world.cluster.state(self.cluster).await?;
            let Some(node) = state.nodes.iter().find(|node| node.name == *name) else { continue };
            self.until_active(group).await?;
            self.world.cloud.ensure_instance_gone(self.cluster, group, &node.provider_id).await?;
            self.until_gone(name).await?;
        }
        Ok(())
    }

    async fn drain(&self, node: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + MOVE_WAIT_MAX;
        loop {
            let state = self.world.cluster.state(self.cluster).await?;
            let left: Vec<&Pod> = state.pods.iter().filter(|pod| has_to_leave(pod, node)).collect();
            let Some(first) = left.first() else { return Ok(()) };
            for pod in left.iter().filter(|pod| !pod.terminating) {
                self.world.cluster.evict(self.cluster, &pod.key(), node).await?;
            }
            let (count, first) = (left.len(), first.key());
            self.wait(deadline, || format!("{count} pods are left on {node}, such as {first}")).await?;
        }
    }

    async fn until_gone(&self, node: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            let state = self.world.cluster.state(self.cluster).await?;
            if !state.nodes.iter().any(|one| one.name == node) {
                return Ok(());
            }
            self.wait(deadline, || format!("node {node} is still there")).await?;
        }
    }

    async fn open(&self, groups: &[String]) -> Result<(), StepError> {
        for group in groups {
            let Some(status) = self.world.cloud.group(self.cluster, group).await? else { continue };
            let state = self.world.cluster.state(self.cluster).await?;
            self.cordon_all(&nodes_of(&status, &state), false).await?;
        }
        Ok(())
    }

    async fn delete_group(&self, group: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            match self.world.cloud.group(self.cluster, group).await? {
                None => return Ok(()),
                Some(status) if status.is_active && status.instances.is_empty() => {
                    self.world.cloud.ensure_group_gone(self.cluster, group).await?;
                }
                Some(_) => {}
            }
            self.wait(deadline, || format!("group {group} is still there")).await?;
        }
    }

    async fn verify(&self, sizes: &[(String, u32)]) -> Result<(), StepError> {
        let state = self.world.cluster.state(self.cluster).await?;
        for (group, want) in sizes {
            let have = state.nodes.iter().filter(|node| node.group == *group).count();
            if have != *want as usize {
                let message = format!("group {group} has {have} nodes, the plan {want}");
                return Err(StepError::Hopeless { reason: "FLEET_DIFFERS", message });
            }
        }
        Ok(())
    }

    /// Waits until a group takes changes.
    async fn until_active(&self, group: &str) -> Result<GroupStatus, StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            match self.world.cloud.group(self.cluster, group).await? {
                Some(status) if status.is_active => return Ok(status),
                Some(_) => self.wait(deadline, || format!("group {group} is being changed")).await?,
                None => return Err(CloudError::NotFound(group.to_owned()).into()),
            }
        }
    }

    /// Whether a plan's node name is one that it made up for a group of its own.
    fn is_new(&self, name: &str) -> bool {
        made_up(self.created, name).is_some()
    }

    /// The node that a plan's node name stands for: the n-th machine of a new group, or the node itself.
    async fn real_name(&self, name: &str, state: &ClusterState) -> Result<String, StepError> {
        let Some((group, number)) = made_up(self.created, name) else { return Ok(name.to_owned()) };
        let status = self.world.cloud.group(self.cluster, group).await?;
        let nodes = status.map(|status| nodes_of(&status, state)).unwrap_or_default();
        let missing = || StepError::Again(format!("group {group} has no node {number} that is ready"));
        nodes.into_iter().nth(number - 1).ok_or_else(missing)
    }

    async fn wait(&self, deadline: Duration, what: impl FnOnce() -> String) -> Result<(), StepError> {
        if deadline <= self.world.clock.monotonic() {
            return Err(StepError::Again(what()));
        }
        self.world.clock.sleep(POLL).await;
        Ok(())
    }
}

/// Group and number in a made-up name, `{group}-new-{number}`.
fn made_up<'a>(created: &'a [String], name: &str) -> Option<(&'a str, usize)> {
    let (group, number) = name.rsplit_once("-new-")?;
    let group = created.iter().find(|one| *one == group)?;
    Some((group, number.parse().ok().filter(|number| 0 < *number)?))
}

/// Names of the nodes of a group that are ready, in the order in which they were launched.
fn nodes_of(status: &GroupStatus, state: &ClusterState) -> Vec<String> {
    let by_id: BTreeMap<&str, &str> = state
        .nodes
        .iter()
        .filter(|node| node.ready)
        .map(|node| (node.provider_id.as_str(), node.name.as_str()))
        .collect();
    let name =
        |instance: &plimsoll_domain::world::Instance| by_id.get(instance.provider_id.as_str()).copied();
    status.instances.iter().filter_map(name).map(str::to_owned).collect()
}

/// Pods that have to be gone before a node goes: all but those of DaemonSets and the kubelet's own.
fn has_to_leave(pod: &Pod, node: &str) -> bool {
    let stays = |owner: &WorkloadRef| matches!(owner.kind, WorkloadKind::DaemonSet | WorkloadKind::Node);
    pod.node.as_deref() == Some(node) && !pod.owner.as_ref().is_some_and(stays)
}
