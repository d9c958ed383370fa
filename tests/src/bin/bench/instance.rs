//! One instance: solve, judge, prove, and only then tell.

use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use jiff::Timestamp;
use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::check::check;
use plimsoll_domain::policy::{Policy, Preset};
use plimsoll_domain::problem::Problem;
use plimsoll_domain::snapshot::Content;
use plimsoll_domain::solution::{Solution, objective};
use plimsoll_engine::planning::bundle::{Answer, bundle};
use plimsoll_solver::{Budget, solve};

use crate::baseline::first_fit_decreasing;

/// Head of the table.
pub const HEADER: &str = "\
| instance | pods / shapes / offerings | floor $/h | plan $/h | gap | stop | solve | first plan | proof | peak memory | first-fit $/h | Karpenter, best $/h |
|---|---|---|---|---|---|---|---|---|---|---|---|";

/// Time that the first plan may take in order to be one.
const FIRST_PLAN_SECONDS: f64 = 0.001;

/// Runs one instance and prints its row; panics if anything about the answer is not proven.
pub fn run(data: &Path, name: &str, seconds: f64) {
    let problem = read(&data.join(format!("bench/{name}.json.gz")));
    let (first, first_seconds) = timed(|| answer(&problem, FIRST_PLAN_SECONDS));
    let (solution, solve_seconds) = timed(|| answer(&problem, seconds));
    let cost = objective(&problem, &solution.bins, &solution.groups).total().nano_usd();
    let first_cost = objective(&problem, &first.bins, &first.groups).total().nano_usd();
    let baseline = first_fit_decreasing(&problem);
    assert!(cost <= first_cost, "the plan is dearer than the first plan");
    assert!(cost <= baseline, "the plan is dearer than first-fit decreasing");
    let ((), proof_seconds) = timed(|| prove(&problem, &solution));
    let usd = |nano_usd: i64| nano_usd as f64 / 1e9;
    let gap = (cost - solution.floor_nano_usd) as f64 / cost as f64;
    println!(
        "| {name} | {} / {} / {} | {:.3} | {:.3} | {:.2} % | {:?} | {solve_seconds:.1} s | {first_seconds:.2} s | {proof_seconds:.1} s | {} MB | {:.2}",
        problem.pod_count(),
        problem.demands.len(),
        problem.offerings.len(),
        usd(solution.floor_nano_usd),
        usd(cost),
        100.0 * gap,
        solution.stop,
        peak_memory_mb(),
        usd(baseline),
    );
}

fn read(path: &Path) -> Problem {
    let file = std::fs::File::open(path).unwrap();
    let options = plimsoll_manifest::ReadOptions { include_finished: false, now: Timestamp::UNIX_EPOCH };
    let plimsoll_manifest::Read::Snapshot(snapshot) = plimsoll_manifest::read(file, &options).unwrap() else {
        panic!("{} is no instance", path.display())
    };
    let Content::Ready(instance) = snapshot.content else { panic!("{} is no instance", path.display()) };
    let policy = Policy { preset: Preset::None, ..Policy::default() };
    plimsoll_domain::build::ready(&instance, &Catalog::builtin(), &policy).unwrap().problem
}

fn answer(problem: &Problem, seconds: f64) -> Solution {
    let start = Instant::now();
    let elapsed = || start.elapsed().as_secs_f64();
    let cancelled = AtomicBool::new(false);
    let budget = Budget { seconds, elapsed: &elapsed, cancelled: &cancelled, gap_target_ratio: 0.0, seed: 1 };
    let solution = solve(problem, &budget, &mut |_| {}).unwrap();
    let violations = check(problem, &solution.bins, &solution.groups);
    assert!(violations.is_empty(), "{} rules broken, the first: {}", violations.len(), violations[0]);
    let placed: u64 =
        solution.bins.iter().flat_map(|bin| &bin.placed).map(|placed| u64::from(placed.count)).sum();
    assert_eq!(placed, problem.pod_count(), "not every pod is placed");
    solution
}

fn prove(problem: &Problem, solution: &Solution) {
    let names: Vec<String> = (0..solution.bins.len()).map(|number| format!("node-{number}")).collect();
    let answer = Answer {
        name: "clusters/bench/plans/bench",
        bins: &solution.bins,
        node_names: &names,
        groups: Vec::new(),
        objective: objective(problem, &solution.bins, &[]),
        duals: &solution.duals,
        floor_nano_usd: solution.floor_nano_usd,
    };
    if let Err(rejection) = plimsoll_verify::verify(&bundle(problem, &answer)) {
        panic!("not proven: {rejection}");
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, f64) {
    let start = Instant::now();
    let value = work();
    (value, start.elapsed().as_secs_f64())
}

fn peak_memory_mb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let kib: u64 = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok()).unwrap_or(0);
    kib / 1024
}
