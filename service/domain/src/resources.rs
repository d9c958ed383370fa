//! Quantities of what a node has and a pod asks for.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// The resource that every GPU pod on EKS asks for.
pub const NVIDIA_GPU: &str = "nvidia.com/gpu";

/// An amount of each resource. Never negative in a request; a node's remainder may be.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Resources {
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes of memory.
    pub memory_bytes: i64,
    /// Bytes of node-local ephemeral storage.
    pub ephemeral_bytes: i64,
    /// Pods; 1 in any pod's request.
    pub pods: i64,
    /// Whole units of extended resources by name (`nvidia.com/gpu`, `vpc.amazonaws.com/efa`), and
    /// bytes of huge pages (`hugepages-2Mi`). A missing name is zero.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub extended: BTreeMap<String, i64>,
}

impl Resources {
    /// The amount of one resource by its Kubernetes name; zero if there is none.
    pub fn get(&self, name: &str) -> i64 {
        match name {
            "cpu" => self.cpu_milli,
            "memory" => self.memory_bytes,
            "ephemeral-storage" => self.ephemeral_bytes,
            "pods" => self.pods,
            _ => self.extended.get(name).copied().unwrap_or(0),
        }
    }

    /// Whole NVIDIA GPUs.
    pub fn gpus(&self) -> i64 {
        self.get(NVIDIA_GPU)
    }

    /// The sum; saturates.
    #[must_use]
    pub fn plus(&self, other: &Self) -> Self {
        self.combine(other, i64::saturating_add)
    }

    /// The difference, which may be negative; saturates.
    #[must_use]
    pub fn minus(&self, other: &Self) -> Self {
        self.combine(other, i64::saturating_sub)
    }

    /// The component-wise larger.
    #[must_use]
    pub fn component_max(&self, other: &Self) -> Self {
        self.combine(other, i64::max)
    }

    /// Whether a request of `self` fits into a remainder of `free`. A zero request always fits,
    /// also where the remainder is negative.
    pub fn fits(&self, free: &Self) -> bool {
        self.first_shortage(free).is_none()
    }

    /// The first resource of which `free` has too little, by its Kubernetes name.
    pub fn first_shortage(&self, free: &Self) -> Option<String> {
        let basic = ["cpu", "memory", "ephemeral-storage", "pods"];
        let lacks = |name: &&str| self.get(name) > 0 && self.get(name) > free.get(name);
        let basic_short = basic.iter().find(|name| lacks(name)).map(|name| (*name).to_owned());
        basic_short.or_else(|| self.extended.keys().find(|name| lacks(&name.as_str())).cloned())
    }

    fn combine(&self, other: &Self, f: impl Fn(i64, i64) -> i64) -> Self {
        let names = self.extended.keys().chain(other.extended.keys());
        let extended = names
            .map(|name| (name.clone(), f(self.get(name), other.get(name))))
            .filter(|(_, amount)| *amount != 0)
            .collect();
        Self {
            cpu_milli: f(self.cpu_milli, other.cpu_milli),
            memory_bytes: f(self.memory_bytes, other.memory_bytes),
            ephemeral_bytes: f(self.ephemeral_bytes, other.ephemeral_bytes),
            pods: f(self.pods, other.pods),
            extended,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_fits_into_an_overfull_node_and_one_does_not() {
        let full = Resources { cpu_milli: -5, ..Resources::default() };
        assert!(Resources::default().fits(&full));
        let one = Resources { cpu_milli: 1, ..Resources::default() };
        assert_eq!(one.first_shortage(&full).as_deref(), Some("cpu"));
    }
}
