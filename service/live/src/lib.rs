//! The real world: AWS, Kubernetes clusters through their API servers, and what a Prometheus remembers of them.
//!
//! It keeps the contract that the simulated world keeps: `plimsoll_sim::contract`.

pub mod actions;
mod atlas;
pub mod aws;
pub mod kubernetes;
pub mod prometheus;

pub use atlas::{Live, Settings};
