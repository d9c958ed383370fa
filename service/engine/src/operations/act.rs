//! Carrying one step out. Each function drives the world to an end that the step states, and finds it reached if it is
//! called again.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::try_join_all;
use plimsoll_domain::ids::{ClusterId, OperationId};
use plimsoll_domain::operation::Step;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::{Pod, WorkloadKind, WorkloadRef};
use plimsoll_domain::world::{CloudError, ClusterError, Cordon, Eviction, GroupStatus, Issue, World};
use tokio::sync::watch;

/// How often the world is asked whether an end is reached.
pub(super) const POLL: Duration = Duration::from_secs(5);
/// Longest wait for a group to take changes, or for its nodes to be ready. Machines take one to two minutes; botocore's
/// waiter for node groups gives up after 40.
pub(super) const READY_WAIT_MAX: Duration = Duration::from_secs(20 * 60);
/// Longest that a group's machines are refused, for another reason than that there are none, until they are given up.
const REFUSED_MAX: Duration = Duration::from_secs(5 * 60);
/// Nodes that are closed or opened at once: a pod may have a hundred that would take it.
const CORDONS_AT_ONCE: usize = 16;
/// Tries of one call, [`POLL`] apart: five minutes of throttling, or without an API server.
const CALL_TRIES_MAX: u32 = 60;

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
            CloudError::Refused(message) => Self::Hopeless { reason: "REFUSED", message },
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
    /// The operation: what it makes is marked with its name.
    pub operation: &'a OperationId,
    /// Groups that the operation made.
    pub created: &'a [String],
    /// Nodes that stay, and were open when the operation was asked for.
    pub staying: &'a [String],
    /// Takes what is waited for, for people.
    pub notes: &'a watch::Sender<String>,
    /// Longest wait for one node to be drained, or for one pod to leave its node and run again.
    pub drain_timeout: Duration,
}

impl Hands<'_> {
    /// Carries a step out.
    pub async fn act(&self, step: &Step) -> Result<(), StepError> {
        match step {
            Step::EnsureGroup { spec } => {
                self.patiently(|| self.world.cloud.ensure_group(self.cluster, spec)).await?;
                self.until_active(&spec.name).await?;
                // What could not be made is there, too, and tells why only now.
                self.patiently(|| self.world.cloud.ensure_group(self.cluster, spec)).await
            }
            Step::Grow { group, to, .. } => self.grow(group, *to).await,
            Step::Order { group, to, .. } => {
                self.order(group, *to).await;
                Ok(())
            }
            Step::Evacuate { nodes } => self.evacuate(nodes).await,
            Step::Refill { group, to, may_have_more } => self.refill(group, *to, *may_have_more).await,
            Step::Cordon { nodes } => self.close(nodes).await,
            Step::Migrate { moves } => self.migrate(moves).await,
            Step::Remove { group, nodes } => self.remove(group, nodes).await,
            Step::Open { groups, nodes } => self.open(groups, nodes).await,
            Step::DeleteGroup { group } => self.delete_group(group).await,
            Step::Verify { sizes } => self.verify(sizes).await,
            Step::Ensure { part } | Step::Upgrade { part } => self.ensure(part).await,
            Step::Dismantle { part } => self.dismantle(part, false).await,
        }
    }

    /// Takes a step back. Only what came before the first move has a way back.
    pub async fn undo(&self, step: &Step) -> Result<(), StepError> {
        match step {
            Step::EnsureGroup { spec } => self.delete_group(&spec.name).await,
            Step::Grow { group, from, .. } | Step::Order { group, from, .. } => {
                self.shrink_back(group, *from as usize).await
            }
            Step::Cordon { nodes } => self.cordon_all(nodes, Cordon::Lifted).await,
            Step::Ensure { part } => self.dismantle(part, true).await,
            _ => Ok(()),
        }
    }

    async fn grow(&self, group: &str, to: u32) -> Result<(), StepError> {
        self.until_active(group).await?;
        self.patiently(|| self.world.cloud.ensure_size(self.cluster, group, to)).await?;
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        let mut refusals = Refusals::default();
        loop {
            let status = self.until_active(group).await?;
            if let Some(issue) = refusals.lasting(&status.issues, self.world.clock.monotonic()) {
                let reason = if issue.is_capacity { "NO_CAPACITY" } else { "REFUSED" };
                return Err(StepError::Hopeless { reason, message: issue.words.clone() });
            }
            let state = self.state().await?;
            let nodes = nodes_of(&status, &state);
            // Only groups that a plan makes are steered by. Nodes of a group that serves already stay open.
            if self.created.iter().any(|one| one == group) {
                self.cordon_all(&nodes, Cordon::Passing).await?;
            }
            let ready = nodes.len();
            if to as usize <= ready {
                return Ok(());
            }
            self.wait(deadline, || format!("{ready} of {to} nodes of {group} are ready")).await?;
        }
    }

    /// Takes the machines that were launched last off a group until it has so many, pods first.
    pub(super) async fn shrink_back(&self, group: &str, to: usize) -> Result<(), StepError> {
        if self.group(group).await?.is_none() {
            return Ok(());
        }
        let status = self.until_active(group).await?;
        self.patiently(|| self.world.cloud.give_up_missing(self.cluster, group)).await?;
        for instance in status.instances.iter().skip(to) {
            self.clear(&instance.provider_id).await?;
            self.terminate(group, &instance.provider_id).await?;
        }
        Ok(())
    }

    /// Moves what was placed on a machine meanwhile off it, as far as budgets allow.
    async fn clear(&self, provider_id: &str) -> Result<(), StepError> {
        let state = self.state().await?;
        let Some(node) = state.nodes.iter().find(|node| node.provider_id == provider_id) else {
            return Ok(());
        };
        self.cordon_all(std::slice::from_ref(&node.name), Cordon::Final).await?;
        self.drain(&node.name).await
    }

    /// Closes nodes that will leave, if everything on them may be evicted: later there is no way back.
    async fn close(&self, nodes: &[String]) -> Result<(), StepError> {
        let state = self.state().await?;
        nodes.iter().try_for_each(|node| expect_evictable(&state, node))?;
        self.cordon_all(nodes, Cordon::Final).await
    }

    pub(super) async fn cordon_all(&self, nodes: &[String], cordon: Cordon) -> Result<(), StepError> {
        for some in nodes.chunks(CORDONS_AT_ONCE) {
            try_join_all(some.iter().map(|node| self.cordon(node, cordon))).await?;
        }
        Ok(())
    }

    async fn cordon(&self, node: &str, cordon: Cordon) -> Result<(), StepError> {
        self.patiently(|| async move {
            match self.world.cluster.set_cordon(self.cluster, node, cordon).await {
                Err(ClusterError::NotFound(_)) => Ok(()),
                end => end,
            }
        })
        .await
    }

    /// Drains what is left on the nodes, then terminates them. What a DaemonSet runs goes with its node.
    async fn remove(&self, group: &str, nodes: &[String]) -> Result<(), StepError> {
        for name in nodes {
            self.drain(name).await?;
            let state = self.state().await?;
            let Some(node) = state.nodes.iter().find(|node| node.name == *name) else { continue };
            self.until_active(group).await?;
            self.terminate(group, &node.provider_id).await?;
            self.until_gone(name).await?;
        }
        Ok(())
    }

    async fn drain(&self, node: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + self.drain_timeout;
        loop {
            let left = self.patiently(|| self.world.cluster.left_on(self.cluster, node)).await?;
            let Some(first) = left.first() else { return Ok(()) };
            let state = self.state().await?;
            expect_evictable(&state, node)?;
            for pod in state.pods.iter().filter(|pod| has_to_leave(pod, node) && !pod.terminating) {
                self.ask_to_leave(&pod.key(), node).await?;
            }
            self.wait(deadline, || format!("{} pods are left on {node}, such as {first}", left.len()))
                .await?;
        }
    }

    pub(super) async fn until_gone(&self, node: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            let state = self.state().await?;
            if !state.nodes.iter().any(|one| one.name == node) {
                return Ok(());
            }
            self.wait(deadline, || format!("node {node} is still there")).await?;
        }
    }

    /// Opens the nodes of new groups, and others by name.
    pub async fn open(&self, groups: &[String], nodes: &[String]) -> Result<(), StepError> {
        self.cordon_all(nodes, Cordon::Lifted).await?;
        for group in groups {
            let Some(status) = self.group(group).await? else { continue };
            let state = self.state().await?;
            self.cordon_all(&nodes_of(&status, &state), Cordon::Lifted).await?;
        }
        Ok(())
    }

    async fn delete_group(&self, group: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            match self.group(group).await? {
                // With what it was made from.
                None => {
                    return self.patiently(|| self.world.cloud.ensure_group_gone(self.cluster, group)).await;
                }
                // It costs nothing, and whoever made it may want it again.
                Some(status) if !status.is_ours && status.instances.is_empty() => return Ok(()),
                Some(status) if status.is_active && status.instances.is_empty() => {
                    self.patiently(|| self.world.cloud.ensure_group_gone(self.cluster, group)).await?;
                }
                Some(_) => {}
            }
            self.wait(deadline, || format!("group {group} is still there")).await?;
        }
    }

    async fn verify(&self, sizes: &[(String, u32)]) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            let state = self.state().await?;
            let count = |group: &str| state.nodes.iter().filter(|node| node.group == group).count();
            let mut wrong = sizes.iter().map(|(group, want)| (group, count(group), *want as usize));
            let Some((group, have, want)) = wrong.find(|(_, have, want)| have != want) else { return Ok(()) };
            // A machine that was taken back meanwhile is replaced by the cloud itself.
            let message = format!("group {group} has {have} nodes, not {want}");
            if self.wait(deadline, || message.clone()).await.is_err() {
                return Err(StepError::Hopeless { reason: "FLEET_DIFFERS", message });
            }
        }
    }

    /// Waits until a group takes changes.
    pub(super) async fn until_active(&self, group: &str) -> Result<GroupStatus, StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        loop {
            match self.group(group).await? {
                Some(status) if status.is_active => return Ok(status),
                Some(_) => self.wait(deadline, || format!("group {group} is being changed")).await?,
                None => return Err(CloudError::NotFound(group.to_owned()).into()),
            }
        }
    }

    /// Whether a plan's node name is one that it made up for a group of its own.
    pub(super) fn is_new(&self, name: &str) -> bool {
        made_up(self.created, name).is_some()
    }

    /// The node that a plan's node name stands for: the n-th machine of a new group, or the node itself.
    pub(super) async fn real_name(&self, name: &str, state: &ClusterState) -> Result<String, StepError> {
        let Some((group, number)) = made_up(self.created, name) else { return Ok(name.to_owned()) };
        let status = self.group(group).await?;
        let nodes = status.map(|status| nodes_of(&status, state)).unwrap_or_default();
        let missing = || StepError::Again(format!("group {group} has no node {number} that is ready"));
        nodes.into_iter().nth(number - 1).ok_or_else(missing)
    }

    pub(super) async fn state(&self) -> Result<ClusterState, StepError> {
        self.patiently(|| self.world.cluster.state(self.cluster)).await
    }

    async fn group(&self, name: &str) -> Result<Option<GroupStatus>, StepError> {
        self.patiently(|| self.world.cloud.group(self.cluster, name)).await
    }

    pub(super) async fn terminate(&self, group: &str, provider_id: &str) -> Result<(), StepError> {
        let gone = || self.world.cloud.ensure_instance_gone(self.cluster, group, provider_id);
        self.patiently(gone).await
    }

    pub(super) async fn ask_to_leave(&self, pod: &str, node: &str) -> Result<Eviction, StepError> {
        self.patiently(|| self.world.cluster.evict(self.cluster, pod, node)).await
    }

    /// Calls again as long as that may help: throttled, timed out, or in the way of another change.
    pub(super) async fn patiently<T, E: Into<StepError>, F: Future<Output = Result<T, E>> + Send>(
        &self,
        call: impl Fn() -> F + Send,
    ) -> Result<T, StepError> {
        let mut tries = 1;
        loop {
            match call().await.map_err(Into::into) {
                Err(StepError::Again(_)) if tries < CALL_TRIES_MAX => self.world.clock.sleep(POLL).await,
                end => return end,
            }
            tries += 1;
        }
    }

    pub(super) async fn wait(
        &self,
        deadline: Duration,
        what: impl FnOnce() -> String,
    ) -> Result<(), StepError> {
        let what = what();
        if deadline <= self.world.clock.monotonic() {
            return Err(StepError::Again(what));
        }
        self.note(what);
        self.world.clock.sleep(POLL).await;
        Ok(())
    }

    /// Tells what is waited for.
    pub(super) fn note(&self, what: String) {
        self.notes.send_if_modified(|told| {
            let is_new = *told != what;
            *told = what;
            is_new
        });
    }
}

/// Since when a group is refused machines for other reasons than that there are none: what AWS stumbles over once it does at
/// another try, by itself.
#[derive(Default)]
pub(super) struct Refusals {
    since: Option<Duration>,
}

impl Refusals {
    /// What keeps a group from its machines for good: a lack of them at once, anything else when it lasts.
    pub fn lasting<'i>(&mut self, issues: &'i [Issue], now: Duration) -> Option<&'i Issue> {
        let Some(first) = issues.first() else {
            self.since = None;
            return None;
        };
        let lasts = REFUSED_MAX <= now - *self.since.get_or_insert(now);
        issues.iter().find(|issue| issue.is_capacity).or(lasts.then_some(first))
    }
}

/// Group and number in a made-up name, `{group}-new-{number}`.
fn made_up<'a>(created: &'a [String], name: &str) -> Option<(&'a str, usize)> {
    let (group, number) = name.rsplit_once("-new-")?;
    let group = created.iter().find(|one| *one == group)?;
    Some((group, number.parse().ok().filter(|number| 0 < *number)?))
}

/// Refuses to empty a node of what nobody would make again, or of what must not be disturbed.
fn expect_evictable(state: &ClusterState, node: &str) -> Result<(), StepError> {
    let is_protected = |pod: &&Pod| pod.owner.is_none() || pod.do_not_disrupt.is_some();
    let mut on_it = state.pods.iter().filter(|pod| has_to_leave(pod, node) && !pod.terminating);
    match on_it.find(is_protected) {
        None => Ok(()),
        Some(pod) => Err(StepError::Hopeless {
            reason: "PROTECTED_POD",
            message: format!("pod {} on {node} may not be evicted: move or delete it", pod.key()),
        }),
    }
}

/// Names of the nodes of a group that are ready, in the order in which they were launched.
pub(super) fn nodes_of(status: &GroupStatus, state: &ClusterState) -> Vec<String> {
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
pub(super) fn has_to_leave(pod: &Pod, node: &str) -> bool {
    let stays = |owner: &WorkloadRef| matches!(owner.kind, WorkloadKind::DaemonSet | WorkloadKind::Node);
    pod.node.as_deref() == Some(node) && !pod.owner.as_ref().is_some_and(stays)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lack_of_machines_is_told_at_once_and_other_refusals_when_they_last() {
        let issue = |is_capacity| Issue { is_capacity, words: String::new() };
        let minute = |minutes: u64| Duration::from_secs(60 * minutes);
        let mut refusals = Refusals::default();
        assert_eq!(refusals.lasting(&[issue(false)], minute(0)), None);
        assert_eq!(refusals.lasting(&[], minute(4)), None);
        assert_eq!(refusals.lasting(&[issue(false)], minute(5)), None, "it passed in between");
        assert_eq!(refusals.lasting(&[issue(false)], minute(9)), None);
        assert_eq!(refusals.lasting(&[issue(false)], minute(10)), Some(&issue(false)));
        let both = [issue(false), issue(true)];
        assert_eq!(Refusals::default().lasting(&both, minute(0)), Some(&both[1]));
    }
}
