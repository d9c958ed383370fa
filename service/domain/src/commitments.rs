//! Commitments of an account beside a plan: what machines of the cluster use of them now, and what they would.
//!
//! A commitment is paid whatever runs. A plan is made at prices without it, so that what the plan saves is not saved as far as
//! a commitment is left idle.

use jiff::Timestamp;

use crate::finding::{Finding, Severity};
use crate::fleet::CapacityKind;
use crate::ledger::commitment::{Balance, Commitment, Use, apply};
use crate::ledger::money::HOUR_SECONDS;
use crate::problem::{OfferingIndex, Problem};
use crate::solution::Bin;
use crate::units::HourlyRate;

/// A commitment of the account that a cluster is in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Held {
    /// What it is.
    pub commitment: Commitment,
    /// When it ends; none: not told.
    pub end_time: Option<Timestamp>,
}

/// What a person should know of the account's commitments before a plan is carried out, after which there are these nodes.
/// Machines of others in the account are not known here: they may use what this cluster does not.
pub fn findings(held: &[Held], problem: &Problem, bins: &[Bin]) -> Vec<Finding> {
    if held.is_empty() {
        return Vec::new();
    }
    let commitments: Vec<Commitment> = held.iter().map(|one| one.commitment.clone()).collect();
    let before = balances(&commitments, problem, problem.nodes.iter().map(|node| node.offering));
    let after = balances(&commitments, problem, bins.iter().map(|bin| bin.offering));
    let mut findings: Vec<Finding> =
        before.iter().zip(&after).filter_map(|(before, after)| idle(held, before, after)).collect();
    let used = |balances: &[Balance]| rate(balances.iter().map(|one| one.used).sum());
    let message = format!(
        "{} commitment(s) of the account cost {} whatever runs; on-demand machines of this cluster use {} of that now and {} \
         after the plan, each reservation for its own type and not for other sizes of its family. Prices of the plan are without \
         them.",
        held.len(),
        rate(before.iter().map(all).sum()),
        used(&before),
        used(&after),
    );
    findings.push(Finding::new(Severity::Info, "COMMITMENTS", "account", message));
    findings
}

/// What a commitment loses, if it does.
fn idle(held: &[Held], before: &Balance, after: &Balance) -> Option<Finding> {
    let lost = before.used - after.used;
    if lost <= 0 {
        return None;
    }
    let its = held.iter().find(|one| one.commitment.id == before.commitment)?;
    let until = its.end_time.map_or_else(|| "until it ends".to_owned(), |end| format!("before {end}"));
    let message = format!(
        "this cluster uses {} of its {} now and {} after the plan: unless other machines of the account take that up, {} of \
         the saving is paid all the same {until}. A regional reservation may serve other sizes of its family: that is not \
         counted",
        rate(before.used),
        rate(all(before)),
        rate(after.used),
        rate(lost),
    );
    let subject = format!("commitment/{}", before.commitment);
    Some(Finding::new(Severity::Warning, "COMMITMENT_IDLE", subject, message))
}

fn balances(
    commitments: &[Commitment],
    problem: &Problem,
    nodes: impl Iterator<Item = OfferingIndex>,
) -> Vec<Balance> {
    let offerings = nodes.map(|index| &problem.offerings[index as usize]);
    let on_demand = offerings.filter(|offering| offering.kind == CapacityKind::OnDemand);
    let uses: Vec<Use> = on_demand
        .enumerate()
        .map(|(number, offering)| Use {
            resource_id: number.to_string(),
            account: String::new(),
            instance_type: offering.instance_type.clone(),
            zone: offering.zone.clone(),
            seconds: HOUR_SECONDS,
            nano_usd_per_hour: offering.price.nano_usd(),
        })
        .collect();
    apply(commitments, &uses).balances
}

fn all(balance: &Balance) -> i64 {
    balance.used.saturating_add(balance.unused)
}

fn rate(nano_usd: i64) -> HourlyRate {
    HourlyRate::from_nano_usd(nano_usd).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::commitment::Cover;
    use crate::problem::{ExistingNode, Offering};

    fn offering(kind: CapacityKind, nano_usd: i64) -> Offering {
        let price = HourlyRate::from_nano_usd(nano_usd).unwrap();
        Offering {
            instance_type: "m5.large".into(),
            zone: "us-east-1a".into(),
            kind,
            price,
            ..Offering::default()
        }
    }

    /// Two on-demand machines and a spot one; a plan keeps so many of the on-demand ones.
    fn told(held: &[Held], kept: usize) -> Vec<(String, String)> {
        let offerings =
            vec![offering(CapacityKind::OnDemand, 96_000_000), offering(CapacityKind::Spot, 40_000_000)];
        let nodes = [0, 0, 1].map(|offering| ExistingNode { offering, ..ExistingNode::default() }).to_vec();
        let problem = Problem { offerings, nodes, ..Problem::default() };
        let bin = |offering| Bin { offering, ..Bin::default() };
        let bins: Vec<Bin> = (0..kept).map(|_| bin(0)).chain([bin(1)]).collect();
        findings(held, &problem, &bins).into_iter().map(|one| (one.code, one.message)).collect()
    }

    fn two_reserved() -> Held {
        let cover = Cover::Reserved {
            instance_type: "m5.large".into(),
            zone: None,
            count: 2,
            nano_usd_per_hour: 60_000_000,
        };
        let commitment = Commitment { id: "r-1".into(), account: String::new(), cover };
        Held { commitment, end_time: Some("2027-03-01T00:00:00Z".parse().unwrap()) }
    }

    #[test]
    fn a_reservation_that_a_plan_leaves_idle_is_said_to_be_paid_all_the_same() {
        let told = told(&[two_reserved()], 1);
        assert_eq!(told.len(), 2, "{told:?}");
        assert_eq!(told[0].0, "COMMITMENT_IDLE");
        let words = "uses $0.1200/h of its $0.1200/h now and $0.0600/h after the plan";
        assert!(told[0].1.contains(words), "{told:?}");
        assert!(
            told[0].1.contains("$0.0600/h of the saving is paid all the same before 2027-03-01"),
            "{told:?}"
        );
        assert!(told[1].1.contains("cost $0.1200/h whatever runs"), "{told:?}");
    }

    #[test]
    fn nothing_is_said_of_idleness_where_a_plan_changes_none_nor_of_commitments_where_there_are_none() {
        let told_codes =
            |held: &[Held], kept| told(held, kept).into_iter().map(|(code, _)| code).collect::<Vec<_>>();
        assert_eq!(told_codes(&[two_reserved()], 2), ["COMMITMENTS"]);
        assert_eq!(told_codes(&[], 1), Vec::<String>::new());
    }

    #[test]
    fn a_savings_plan_goes_where_it_has_a_rate_and_spot_machines_use_none() {
        let cover = Cover::ComputePlan {
            nano_usd_per_hour: 50_000_000,
            rates: [("m5.large".to_owned(), 70_000_000)].into(),
        };
        let plan = Held {
            commitment: Commitment { id: "sp-1".into(), account: String::new(), cover },
            end_time: None,
        };
        let kept = told(std::slice::from_ref(&plan), 1);
        assert_eq!(kept.len(), 1, "one machine uses it up: {kept:?}");
        let gone = told(&[plan], 0);
        assert!(gone[0].1.contains("$0.0500/h of the saving is paid all the same until it ends"), "{gone:?}");
    }
}
