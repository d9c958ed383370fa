//! The door: `plimsoll.v1` over gRPC and gRPC-web, with health, reflection, metrics and limits.
//!
//! Decides nothing: a handler turns a message into a value, has the engine do the work in one call, and turns the
//! answer back. What else the translation rests on, it reads; see `api`.
//! Never listens where other machines can reach it, for there is no authentication yet. Start at [`serve()`], go on
//! to `api` (the handlers) and `wire` (the translation); `config` says what can be set.

mod api;
mod clock;
pub mod config;
mod demo;
mod limits;
mod metrics;
mod serve;
mod stack;
pub mod telemetry;
mod wire;

pub use demo::{CLUSTER as DEMO_CLUSTER, MODELS as DEMO_MODELS};
pub use serve::{BindError, Error, Running, demo, embedded, serve};
