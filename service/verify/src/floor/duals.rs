//! The dual prices of a certificate, and what they make of a problem's prices.

use super::DUALS_PER_NANO_USD;
use crate::certificate::{Certificate, ROW_MOVED_PODS, ROW_SPOT_SHARE};
use crate::problem::CapacityKind;
use crate::rejection::{Member, Rejection};
use crate::wellformed::Sound;

/// Dual prices, in 1e-15 USD per hour; 0 or more each.
pub struct Duals {
    /// Of a pod, by demand.
    pub pods: Vec<i64>,
    /// Of a unit of the first resource and permille on spot.
    pub spot_share: i64,
    /// Of a resident pod that leaves its node.
    pub moved_pods: i64,
}

/// Reads the duals of a certificate.
///
/// # Errors
/// [`Rejection::Malformed`] if their number is wrong, one is negative, or a rule is priced that is unknown,
/// absent or priced already.
pub fn read(problem: &Sound, certificate: &Certificate) -> Result<Duals, Rejection> {
    let pods = certificate.shape_duals.clone();
    if pods.len() != problem.demands.len() || pods.iter().any(|dual| *dual < 0) {
        return Err(malformed("shape_duals".into(), "a number of 0 or more for each demand"));
    }
    let (mut spot_share, mut moved_pods) = (None, None);
    for (index, row) in certificate.row_duals.iter().enumerate() {
        let (place, ruled) = match row.row.as_str() {
            ROW_SPOT_SHARE => (&mut spot_share, problem.rules.spot_share_max_permille.is_some()),
            ROW_MOVED_PODS => (&mut moved_pods, problem.rules.moved_pods_max.is_some()),
            _ => return Err(malformed(format!("row_duals[{index}].row"), "`spot_share` or `moved_pods`")),
        };
        if row.dual < 0 || (0 < row.dual && !ruled) || place.replace(row.dual).is_some() {
            let expected = "0 or more, given once, and 0 if the rule is absent";
            return Err(malformed(format!("row_duals[{index}].dual"), expected));
        }
    }
    Ok(Duals { pods, spot_share: spot_share.unwrap_or(0), moved_pods: moved_pods.unwrap_or(0) })
}

impl Duals {
    /// What all pods are worth.
    pub fn sum(&self, problem: &Sound) -> i128 {
        let pods = problem.demands.iter().zip(&self.pods);
        pods.map(|(demand, dual)| i128::from(demand.count) * i128::from(*dual)).sum()
    }

    /// What the budget of moved pods takes off the bound.
    pub fn moved_pods_due(&self, problem: &Sound) -> i128 {
        i128::from(problem.rules.moved_pods_max.unwrap_or(0)) * i128::from(self.moved_pods)
    }

    /// The price of an offering with what its capacity adds to the spot share or takes off. Where that is
    /// beyond all numbers, less; none if it is beyond them below 0.
    pub fn price(&self, problem: &Sound, index: usize) -> Option<i128> {
        let offering = &problem.offerings[index];
        let billed =
            i128::from(offering.price_nano_usd_per_hour) + i128::from(offering.risk_nano_usd_per_hour);
        let spot = if offering.kind == CapacityKind::Spot { 1000 } else { 0 };
        let over = spot - problem.rules.spot_share_max_permille.unwrap_or(0);
        let share = i128::from(self.spot_share) * i128::from(offering.capacity[0]);
        let sum = share.checked_mul(over.into()).and_then(|due| due.checked_add(billed * DUALS_PER_NANO_USD));
        sum.or((0 < over).then_some(i128::MAX))
    }
}

fn malformed(path: String, expected: &'static str) -> Rejection {
    Rejection::Malformed { member: Member::Certificate, path, expected }
}
