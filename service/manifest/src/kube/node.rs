//! Nodes, what can be attached to them, and namespaces.

use k8s_openapi::api::core::v1 as core;
use k8s_openapi::api::storage::v1::CSINode;
use plimsoll_domain::fleet::{
    CapacityKind, LABEL_CAPACITY_TYPE, LABEL_INSTANCE_TYPE, LABEL_NODE_GROUP, LABEL_ZONE, Node,
};
use plimsoll_domain::selector::Labels;
use plimsoll_domain::workload::Taint;

use crate::error::{At, Fault};
use crate::quantity::Rounding;

use super::draft::{Draft, NodeDraft, Origin};
use super::notes::Note;
use super::{disruption, labels, requests, scheduling};

/// Labels whose value names a node's group, the surest first: EKS, Karpenter, eksctl, kOps.
const GROUP_LABELS: [&str; 5] = [
    LABEL_NODE_GROUP,
    "karpenter.sh/nodepool",
    "karpenter.sh/provisioner-name",
    "alpha.eksctl.io/nodegroup-name",
    "kops.k8s.io/instancegroup",
];

/// Labels that tell how a node is bought: EKS, Karpenter, kOps.
const KIND_LABELS: [&str; 3] =
    [LABEL_CAPACITY_TYPE, "karpenter.sh/capacity-type", "node.kubernetes.io/lifecycle"];

const COMPUTE_TYPE: &str = "eks.amazonaws.com/compute-type";

/// Takes a node.
pub(super) fn take(from: core::Node, origin: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let metadata = from.metadata;
    let name = metadata.name.ok_or_else(|| Fault::new("missing").at("metadata.name"))?;
    let (spec, status) = (from.spec.unwrap_or_default(), from.status.unwrap_or_default());
    let labels = labels::present_labels(metadata.labels.unwrap_or_default());
    let label = |key: &str| labels.get(key).cloned().unwrap_or_default();
    let capacity = status.capacity.unwrap_or_default();
    let capacity = requests::amounts(&capacity, Rounding::Down).at("status.capacity")?;
    let allocatable = match &status.allocatable {
        Some(allocatable) => requests::amounts(allocatable, Rounding::Down).at("status.allocatable")?,
        // The API server's own default.
        None => capacity.clone(),
    };
    let conditions = || status.conditions.iter().flatten();
    let ready = conditions().any(|condition| condition.type_ == "Ready" && condition.status == "True");
    let heartbeat =
        conditions().filter_map(|condition| Some(condition.last_heartbeat_time.as_ref()?.0)).max();
    let create_time = metadata.creation_timestamp.map(|time| time.0);
    draft.saw(create_time);
    draft.saw(heartbeat);
    let protected = disruption::protection_of_node(metadata.annotations.as_ref());
    if protected.is_some() {
        draft.notes.add(Note::ProtectedNode, || format!("node/{name}"));
    }
    if labels.get(COMPUTE_TYPE).is_some_and(|value| value == "fargate") {
        draft.notes.add(Note::Fargate, || format!("node/{name}"));
    }
    let node = Node {
        name,
        provider_id: spec.provider_id.unwrap_or_default(),
        group: GROUP_LABELS.iter().find_map(|key| labels.get(*key).cloned()).unwrap_or_default(),
        instance_type: label(LABEL_INSTANCE_TYPE),
        zone: label(LABEL_ZONE),
        kind: kind(&labels),
        taints: taints(spec.taints).at("spec")?,
        capacity,
        allocatable,
        attach_limits: Default::default(),
        unschedulable: spec.unschedulable == Some(true),
        ready,
        create_time,
        labels,
    };
    draft.nodes.push(NodeDraft { origin, node, protected });
    Ok(())
}

/// On-demand unless a label says spot; capacity that is reserved is on-demand to whom it is reserved for.
fn kind(labels: &Labels) -> CapacityKind {
    let is_spot = |key: &&str| labels.get(*key).is_some_and(|value| value.eq_ignore_ascii_case("spot"));
    if KIND_LABELS.iter().any(is_spot) { CapacityKind::Spot } else { CapacityKind::OnDemand }
}

fn taints(from: Option<Vec<core::Taint>>) -> Result<Vec<Taint>, Fault> {
    let one = |(index, taint): (usize, core::Taint)| {
        let effect = scheduling::taint_effect(&taint.effect).at(format_args!("taints[{index}].effect"))?;
        Ok(Taint { key: taint.key, value: taint.value.unwrap_or_default(), effect })
    };
    from.into_iter().flatten().enumerate().map(one).collect()
}

/// Takes what a node's CSI drivers can attach.
pub(super) fn take_csi_node(from: CSINode, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let limits = draft.attach_limits.entry(from.metadata.name.unwrap_or_default()).or_default();
    for driver in from.spec.drivers {
        if let Some(count) = driver.allocatable.and_then(|allocatable| allocatable.count) {
            limits.insert(driver.name, i64::from(count.max(0)));
        }
    }
    Ok(())
}

/// Takes a namespace.
pub(super) fn take_namespace(from: core::Namespace, _: Origin, draft: &mut Draft) -> Result<(), Fault> {
    let name = from.metadata.name.ok_or_else(|| Fault::new("missing").at("metadata.name"))?;
    draft.namespaces.insert(name, from.metadata.labels.unwrap_or_default());
    Ok(())
}
