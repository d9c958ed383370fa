//! The judgement.

use crate::bundle::Bundle;
use crate::rejection::{Member, Rejection};
use crate::wellformed::{self, VERSION};
use crate::{cost, digest, feasible, floor};

/// What is proven of a plan. All in nano-USD per hour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Proof {
    /// What AWS will bill.
    pub cost: i64,
    /// With risk, drains and moves.
    pub objective: i64,
    /// What the duals prove that no fleet can beat; `floor_stated` or more.
    pub floor_proven: i64,
    /// What the plan says that no fleet can beat.
    pub floor_stated: i64,
    /// Most that another fleet may be better by: objective less proven floor.
    pub gap: i64,
}

/// Proves that a plan keeps every rule of its problem, costs what it says, and is no further from the best
/// than it says.
///
/// # Errors
/// The first thing that is wrong, looked for in the order of problem, digest, plan, cost, floor.
pub fn verify(bundle: &Bundle) -> Result<Proof, Rejection> {
    let Bundle { problem, plan, certificate } = bundle;
    let sound = wellformed::check(problem)?;
    if certificate.version != VERSION {
        let (member, path) = (Member::Certificate, "version".into());
        return Err(Rejection::Malformed { member, path, expected: "1" });
    }
    digest::check(problem, plan, certificate)?;
    let fleet = feasible::check(&sound, plan)?;
    let sums = cost::check(&sound, &fleet, plan)?;
    let stated = certificate.objective_floor_nano_usd_per_hour;
    if plan.objective_floor_nano_usd_per_hour != stated {
        let plan = plan.objective_floor_nano_usd_per_hour;
        return Err(Rejection::Floors { plan, certificate: stated });
    }
    let proven = floor::proven(&sound, certificate)?;
    if proven < stated {
        return Err(Rejection::Floor { stated, proven });
    }
    Ok(Proof {
        cost: sums.cost,
        objective: sums.objective,
        floor_proven: proven,
        floor_stated: stated,
        gap: sums.objective.saturating_sub(proven),
    })
}
