//! Operations on their way out.

use std::time::Duration;

use plimsoll_domain::operation::{Kind, Operation, Progress, State, Step, StepRecord};
use plimsoll_domain::store::OperationFilter;
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation::Result as Outcome;
use plimsoll_proto::v1::operation_metadata as kinds;
use plimsoll_proto::v1::operation_step as step_kinds;

use super::plan::int;
use super::time::{parse_span, timestamp};
use super::{Invalid, names};

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
    };
    let machines = match &from.kind {
        Kind::ReplaceInterrupted { machines } => machines.clone(),
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
        steps: from.steps.iter().map(step).collect(),
        create_time: Some(timestamp(from.create_time)),
        update_time: Some(timestamp(from.update_time)),
        cancel_requested: from.cancel_requested,
        actor: from.actor.clone(),
        revision: from.revision,
        node_group,
        desired_count,
        reason,
        machines,
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

fn step(from: &StepRecord) -> pb::OperationStep {
    let state = match from.progress {
        Progress::Pending => step_kinds::State::Pending,
        Progress::Running => step_kinds::State::Running,
        Progress::Done => step_kinds::State::Done,
        Progress::Undone => step_kinds::State::Undone,
        Progress::Failed => step_kinds::State::Failed,
    };
    let (action, title) = words(&from.step);
    pb::OperationStep {
        action: action.to_owned(),
        title,
        state: state.into(),
        attempt_count: int(from.attempts),
        note: from.note.clone(),
        start_time: from.start_time.map(timestamp),
        end_time: from.end_time.map(timestamp),
    }
}

/// A step's name, and what it does in a person's words.
fn words(step: &Step) -> (&'static str, String) {
    let few = |names: &[String]| match names {
        [one] => one.clone(),
        [first, ..] => format!("{} nodes, such as {first}", names.len()),
        [] => "nothing".to_owned(),
    };
    match step {
        Step::EnsureGroup { spec } => ("ENSURE_GROUP", format!("make node group {}", spec.name)),
        Step::Grow { group, from, to } => ("GROW", format!("grow {group} from {from} to {to}")),
        Step::Order { group, to, .. } => ("ORDER", format!("order machines until {group} has {to}")),
        Step::Evacuate { nodes } => {
            ("EVACUATE", format!("bring pods off {} before it is taken back", few(nodes)))
        }
        Step::Refill { group, to } => ("REFILL", format!("see that {group} has {to} nodes again")),
        Step::Cordon { nodes } => ("CORDON", format!("keep new pods off {}", few(nodes))),
        Step::Migrate { moves } => ("MIGRATE", format!("move {} pods", moves.len())),
        Step::Remove { group, nodes } => ("REMOVE", format!("remove {} from {group}", few(nodes))),
        Step::Open { groups, .. } => ("OPEN", format!("open the nodes of {} new groups", groups.len())),
        Step::DeleteGroup { group } => ("DELETE_GROUP", format!("delete node group {group}")),
        Step::Verify { sizes } => match &sizes[..] {
            [(group, count)] => ("VERIFY", format!("see that {group} has {count} nodes")),
            _ => ("VERIFY", format!("compare {} groups with the plan", sizes.len())),
        },
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
