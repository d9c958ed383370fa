//! Solves with a real clock, and judges the answer by simple sums.

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plimsoll_domain::problem::Problem;
use plimsoll_domain::solution::{Bin, Solution, objective};
use plimsoll_solver::{Budget, solve};

/// Solves within `seconds`.
pub fn solved(problem: &Problem, seconds: f64, seed: u64) -> Solution {
    let begun = Instant::now();
    let elapsed = || begun.elapsed().as_secs_f64();
    let cancelled = AtomicBool::new(false);
    let budget = Budget { seconds, elapsed: &elapsed, cancelled: &cancelled, gap_target_ratio: 0.0, seed };
    solve(problem, &budget, &mut |_| {}).expect("the problem has an answer")
}

/// What a solution costs, nano-USD per hour.
pub fn cost(problem: &Problem, solution: &Solution) -> i64 {
    objective(problem, &solution.bins, &solution.groups).total().nano_usd()
}

/// `(cost - floor) / cost`.
pub fn gap(problem: &Problem, solution: &Solution) -> f64 {
    let cost = cost(problem, solution);
    (cost - solution.floor_nano_usd) as f64 / cost as f64
}

/// Fails unless every pod is on a node that may carry it and has room for it, and the floor is one.
#[track_caller]
pub fn expect_sound(problem: &Problem, solution: &Solution) {
    let mut carried = vec![0; problem.demands.len()];
    for bin in &solution.bins {
        expect_holds(problem, bin);
        bin.placed.iter().for_each(|placed| carried[placed.demand as usize] += placed.count);
    }
    let wanted: Vec<u32> = problem.demands.iter().map(|demand| demand.count).collect();
    assert_eq!(carried, wanted, "pods carried by demand");
    assert!(solution.floor_nano_usd <= cost(problem, solution), "the floor is above the plan");
}

#[track_caller]
fn expect_holds(problem: &Problem, bin: &Bin) {
    let offering = &problem.offerings[bin.offering as usize];
    let mut used = vec![0; problem.resources.len()];
    for placed in &bin.placed {
        let demand = &problem.demands[placed.demand as usize];
        assert!(demand.offerings.contains(&bin.offering), "{} may not run on {}", demand.id, offering.id);
        assert!(placed.count <= demand.max_per_node.unwrap_or(u32::MAX), "too many of {}", demand.id);
        used.iter_mut().zip(&demand.request).for_each(|(used, ask)| *used += ask * i64::from(placed.count));
    }
    let fits = used.iter().zip(&offering.capacity).all(|(used, capacity)| used <= capacity);
    assert!(fits, "{}: {used:?} in {:?}", offering.id, offering.capacity);
}
