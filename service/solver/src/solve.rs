//! The way from a problem to its answer.

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{Solution, Stop, objective};

use crate::bound::{self, Certified};
use crate::budget::{Budget, Progress, Stage};
use crate::error::SolveError;
use crate::model::{Model, Options};
use crate::{fleet, infeasible, pack};

/// Finds the cheapest fleet that carries the demand within the rules, and a bound that no fleet beats.
///
/// Pure. The fleet is the same for a seed unless the time ran out, which [`Stop::Time`] then says; where rules look
/// beyond one node, the floor is sought for a share of the time and depends on it. The problem has passed
/// [`Problem::validate`].
///
/// # Errors
/// [`SolveError::Infeasible`] names the demands that nothing can carry. Running out of time is no error:
/// the first fleet stands.
pub fn solve(
    problem: &Problem,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<Solution, SolveError> {
    let uncarried = infeasible::hopeless(problem);
    if !uncarried.is_empty() {
        return Err(SolveError::Infeasible(uncarried));
    }
    if !is_plain(problem) {
        return ruled(problem, budget, report);
    }
    match packed(problem, budget, report) {
        // Where quantities are limited, greedy may fail though there is a plan.
        Err(SolveError::Infeasible(_)) => ruled(problem, budget, report),
        answer => answer,
    }
}

/// Whether capacity, eligibility, limits per node and quantities are all there is to look at.
fn is_plain(problem: &Problem) -> bool {
    let rules = &problem.rules;
    let is_plain_fleet = problem.nodes.is_empty()
        && rules.spot_share_max_permille >= 1000
        && rules.zone_share_max_permille >= 1000
        && rules.on_demand_base_count == 0
        && rules.nodes_max == 0
        && rules.groups_max == 0;
    is_plain_fleet
        && problem.demands.iter().all(|demand| {
            demand.conflicts.is_empty()
                && demand.zone_conflicts.is_empty()
                && demand.spreads.is_empty()
                && demand.together.is_none()
                && demand.max_per_zone.is_none()
        })
}

fn packed(
    problem: &Problem,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<Solution, SolveError> {
    let model = Model::new(problem, &Options::default());
    let plan = pack::plan(problem, &model, budget, report)?;
    let Certified { duals, floor_nano_usd } = bound::certify_float(&model, &plan.duals);
    let bins = pack::bins(problem, &model, &plan.packing.loads);
    let solution = Solution {
        bins,
        groups: Vec::new(),
        duals,
        floor_nano_usd,
        estimate_nano_usd: plan.estimate_nano_usd,
        stop: plan.stop,
    };
    Ok(settle(problem, solution, budget, report))
}

/// Part of the time for the bound, found beside the plan where the plan is not found by its means.
const BOUND_RATIO: f64 = 0.5;

/// The path with rules that look beyond one node: the plan by [`fleet`], the bound as everywhere.
fn ruled(
    problem: &Problem,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Result<Solution, SolveError> {
    let until = (budget.elapsed)() + budget.left() * BOUND_RATIO;
    let (solution, certified) = std::thread::scope(|scope| {
        let bound = scope.spawn(|| bound::of_problem(problem, until, budget));
        let solution = fleet::solve(problem, budget, &mut |progress| report(&progress));
        let certified = bound.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
        (solution, certified)
    });
    let Certified { duals, floor_nano_usd } = certified;
    let solution = Solution { duals, floor_nano_usd, ..solution? };
    Ok(settle(problem, solution, budget, report))
}

/// Every objective is a multiple of this: nothing lies between a cost and a floor that is nearer, nano-USD per
/// hour.
fn price_step(problem: &Problem) -> i64 {
    let offerings = problem.offerings.iter().map(|offering| (offering.price + offering.risk).nano_usd());
    let drains = problem.nodes.iter().map(|node| node.drain_cost.nano_usd());
    let moves = problem.demands.iter().map(|demand| demand.move_cost.nano_usd());
    offerings.chain(drains).chain(moves).fold(0, pack::gcd).max(1)
}

/// Says why the search stopped, once both cost and floor are known. A floor above the cost would be a bug of the one
/// or the other; it is not mended here, so that whoever proves the plan refuses it.
fn settle(
    problem: &Problem,
    mut solution: Solution,
    budget: &Budget<'_>,
    report: &mut dyn FnMut(&Progress),
) -> Solution {
    let cost = objective(problem, &solution.bins, &solution.groups).total().nano_usd();
    let gap = (cost - solution.floor_nano_usd) as f64;
    if cost - solution.floor_nano_usd < price_step(problem) {
        solution.stop = Stop::Optimal;
    } else if gap <= budget.gap_target_ratio * cost as f64 {
        solution.stop = Stop::Gap;
    }
    let (incumbent_nano_usd, floor_nano_usd) = (Some(cost), Some(solution.floor_nano_usd));
    report(&Progress { stage: Stage::Certify, incumbent_nano_usd, floor_nano_usd });
    solution
}
