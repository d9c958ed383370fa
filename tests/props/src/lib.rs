//! What tests run against: a real Kubernetes control plane, and an AWS of our own on the wire.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

pub mod aws;
pub mod ground;
