//! Machines that the cloud takes back: others in their place, and pods off them while there is time.

use plimsoll_domain::fleet::Node;
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::Pod;
use plimsoll_domain::world::{CloudError, Cordon, Eviction};
use tracing::warn;

use super::act::{Hands, POLL, READY_WAIT_MAX, Refusals, StepError, has_to_leave, nodes_of};

/// Tries to get machines in the place of others, [`POLL`] apart, before pods are evicted without: of two minutes' notice, a
/// quarter of one.
const ORDER_TRIES_MAX: u32 = 4;

impl Hands<'_> {
    /// Asks for machines, a few times: that there are none, or that the group is still being changed, is no reason to leave
    /// pods where they are. Whoever refills the group asks again.
    pub(super) async fn order(&self, group: &str, to: u32) {
        for left in (0..ORDER_TRIES_MAX).rev() {
            let Err(why) = self.world.cloud.ensure_size(self.cluster, group, to).await else { return };
            warn!(cluster = %self.cluster, group, %why, "no machine yet in the place of one that is taken back");
            let passes = matches!(why, CloudError::Busy(_) | CloudError::Throttled | CloudError::Failed(_));
            if left == 0 || !passes {
                return;
            }
            self.world.clock.sleep(POLL).await;
        }
    }

    /// Evicts until nothing is left that may be evicted, or the nodes are gone. What is empty is given back; what is not
    /// is left to the cloud.
    pub(super) async fn evacuate(&self, nodes: &[String]) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + self.drain_timeout;
        loop {
            let state = self.state().await?;
            let there = || state.nodes.iter().filter(|node| nodes.contains(&node.name));
            self.rescue(&state, nodes).await?;
            let state = self.state().await?;
            let left = there().filter(|node| state.pods.iter().any(|pod| may_go(pod, &node.name))).count();
            if left == 0 {
                for node in there().filter(|node| !node.group.is_empty() && is_empty(&state, &node.name)) {
                    self.until_active(&node.group).await?;
                    self.terminate(&node.group, &node.provider_id).await?;
                    self.until_gone(&node.name).await?;
                }
                return Ok(());
            }
            let too_late =
                self.wait(deadline, || format!("pods are left on {left} nodes that are taken back")).await;
            if too_late.is_err() {
                return Ok(());
            }
        }
    }

    /// Closes nodes and evicts what may go, once, as far as disruption budgets allow; how many pods went.
    pub(super) async fn rescue(&self, state: &ClusterState, nodes: &[String]) -> Result<usize, StepError> {
        let there = state.nodes.iter().filter(|node| nodes.contains(&node.name));
        let open: Vec<String> =
            there.filter(|node| !node.unschedulable).map(|node| node.name.clone()).collect();
        self.cordon_all(&open, Cordon::Final).await?;
        let mut gone = 0;
        for node in nodes {
            for pod in state.pods.iter().filter(|pod| may_go(pod, node) && !pod.terminating) {
                // One that cannot be evicted keeps no other from it.
                match self.world.cluster.evict(self.cluster, &pod.key(), node).await {
                    Ok(Eviction::Accepted) => gone += 1,
                    Ok(Eviction::Gone | Eviction::Blocked(_)) => {}
                    Err(why) => {
                        warn!(cluster = %self.cluster, pod = pod.key(), %why, "a pod was not evicted")
                    }
                }
            }
        }
        Ok(gone)
    }

    /// Waits until a group has as many nodes as it is to have, and gives back what is beyond that unless it may have more. That
    /// there is no machine ends the wait: the group is left smaller, for somebody to plan again.
    pub(super) async fn refill(&self, group: &str, to: u32, may_have_more: bool) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + READY_WAIT_MAX;
        let mut refusals = Refusals::default();
        loop {
            let status = self.until_active(group).await?;
            let state = self.state().await?;
            let ready = nodes_of(&status, &state).len();
            if to as usize <= ready {
                let is_leaving = |node: &Node| node.group == group && node.unschedulable;
                return match !may_have_more
                    && to < status.desired_count
                    && !state.nodes.iter().any(is_leaving)
                {
                    // The cloud filled the place of a machine that it took, beside the machine that was ordered for it.
                    true => self.shrink_back(group, to as usize).await,
                    false => Ok(()),
                };
            }
            if let Some(issue) = refusals.lasting(&status.issues, self.world.clock.monotonic()) {
                warn!(cluster = %self.cluster, group, issue = issue.words, "a group stays smaller than it was");
                return self.patiently(|| self.world.cloud.give_up_missing(self.cluster, group)).await;
            }
            if status.desired_count < to {
                self.order(group, to).await;
            }
            let late = self.wait(deadline, || format!("{ready} of {to} nodes of {group} are ready")).await;
            if let Err(why) = late {
                warn!(cluster = %self.cluster, group, %why, "a group stays smaller than it was");
                return Ok(());
            }
        }
    }
}

/// Whether a pod has to leave a node, and may: somebody makes it again, and nobody forbids it.
fn may_go(pod: &Pod, node: &str) -> bool {
    has_to_leave(pod, node) && pod.owner.is_some() && pod.do_not_disrupt.is_none()
}

fn is_empty(state: &ClusterState, node: &str) -> bool {
    !state.pods.iter().any(|pod| has_to_leave(pod, node))
}
