//! Operations on their way out.

use std::time::Duration;

use plimsoll_domain::operation::{Kind, Operation, State};
use plimsoll_domain::store::OperationFilter;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation::Result as Outcome;
use plimsoll_proto::v1::operation_metadata as kinds;

use super::plan::int;
use super::time::{parse_span, timestamp};
use super::{Invalid, names, step};

/// Longest wait of WaitOperation.
const WAIT_MAX: Duration = Duration::from_secs(600);
/// Wait of WaitOperation where none is asked for.
const WAIT_DEFAULT: Duration = Duration::from_secs(60);

/// An operation as the wire has it.
pub fn operation(from: &Operation) -> pb::Operation {
    let plan = from.kind.plan().map(|plan| plan.name(&from.cluster)).unwrap_or_default();
    let (kind, node_group, desired_count, reason) = match &from.kind {
        Kind::ApplyPlan { .. } => (kinds::Kind::ApplyPlan, String::new(), 0, String::new()),
        Kind::ResizeNodeGroup { group, to, reason, .. } => {
            let name = from.cluster.node_group_name(group);
            (kinds::Kind::ResizeNodeGroup, name, int(*to), reason.clone())
        }
        Kind::ReplaceInterrupted { .. } => (kinds::Kind::ReplaceInterrupted, String::new(), 0, String::new()),
        Kind::ReplaceMachine { .. } => (kinds::Kind::ReplaceMachine, String::new(), 0, String::new()),
        Kind::CreateCluster => (kinds::Kind::CreateCluster, String::new(), 0, String::new()),
        Kind::UpgradeCluster { .. } => (kinds::Kind::UpgradeCluster, String::new(), 0, String::new()),
        Kind::DeleteCluster => (kinds::Kind::DeleteCluster, String::new(), 0, String::new()),
    };
    let kubernetes_version = match &from.kind {
        Kind::UpgradeCluster { to, .. } => to.clone(),
        _ => String::new(),
    };
    let machines = match &from.kind {
        Kind::ReplaceInterrupted { machines } => machines.clone(),
        Kind::ReplaceMachine { machine } => vec![machine.clone()],
        _ => Vec::new(),
    };
    let failure = from.failure.as_ref().filter(|_| from.state != State::Undoing);
    let result = match (from.state, failure) {
        (State::Succeeded, _) => Some(Outcome::Response(pb::OperationResponse { plan: plan.clone() })),
        (_, Some(failure)) => Some(Outcome::Error(pb::OperationFailure {
            reason: failure.reason.clone(),
            message: failure.message.clone(),
        })),
        (_, None) => None,
    };
    let metadata = pb::OperationMetadata {
        kind: kind.into(),
        target: from.cluster.name(),
        plan,
        state: state(from.state).into(),
        steps: from.steps.iter().map(step::step).collect(),
        create_time: Some(timestamp(from.create_time)),
        update_time: Some(timestamp(from.update_time)),
        cancel_requested: from.cancel_requested,
        actor: from.actor.clone(),
        revision: from.revision,
        node_group,
        desired_count,
        reason,
        machines,
        kubernetes_version,
        leftovers: Vec::new(),
    };
    pb::Operation { name: from.id.name(), metadata: Some(metadata), done: from.state.is_final(), result }
}

/// Where an operation stands.
pub fn state(from: State) -> kinds::State {
    match from {
        State::Queued | State::Running => kinds::State::Running,
        State::Undoing => kinds::State::Undoing,
        State::Stuck => kinds::State::Stuck,
        State::Succeeded => kinds::State::Succeeded,
        State::Failed => kinds::State::Failed,
        State::Cancelled => kinds::State::Cancelled,
    }
}

/// Reads what a list is to have.
///
/// # Errors
/// Names the field that is not acceptable.
pub fn filter(from: &pb::ListOperationsRequest) -> Result<OperationFilter, Invalid> {
    let cluster = match from.parent.as_str() {
        "" => None,
        parent => Some(names::parse_cluster("parent", parent)?),
    };
    Ok(OperationFilter { cluster, open: from.open, ..OperationFilter::default() })
}

/// Reads how long to wait.
///
/// # Errors
/// If it is longer than ten minutes.
pub fn wait(from: Option<&pbjson_types::Duration>) -> Result<Duration, Invalid> {
    let Some(span) = from else { return Ok(WAIT_DEFAULT) };
    let span = parse_span("timeout", span)?;
    if WAIT_MAX < span {
        return Err(Invalid::new("timeout", format!("at most {} s", WAIT_MAX.as_secs())));
    }
    Ok(span)
}
