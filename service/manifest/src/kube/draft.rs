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
}

/// A node and what its annotations say.
pub(super) struct NodeDraft {
    pub origin: Origin,
    pub node: Node,
    /// Why nobody may remove it, if so.
    pub protected: Option<String>,
}

/// A DaemonSet, but for what its RuntimeClass adds.
pub(super) struct DaemonSetDraft {
    pub set: DaemonSet,
    pub runtime_class: Option<String>,
}

/// A PodDisruptionBudget before its percentages are resolved.
pub(super) struct BudgetDraft {
    pub namespace: String,
    pub name: String,
    pub selector: LabelSelector,
    pub limit: super::budget::Limit,
}

/// What a PriorityClass says.
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
    /// Controllers of ReplicaSets and Jobs; `None` where they have none.
    pub replica_sets: HashMap<Key, Option<Controller>>,
    pub jobs: HashMap<Key, Option<Controller>>,
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
        if let Some(known) = self.schedulings.get(&scheduling) {
            return Arc::clone(known);
        }
        let new = Arc::new(scheduling);
        self.schedulings.insert(Arc::clone(&new));
        new
    }

    /// Notes that an object tells of this time.
    pub(super) fn saw(&mut self, time: Option<Timestamp>) {
        self.newest = self.newest.max(time);
    }
}
