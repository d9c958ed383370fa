//! Topology keys: which domain each node is in, and sums over domains.

use std::collections::BTreeMap;

use crate::selector::Labels;

/// Marks a node without the label.
const NO_DOMAIN: usize = usize::MAX;

/// A node label whose values are domains.
#[derive(Clone, Debug)]
pub(super) struct Topology {
    pub key: String,
    values: BTreeMap<String, usize>,
    domains: Vec<usize>,
}

impl Topology {
    /// A key without any node yet.
    pub fn new(key: &str) -> Self {
        Self { key: key.to_owned(), values: BTreeMap::new(), domains: Vec::new() }
    }

    /// Takes in the next node.
    pub fn add_node(&mut self, labels: &Labels) {
        let next = self.values.len();
        let domain = labels
            .get(&self.key)
            .map_or(NO_DOMAIN, |value| *self.values.entry(value.clone()).or_insert(next));
        self.domains.push(domain);
    }

    /// The domain of a node; none if it lacks the label.
    pub fn domain(&self, node: usize) -> Option<usize> {
        let domain = self.domains[node];
        (domain != NO_DOMAIN).then_some(domain)
    }

    /// Number of domains ever seen.
    pub fn domain_count(&self) -> usize {
        self.values.len()
    }

    /// Sums `counts` (by node) over each domain, for the nodes that `included` accepts. None: no
    /// such node is in the domain.
    pub fn sums(&self, counts: &[i64], included: impl Fn(usize) -> bool) -> Vec<Option<i64>> {
        let mut sums = vec![None; self.domain_count()];
        for (node, count) in counts.iter().enumerate() {
            if let Some(domain) = self.domain(node)
                && included(node)
            {
                let sum = sums[domain].get_or_insert(0_i64);
                *sum = sum.saturating_add(*count);
            }
        }
        sums
    }
}
