//! Tests of the whole service. They are in the test binaries beside this file; what the programs that measure share is here.

#![allow(clippy::unwrap_used, reason = "a measurement that cannot go on should stop")]

pub mod fleet;
pub mod process;
