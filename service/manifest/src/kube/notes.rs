//! Remarks of the reader: one finding for all objects that share a remark, with the first of them as an example.

use std::collections::BTreeMap;

use plimsoll_domain::finding::{Finding, Severity};

/// What can be remarked of an object.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Note {
    /// The list has pages that are not there.
    PartialList,
    /// The pod has ended.
    FinishedPod,
    /// Something else still holds the pod back from being scheduled.
    GatedPod,
    /// The pod's ReplicaSet is missing.
    OwnerInferred,
    /// The DaemonSet of a pod is missing.
    DaemonSetInferred,
    /// The node of a pod is missing.
    UnknownNode,
    /// The pod reads or writes its node's file system.
    HostPath,
    /// The pod mounts a volume without a claim.
    InlineVolume,
    /// A claim cannot be used.
    BrokenVolume,
    /// Another scheduler places the pod.
    OtherScheduler,
    /// The pod asks for devices by resource claims.
    ResourceClaims,
    /// A toleration compares numbers.
    NumericToleration,
    /// The node runs on Fargate.
    Fargate,
    /// Nobody may remove the node.
    ProtectedNode,
    /// The class of a pod's priority or runtime is missing.
    UnknownClass,
}

/// Remarks collected so far.
#[derive(Debug, Default)]
pub(super) struct Notes(BTreeMap<Note, Seen>);

#[derive(Debug)]
struct Seen {
    count: u64,
    first: String,
}

impl Notes {
    /// Remarks something of an object, such as `pod/shop/cart-0`.
    pub(super) fn add(&mut self, note: Note, subject: impl FnOnce() -> String) {
        self.0.entry(note).or_insert_with(|| Seen { count: 0, first: subject() }).count += 1;
    }

    /// Takes in what was remarked elsewhere, later.
    pub(super) fn extend(&mut self, later: &Self) {
        for (note, seen) in &later.0 {
            self.0.entry(*note).or_insert_with(|| Seen { count: 0, first: seen.first.clone() }).count +=
                seen.count;
        }
    }

    /// One finding by remark.
    pub(super) fn findings(self) -> impl Iterator<Item = Finding> {
        self.0.into_iter().map(|(note, seen)| note.finding(seen.count, seen.first))
    }
}

impl Note {
    fn finding(self, count: u64, first: String) -> Finding {
        let (severity, code, what) = match self {
            Self::PartialList => (
                Severity::Warning,
                "PARTIAL_LIST",
                "list(s) end with a token to continue: the rest of their objects is missing",
            ),
            Self::FinishedPod => (Severity::Info, "FINISHED_PODS", "pod(s) have ended and are no demand"),
            Self::GatedPod => (
                Severity::Info,
                "GATED_PODS",
                "pod(s) have scheduling gates and are no demand until these are lifted",
            ),
            Self::OwnerInferred => (
                Severity::Advice,
                "OWNER_INFERRED",
                "pod(s) belong to a ReplicaSet that is missing; their Deployment is inferred from the name",
            ),
            Self::DaemonSetInferred => (
                Severity::Advice,
                "DAEMON_SET_INFERRED",
                "DaemonSet(s) are missing and inferred from one of their pods",
            ),
            Self::UnknownNode => {
                (Severity::Warning, "UNKNOWN_NODE", "pod(s) run on nodes that are not among the objects")
            }
            Self::HostPath => (
                Severity::Info,
                "HOST_PATH",
                "pod(s) outside of DaemonSets use their node's file system; what they left there does not move along",
            ),
            Self::InlineVolume => (
                Severity::Warning,
                "INLINE_VOLUME",
                "pod(s) mount a disk without a claim; where it can be attached is not known, so they are not moved",
            ),
            Self::BrokenVolume => (
                Severity::Warning,
                "BROKEN_VOLUME",
                "pod(s) mount a claim that cannot be used; they could not be scheduled again",
            ),
            Self::OtherScheduler => (
                Severity::Warning,
                "OTHER_SCHEDULER",
                "pod(s) are placed by another scheduler than the stock one, whose rules are not known",
            ),
            Self::ResourceClaims => (
                Severity::Warning,
                "RESOURCE_CLAIMS",
                "pod(s) ask for devices by resource claims, which are not planned for, so they are not moved",
            ),
            Self::NumericToleration => (
                Severity::Warning,
                "NUMERIC_TOLERATION",
                "toleration(s) compare numbers and are taken to tolerate nothing",
            ),
            Self::Fargate => {
                (Severity::Info, "FARGATE", "node(s) are Fargate's; they are neither priced nor planned")
            }
            Self::ProtectedNode => (
                Severity::Info,
                "PROTECTED_NODE",
                "node(s) are marked as not to be disrupted; the pods on them stay",
            ),
            Self::UnknownClass => (
                Severity::Advice,
                "UNKNOWN_CLASS",
                "pod(s) name a priority or runtime class that is missing; priority 0 and no overhead are assumed",
            ),
        };
        Finding::new(severity, code, first, format!("{count} {what}."))
    }
}
