//! What was read so far, before objects are resolved against each other.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt;
use std::sync::Arc;

use jiff::Timestamp;
use plimsoll_domain::fleet::Node;
use plimsoll_domain::priced::LoadBalancer;
use plimsoll_domain::selector::{LabelSelector, Labels};
use plimsoll_domain::snapshot::Autoscaled;
use plimsoll_domain::workload::{DaemonSet, Pod, Scheduling, Workload};

use super::disruption::Wish;
use super::job::JobDraft;
use super::notes::Notes;
use super::owner::Controller;
use super::requests::Runtime;
use super::volume::{Claim, ClaimUse, Class, PersistentVolume};

/// Namespace and name.
pub(super) type Key = (String, String);

/// Which object of a file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Origin {
    /// Index of the document, over all files.
    pub document: u32,
    /// Index in the document's list; none if the document is the object itself.
    pub item: Option<u32>,
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.document, self.item) {
            (0, Some(item)) => write!(f, "items[{item}]"),
            (document, Some(item)) => write!(f, "documents[{document}].items[{item}]"),
            (document, None) => write!(f, "documents[{document}]"),
        }
    }
}

/// A pod, but for what other objects tell of it.
#[derive(Clone)]
pub(super) struct PodDraft {
    pub origin: Origin,
    /// Owner, volumes, architectures and the like are still empty.
    pub pod: Pod,
    pub controller: Option<Controller>,
    pub claims: Vec<ClaimUse>,
    /// Set where the priority itself is not.
    pub priority_class: Option<String>,
    /// Set where the overhead is not in the spec.
    pub runtime_class: Option<String>,
    /// What its annotations say about eviction.
    pub wish: Option<Wish>,
    /// Pods that failed for its index, if it is one of an indexed Job.
    pub failures: i32,
}

/// A node and what its annotations say.
#[derive(Clone)]
pub(super) struct NodeDraft {
    pub origin: Origin,
    pub node: Node,
    /// Why nobody may remove it, if so.
    pub protected: Option<String>,
}

/// A DaemonSet, but for what its RuntimeClass adds.
#[derive(Clone)]
pub(super) struct DaemonSetDraft {
    pub set: DaemonSet,
    pub runtime_class: Option<String>,
}

/// A PodDisruptionBudget before its percentages are resolved.
#[derive(Clone)]
pub(super) struct BudgetDraft {
    pub namespace: String,
    pub name: String,
    pub selector: LabelSelector,
    pub limit: super::budget::Limit,
}

/// What a PriorityClass says.
#[derive(Clone, Copy)]
pub(super) struct Priority {
    pub value: i32,
    pub is_default: bool,
}

/// Everything read so far.
#[derive(Default)]
pub(super) struct Draft {
    pub documents: u32,
    pub pods: Vec<PodDraft>,
    pub nodes: Vec<NodeDraft>,
    /// Controllers of ReplicaSets; `None` where they have none.
    pub replica_sets: HashMap<Key, Option<Controller>>,
    pub jobs: HashMap<Key, JobDraft>,
    pub workloads: Vec<Workload>,
    pub daemon_sets: Vec<DaemonSetDraft>,
    pub budgets: Vec<BudgetDraft>,
    pub claims: HashMap<Key, Claim>,
    pub volumes: BTreeMap<String, PersistentVolume>,
    pub classes: BTreeMap<String, Class>,
    /// Volumes as they are billed, by name, but for what their class says.
    pub billed_volumes: BTreeMap<String, super::billed::VolumeDraft>,
    /// By namespace and name with its kind, `service/cart`.
    pub load_balancers: BTreeMap<Key, LoadBalancer>,
    pub attach_limits: HashMap<String, BTreeMap<String, i64>>,
    pub autoscaled: Vec<Autoscaled>,
    pub namespaces: BTreeMap<String, Labels>,
    pub priorities: HashMap<String, Priority>,
    pub runtimes: HashMap<String, Runtime>,
    /// Objects by kind and version that nothing is read of.
    pub ignored_kinds: BTreeMap<String, u64>,
    pub notes: Notes,
    /// The newest time in any object.
    pub newest: Option<Timestamp>,
    schedulings: HashSet<Arc<Scheduling>>,
}

impl Draft {
    /// One shared value for equal ones.
    pub(super) fn share(&mut self, scheduling: Scheduling) -> Arc<Scheduling> {
        self.shared(Arc::new(scheduling))
    }

    fn shared(&mut self, scheduling: Arc<Scheduling>) -> Arc<Scheduling> {
        if let Some(known) = self.schedulings.get(&scheduling) {
            return Arc::clone(known);
        }
        self.schedulings.insert(Arc::clone(&scheduling));
        scheduling
    }

    /// Takes in what another one has, as if it had been read here.
    pub(super) fn add(&mut self, other: &Self) {
        // All of it: a field that is new must not be forgotten here.
        let Self {
            documents,
            pods,
            nodes,
            replica_sets,
            jobs,
            workloads,
            daemon_sets,
            budgets,
            claims,
            volumes,
            classes,
            billed_volumes,
            load_balancers,
            attach_limits,
            autoscaled,
            namespaces,
            priorities,
            runtimes,
            ignored_kinds,
            notes,
            newest,
            schedulings: _,
        } = other;
        let before = self.documents;
        let later = |origin: Origin| Origin { document: before.saturating_add(origin.document), ..origin };
        self.nodes.extend(nodes.iter().map(|node| NodeDraft { origin: later(node.origin), ..node.clone() }));
        for pod in pods {
            let mut pod = PodDraft { origin: later(pod.origin), ..pod.clone() };
            pod.pod.scheduling = self.shared(pod.pod.scheduling);
            self.pods.push(pod);
        }
        self.documents = self.documents.saturating_add(*documents);
        self.replica_sets.extend(replica_sets.clone());
        self.jobs.extend(jobs.clone());
        self.workloads.extend_from_slice(workloads);
        self.daemon_sets.extend_from_slice(daemon_sets);
        self.budgets.extend_from_slice(budgets);
        self.claims.extend(claims.clone());
        self.volumes.extend(volumes.clone());
        self.classes.extend(classes.clone());
        self.billed_volumes.extend(billed_volumes.clone());
        self.load_balancers.extend(load_balancers.clone());
        for (node, limits) in attach_limits {
            self.attach_limits.entry(node.clone()).or_default().extend(limits.clone());
        }
        self.autoscaled.extend_from_slice(autoscaled);
        self.namespaces.extend(namespaces.clone());
        self.priorities.extend(priorities.clone());
        self.runtimes.extend(runtimes.clone());
        for (kind, count) in ignored_kinds {
            *self.ignored_kinds.entry(kind.clone()).or_default() += count;
        }
        self.notes.extend(notes);
        self.saw(*newest);
    }

    /// Notes that an object tells of this time.
    pub(super) fn saw(&mut self, time: Option<Timestamp>) {
        self.newest = self.newest.max(time);
    }
}
