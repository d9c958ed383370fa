//! Parts of plans: groups, changes, reasons, the referee's report.

use plimsoll_domain::plan::{
    Change, ChangeKind, Move, NodeGroup, NodeRemoval, Plan, RefereeReport, Stranding, Why,
};
use plimsoll_domain::rightsize::Recommendation;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::{change, node_group};

use super::finding::taint;
use super::plan::{capacity_kind, int};
use super::workload;

/// A group as a plan leaves it.
pub fn group(plan: &Plan, from: &NodeGroup) -> pb::NodeGroup {
    let made = from.solution_group.and_then(|index| plan.solution.groups.get(index as usize));
    let manager = if from.existing { node_group::Manager::Other } else { node_group::Manager::Plimsoll };
    pb::NodeGroup {
        name: from.name.clone(),
        asg_name: String::new(),
        ami_family: String::new(),
        template: from.template.clone(),
        managed_by: manager.into(),
        zones: from.zones.clone(),
        subnets: Vec::new(),
        kind: capacity_kind(from.kind).into(),
        instance_types: from.instance_types.clone(),
        min_count: None,
        max_count: None,
        desired_count: int(from.to_count),
        ready_count: None,
        labels: from.labels.clone(),
        taints: from.taints.iter().map(taint).collect(),
        etag: String::new(),
        offerings: made.map(|group| group.offerings.iter().copied().map(int).collect()).unwrap_or_default(),
        from_count: int(from.from_count),
        to_count: int(from.to_count),
        existing: from.existing,
    }
}

/// A change as the wire has it.
pub fn change(from: &Change) -> pb::Change {
    let kind = match from.kind {
        ChangeKind::Create => change::Kind::Create,
        ChangeKind::Grow => change::Kind::Grow,
        ChangeKind::Shrink => change::Kind::Shrink,
        ChangeKind::Delete => change::Kind::Delete,
    };
    pb::Change {
        kind: kind.into(),
        group: from.group.clone(),
        from_count: int(from.from_count),
        to_count: int(from.to_count),
        nodes: from.nodes.clone(),
        saving_nano_usd_per_hour: from.saving_nano_usd_per_hour,
        moved_pod_count: int(from.moved_pod_count),
        why: from.why.iter().map(why).collect(),
    }
}

/// A reason as the wire has it.
pub fn why(from: &Why) -> pb::Why {
    pb::Why {
        code: from.code.clone(),
        subject: from.subject.clone(),
        message: from.message.clone(),
        price_nano_usd_per_hour: from.price_nano_usd_per_hour,
    }
}

/// The referee's report as the wire has it.
pub fn referee(from: &RefereeReport) -> pb::RefereeReport {
    pb::RefereeReport {
        steered_pending: from.steered_pending.clone(),
        steered_moves: from.steered_moves.iter().map(pod_move).collect(),
        churn_stranded: from.churn_stranded.clone(),
        cold_order_count: int(from.cold_orders),
        cold_pod_count: int(from.cold_pods),
        cold_pending_counts: from.cold_pending.iter().copied().map(int).collect(),
        cold_reserve_nano_usd_per_hour: from.cold_reserve.nano_usd(),
        repair_cost_nano_usd_per_hour: from.repair_cost.nano_usd(),
        steered_removals: from.steered_removals.iter().map(removal).collect(),
        strandings: from.strandings.iter().map(stranding).collect(),
        restart_count: int(from.churn_tried.restarts),
        rollout_count: int(from.churn_tried.rollouts),
        node_loss_count: int(from.churn_tried.losses),
        omissions: from.omissions.clone(),
        cold_reserve_complete: from.cold_reserve_complete,
    }
}

fn removal(from: &NodeRemoval) -> pb::NodeRemoval {
    pb::NodeRemoval { node: from.node.clone(), before_move_index: int(from.before_move) }
}

fn stranding(from: &Stranding) -> pb::Stranding {
    pb::Stranding { event: from.event.clone(), pod: from.pod.clone(), message: from.message.clone() }
}

/// A recommendation as the wire has it.
pub fn recommendation(from: &Recommendation) -> pb::Recommendation {
    let who = &from.key.workload;
    pb::Recommendation {
        workload_kind: workload::name(who.kind).to_owned(),
        namespace: who.namespace.clone(),
        workload: who.name.clone(),
        container: from.key.container.clone(),
        cpu_milli_now: from.cpu_milli_now,
        cpu_milli: from.cpu_milli,
        memory_bytes_now: from.memory_bytes_now,
        memory_bytes: from.memory_bytes,
        history_days: from.history_days,
        pod_count: int(from.pod_count),
    }
}

fn pod_move(from: &Move) -> pb::PodMove {
    pb::PodMove {
        pod: from.pod.clone(),
        from_node: from.from.clone().unwrap_or_default(),
        to_node: from.to.clone(),
    }
}
