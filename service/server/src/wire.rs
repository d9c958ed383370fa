//! Between the wire's messages and the domain's values. Nothing is decided here.
//!
//! Into the domain goes only what was checked; [`Invalid`] names the field that failed. Out of it everything goes.
//! [`status`] holds the one match from an error to a gRPC status.

pub mod audit;
pub mod catalog;
pub mod cluster;
pub mod cost;
pub mod estate;
pub mod export;
pub mod filter;
pub mod finding;
pub mod import;
mod invalid;
pub mod names;
pub mod node_group;
pub mod offerings;
pub mod operation;
pub mod order;
pub mod page;
pub mod plan;
pub mod plan_parts;
pub mod policy;
pub mod request;
pub mod samples;
pub mod simulation;
pub mod snapshot;
pub mod status;
mod step;
mod time;
mod workload;

pub use invalid::Invalid;
