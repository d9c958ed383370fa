//! What became of a cluster since a plan was made: what of it the plan can live with, and what not.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::operation::{Kind, Operation, State, Step, StepRecord};
use plimsoll_domain::plan::{ChangeKind, Plan};
use plimsoll_domain::selector::Labels;
use plimsoll_domain::snapshot::{ClusterState, Content, Snapshot};
use plimsoll_domain::store::{OperationFilter, PageRequest, StoreError};
use plimsoll_domain::workload::{Pod, WorkloadKind, WorkloadRef};

use super::PAGE_MAX;
use crate::{Engine, Error};

/// Pods that a message names.
const NAMED_MAX: usize = 3;

/// Name of the program that resizes every group that EKS makes, unless it is told not to.
const CLUSTER_AUTOSCALER: &str = "cluster-autoscaler";

/// Fewest nodes that a group is to have, by its name.
pub type Minima = BTreeMap<String, u32>;

impl Engine {
    /// Compares a cluster with the one that a plan was made from. Nodes that joined because a resize was accepted since are
    /// the plan's to keep: their number is the fewest that their group is to have.
    ///
    /// # Errors
    /// `Stale` of the store if anything else about nodes changed, or if the plan lowers such a group;
    /// [`Error::UnsafePlan`] if workloads grew, for which the plan has no place.
    pub(super) async fn compare(
        &self,
        plan: &Plan,
        seen: &Snapshot,
        now: &ClusterState,
        generation: i64,
    ) -> Result<Minima, Error> {
        let Content::Cluster(then) = &seen.content else { return Ok(Minima::new()) };
        let stale = || Error::Store(StoreError::Stale { base: plan.base_generation, current: generation });
        let mut minima = Minima::new();
        if generation != plan.base_generation {
            let filter =
                OperationFilter { cluster: Some(plan.cluster.clone()), ..OperationFilter::default() };
            let page = PageRequest { size: PAGE_MAX, token: String::new() };
            let newest = self.store.operations(&filter, &page).await?.items;
            let since = newest.iter().take_while(|operation| seen.capture_time <= operation.create_time);
            minima = promised(since).ok_or_else(stale)?;
            let lowers = |change: &plimsoll_domain::plan::Change| {
                matches!(change.kind, ChangeKind::Shrink | ChangeKind::Delete)
                    && minima.contains_key(&change.group)
            };
            if !only_grew(then, now, &minima) || plan.changes.iter().any(lowers) {
                return Err(stale());
            }
        }
        let grown = newcomers(then, now);
        match grown.first() {
            None => Ok(minima),
            Some(_) => Err(Error::UnsafePlan(format!(
                "{} pods came since it was made, and it has no place for them, such as {}: plan again",
                grown.len(),
                grown[..grown.len().min(NAMED_MAX)].join(", ")
            ))),
        }
    }
}

/// What resizes brought groups to; none if something else was done that changes a fleet.
fn promised<'o>(since: impl Iterator<Item = &'o Operation>) -> Option<Minima> {
    let mut minima = Minima::new();
    for operation in since.filter(|operation| operation.state == State::Succeeded) {
        match &operation.kind {
            Kind::ResizeNodeGroup { group, from, to, .. } if from <= to => {
                let least = minima.entry(group.clone()).or_default();
                *least = (*least).max(*to);
            }
            _ => return None,
        }
    }
    Some(minima)
}

/// Whether every node is still there, and those that came are of groups that were to grow, and no more than that.
fn only_grew(then: &ClusterState, now: &ClusterState, minima: &Minima) -> bool {
    let names = |state: &ClusterState| -> BTreeSet<String> {
        state.nodes.iter().map(|node| node.name.clone()).collect()
    };
    let (old, new) = (names(then), names(now));
    let came = now.nodes.iter().filter(|node| !old.contains(&node.name));
    let count = |group: &str| now.nodes.iter().filter(|node| node.group == group).count();
    old.is_subset(&new)
        && came
            .into_iter()
            .all(|node| minima.get(&node.group).is_some_and(|least| count(&node.group) <= *least as usize))
}

/// Pods of workloads that have more of them than they had, so many as there are more; and bare pods that are new. A pod
/// that was made again under another name is no newcomer.
fn newcomers(then: &ClusterState, now: &ClusterState) -> Vec<String> {
    let counted = |pod: &&Pod| {
        let with_node =
            |owner: &WorkloadRef| matches!(owner.kind, WorkloadKind::DaemonSet | WorkloadKind::Node);
        !pod.terminating && !pod.owner.as_ref().is_some_and(with_node)
    };
    let known: BTreeSet<String> = then.pods.iter().map(Pod::key).collect();
    let mut room: BTreeMap<String, usize> = BTreeMap::new();
    for pod in then.pods.iter().filter(counted) {
        *room.entry(workload(pod)).or_default() += 1;
    }
    let mut grown = Vec::new();
    // Those that were there take their own places first.
    let (old, new): (Vec<&Pod>, Vec<&Pod>) =
        now.pods.iter().filter(counted).partition(|pod| known.contains(&pod.key()));
    for pod in old.into_iter().chain(new) {
        match room.get_mut(&workload(pod)) {
            Some(left) if 0 < *left => *left -= 1,
            _ => grown.push(pod.key()),
        }
    }
    grown
}

/// A Cluster Autoscaler that runs in a cluster, as `namespace/name` of its pod.
pub(super) fn rival(state: &ClusterState) -> Option<String> {
    let runs = |pod: &&Pod| pod.node.is_some() && !pod.terminating;
    state.pods.iter().filter(runs).find(|pod| is_cluster_autoscaler(&pod.labels)).map(Pod::key)
}

/// Manifests and charts call it so in one of these labels, `aws-cluster-autoscaler` among them.
fn is_cluster_autoscaler(labels: &Labels) -> bool {
    let mut names =
        ["app", "k8s-app", "app.kubernetes.io/name"].into_iter().filter_map(|key| labels.get(key));
    names.any(|name| name.ends_with(CLUSTER_AUTOSCALER))
}

/// What makes a pod again; of a bare pod, itself.
fn workload(pod: &Pod) -> String {
    match &pod.owner {
        Some(owner) => format!("{:?} {}/{}", owner.kind, owner.namespace, owner.name),
        None => pod.key(),
    }
}

/// The first group that steps change though the cloud has none of that name, and they make none: nodes of Karpenter, or of an
/// Auto Scaling group that somebody keeps.
pub fn unmanaged<'s>(steps: &'s [StepRecord], managed: &[String]) -> Option<&'s str> {
    let mut known: BTreeSet<&str> = managed.iter().map(String::as_str).collect();
    known.extend(steps.iter().filter_map(|record| match &record.step {
        Step::EnsureGroup { spec } => Some(spec.name.as_str()),
        _ => None,
    }));
    let mut changed = steps.iter().filter_map(|record| match &record.step {
        Step::Grow { group, .. } | Step::Remove { group, .. } | Step::DeleteGroup { group } => {
            Some(group.as_str())
        }
        _ => None,
    });
    changed.find(|group| !known.contains(group))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nodes_of_nobody_that_we_may_tell_are_told_by_their_group() {
        let remove =
            |group: &str| StepRecord::new(Step::Remove { group: group.into(), nodes: vec!["one".into()] });
        let managed = ["general".to_owned()];
        assert_eq!(unmanaged(&[remove("general")], &managed), None);
        assert_eq!(unmanaged(&[remove("general"), remove("default")], &managed), Some("default"));
    }

    #[test]
    fn a_cluster_autoscaler_is_known_by_its_labels() {
        let check = |key: &str, name: &str, wanted| {
            let labels = Labels::from([(key.to_owned(), name.to_owned())]);
            assert_eq!(is_cluster_autoscaler(&labels), wanted, "{key}={name}");
        };
        check("app", "cluster-autoscaler", true);
        check("app.kubernetes.io/name", "aws-cluster-autoscaler", true);
        check("app", "cluster-autoscaler-exporter", false);
        check("team", "cluster-autoscaler", false);
    }
}
