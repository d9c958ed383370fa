//! Clusters that are made, upgraded and removed in an AWS of our own, on virtual time: every step fails once, is throttled,
//! loses an answer, runs twice, and is interrupted by a crash before and after it; and whole lives with random faults.

mod bridge;
mod lives;
mod matrix;
mod refusals;
mod rig;

#[path = "../course.rs"]
mod course;
