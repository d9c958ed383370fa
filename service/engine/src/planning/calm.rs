//! Calm: a plan that moves things for pennies is not proposed.

use plimsoll_domain::check::check;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::policy::Policy;
use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{Bin, Solution, objective};
use plimsoll_domain::units::NANO_USD_PER_USD;

/// The fleet as it is, if it carries every pod and keeps every rule.
pub fn today(problem: &Problem) -> Option<Vec<Bin>> {
    let bin = |(index, node): (usize, &plimsoll_domain::problem::ExistingNode)| Bin {
        offering: node.offering,
        node: Some(index as u32),
        group: None,
        placed: node.residents.clone(),
    };
    let bins: Vec<Bin> = problem.nodes.iter().enumerate().map(bin).collect();
    (!bins.is_empty() && check(problem, &bins, &[]).is_empty()).then_some(bins)
}

/// Keeps today's fleet if the solution saves less than the policy asks for; says so in a finding.
pub fn settle(problem: &Problem, policy: &Policy, solution: Solution) -> (Solution, Option<Finding>) {
    let Some(today) = today(problem) else { return (solution, None) };
    let before = objective(problem, &today, &[]);
    let after = objective(problem, &solution.bins, &solution.groups);
    let saving = before.cost.minus(after.cost);
    let a_month = saving as f64 / NANO_USD_PER_USD as f64 * policy.month_hours;
    let ratio = saving as f64 / before.cost.nano_usd().max(1) as f64;
    let worth = policy.saving_min_ratio <= ratio && policy.saving_min_usd_per_month <= a_month;
    if worth && after.total() < before.total() {
        return (solution, None);
    }
    let message = if worth {
        format!(
            "no fleet was found that is worth the moves to it (the best saves ${a_month:.2} a month before moves and risk): the fleet is left as it is"
        )
    } else {
        format!(
            "the best fleet found saves {:.2} % or ${a_month:.2} a month, below the policy's {:.2} % and ${:.2}: the fleet is left as it is",
            100.0 * ratio,
            100.0 * policy.saving_min_ratio,
            policy.saving_min_usd_per_month,
        )
    };
    let finding = Finding::new(Severity::Info, "NOT_WORTH_IT", "", message);
    (Solution { bins: today, groups: Vec::new(), ..solution }, Some(finding))
}

#[cfg(test)]
mod tests {
    use super::*;
    use plimsoll_domain::problem::{Demand, ExistingNode, Offering, Placed};
    use plimsoll_domain::solution::Group;
    use plimsoll_domain::units::HourlyRate;

    fn rate(nano_usd: i64) -> HourlyRate {
        HourlyRate::from_nano_usd(nano_usd).expect("not negative")
    }

    fn offering(id: &str, price: i64, quantity_max: Option<u32>) -> Offering {
        Offering {
            id: id.into(),
            capacity: vec![10],
            price: rate(price),
            quantity_max,
            ..Offering::default()
        }
    }

    /// One pod on a node for a dollar an hour; `price` is that of a new node, `moving` that of the way there.
    fn settled(price: i64, moving: i64) -> (bool, Option<String>) {
        let resident = Placed { demand: 0, count: 1 };
        let demand = Demand {
            id: "web".into(),
            count: 1,
            request: vec![5],
            offerings: vec![0, 1],
            move_cost: rate(moving),
            ..Demand::default()
        };
        let problem = Problem {
            resources: vec!["cpu_milli".into()],
            offerings: vec![offering("old", 1_000_000_000, Some(1)), offering("new", price, None)],
            demands: vec![demand],
            nodes: vec![ExistingNode {
                name: "old".into(),
                residents: vec![resident],
                ..ExistingNode::default()
            }],
            ..Problem::default()
        };
        let bin = Bin { offering: 1, placed: vec![resident], ..Bin::default() };
        let solution = Solution { bins: vec![bin], groups: Vec::<Group>::new(), ..Solution::default() };
        let (after, finding) = settle(&problem, &Policy::default(), solution);
        (after.bins[0].node.is_none(), finding.map(|finding| finding.message))
    }

    #[test]
    fn a_plan_is_proposed_only_if_it_is_worth_it() {
        assert_eq!(settled(500_000_000, 0), (true, None));
        let (moved, why) = settled(990_000_000, 0);
        assert!(!moved && why.as_ref().is_some_and(|why| why.contains("below the policy's")), "{why:?}");
        let (moved, why) = settled(500_000_000, 600_000_000);
        assert!(!moved && why.as_ref().is_some_and(|why| why.contains("worth the moves")), "{why:?}");
    }
}
