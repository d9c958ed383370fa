//! Steps in a person's words.

use std::time::Duration;

use plimsoll_domain::estate::Part;
use plimsoll_domain::operation::{Progress, Step, StepRecord};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::operation_step as kinds;

use super::plan::int;
use super::time::timestamp;

/// A step as the wire has it.
pub fn step(from: &StepRecord) -> pb::OperationStep {
    let state = match from.progress {
        Progress::Pending => kinds::State::Pending,
        Progress::Running => kinds::State::Running,
        Progress::Done => kinds::State::Done,
        Progress::Undone => kinds::State::Undone,
        Progress::Failed => kinds::State::Failed,
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
        calls: plimsoll_live::actions::of(&from.step).into_iter().map(str::to_owned).collect(),
        usual_duration: usual(&from.step).map(pbjson_types::Duration::from),
    }
}

/// How long a step takes as a rule, in AWS. Guesses: nobody measured them here.
fn usual(step: &Step) -> Option<Duration> {
    let minutes = match step {
        Step::Ensure { part: Part::ControlPlane(_) } | Step::Dismantle { part: Part::ControlPlane(_) } => 12,
        Step::Upgrade { part: Part::Version(_) } => 18,
        Step::Upgrade { part: Part::Machines(_) } => 15,
        Step::Ensure { part: Part::Network(_) } | Step::Dismantle { part: Part::Network(_) } => 3,
        Step::Ensure { part: Part::AddOn(_) } | Step::Upgrade { part: Part::AddOn(_) } => 2,
        Step::EnsureGroup { .. } | Step::Grow { .. } | Step::Dismantle { part: Part::Group(_) } => 3,
        _ => return None,
    };
    Some(Duration::from_secs(60 * minutes))
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
        Step::Refill { group, to, .. } => ("REFILL", format!("see that {group} has {to} nodes again")),
        Step::Cordon { nodes } => ("CORDON", format!("keep new pods off {}", few(nodes))),
        Step::Migrate { moves } => ("MIGRATE", format!("move {} pods", moves.len())),
        Step::Remove { group, nodes } => ("REMOVE", format!("remove {} from {group}", few(nodes))),
        Step::Open { groups, .. } => ("OPEN", format!("open the nodes of {} new groups", groups.len())),
        Step::DeleteGroup { group } => ("DELETE_GROUP", format!("delete node group {group}")),
        Step::Verify { sizes } => match &sizes[..] {
            [(group, count)] => ("VERIFY", format!("see that {group} has {count} nodes")),
            _ => ("VERIFY", format!("compare {} groups with the plan", sizes.len())),
        },
        Step::Ensure { part } => ("ENSURE", format!("make {}", named(part))),
        Step::Upgrade { part: Part::Version(version) } => {
            ("UPGRADE", format!("bring the control plane to {version}"))
        }
        Step::Upgrade { part } => ("UPGRADE", format!("bring {} to the new version", named(part))),
        Step::Dismantle { part } => ("DISMANTLE", format!("remove {}", named(part))),
    }
}

fn named(part: &Part) -> String {
    match part {
        Part::Network(_) => "the network of its own".to_owned(),
        Part::Roles => "the roles of its own".to_owned(),
        Part::ControlPlane(_) => "the control plane".to_owned(),
        Part::Access(access) => format!("the right of {} to enter", access.principal_arn),
        Part::AddOn(add_on) => format!("add-on {}", add_on.name),
        Part::DevicePlugin(_) => "the device plugin of NVIDIA".to_owned(),
        Part::Version(version) => format!("version {version}"),
        Part::Machines(group) => format!("the machines of {group}"),
        Part::Group(group) => format!("node group {group} and all in it"),
        Part::Leftovers => "network interfaces that are left".to_owned(),
    }
}
