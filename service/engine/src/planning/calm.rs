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
    let message = format!(
        "the best fleet found saves {:.2} % or ${a_month:.2} a month, below the policy's {:.2} % and ${:.2}: the fleet is left as it is",
        100.0 * ratio,
        100.0 * policy.saving_min_ratio,
        policy.saving_min_usd_per_month,
    );
    let finding = Finding::new(Severity::Info, "NOT_WORTH_IT", "", message);
    (Solution { bins: today, groups: Vec::new(), ..solution }, Some(finding))
}
