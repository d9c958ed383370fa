//! Pods that move one after the other, each while its target is the only node that takes it.

use std::time::Duration;

use plimsoll_domain::operation::PodMove;
use plimsoll_domain::scheduler::{Settings, Simulation};
use plimsoll_domain::snapshot::ClusterState;
use plimsoll_domain::workload::Pod;
use plimsoll_domain::world::{Cordon, Eviction};

use super::act::{Hands, POLL, StepError};

/// How often it is asked at first about a pod, of which most are placed within a second or two of their eviction.
const GLANCE: Duration = Duration::from_secs(1);
/// How many such looks there are.
const GLANCES: u32 = 5;
/// After this time a pod that found no place gets all new nodes to choose from, and one that nobody made again is not waited for.
const STEERING_PATIENCE: Duration = Duration::from_secs(2 * 60);
/// The longest that a Job waits until it makes a pod again after others failed: 10 s after the first, twice as long after each,
/// up to this. Source: `MaxJobPodFailureBackOff` of Kubernetes 1.36.
const JOB_BACK_OFF_MAX: Duration = Duration::from_secs(10 * 60);

impl Hands<'_> {
    pub(super) async fn migrate(&self, moves: &[PodMove]) -> Result<(), StepError> {
        // An attempt that was cut short may have left nodes closed that stay.
        self.cordon_all(self.staying, Cordon::Lifted).await?;
        for (index, one) in moves.iter().enumerate() {
            self.note(format!("pod {} of {} moves: {}", index + 1, moves.len(), one.pod));
            self.move_pod(one, &moves[..index]).await?;
        }
        Ok(())
    }

    /// Evicts a pod while its target is the only node that takes it, and waits until its workload has no pending pod.
    async fn move_pod(&self, one: &PodMove, before: &[PodMove]) -> Result<(), StepError> {
        let state = self.state().await?;
        let parked = before.iter().any(|other| other.pod == one.pod);
        let Some(pod) = who_moves(&state, one, parked) else { return Ok(()) };
        let target = self.real_name(&one.to, &state).await?;
        self.cordon_all(std::slice::from_ref(&target), Cordon::Lifted).await?;
        // What a person has closed meanwhile stays closed: then all others are open to the pod.
        let now = self.state().await?;
        let is_open = now.nodes.iter().any(|node| node.name == target && !node.unschedulable);
        let others = if is_open { rivals(&state, pod, &target) } else { Vec::new() };
        self.cordon_all(&others, Cordon::Passing).await?;
        let placed = self.evict_and_wait(pod, siblings(&state, pod)).await;
        self.cordon_all(&others, Cordon::Lifted).await?;
        if self.is_new(&one.to) {
            self.cordon_all(&[target], Cordon::Passing).await?;
        }
        placed
    }

    /// `count`: pods of its workload, itself among them.
    async fn evict_and_wait(&self, pod: &Pod, count: usize) -> Result<(), StepError> {
        if let Some(node) = &pod.node {
            self.evict(&pod.key(), node).await?;
        }
        self.until_placed(pod, count).await
    }

    async fn evict(&self, pod: &str, node: &str) -> Result<(), StepError> {
        let deadline = self.world.clock.monotonic() + self.drain_timeout;
        loop {
            match self.ask_to_leave(pod, node).await? {
                Eviction::Accepted | Eviction::Gone => return Ok(()),
                Eviction::Blocked(budget) => {
                    self.wait(deadline, || format!("disruption budget {budget} keeps pod {pod}")).await?;
                }
            }
        }
    }

    /// Waits until neither the pod nor, if it comes back by another name, a sibling is pending, and for a while until there
    /// are as many as before: some controllers take their time to make the next.
    async fn until_placed(&self, moved: &Pod, count: usize) -> Result<(), StepError> {
        let (key, owner) = (moved.key(), moved.owner.as_ref());
        let made_again_max = if moved.is_of_job() { JOB_BACK_OFF_MAX } else { STEERING_PATIENCE };
        let made_again_max = made_again_max.min(self.drain_timeout);
        let start = self.world.clock.monotonic();
        let (mut is_steered, mut looks, mut pending_since) = (true, 0, None);
        loop {
            let state = self.state().await?;
            let concerns = |pod: &&Pod| pod.key() == key || (owner.is_some() && pod.owner.as_ref() == owner);
            let pending =
                state.pods.iter().filter(concerns).find(|pod| pod.node.is_none() || pod.terminating);
            let now = self.world.clock.monotonic();
            if let Some(pending) = pending {
                let why = format!("pod {} finds no node", pending.key());
                let waited = now - *pending_since.get_or_insert(now);
                if is_steered && STEERING_PATIENCE <= waited {
                    self.open(self.created, self.staying).await?;
                    is_steered = false;
                    self.note(why.clone());
                }
                if self.drain_timeout <= waited {
                    return Err(StepError::Again(why));
                }
            } else if count <= siblings(&state, moved) || made_again_max <= now - start {
                return Ok(());
            } else {
                // Once it is made, it has all its time to find a node.
                pending_since = None;
                if looks == GLANCES {
                    self.note(format!("pod {key} is not made again yet"));
                }
            }
            looks += 1;
            self.world.clock.sleep(if looks <= GLANCES { GLANCE } else { POLL }).await;
        }
    }
}

/// How many pods its workload has; none, if it is nobody's.
fn siblings(state: &ClusterState, pod: &Pod) -> usize {
    let is_one = |other: &&Pod| !other.terminating && pod.owner.is_some() && other.owner == pod.owner;
    state.pods.iter().filter(is_one).count()
}

/// The pod that a move is about: the one that it names, if it is still where the move begins; else one of the same
/// workload that waits for a node, or that was parked where the move begins.
fn who_moves<'s>(state: &'s ClusterState, one: &PodMove, parked: bool) -> Option<&'s Pod> {
    let alive = || state.pods.iter().filter(|pod| !pod.terminating);
    if let Some(named) = alive().find(|pod| pod.key() == one.pod) {
        return (named.node.is_none() || named.node == one.from).then_some(named);
    }
    let is_heir = |pod: &&Pod| {
        let waits_or_parked = pod.node.is_none() || (parked && pod.node == one.from);
        one.owner.is_some() && pod.owner == one.owner && waits_or_parked
    };
    alive().find(is_heir)
}

/// Open nodes beside the target that would take the pod, once it is made again.
fn rivals(state: &ClusterState, pod: &Pod, target: &str) -> Vec<String> {
    let mut simulation = Simulation::of(state, Settings::default());
    let Some(id) = simulation.pod(&pod.key()) else { return Vec::new() };
    if pod.node.is_some() {
        simulation.evict(id);
    }
    let takers = simulation.accepting(id).map(|node| simulation.node_name(node).to_owned());
    takers.filter(|name| name != target).collect()
}
