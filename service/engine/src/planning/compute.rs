//! The pure part of a plan: from an input to a proven proposal. Runs on a thread of its own.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use jiff::SignedDuration;
use plimsoll_domain::build::Built;
use plimsoll_domain::check::check;
use plimsoll_domain::clock::Clock;
use plimsoll_domain::commitments;
use plimsoll_domain::finding::{Finding, Severity};
use plimsoll_domain::plan::Plan;
use plimsoll_domain::policy::{Policy, Rightsize};
use plimsoll_domain::problem::Problem;
use plimsoll_domain::rightsize::{self, Recommendation};
use plimsoll_domain::snapshot::Content;
use plimsoll_domain::solution::{Solution, Stop, objective};
use plimsoll_solver::{Budget, SolveError};
use tracing::debug;

use super::gather::{self, Input};
use super::shape::{self, Shape};
use super::{Progress, Stage, bundle, calm, explain, judge};
use crate::Error;

/// Most findings that a plan carries; the rest are counted in one more.
const FINDINGS_MAX: usize = 1_000;

/// What a run may spend, and whom it tells.
pub struct Run<'a> {
    /// The clock.
    pub clock: &'a dyn Clock,
    /// When the request arrived, by [`Clock::monotonic`].
    pub start: Duration,
    /// Time to solve.
    pub budget: Duration,
    /// Who hears about progress.
    pub listener: &'a (dyn Fn(Progress) + Send + Sync),
    /// Set when nobody waits any more.
    pub cancelled: &'a AtomicBool,
}

impl Run<'_> {
    fn elapsed(&self) -> Duration {
        self.clock.monotonic().saturating_sub(self.start)
    }

    /// Whether nobody waits any more.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }

    fn tell(&self, stage: Stage, incumbent: Option<i64>, floor: Option<i64>) {
        let elapsed = self.elapsed();
        (self.listener)(Progress { stage, incumbent_nano_usd: incumbent, floor_nano_usd: floor, elapsed });
    }
}

/// Computes a plan and proves it.
pub fn plan(input: &Input, run: &Run<'_>) -> Result<Plan, Error> {
    run.tell(Stage::Gather, None, None);
    let policy = gather::policy_for(&input.snapshot.snapshot.content, &input.policy);
    let advice = recommend(input, &policy);
    let applied = if policy.rightsize == Rightsize::Apply { advice.clone() } else { Vec::new() };
    let content = gather::with_requests(&input.snapshot.snapshot.content, &applied);
    let built = gather::build(&content, &input.catalog, &policy)?;
    let mut findings = input.snapshot.snapshot.findings.clone();
    findings.extend(input.findings.iter().cloned());
    findings.extend(built.findings.iter().cloned());
    findings.extend(rightsize::findings(&advice));

    let solve_start = run.elapsed();
    let solution = solve(&built.problem, &policy, input.seed, run)?;
    let solve_seconds = (run.elapsed() - solve_start).as_secs_f64();
    let total = |solution: &Solution| objective(&built.problem, &solution.bins, &solution.groups).total();
    let found = total(&solution);
    let (solution, calm) = calm::settle(&built.problem, &policy, solution);
    findings.extend(calm);

    run.tell(Stage::Check, Some(total(&solution).nano_usd()), Some(solution.floor_nano_usd));
    let judged = judge::judge(&content, &policy, &built, solution, run, input.seed)?;
    findings.extend(judged.findings);
    let solution = judged.solution;
    findings.extend(commitments::findings(&input.commitments, &built.problem, &solution.bins));
    let shape = shape::shape(&built.problem, &built.context, &solution.bins, &solution.groups);
    if run.is_cancelled() {
        return Err(Error::Cancelled);
    }
    let facts = Facts { input, policy: &policy, built: &built, applied, solve_seconds };
    let mut plan = assemble(&facts, solution, shape, cut(findings));
    plan.referee = judged.report;
    explain::annotate(&built, &mut plan);
    prove(&built.problem, &mut plan)?;
    if plan.after.total() != found {
        plan.solution.stop = stop_of_another(plan.solution.stop, plan.gap_ratio(), policy.gap_target_ratio);
    }
    run.tell(Stage::Store, Some(plan.after.total().nano_usd()), Some(plan.solution.floor_nano_usd));
    Ok(plan)
}

fn recommend(input: &Input, policy: &Policy) -> Vec<Recommendation> {
    match (&input.snapshot.snapshot.content, &input.usage) {
        (Content::Cluster(state), Some(usage)) if policy.rightsize != Rightsize::Off => {
            rightsize::recommend(state, usage)
        }
        _ => Vec::new(),
    }
}

fn solve(problem: &Problem, policy: &Policy, seed: u64, run: &Run<'_>) -> Result<Solution, Error> {
    let start = run.elapsed();
    let elapsed = || (run.elapsed().saturating_sub(start)).as_secs_f64();
    let budget = Budget {
        seconds: run.budget.as_secs_f64(),
        elapsed: &elapsed,
        cancelled: run.cancelled,
        gap_target_ratio: policy.gap_target_ratio,
        seed,
    };
    let mut report = |progress: &plimsoll_solver::Progress| {
        debug!(stage = ?progress.stage, incumbent = progress.incumbent_nano_usd, floor = progress.floor_nano_usd, "solving");
        run.tell(Stage::Solve, progress.incumbent_nano_usd, progress.floor_nano_usd);
    };
    let solution =
        plimsoll_solver::solve(problem, &budget, &mut report).map_err(|error| refused(problem, error))?;
    let violations = check(problem, &solution.bins, &solution.groups);
    match violations.first() {
        None => Ok(solution),
        Some(first) => Err(Error::Unproven(format!("{} rules broken, the first: {first}", violations.len()))),
    }
}

fn refused(problem: &Problem, error: SolveError) -> Error {
    match error {
        SolveError::Cancelled => Error::Cancelled,
        SolveError::Infeasible(uncarried) => {
            Error::Infeasible(uncarried.iter().map(|one| explain::refusal(problem, one)).collect())
        }
    }
}

/// What [`assemble`] needs beside the answer.
struct Facts<'a> {
    input: &'a Input,
    policy: &'a Policy,
    built: &'a Built,
    applied: Vec<Recommendation>,
    solve_seconds: f64,
}

fn assemble(facts: &Facts<'_>, solution: Solution, shape: Shape, findings: Vec<Finding>) -> Plan {
    let Facts { input, policy, built, applied, solve_seconds } = facts;
    let life = SignedDuration::from_mins(i64::from(policy.plan_ttl_minutes));
    Plan {
        id: input.plan_id.clone(),
        cluster: input.cluster.id.clone(),
        parent: input.parent.clone(),
        snapshot: input.snapshot.id.clone(),
        catalog: input.catalog.id.clone(),
        policy: (*policy).clone(),
        applied_requests: applied.clone(),
        seed: input.seed,
        problem_digest: String::new(),
        base_generation: input.snapshot.generation,
        create_time: input.time,
        expire_time: input.time.saturating_add(life).unwrap_or(input.time),
        price_time: input.catalog.catalog.price_time,
        usage_window: input.usage.as_ref().and_then(|usage| usage.window()),
        cost_before: built.problem.price_now(),
        after: objective(&built.problem, &solution.bins, &solution.groups),
        solution,
        solve_seconds: *solve_seconds,
        groups: shape.groups,
        node_names: shape.node_names,
        changes: shape.changes,
        findings,
        referee: None,
        verified: false,
    }
}

/// Has the independent verifier judge the plan; nothing unproven leaves this room. The floor that is stated is the one
/// that the verifier proves from the duals: it may be higher than the solver dared to say.
fn prove(problem: &Problem, plan: &mut Plan) -> Result<(), Error> {
    let name = plan.id.name(&plan.cluster);
    let mut bundle = bundle::of_plan(problem, plan, &name);
    let unproven = |rejection: plimsoll_verify::Rejection| Error::Unproven(rejection.to_string());
    let floor = plimsoll_verify::floor::of(&bundle.problem, &bundle.certificate).map_err(unproven)?;
    let total = plan.after.total().nano_usd();
    if total < floor {
        return Err(Error::Unproven(format!("its floor {floor} is above its objective {total}, nano-USD/h")));
    }
    plan.solution.floor_nano_usd = floor.max(0);
    bundle.plan.objective_floor_nano_usd_per_hour = plan.solution.floor_nano_usd;
    bundle.certificate.objective_floor_nano_usd_per_hour = plan.solution.floor_nano_usd;
    plimsoll_verify::verify(&bundle).map_err(unproven)?;
    plan.problem_digest.clone_from(&bundle.plan.problem_digest);
    plan.verified = true;
    Ok(())
}

/// Why the search ended, where a calmer or a roomier fleet took the place of the one found: no claim is left
/// standing that the gap does not bear out.
fn stop_of_another(stop: Stop, gap_ratio: f64, target_ratio: f64) -> Stop {
    match stop {
        Stop::Optimal | Stop::Gap if gap_ratio <= target_ratio => Stop::Gap,
        Stop::Optimal | Stop::Gap => Stop::Work,
        Stop::Work | Stop::Time => stop,
    }
}

fn cut(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.sort_by(|a, b| {
        b.severity.cmp(&a.severity).then_with(|| (&a.code, &a.subject).cmp(&(&b.code, &b.subject)))
    });
    findings.dedup();
    if FINDINGS_MAX < findings.len() {
        let message = format!("{} findings are not shown", findings.len() - FINDINGS_MAX);
        findings.truncate(FINDINGS_MAX);
        findings.push(Finding::new(Severity::Info, "FINDINGS_CUT", "", message));
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_replaced_fleet_claims_no_more_than_its_gap_bears_out() {
        let cases = [
            (Stop::Optimal, 0.0, Stop::Gap),
            (Stop::Optimal, 0.03, Stop::Work),
            (Stop::Gap, 0.004, Stop::Gap),
            (Stop::Gap, 0.03, Stop::Work),
            (Stop::Time, 0.0, Stop::Time),
        ];
        for (stop, gap_ratio, want) in cases {
            assert_eq!(stop_of_another(stop, gap_ratio, 0.005), want, "{stop:?} at {gap_ratio}");
        }
    }
}
