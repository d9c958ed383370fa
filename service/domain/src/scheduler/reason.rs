//! Why a node is no place for a pod, in the words of kube-scheduler.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// Why a filter rejected a node. `Display` gives kube-scheduler's wording.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Reason {
    /// Cordoned.
    Unschedulable,
    /// A taint is not tolerated.
    Taint,
    /// Node selector or required node affinity.
    NodeAffinity,
    /// A host port is taken.
    Ports,
    /// The node's limit of pods.
    TooManyPods,
    /// Too little of a resource, by its Kubernetes name.
    Insufficient(String),
    /// The limit of attached volumes.
    VolumeLimit,
    /// A volume cannot be attached there.
    VolumeReach,
    /// A volume cannot be attached anywhere; says why.
    VolumeBroken(String),
    /// The node lacks the label of a required topology spread.
    SpreadLabel,
    /// A required topology spread would be skewed.
    Spread,
    /// Required pod affinity.
    PodAffinity,
    /// The pod's own required anti-affinity.
    PodAntiAffinity,
    /// Required anti-affinity of a pod that runs there.
    ExistingAntiAffinity,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Self::Unschedulable => "node(s) were unschedulable",
            Self::Taint => "node(s) had untolerated taint(s)",
            Self::NodeAffinity => "node(s) didn't match Pod's node affinity/selector",
            Self::Ports => "node(s) didn't have free ports for the requested pod ports",
            Self::TooManyPods => "Too many pods",
            Self::Insufficient(resource) => return write!(f, "Insufficient {resource}"),
            Self::VolumeLimit => "node(s) exceed max volume count",
            Self::VolumeReach => "node(s) didn't match PersistentVolume's node affinity",
            Self::VolumeBroken(why) => return f.write_str(why),
            Self::SpreadLabel => {
                "node(s) didn't match pod topology spread constraints (missing required label)"
            }
            Self::Spread => "node(s) didn't match pod topology spread constraints",
            Self::PodAffinity => "node(s) didn't match pod affinity rules",
            Self::PodAntiAffinity => "node(s) didn't match pod anti-affinity rules",
            Self::ExistingAntiAffinity => "node(s) didn't satisfy existing pods anti-affinity rules",
        };
        f.write_str(text)
    }
}

/// No node takes a pod. `Display` is the first sentence of the message that kube-scheduler writes
/// into the pod's `PodScheduled` condition.
#[derive(Clone, Debug, Default, PartialEq, Eq, thiserror::Error)]
pub struct Unschedulable {
    /// Nodes looked at.
    pub node_count: u32,
    /// How many nodes each reason holds for. A node short of several resources counts for each.
    pub reasons: BTreeMap<Reason, u32>,
}

impl fmt::Display for Unschedulable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |(reason, count): (&Reason, &u32)| match reason {
            // Said of the pod, not of nodes.
            Reason::VolumeBroken(why) => why.clone(),
            _ => format!("{count} {reason}"),
        };
        let mut parts: Vec<_> = self.reasons.iter().map(part).collect();
        parts.sort();
        write!(f, "0/{} nodes are available", self.node_count)?;
        if parts.is_empty() { f.write_str(".") } else { write!(f, ": {}.", parts.join(", ")) }
    }
}
