//! The real world: AWS, and Kubernetes clusters through their API servers.
//!
//! It keeps the contract that the simulated world keeps: `plimsoll_sim::contract`.

pub mod actions;
mod atlas;
pub mod aws;
pub mod kubernetes;

pub use atlas::{Live, Settings};
