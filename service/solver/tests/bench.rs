//! The planning instances.

mod support;

use std::sync::atomic::AtomicBool;
use std::time::Instant;

use plimsoll_domain::solution::objective;
use plimsoll_solver::{Budget, Progress, solve};

#[test]
fn stages() {
    let names = std::env::var("NAMES").unwrap_or("C100 C1k S1k C10k U10k openb U100k C100k".into());
    let seconds: f64 = std::env::var("SECONDS_EACH").ok().and_then(|s| s.parse().ok()).unwrap_or(30.0);
    for name in names.split_whitespace() {
        let Some(problem) = support::bench(name) else { return };
        let begun = Instant::now();
        let elapsed = || begun.elapsed().as_secs_f64();
        let cancelled = AtomicBool::new(false);
        let budget = Budget { seconds, elapsed: &elapsed, cancelled: &cancelled, gap_target_ratio: 0.0, seed: 1 };
        let mut last = None;
        let mut report = |p: &Progress| {
            if last != Some(p.stage) {
                println!("{name} {:?} at {:.2}: {:.4} {:.4}", p.stage, elapsed(), p.incumbent_nano_usd.unwrap_or(0) as f64 * 1e-9, p.floor_nano_usd as f64 * 1e-9);
            }
            last = Some(p.stage);
        };
        let solution = solve(&problem, &budget, &mut report).unwrap();
        let cost = objective(&problem, &solution.bins, &solution.groups).total().usd();
        let floor = solution.floor_nano_usd as f64 * 1e-9;
        println!("{name} RESULT cost {cost:.4} floor {floor:.4} estimate {:?} gap {:.3}% {:?} in {:.2} bins {}", solution.estimate_nano_usd, (cost - floor) / cost * 100.0, solution.stop, elapsed(), solution.bins.len());
    }
}
