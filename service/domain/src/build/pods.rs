//! Sorts pods: those that a plan places, those that come with their node, and those that are nobody's
//! business.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use crate::finding::{Finding, Severity};
use crate::resources::Resources;
use crate::selector::{LabelSelector, Labels, NodeTerm};
use crate::snapshot::ClusterState;
use crate::workload::{Pod, PodTerm, Scheduling, VolumeReach, WorkloadKind, WorkloadRef};

/// A cluster's pods, sorted.
pub(super) struct Pods<'a> {
    pub state: &'a ClusterState,
    /// By pod: the node that it runs on.
    pub node_of: Vec<Option<usize>>,
    /// Pods that a plan places, as indexes into the state's pods, ascending.
    pub placed: Vec<usize>,
    /// By node: pods of DaemonSets and static pods that run there.
    pub fixed: Vec<Vec<usize>>,
}

impl<'a> Pods<'a> {
    /// Sorts the pods of a state. Pods that are being deleted, and pending ones that no node could
    /// ever take, are left out, with findings.
    pub fn sort(state: &'a ClusterState, findings: &mut Vec<Finding>) -> Self {
        let node_index: BTreeMap<&str, usize> =
            state.nodes.iter().enumerate().map(|(index, node)| (node.name.as_str(), index)).collect();
        let home = |pod: &Pod| pod.node.as_ref().and_then(|name| node_index.get(name.as_str()).copied());
        let node_of: Vec<Option<usize>> = state.pods.iter().map(home).collect();
        let mut placed = Vec::new();
        let mut fixed = vec![Vec::new(); state.nodes.len()];
        for (index, pod) in state.pods.iter().enumerate().filter(|(_, pod)| !pod.terminating) {
            if comes_with_its_node(pod) {
                node_of[index].into_iter().for_each(|node| fixed[node].push(index));
                continue;
            }
            match (node_of[index], broken(pod)) {
                (None, Some(reason)) => findings.push(left_out(pod, reason)),
                (None, None) if pod.node.is_some() => {
                    findings.push(homeless(pod));
                    placed.push(index);
                }
                _ => placed.push(index),
            }
        }
        findings.extend(terminating(&state.pods));
        Self { state, node_of, placed, fixed }
    }

    pub fn pod(&self, index: usize) -> &'a Pod {
        &self.state.pods[index]
    }

    /// Required anti-affinity of pods that come with their node, or will.
    pub fn fixed_anti_affinity(&self) -> BTreeSet<&'a PodTerm> {
        let running = self.fixed.iter().flatten().map(|pod| &self.pod(*pod).scheduling);
        let expected = self.state.daemon_sets.iter().map(|set| &set.scheduling);
        running.chain(expected).flat_map(|scheduling| &scheduling.pod_anti_affinity).collect()
    }
}

fn comes_with_its_node(pod: &Pod) -> bool {
    let kind = pod.owner.as_ref().map(|owner| owner.kind);
    matches!(kind, Some(WorkloadKind::DaemonSet | WorkloadKind::Node))
}

/// Why no node can take the pod, if so.
pub(super) fn broken(pod: &Pod) -> Option<&str> {
    pod.volumes.iter().find_map(|volume| match &volume.reach {
        VolumeReach::Broken(reason) => Some(reason.as_str()),
        _ => None,
    })
}

fn left_out(pod: &Pod, reason: &str) -> Finding {
    let message = format!("the pod cannot be scheduled on any node and is left out: {reason}");
    Finding::new(Severity::Warning, "POD_UNSCHEDULABLE", format!("pod/{}", pod.key()), message)
}

fn terminating(pods: &[Pod]) -> Option<Finding> {
    let count = pods.iter().filter(|pod| pod.terminating).count();
    let message = format!("{count} pods are being deleted and are no demand");
    (0 < count).then(|| Finding::new(Severity::Info, "TERMINATING", "", message))
}

fn homeless(pod: &Pod) -> Finding {
    let message = "the pod's node is not in the snapshot; it is planned as if it were pending";
    Finding::new(Severity::Warning, "NODE_UNKNOWN", format!("pod/{}", pod.key()), message)
}

/// Pods of one workload that no rule tells apart, as far as their specs and their labels go.
#[derive(Clone, Debug)]
pub(super) struct Kin {
    /// Indexes into the state's pods, ascending.
    pub pods: Vec<usize>,
    pub namespace: String,
    /// Those labels that some selector looks at.
    pub labels: Labels,
    pub scheduling: Arc<Scheduling>,
    pub request: Resources,
    pub workload: Option<WorkloadRef>,
    /// For each volume that restricts: terms of which a node must match one.
    pub volumes: Vec<Vec<NodeTerm>>,
    /// Distinct claims on EBS volumes.
    pub ebs_claims: i64,
    /// Whether it mounts any persistent volume.
    pub has_volumes: bool,
}

impl Kin {
    /// What a person would call it.
    pub fn name(&self, pods: &Pods<'_>) -> String {
        match &self.workload {
            Some(workload) => format!("{}/{}", workload.namespace, workload.name),
            None => pods.pod(self.pods[0]).key(),
        }
    }
}

#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct KinKey {
    namespace: String,
    workload: Option<WorkloadRef>,
    bare_pod: Option<usize>,
    labels: Labels,
    scheduling: u32,
    request: Resources,
    volumes: Vec<Vec<NodeTerm>>,
    ebs_claims: i64,
    has_volumes: bool,
}

/// Groups the pods that a plan places. In the order of namespace, workload, and so on.
pub(super) fn kin(pods: &Pods<'_>) -> Vec<Kin> {
    let keys = looked_at(pods);
    let mut schedulings = SchedulingNumbers::default();
    let mut families: BTreeMap<KinKey, Vec<usize>> = BTreeMap::new();
    for index in &pods.placed {
        let pod = pods.pod(*index);
        let labels = keys.iter().filter_map(|key| Some(((*key).clone(), pod.labels.get(*key)?.clone())));
        let (volumes, ebs_claims) = volumes(pod);
        let key = KinKey {
            namespace: pod.namespace.clone(),
            workload: pod.owner.clone(),
            bare_pod: pod.owner.is_none().then_some(*index),
            labels: labels.collect(),
            scheduling: schedulings.number(&pod.scheduling),
            request: pod.requests.clone(),
            volumes,
            ebs_claims,
            has_volumes: !pod.volumes.is_empty(),
        };
        families.entry(key).or_default().push(*index);
    }
    let kin = |(key, members): (KinKey, Vec<usize>)| Kin {
        scheduling: pods.pod(members[0]).scheduling.clone(),
        pods: members,
        namespace: key.namespace,
        labels: key.labels,
        request: key.request,
        workload: key.workload,
        volumes: key.volumes,
        ebs_claims: key.ebs_claims,
        has_volumes: key.has_volumes,
    };
    families.into_iter().map(kin).collect()
}

/// CSI driver of EBS volumes, and the provisioner that came before it.
pub(super) const EBS_DRIVERS: [&str; 2] = ["ebs.csi.aws.com", "kubernetes.io/aws-ebs"];

fn volumes(pod: &Pod) -> (Vec<Vec<NodeTerm>>, i64) {
    let mut terms: Vec<Vec<NodeTerm>> = pod
        .volumes
        .iter()
        .filter_map(|volume| match &volume.reach {
            VolumeReach::Terms(terms) => Some(terms.clone()),
            _ => None,
        })
        .collect();
    terms.sort();
    terms.dedup();
    let on_ebs = pod.volumes.iter().filter(|volume| EBS_DRIVERS.contains(&volume.driver.as_str()));
    let claims: BTreeSet<&str> = on_ebs.map(|volume| volume.claim.as_str()).collect();
    (terms, claims.len() as i64)
}

/// Keys of pod labels that some selector looks at, ascending.
fn looked_at<'a>(pods: &Pods<'a>) -> Vec<&'a String> {
    let mut seen = BTreeSet::new();
    let mut selectors: Vec<&LabelSelector> =
        pods.state.budgets.iter().map(|budget| &budget.selector).collect();
    for index in &pods.placed {
        let scheduling = &pods.pod(*index).scheduling;
        if seen.insert(Arc::as_ptr(scheduling)) {
            selectors.extend(selectors_of(scheduling));
        }
    }
    selectors.extend(pods.fixed_anti_affinity().into_iter().map(|term| &term.selector));
    let keys = selectors.into_iter().flat_map(|selector| &selector.requirements).map(|found| &found.key);
    keys.collect::<BTreeSet<_>>().into_iter().collect()
}

fn selectors_of(scheduling: &Scheduling) -> impl Iterator<Item = &LabelSelector> {
    let terms = scheduling.pod_affinity.iter().chain(&scheduling.pod_anti_affinity);
    let spreads = scheduling.spreads.iter().filter(|spread| spread.required);
    spreads.map(|spread| &spread.selector).chain(terms.map(|term: &PodTerm| &term.selector))
}

/// Numbers schedulings by content. Replicas share one value, so most pods are known by address.
#[derive(Default)]
struct SchedulingNumbers<'a> {
    by_address: BTreeMap<usize, u32>,
    by_content: BTreeMap<&'a Scheduling, u32>,
}

impl<'a> SchedulingNumbers<'a> {
    fn number(&mut self, scheduling: &'a Arc<Scheduling>) -> u32 {
        let address = Arc::as_ptr(scheduling) as usize;
        if let Some(number) = self.by_address.get(&address) {
            return *number;
        }
        let next = self.by_content.len() as u32;
        let number = *self.by_content.entry(scheduling.as_ref()).or_insert(next);
        self.by_address.insert(address, number);
        number
    }
}
