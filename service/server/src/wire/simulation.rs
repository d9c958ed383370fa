//! SimulatePlan: what to try, and what came of it.

use std::time::Duration;

use plimsoll_domain::rehearsal::Trouble;
use plimsoll_engine::simulation::{FAULTS_MAX, HOURS_MAX, Hour, Outcome, PlannedFault};
use plimsoll_engine::{Simulation, SimulationOrder};
use plimsoll_proto::v1 as pb;
use plimsoll_proto::v1::simulate_plan_request::{Fault, fault::Kind};
use plimsoll_proto::v1::simulation as parts;

use super::plan::{int, int_of};
use super::time::timestamp;
use super::{Invalid, finding, names, operation};

/// Hours where none are asked for: a week.
const HOURS_DEFAULT: i32 = 168;
const HOUR_SECONDS: f64 = 3600.0;
const HOUR_MILLIS: f64 = 3_600_000.0;

/// Reads what to try.
///
/// # Errors
/// Names the field that is missing or out of range.
pub fn order(request: &pb::SimulatePlanRequest) -> Result<SimulationOrder, Invalid> {
    let (cluster, plan) = names::parse_plan("name", &request.name)?;
    let hours = if request.hours == 0 { HOURS_DEFAULT } else { request.hours };
    let hours = u32::try_from(hours).ok().filter(|hours| (1..=HOURS_MAX).contains(hours));
    let hours = hours.ok_or_else(|| Invalid::new("hours", format!("must be 1 to {HOURS_MAX}")))?;
    let seed = u64::try_from(request.seed).map_err(|_| Invalid::new("seed", "may not be negative"))?;
    if FAULTS_MAX < request.faults.len() {
        return Err(Invalid::new("faults", format!("more than {FAULTS_MAX}")));
    }
    let faults = request.faults.iter().enumerate();
    let faults = faults.map(|(index, one)| fault(&format!("faults[{index}]"), one, hours));
    Ok(SimulationOrder { cluster, plan, hours, seed, faults: faults.collect::<Result<_, _>>()? })
}

fn fault(path: &str, from: &Fault, hours: u32) -> Result<PlannedFault, Invalid> {
    let at = |field: &str| format!("{path}.{field}");
    let needed = |field: &str, text: &str| match text {
        "" => Err(Invalid::new(at(field), "is required for this kind")),
        text => Ok(text.to_owned()),
    };
    let pool = || Ok((needed("instance_type", &from.instance_type)?, needed("zone", &from.zone)?));
    let trouble = match Kind::try_from(from.kind) {
        Ok(Kind::NoCapacity) => {
            let (instance_type, zone) = pool()?;
            Trouble::NoCapacity { instance_type, zone }
        }
        Ok(Kind::SpotReclaim) => {
            let (instance_type, zone) = pool()?;
            Trouble::SpotReclaim { instance_type, zone }
        }
        Ok(Kind::StuckBudget) => {
            let budget = needed("subject", &from.subject)?;
            if budget.split('/').filter(|part| !part.is_empty()).count() != 2 {
                return Err(Invalid::new(
                    at("subject"),
                    format!("{budget:?} is not in the form namespace/name"),
                ));
            }
            Trouble::StuckBudget { budget }
        }
        Ok(Kind::NodeLoss) => Trouble::NodeLoss { node: needed("subject", &from.subject)? },
        Ok(Kind::Unspecified) | Err(_) => {
            return Err(Invalid::new(
                at("kind"),
                "must be NO_CAPACITY, SPOT_RECLAIM, STUCK_BUDGET or NODE_LOSS",
            ));
        }
    };
    let span = |field: &str, number: f64, max: f64| {
        let is_fine = (0.0..=max).contains(&number);
        let span = Duration::try_from_secs_f64(number * HOUR_SECONDS).ok().filter(|_| is_fine);
        span.ok_or_else(|| Invalid::new(at(field), format!("must be hours, 0 to {max}")))
    };
    let after = span("start_hour", from.start_hour, f64::from(hours))?;
    let lasts = span("duration_hours", from.duration_hours, f64::from(HOURS_MAX))?;
    Ok(PlannedFault { trouble, after, lasts: (!lasts.is_zero()).then_some(lasts) })
}

/// What came of it, as the wire has it.
pub fn simulation(order: &SimulationOrder, from: &Simulation) -> pb::Simulation {
    pb::Simulation {
        plan: order.plan.name(&order.cluster),
        hours: int(order.hours),
        seed: i64::try_from(order.seed).unwrap_or(i64::MAX),
        start_time: Some(timestamp(from.start)),
        before: Some(outcome(&from.before)),
        after: Some(outcome(&from.after)),
        operation_state: operation::state(from.state).into(),
        operation_seconds: from.took.map_or(0, |took| took.as_secs()),
        timeline: from.timeline.iter().enumerate().map(|(index, one)| hour(index, one)).collect(),
        findings: finding::findings(&from.findings),
    }
}

fn outcome(from: &Outcome) -> parts::Outcome {
    let toll = &from.toll;
    parts::Outcome {
        cost_nano_usd: from.cost_nano_usd,
        node_count: int(toll.node_count),
        node_count_max: int(toll.node_count_max),
        interruption_count: int(from.interruption_count),
        pending_pod_hours: toll.pending_pod_millis as f64 / HOUR_MILLIS,
        pending_count: int(toll.pending_count),
        pending_count_max: int(toll.pending_count_max),
        budget_wait_count: int(toll.budget_wait_count),
        restart_count: int(toll.restart_count),
    }
}

fn hour(index: usize, from: &Hour) -> parts::Hour {
    parts::Hour {
        hour: int_of(index + 1),
        cost_before_nano_usd: from.before.cost_nano_usd,
        cost_after_nano_usd: from.after.cost_nano_usd,
        pending_before_count: int(from.before.pending_count),
        pending_after_count: int(from.after.pending_count),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reclaim() -> Fault {
        Fault {
            kind: Kind::SpotReclaim.into(),
            start_hour: 1.5,
            instance_type: "m5.large".into(),
            zone: "us-east-1a".into(),
            ..Default::default()
        }
    }

    fn read(change: impl Fn(&mut pb::SimulatePlanRequest)) -> Result<SimulationOrder, Invalid> {
        let mut request = pb::SimulatePlanRequest {
            name: "clusters/atlas/plans/p1".into(),
            faults: vec![reclaim()],
            ..Default::default()
        };
        change(&mut request);
        order(&request)
    }

    #[test]
    fn an_order_says_when_what_goes_wrong() {
        let order = read(|_| {}).unwrap();
        assert_eq!((order.hours, order.seed), (168, 0));
        let trouble = Trouble::SpotReclaim { instance_type: "m5.large".into(), zone: "us-east-1a".into() };
        let want = PlannedFault { trouble, after: Duration::from_secs(5400), lasts: None };
        assert_eq!(order.faults, [want]);
        let lasting = read(|request| request.faults[0].duration_hours = 2.0).unwrap();
        assert_eq!(lasting.faults[0].lasts, Some(Duration::from_secs(7200)));
    }

    #[track_caller]
    fn check(change: impl Fn(&mut pb::SimulatePlanRequest), field: &str) {
        assert_eq!(read(change).unwrap_err().field, field);
    }

    #[test]
    fn a_bad_field_is_named() {
        check(|request| request.name = "plans/p".into(), "name");
        check(|request| request.hours = -1, "hours");
        check(|request| request.hours = 745, "hours");
        check(|request| request.seed = -1, "seed");
        check(|request| request.faults = vec![reclaim(); 101], "faults");
        check(|request| request.faults[0].kind = 0, "faults[0].kind");
        check(|request| request.faults[0].kind = 99, "faults[0].kind");
        check(|request| request.faults[0].zone.clear(), "faults[0].zone");
        check(|request| request.faults[0].instance_type.clear(), "faults[0].instance_type");
        check(|request| request.faults[0].kind = Kind::NodeLoss.into(), "faults[0].subject");
        let stuck = |subject: &'static str| {
            move |request: &mut pb::SimulatePlanRequest| {
                request.faults[0].kind = Kind::StuckBudget.into();
                request.faults[0].subject = subject.into();
            }
        };
        check(stuck(""), "faults[0].subject");
        check(stuck("cart"), "faults[0].subject");
        for hour in [-0.1, 168.1, f64::NAN, f64::INFINITY] {
            check(|request| request.faults[0].start_hour = hour, "faults[0].start_hour");
        }
        for hours in [-0.1, 745.0, f64::NAN] {
            check(|request| request.faults[0].duration_hours = hours, "faults[0].duration_hours");
        }
    }
}
