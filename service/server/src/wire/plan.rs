//! Plans on their way out.

use std::time::Duration;

use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::operation;
use plimsoll_domain::plan::Plan;
use plimsoll_domain::problem::Placed;
use plimsoll_domain::solution::{Bin, ROW_MOVED_PODS, ROW_SPOT_SHARE, Stop};
use plimsoll_domain::store::StoreError;
use plimsoll_engine::Error;
use plimsoll_engine::planning::{Explanation, Progress, Stage};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::plan as kinds;
use sha2::{Digest, Sha256};

use super::filter::{Kind, Value};
use super::status::Refused;
use super::{finding::findings, plan_parts as parts, policy, request::hex, time};

/// Version of the rules of `Problem` and `Certificate`.
const RULES_VERSION: i32 = 1;
/// Characters of an etag: 64 bits tell versions of one plan apart.
const ETAG_CHARS: usize = 16;

/// Fields that ListPlans filters by.
pub const FILTER_FIELDS: [(&str, Kind); 5] = [
    ("state", Kind::Text),
    ("snapshot", Kind::Text),
    ("catalog", Kind::Text),
    ("create_time", Kind::Time),
    ("cost_after_nano_usd_per_hour", Kind::Number),
];

/// What a plan's state depends on beside the plan.
#[derive(Clone, Copy, Debug)]
pub struct Present {
    /// The fleet's generation now.
    pub generation: i64,
    /// The time now.
    pub time: Timestamp,
    /// Where the newest operation that carries it out stands; none: it was never applied.
    pub operation: Option<operation::State>,
}

/// A plan as the wire has it, as much of it as was asked for.
pub fn viewed(from: &Plan, present: Present, view: pb::PlanView) -> pb::Plan {
    match view {
        pb::PlanView::Full => full(from, present),
        pb::PlanView::Unspecified | pb::PlanView::Basic => basic(from, present),
    }
}

/// A plan as the wire has it, complete.
pub fn full(from: &Plan, present: Present) -> pb::Plan {
    let group_names = new_group_names(from);
    let placements = from.solution.bins.iter().zip(&from.node_names);
    pb::Plan {
        placements: placements.map(|(bin, name)| placement(bin, name, &group_names)).collect(),
        certificate: Some(certificate(from)),
        referee: from.referee.as_ref().map(parts::referee),
        policy: Some(policy::policy(&from.policy)),
        applied_requests: from.applied_requests.iter().map(parts::recommendation).collect(),
        ..basic(from, present)
    }
}

/// A plan as the wire has it, without its longer parts.
fn basic(from: &Plan, present: Present) -> pb::Plan {
    let nodes = |count: fn(&pb::NodeGroup) -> i32, groups: &[pb::NodeGroup]| {
        groups.iter().map(count).fold(0, i32::saturating_add)
    };
    let groups: Vec<pb::NodeGroup> = from.groups.iter().map(|group| parts::group(from, group)).collect();
    let pods = from.solution.bins.iter().flat_map(|bin| &bin.placed).map(|placed| u64::from(placed.count));
    pb::Plan {
        name: from.id.name(&from.cluster),
        state: state(from, present).into(),
        parent_plan: from.parent.as_ref().map(|parent| parent.name(&from.cluster)).unwrap_or_default(),
        snapshot: from.snapshot.name(&from.cluster),
        catalog: from.catalog.name(),
        problem_digest: from.problem_digest.clone(),
        etag: etag(from),
        base_generation: from.base_generation,
        create_time: Some(time::timestamp(from.create_time)),
        expire_time: Some(time::timestamp(from.expire_time)),
        price_time: Some(time::timestamp(from.price_time)),
        usage_window: from.usage_window.map(time::window),
        cost_before_nano_usd_per_hour: from.cost_before.nano_usd(),
        cost_after_nano_usd_per_hour: from.after.cost.nano_usd(),
        risk_nano_usd_per_hour: from.after.risk.nano_usd(),
        moves_nano_usd_per_hour: from.after.moves.nano_usd(),
        objective_nano_usd_per_hour: from.after.total().nano_usd(),
        objective_floor_nano_usd_per_hour: from.solution.floor_nano_usd,
        gap_ratio: from.gap_ratio(),
        stop: stop(from.solution.stop).into(),
        node_count_before: nodes(|group| group.from_count, &groups),
        node_count_after: nodes(|group| group.to_count, &groups),
        groups,
        changes: from.changes.iter().map(parts::change).collect(),
        findings: findings(&from.findings),
        verified: from.verified,
        solve_duration: Some(time::span(Duration::try_from_secs_f64(from.solve_seconds).unwrap_or_default())),
        objective_estimate_nano_usd_per_hour: from.solution.estimate_nano_usd,
        pod_count: i32::try_from(pods.sum::<u64>()).unwrap_or(i32::MAX),
        seed: i64::try_from(from.seed).unwrap_or(i64::MAX),
        placements: Vec::new(),
        certificate: None,
        referee: None,
        policy: None,
        applied_requests: Vec::new(),
    }
}

/// What a filter sees of a plan.
pub fn filter_value<'a>(plan: &'a pb::Plan, field: &str) -> Value<'a> {
    match field {
        "state" => Value::Enum { name: plan.state().as_str_name(), prefix: "STATE_" },
        "snapshot" => Value::Text(&plan.snapshot),
        "catalog" => Value::Text(&plan.catalog),
        "create_time" => {
            let time = plan.create_time.and_then(|time| time::parse_timestamp(field, time).ok());
            Value::Time(time.unwrap_or(Timestamp::MIN))
        }
        _ => Value::Number(plan.cost_after_nano_usd_per_hour),
    }
}

/// News from a planning as the wire has it.
pub fn progress(from: &Progress) -> pb::PlanProgress {
    let stage = match from.stage {
        Stage::Gather => pb::plan_progress::Stage::Gather,
        Stage::Solve => pb::plan_progress::Stage::Solve,
        Stage::Check => pb::plan_progress::Stage::Check,
        Stage::Store => pb::plan_progress::Stage::Store,
    };
    let gap = |(incumbent, floor): (i64, i64)| {
        if incumbent == 0 {
            0.0
        } else {
            (incumbent.saturating_sub(floor) as f64 / incumbent as f64).clamp(0.0, 1.0)
        }
    };
    pb::PlanProgress {
        stage: stage.into(),
        incumbent_nano_usd_per_hour: from.incumbent_nano_usd,
        floor_nano_usd_per_hour: from.floor_nano_usd,
        gap_ratio: from.incumbent_nano_usd.zip(from.floor_nano_usd).map(gap),
        elapsed: Some(time::span(from.elapsed)),
    }
}

/// An explanation as the wire has it.
pub fn explanation(name: String, from: &Explanation) -> pb::Explanation {
    pb::Explanation {
        plan: name,
        why: from.why.iter().map(parts::why).collect(),
        why_not: from
            .why_not
            .iter()
            .map(|one| pb::WhyNot {
                offering: one.offering.clone(),
                price_nano_usd_per_hour: one.price_nano_usd_per_hour,
                worth_nano_usd_per_hour: one.worth_nano_usd_per_hour,
                message: one.message.clone(),
            })
            .collect(),
    }
}

/// A capacity kind as the wire has it.
pub fn capacity_kind(from: CapacityKind) -> pb::CapacityKind {
    match from {
        CapacityKind::OnDemand => pb::CapacityKind::OnDemand,
        CapacityKind::Spot => pb::CapacityKind::Spot,
    }
}

/// A count on the wire, where fleets are far below its limit; a larger one ends there.
pub fn int(from: u32) -> i32 {
    i32::try_from(from).unwrap_or(i32::MAX)
}

/// A length on the wire; see [`int`].
pub fn int_of(from: usize) -> i32 {
    i32::try_from(from).unwrap_or(i32::MAX)
}

fn state(plan: &Plan, present: Present) -> kinds::State {
    match present.operation {
        Some(operation::State::Succeeded) => return kinds::State::Applied,
        Some(operation::State::Failed | operation::State::Cancelled) => {}
        Some(_) => return kinds::State::Applying,
        None => {}
    }
    if plan.base_generation != present.generation {
        kinds::State::Stale
    } else if plan.expire_time <= present.time {
        kinds::State::Expired
    } else if present.operation == Some(operation::State::Failed) {
        kinds::State::Failed
    } else {
        kinds::State::Ready
    }
}

/// Refuses a plan that is not the one that was reviewed; an empty etag is not compared.
pub fn check_etag(plan: &Plan, given: &str) -> Result<(), Refused> {
    let current = etag(plan);
    if given.is_empty() || given == current {
        return Ok(());
    }
    let resource = plan.id.name(&plan.cluster);
    Err(Refused::from(Error::from(StoreError::EtagMismatch { resource, given: given.to_owned(), current })))
}

/// A plan never changes, so what tells it from any other tells its version.
fn etag(plan: &Plan) -> String {
    let identity = format!("{}/{}/{}/{}", plan.cluster, plan.id, plan.problem_digest, plan.create_time);
    let mut digest = hex(&Sha256::digest(identity));
    digest.truncate(ETAG_CHARS);
    digest
}

fn stop(from: Stop) -> kinds::Stop {
    match from {
        Stop::Optimal => kinds::Stop::Optimal,
        Stop::Gap => kinds::Stop::Gap,
        Stop::Work => kinds::Stop::Work,
        Stop::Time => kinds::Stop::Time,
    }
}

/// Names of the solution's groups, in its order.
fn new_group_names(plan: &Plan) -> Vec<String> {
    let mut names = vec![String::new(); plan.solution.groups.len()];
    for group in &plan.groups {
        if let Some(name) = group.solution_group.and_then(|index| names.get_mut(index as usize)) {
            name.clone_from(&group.name);
        }
    }
    names
}

fn placement(bin: &Bin, name: &str, groups: &[String]) -> pb::Placement {
    pb::Placement {
        node: name.to_owned(),
        offering: int(bin.offering),
        existing_node: bin.node.map(|_| name.to_owned()),
        placed: bin.placed.iter().map(placed).collect(),
        group: bin.group.and_then(|index| groups.get(index as usize)).cloned().unwrap_or_default(),
    }
}

fn placed(from: &Placed) -> pb::Placed {
    pb::Placed { demand: int(from.demand), count: int(from.count) }
}

fn certificate(plan: &Plan) -> pb::Certificate {
    let duals = &plan.solution.duals;
    let rows = [(ROW_SPOT_SHARE, duals.spot_share), (ROW_MOVED_PODS, duals.moved_pods)];
    pb::Certificate {
        version: RULES_VERSION,
        problem_digest: plan.problem_digest.clone(),
        shape_duals: duals.shapes.clone(),
        row_duals: rows
            .into_iter()
            .filter(|(_, dual)| *dual != 0)
            .map(|(row, dual)| pb::RowDual { row: row.to_owned(), dual })
            .collect(),
        objective_floor_nano_usd_per_hour: plan.solution.floor_nano_usd,
    }
}
