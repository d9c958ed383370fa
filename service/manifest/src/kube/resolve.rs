//! The end of an import: what objects say about each other is resolved, and the result put in order.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::fleet::Node;
use plimsoll_domain::selector::{Labels, NodeTerm};
use plimsoll_domain::snapshot::{ClusterState, Content, Snapshot};
use plimsoll_domain::workload::{
    DaemonSet, Pod, Scheduling, VolumeReach, Workload, WorkloadKind, WorkloadRef,
};

use crate::error::{Fault, ReadError};

use super::draft::{Draft, NodeDraft, Origin, PodDraft};
use super::notes::Note;
use super::owner::{Controller, workload_kind};
use super::{Options, architecture, billed, budget, job, scaling, sharing, volume};

/// Label of a namespace that the API server sets to its name.
const NAMESPACE_NAME: &str = "kubernetes.io/metadata.name";

/// Resolves a draft.
pub(super) fn snapshot(mut draft: Draft, options: &Options) -> Result<Snapshot, ReadError> {
    let newest = draft.newest.map_or(options.now, |newest| newest.min(options.now));
    let capture_time = options.capture_time.unwrap_or(newest);
    let mut findings = missing_kinds(&draft);
    let (nodes, protected) = nodes(&mut draft)?;
    let mut pods = pods(&mut draft, &protected, capture_time)?;
    note_unknown_nodes(&pods, &nodes, &mut draft);
    learn_architectures(&mut pods, &nodes);
    pods.iter_mut().for_each(renew);
    sharing::keep_together(&mut pods, &mut draft);
    let daemon_sets = daemon_sets(&mut draft, &pods);
    let mut budgets = Vec::with_capacity(draft.budgets.len());
    for budget in draft.budgets {
        budgets.push(budget::resolve(budget, &pods)?);
    }
    budgets.sort_by(|one, other| (&one.namespace, &one.name).cmp(&(&other.namespace, &other.name)));
    let mut autoscaled = draft.autoscaled;
    autoscaled.sort_by(|one, other| one.workload.cmp(&other.workload));
    let volumes = billed::volumes(std::mem::take(&mut draft.billed_volumes), &draft.classes);
    let namespaces = namespaces(draft.namespaces, &pods);
    findings.extend(draft.notes.findings());
    findings.extend(ignored(&draft.ignored_kinds));
    let cluster = ClusterState {
        nodes,
        pods,
        workloads: workloads(draft.workloads),
        daemon_sets,
        budgets,
        namespaces,
        autoscaled,
        volumes,
        load_balancers: draft.load_balancers.into_values().collect(),
    };
    Ok(Snapshot { capture_time, content: Content::Cluster(Box::new(cluster)), findings })
}

/// Nodes by name, and why some of them may not be removed.
fn nodes(draft: &mut Draft) -> Result<(Vec<Node>, BTreeMap<String, String>), Fault> {
    let mut drafts = std::mem::take(&mut draft.nodes);
    drafts.sort_by(|one, other| (&one.node.name, one.origin).cmp(&(&other.node.name, other.origin)));
    let names = drafts.iter().map(|draft| (draft.origin, &draft.node.name));
    refuse_twins(names, |name| format!("node {name}"))?;
    let mut protected = BTreeMap::new();
    let mut nodes = Vec::with_capacity(drafts.len());
    for NodeDraft { mut node, protected: reason, .. } in drafts {
        node.attach_limits = draft.attach_limits.remove(&node.name).unwrap_or_default();
        if let Some(reason) = reason {
            protected.insert(node.name.clone(), reason);
        }
        nodes.push(node);
    }
    Ok((nodes, protected))
}

/// Pods by namespace and name.
fn pods(draft: &mut Draft, protected: &BTreeMap<String, String>, now: Timestamp) -> Result<Vec<Pod>, Fault> {
    let mut drafts = std::mem::take(&mut draft.pods);
    let key = |draft: &PodDraft| (draft.pod.namespace.clone(), draft.pod.name.clone(), draft.origin);
    drafts.sort_by_cached_key(key);
    let keys: Vec<(Origin, String)> = drafts.iter().map(|draft| (draft.origin, draft.pod.key())).collect();
    refuse_twins(keys.iter().map(|(origin, key)| (*origin, key)), |key| format!("pod {key}"))?;
    let deployments: BTreeSet<(String, String)> = draft
        .workloads
        .iter()
        .filter(|workload| workload.reference.kind == WorkloadKind::Deployment)
        .map(|workload| (workload.reference.namespace.clone(), workload.reference.name.clone()))
        .collect();
    let mut held = job::hold(&drafts, draft);
    let all = drafts.into_iter().map(|one| {
        let protection = one.pod.node.as_ref().and_then(|node| protected.get(node)).cloned();
        let protection = protection.or_else(|| held.remove(&one.pod.key()));
        pod(one, draft, &deployments, protection, now)
    });
    Ok(all.collect())
}

/// Refuses two objects of one name; `all` is sorted by name, then by origin.
fn refuse_twins<'a>(
    all: impl Iterator<Item = (Origin, &'a String)>,
    describe: impl Fn(&str) -> String,
) -> Result<(), Fault> {
    let mut last: Option<(Origin, &String)> = None;
    for (origin, name) in all {
        if let Some((first, _)) = last.filter(|(_, earlier)| *earlier == name) {
            let message = format!("{} is there twice, first at {first}", describe(name));
            return Err(Fault::new(message).at("metadata.name").at(origin));
        }
        last = Some((origin, name));
    }
    Ok(())
}

fn pod(
    from: PodDraft,
    draft: &mut Draft,
    deployments: &BTreeSet<(String, String)>,
    protection: Option<String>,
    now: Timestamp,
) -> Pod {
    let PodDraft { mut pod, controller, claims, priority_class, runtime_class, wish, .. } = from;
    let subject = format!("pod/{}/{}", pod.namespace, pod.name);
    pod.owner = controller.map(|controller| owner(&controller, &pod, deployments, draft));
    pod.volumes = claims.iter().map(|used| volume::resolve(used, &pod.namespace, draft)).collect();
    if pod.volumes.iter().any(|volume| matches!(volume.reach, VolumeReach::Broken(_))) {
        draft.notes.add(Note::BrokenVolume, || subject.clone());
    }
    if let Some(class) = priority_class {
        match scaling::priority(&class, draft) {
            Some(priority) => pod.priority = priority,
            None => draft.notes.add(Note::UnknownClass, || subject.clone()),
        }
    }
    if let Some(class) = runtime_class {
        match draft.runtimes.get(&class) {
            Some(runtime) => pod.requests = pod.requests.plus(&runtime.overhead),
            None => draft.notes.add(Note::UnknownClass, || subject),
        }
    }
    let wish = wish.filter(|wish| wish.holds(pod.create_time, now)).map(|wish| wish.reason);
    pod.do_not_disrupt = wish.or(protection);
    pod
}

/// Takes the pod that a StatefulSet is about to make again for the one that is being deleted. It is pending,
/// but for one with a disk of its node, or with demands that a plan cannot express: only its node is known to do.
fn renew(pod: &mut Pod) {
    let comes_back = pod.owner.as_ref().is_some_and(|owner| owner.kind == WorkloadKind::StatefulSet);
    if !(pod.terminating && comes_back) {
        return;
    }
    pod.terminating = false;
    let has_disk = pod.volumes.iter().any(|volume| volume.reach == VolumeReach::Local);
    if !has_disk && pod.scheduling.beyond_us.is_none() {
        pod.node = None;
    }
}

/// The workload that would make a pod again.
fn owner(
    controller: &Controller,
    pod: &Pod,
    deployments: &BTreeSet<(String, String)>,
    draft: &mut Draft,
) -> WorkloadRef {
    let key = (pod.namespace.clone(), controller.name.clone());
    let above = match controller.kind.as_str() {
        "ReplicaSet" => draft.replica_sets.get(&key),
        "Job" => draft.jobs.get(&key).map(|job| &job.controller),
        _ => Some(&None),
    };
    let refer = |controller: &Controller| WorkloadRef {
        kind: workload_kind(&controller.kind),
        namespace: pod.namespace.clone(),
        name: controller.name.clone(),
    };
    match above {
        Some(Some(above)) => refer(above),
        Some(None) => refer(controller),
        None => {
            let inferred = deployment_by_hash(controller, pod)
                .filter(|name| deployments.contains(&(pod.namespace.clone(), name.clone())));
            let Some(name) = inferred else { return refer(controller) };
            draft.notes.add(Note::OwnerInferred, || format!("pod/{}/{}", pod.namespace, pod.name));
            WorkloadRef { kind: WorkloadKind::Deployment, namespace: pod.namespace.clone(), name }
        }
    }
}

/// The Deployment of a ReplicaSet by its name, which ends in the hash of the pods' template.
fn deployment_by_hash(controller: &Controller, pod: &Pod) -> Option<String> {
    let hash = pod.labels.get("pod-template-hash").filter(|_| controller.kind == "ReplicaSet")?;
    controller.name.strip_suffix(hash.as_str())?.strip_suffix('-').map(str::to_owned)
}

fn note_unknown_nodes(pods: &[Pod], nodes: &[Node], draft: &mut Draft) {
    let is_known = |name: &str| nodes.binary_search_by(|node| node.name.as_str().cmp(name)).is_ok();
    for pod in pods.iter().filter(|pod| pod.node.as_deref().is_some_and(|node| !is_known(node))) {
        draft.notes.add(Note::UnknownNode, || format!("pod/{}/{}", pod.namespace, pod.name));
    }
}

/// Writes the architectures into what pods say; equal pods go on sharing one value.
fn learn_architectures(pods: &mut [Pod], nodes: &[Node]) {
    let known = architecture::known(pods, nodes);
    let mut shared: HashMap<(*const Scheduling, Vec<String>), Arc<Scheduling>> = HashMap::new();
    for (pod, architectures) in pods.iter_mut().zip(known) {
        if architectures.is_empty() {
            continue;
        }
        let key = (Arc::as_ptr(&pod.scheduling), architectures.clone());
        let with = || Arc::new(Scheduling { architectures, ..(*pod.scheduling).clone() });
        let learned = Arc::clone(shared.entry(key).or_insert_with(with));
        pod.scheduling = learned;
    }
}

/// DaemonSets by namespace and name; one that is missing is inferred from a pod of it.
fn daemon_sets(draft: &mut Draft, pods: &[Pod]) -> Vec<DaemonSet> {
    let mut by_name: BTreeMap<(String, String), DaemonSet> = BTreeMap::new();
    for mut one in std::mem::take(&mut draft.daemon_sets) {
        if let Some(runtime) = one.runtime_class.as_ref().and_then(|class| draft.runtimes.get(class)) {
            let mut scheduling = (*one.set.scheduling).clone();
            scheduling.node_selector.extend(runtime.node_selector.clone());
            scheduling.tolerations.extend(runtime.tolerations.iter().cloned());
            one.set.requests = one.set.requests.plus(&runtime.overhead);
            one.set.scheduling = Arc::new(scheduling);
        }
        by_name.insert((one.set.namespace.clone(), one.set.name.clone()), one.set);
    }
    let of_daemons = pods.iter().filter_map(|pod| Some((pod, pod.owner.as_ref()?)));
    for (pod, owner) in of_daemons.filter(|(_, owner)| owner.kind == WorkloadKind::DaemonSet) {
        by_name.entry((owner.namespace.clone(), owner.name.clone())).or_insert_with(|| {
            draft
                .notes
                .add(Note::DaemonSetInferred, || format!("daemonset/{}/{}", owner.namespace, owner.name));
            inferred_daemon_set(pod, owner)
        });
    }
    by_name.into_values().collect()
}

fn inferred_daemon_set(pod: &Pod, owner: &WorkloadRef) -> DaemonSet {
    let mut scheduling = (*pod.scheduling).clone();
    let without_node = |term: NodeTerm| NodeTerm { fields: Vec::new(), ..term };
    let terms = scheduling.node_terms.into_iter().map(without_node);
    scheduling.node_terms = terms.filter(|term| !term.labels.is_empty()).collect();
    DaemonSet {
        namespace: owner.namespace.clone(),
        name: owner.name.clone(),
        requests: pod.requests.clone(),
        scheduling: Arc::new(scheduling),
    }
}

/// Labels of all namespaces that are there or have a pod: each has its name at least.
fn namespaces(mut known: BTreeMap<String, Labels>, pods: &[Pod]) -> BTreeMap<String, Labels> {
    for pod in pods {
        known.entry(pod.namespace.clone()).or_default();
    }
    for (name, labels) in &mut known {
        labels.entry(NAMESPACE_NAME.to_owned()).or_insert_with(|| name.clone());
    }
    known
}

fn workloads(mut all: Vec<Workload>) -> Vec<Workload> {
    all.sort_by(|one, other| one.reference.cmp(&other.reference));
    all.dedup_by(|one, other| one.reference == other.reference);
    all
}

/// What a person should add to the export.
fn missing_kinds(draft: &Draft) -> Vec<Finding> {
    let mounts =
        draft.pods.iter().filter(|pod| pod.claims.iter().any(|used| used.made_with.is_none())).count();
    let asks = draft.pods.iter().filter(|pod| asks_for_namespaces(&pod.pod.scheduling)).count();
    let cases = [
        (
            draft.nodes.is_empty(),
            Severity::Warning,
            "NO_NODES",
            "There are no nodes: the plan starts from nothing.".to_owned(),
        ),
        (
            draft.budgets.is_empty(),
            Severity::Advice,
            "NO_BUDGETS",
            "There are no PodDisruptionBudgets: every pod is taken to be evictable at any time.".to_owned(),
        ),
        (
            draft.claims.is_empty() && mounts > 0,
            Severity::Warning,
            "NO_CLAIMS",
            format!(
                "{mounts} pod(s) mount claims, but there are no PersistentVolumeClaims: export them, too."
            ),
        ),
        (
            draft.namespaces.is_empty() && asks > 0,
            Severity::Warning,
            "NO_NAMESPACES",
            format!(
                "{asks} pod(s) select namespaces by label, but there are no Namespaces, so none has a label: \
                 add `ns` to what kubectl gets."
            ),
        ),
    ];
    let applies = cases.into_iter().filter(|(applies, ..)| *applies);
    applies.map(|(_, severity, code, message)| Finding::new(severity, code, "", message)).collect()
}

/// Whether some term selects namespaces by more than their names.
fn asks_for_namespaces(scheduling: &Scheduling) -> bool {
    let rules = scheduling.pod_affinity.iter().chain(&scheduling.pod_anti_affinity);
    let terms = rules.chain(scheduling.preferred_pod_terms.iter().map(|(_, term)| term));
    let selectors = terms.filter_map(|term| term.namespace_selector.as_ref());
    let mut requirements = selectors.flat_map(|selector| &selector.requirements);
    requirements.any(|requirement| requirement.key != NAMESPACE_NAME)
}

fn ignored(kinds: &BTreeMap<String, u64>) -> impl Iterator<Item = Finding> {
    kinds.iter().map(|(kind, count)| {
        let message = format!("{count} object(s) of kind {kind} were ignored.");
        Finding::new(Severity::Info, "IGNORED_KIND", format!("kind/{kind}"), message)
    })
}
