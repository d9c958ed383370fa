//! The real world: Kubernetes clusters through their API servers.
//!
//! It keeps the contract that the simulated world keeps: `plimsoll_sim::contract`.

pub mod kubernetes;
