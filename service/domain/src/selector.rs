//! Kubernetes selectors: over labels of pods, and over labels of nodes.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// Labels of an object.
pub type Labels = BTreeMap<String, String>;

/// How a requirement compares a label with its values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Operator {
    /// The label exists and has one of the values.
    In,
    /// The label is missing or has none of the values.
    NotIn,
    /// The label exists.
    Exists,
    /// The label is missing.
    DoesNotExist,
    /// The label is an integer above the value. Only for nodes.
    Gt,
    /// The label is an integer below the value. Only for nodes.
    Lt,
}

/// One requirement on one label.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Requirement {
    /// The label's key.
    pub key: String,
    /// The comparison.
    pub operator: Operator,
    /// The values; empty for `Exists` and `DoesNotExist`, one integer for `Gt` and `Lt`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub values: Vec<String>,
}

impl Requirement {
    /// Whether an object with these labels meets the requirement.
    pub fn matches(&self, labels: &Labels) -> bool {
        let label = labels.get(&self.key);
        let listed = || label.is_some_and(|value| self.values.contains(value));
        match self.operator {
            Operator::In => listed(),
            Operator::NotIn => !listed(),
            Operator::Exists => label.is_some(),
            Operator::DoesNotExist => label.is_none(),
            Operator::Gt => self.compare(label).is_some_and(|(have, bound)| have > bound),
            Operator::Lt => self.compare(label).is_some_and(|(have, bound)| have < bound),
        }
    }

    fn compare(&self, label: Option<&String>) -> Option<(i64, i64)> {
        let [bound] = self.values.as_slice() else { return None };
        Some((label?.parse().ok()?, bound.parse().ok()?))
    }
}

/// A selector over labels. The empty selector matches everything.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct LabelSelector {
    /// All of these must hold (`matchLabels` are `In` with one value).
    pub requirements: Vec<Requirement>,
}

impl LabelSelector {
    /// Whether an object with these labels is selected.
    pub fn matches(&self, labels: &Labels) -> bool {
        self.requirements.iter().all(|requirement| requirement.matches(labels))
    }

    /// Whether a topology spread with this selector counts a pod with these labels. Other than everywhere else, the empty
    /// selector counts nobody. Source: kube-scheduler 1.36, `podtopologyspread/common.go`, countPodsMatchSelector.
    pub fn counts_in_spread(&self, labels: &Labels) -> bool {
        !self.requirements.is_empty() && self.matches(labels)
    }
}

/// One term of a node selector: all its requirements must hold. Terms of a list are alternatives.
/// A term without any requirement matches no node, as in Kubernetes.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct NodeTerm {
    /// Requirements on the node's labels.
    #[serde(default)]
    pub labels: Vec<Requirement>,
    /// Requirements on the node's fields; Kubernetes knows only `metadata.name`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub fields: Vec<Requirement>,
}

impl NodeTerm {
    /// Whether a node with this name and these labels meets the term.
    pub fn matches(&self, name: &str, labels: &Labels) -> bool {
        if self.labels.is_empty() && self.fields.is_empty() {
            return false;
        }
        let fields = || Labels::from([("metadata.name".to_owned(), name.to_owned())]);
        self.labels.iter().all(|requirement| requirement.matches(labels))
            && (self.fields.is_empty() || self.fields.iter().all(|field| field.matches(&fields())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(operator: Operator, values: &[&str], label: Option<&str>, want: bool) {
        let values = values.iter().map(|value| (*value).to_owned()).collect();
        let requirement = Requirement { key: "k".into(), operator, values };
        let labels = label.map(|value| ("k".to_owned(), value.to_owned())).into_iter().collect();
        assert_eq!(requirement.matches(&labels), want, "{requirement:?} on {label:?}");
    }

    #[test]
    fn operators_follow_kubernetes() {
        check(Operator::In, &["a", "b"], Some("b"), true);
        check(Operator::In, &["a"], None, false);
        check(Operator::NotIn, &["a"], None, true);
        check(Operator::NotIn, &["a"], Some("a"), false);
        check(Operator::DoesNotExist, &[], None, true);
        check(Operator::Gt, &["4"], Some("5"), true);
        check(Operator::Gt, &["4"], Some("4"), false);
        check(Operator::Lt, &["4"], Some("many"), false);
        check(Operator::Lt, &["4"], None, false);
    }

    #[test]
    fn an_empty_term_matches_nothing_and_an_empty_selector_everything() {
        assert!(!NodeTerm::default().matches("n", &Labels::new()));
        assert!(LabelSelector::default().matches(&Labels::new()));
    }
}
