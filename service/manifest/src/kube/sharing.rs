//! Pods that share a claim which serves one node at a time: a plan must never part them.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::selector::{NodeTerm, Operator, Requirement};
use plimsoll_domain::workload::{Pod, Scheduling, VolumeReach};

use super::draft::Draft;
use super::volume;

/// Keeps the sharers of each such claim on one node: running ones stay, and pending ones join them. If none
/// runs, they are beyond a plan.
pub(super) fn keep_together(pods: &mut [Pod], draft: &mut Draft) {
    let mut users: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, pod) in pods.iter().enumerate().filter(|(_, pod)| !pod.terminating) {
        for volume in pod.volumes.iter().filter(|volume| volume::is_for_one_node(&volume.claim, draft)) {
            users.entry(volume.claim.clone()).or_default().push(index);
        }
    }
    for (claim, users) in users.into_iter().filter(|(_, users)| 1 < users.len()) {
        let homes: BTreeSet<String> = users.iter().filter_map(|user| pods[*user].node.clone()).collect();
        for user in users {
            let pod = &mut pods[user];
            if pod.node.is_some() || homes.is_empty() {
                hold(pod, &claim, draft);
            } else {
                join(pod, &claim, &homes);
            }
        }
    }
}

fn hold(pod: &mut Pod, claim: &str, draft: &mut Draft) {
    let reason = format!("it shares the claim {claim}, which serves one node at a time");
    let beyond_us = pod.scheduling.beyond_us.clone().or(Some(reason));
    pod.scheduling = draft.share(Scheduling { beyond_us, ..(*pod.scheduling).clone() });
}

/// Where the others have the volume, a pending pod can have it, too, and nowhere else.
fn join(pod: &mut Pod, claim: &str, homes: &BTreeSet<String>) {
    let values = homes.iter().cloned().collect();
    let by_name = Requirement { key: "metadata.name".to_owned(), operator: Operator::In, values };
    let shared = pod.volumes.iter_mut().filter(|volume| volume.claim == claim);
    for volume in shared.filter(|volume| !matches!(volume.reach, VolumeReach::Broken(_))) {
        let term = NodeTerm { labels: Vec::new(), fields: vec![by_name.clone()] };
        volume.reach = VolumeReach::Terms(vec![term]);
    }
}
