//! The planning instances of the data folder: how far from proven best the plans are.
//!
//! The table of all of them: `cargo test -p plimsoll-solver --test instances -- --ignored --nocapture`, with
//! `INSTANCES` and `INSTANCE_SECONDS` to choose.

#[path = "support/mod.rs"]
mod support;

use std::time::Instant;

use support::run::{cost, expect_sound, gap, solved};

#[track_caller]
fn check(name: &str, seconds: f64, gap_max: f64) {
    let Some(problem) = support::bench(name) else { return };
    let solution = solved(&problem, seconds, 1);
    expect_sound(&problem, &solution);
    let gap = gap(&problem, &solution);
    assert!(gap <= gap_max, "{name}: gap {gap:.4} after {seconds} s");
}

#[test]
fn a_hundred_pods_are_planned_to_within_three_percent() {
    check("C100", 4.0, 0.03);
}

#[test]
fn a_thousand_pods_are_planned_to_within_five_percent() {
    check("C1k", 8.0, 0.05);
}

#[test]
fn a_trace_of_gpus_is_planned_to_within_one_percent() {
    check("openb", 10.0, 0.01);
}

#[test]
fn ten_thousand_pods_have_a_plan_at_once() {
    check("C10k", 0.001, 0.12);
}

#[test]
#[ignore = "minutes"]
fn table() {
    let names = std::env::var("INSTANCES");
    let names = names.unwrap_or_else(|_| "C100 C1k S1k C10k S10k U10k openb U100k C100k".into());
    let seconds = std::env::var("INSTANCE_SECONDS").ok().and_then(|text| text.parse().ok()).unwrap_or(30.0);
    for name in names.split_whitespace() {
        let Some(problem) = support::bench(name) else { return };
        let begun = Instant::now();
        let solution = solved(&problem, seconds, 1);
        let took = begun.elapsed().as_secs_f64();
        expect_sound(&problem, &solution);
        println!(
            "{name}: cost {:.4} floor {:.4} estimate {:.4} gap {:.2} % {:?} in {took:.1} s",
            cost(&problem, &solution) as f64 * 1e-9,
            solution.floor_nano_usd as f64 * 1e-9,
            solution.estimate_nano_usd.unwrap_or(0) as f64 * 1e-9,
            100.0 * gap(&problem, &solution),
            solution.stop,
        );
    }
}
