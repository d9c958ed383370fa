//! The whole service as its callers see it: `plimsoll.v1` over gRPC on loopback, server and client in one process.

#![allow(clippy::unwrap_used, reason = "a test that cannot talk to the service should stop")]

#[path = "service/again.rs"]
mod again;
#[path = "service/apply.rs"]
mod apply;
#[path = "service/audit.rs"]
mod audit;
#[path = "service/bad_input.rs"]
mod bad_input;
#[path = "service/bad_request.rs"]
mod bad_request;
#[path = "service/bundle.rs"]
mod bundle;
#[path = "service/costs.rs"]
mod costs;
#[path = "service/main_job.rs"]
mod main_job;
#[path = "service/node_groups.rs"]
mod node_groups;
#[path = "service/reflection.rs"]
mod reflection;
#[path = "service/rig.rs"]
mod rig;
#[path = "service/shop.rs"]
mod shop;
#[path = "service/simulation.rs"]
mod simulation;
#[path = "service/vanish.rs"]
mod vanish;
#[path = "service/watch.rs"]
mod watch;
