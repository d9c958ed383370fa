//! The planner for clusters that run, judged from outside.

mod planted;
mod promises;
mod random;
mod rules;
mod support;
