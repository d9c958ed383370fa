//! Kinds of workload, by the names that Kubernetes gives them.

use plimsoll_domain::workload::WorkloadKind;

const NAMES: [(&str, WorkloadKind); 8] = [
    ("Deployment", WorkloadKind::Deployment),
    ("ReplicaSet", WorkloadKind::ReplicaSet),
    ("StatefulSet", WorkloadKind::StatefulSet),
    ("DaemonSet", WorkloadKind::DaemonSet),
    ("Job", WorkloadKind::Job),
    ("CronJob", WorkloadKind::CronJob),
    ("Node", WorkloadKind::Node),
    ("Other", WorkloadKind::Other),
];

/// The name of a kind.
pub fn name(kind: WorkloadKind) -> &'static str {
    NAMES.iter().find(|(_, known)| *known == kind).map_or("Other", |(name, _)| name)
}

/// The kind of a name; any that is not known is another controller's.
pub fn kind(name: &str) -> WorkloadKind {
    NAMES.iter().find(|(known, _)| *known == name).map_or(WorkloadKind::Other, |(_, kind)| *kind)
}
