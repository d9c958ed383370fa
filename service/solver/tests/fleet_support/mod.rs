//! How the tests of the fleet planner call it.

use std::sync::atomic::AtomicBool;

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::Solution;
use plimsoll_domain::units::HourlyRate;
use plimsoll_solver::{Budget, SolveError, fleet};

/// Plans for at most so many seconds.
pub fn solve_for(problem: &Problem, seconds: f64, seed: u64) -> Result<Solution, SolveError> {
    let start = std::time::Instant::now();
    let elapsed = || start.elapsed().as_secs_f64();
    let cancelled = AtomicBool::new(false);
    let budget = Budget { seconds, elapsed: &elapsed, cancelled: &cancelled, gap_target_ratio: 0.0, seed };
    fleet::solve(problem, &budget, &mut |_| ())
}

/// So many nano-USD per hour.
pub fn priced(nano_usd: i64) -> HourlyRate {
    HourlyRate::from_nano_usd(nano_usd).unwrap()
}
