//! How the tests of the fleet planner call it.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::Solution;
use plimsoll_domain::units::HourlyRate;
use plimsoll_solver::{Budget, SolveError, bound, fleet};

/// Plans for at most so many seconds.
pub fn solve_for(problem: &Problem, seconds: f64, seed: u64) -> Result<Solution, SolveError> {
    let start = std::time::Instant::now();
    let elapsed = || start.elapsed().as_secs_f64();
    let cancelled = AtomicBool::new(false);
    let budget = Budget { seconds, elapsed: &elapsed, cancelled: &cancelled, gap_target_ratio: 0.0, seed };
    fleet::solve(problem, &budget, &mut |_| ())
}

/// Plans with a budget of attempts instead of seconds: the clock ticks when it is looked at, so that the
/// answer is the same on a busy machine.
pub fn solve_in(attempts: u64, problem: &Problem, seed: u64) -> Result<Solution, SolveError> {
    within(attempts, seed, |budget| fleet::solve(problem, budget, &mut |_| ()))
}

/// What no fleet can beat, nano-USD per hour.
pub fn floor_of(problem: &Problem) -> i64 {
    const LOOKS: u64 = 1_000;
    within(LOOKS, 0, |budget| bound::of_problem(problem, LOOKS as f64, budget)).floor_nano_usd
}

fn within<T>(ticks_max: u64, seed: u64, work: impl FnOnce(&Budget<'_>) -> T) -> T {
    let ticks = AtomicU64::new(0);
    let elapsed = || ticks.fetch_add(1, Ordering::Relaxed) as f64;
    let cancelled = AtomicBool::new(false);
    let seconds = ticks_max as f64;
    work(&Budget { seconds, elapsed: &elapsed, cancelled: &cancelled, gap_target_ratio: 0.0, seed })
}

/// So many nano-USD per hour.
pub fn priced(nano_usd: i64) -> HourlyRate {
    HourlyRate::from_nano_usd(nano_usd).expect("no price is negative")
}
