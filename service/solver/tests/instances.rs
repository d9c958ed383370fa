//! The planning instances of the data folder: how far from proven best the plans are.
//! The table of all of them is `make bench`.

#[path = "support/mod.rs"]
mod support;

use support::run::{expect_sound, gap, solved};

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
