//! LIVE clusters from end to end: a real `plimsolld`, an AWS on the wire, and a real Kubernetes control plane.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod apply;
mod estate;
mod interruption;
mod service;
mod shop;
mod site;
