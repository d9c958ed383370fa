//! Counters of pods by node: everything that pods say about one another comes down to these.

use std::collections::BTreeMap;

use crate::selector::{LabelSelector, Labels};
use crate::workload::{PodTerm, WorkloadRef};

use super::class::ClassKey;

/// Labels of namespaces, by name.
pub(super) type Namespaces = BTreeMap<String, Labels>;

/// Which pods a term of affinity speaks of, wherever they run.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope {
    namespaces: Vec<String>,
    namespace_selector: Option<LabelSelector>,
    selector: LabelSelector,
}

impl Scope {
    /// The scope of a term.
    pub fn of(term: &PodTerm) -> Self {
        Self {
            namespaces: term.namespaces.clone(),
            namespace_selector: term.namespace_selector.clone(),
            selector: term.selector.clone(),
        }
    }

    /// Whether pods of this class are spoken of.
    pub fn covers(&self, class: &ClassKey, namespaces: &Namespaces) -> bool {
        let nothing = Labels::new();
        let named = self.namespaces.contains(&class.namespace);
        let selected = || {
            let labels = namespaces.get(&class.namespace).unwrap_or(&nothing);
            self.namespace_selector.as_ref().is_some_and(|selector| selector.matches(labels))
        };
        (named || selected()) && self.selector.matches(&class.labels)
    }
}

/// What a tally counts on each node.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Tally {
    /// Pods of a namespace that a spread with this selector counts, unless they are being deleted.
    Selected { namespace: String, selector: LabelSelector },
    /// Pods of one revision of a workload, unless they are being deleted.
    Replicas { owner: WorkloadRef, revision: String },
    /// Pods that all of these scopes cover.
    Covered(Vec<Scope>),
    /// Pods that require not to share a domain of `key` with the pods of the scope.
    Repelling { scope: Scope, key: String },
    /// Weights with which pods wish to share a domain of `key` with the pods of the scope.
    Pulling { scope: Scope, key: String },
}

impl Tally {
    /// Whether pods of a class count (for the first three) or are spoken of (for the others).
    pub fn concerns(&self, class: &ClassKey, namespaces: &Namespaces) -> bool {
        match self {
            Self::Selected { namespace, selector } => {
                *namespace == class.namespace && selector.counts_in_spread(&class.labels)
            }
            Self::Replicas { owner, revision } => {
                class.owner.as_ref() == Some(owner) && class.revision() == revision
            }
            Self::Covered(scopes) => scopes.iter().all(|scope| scope.covers(class, namespaces)),
            Self::Repelling { scope, .. } | Self::Pulling { scope, .. } => scope.covers(class, namespaces),
        }
    }

    /// Whether pods that are being deleted do not count.
    pub fn skips_terminating(&self) -> bool {
        matches!(self, Self::Selected { .. } | Self::Replicas { .. })
    }
}
