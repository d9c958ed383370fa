//! What went on in a cluster, counted by what happened and not by what calls answered.

use std::collections::BTreeMap;

/// Counts since a cluster was loaded.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Pods that were on a machine when it was terminated, evicted ones that had not ended yet among them, those that
    /// belong to the node aside: `namespace/name on node`.
    pub pods_lost: Vec<String>,
    /// Times that a budget came to have fewer healthy pods than it demands: its `namespace/name`.
    pub budget_violations: Vec<String>,
    /// How long machines ran, from launch to termination, in whole seconds, by group and instance type.
    pub node_seconds: BTreeMap<(String, String), u64>,
}
