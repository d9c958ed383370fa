//! Plimsoll against a real Kubernetes control plane with simulated kubelets.

mod access;
mod cluster;
mod gpus;
mod ingest;
mod refusals;
mod steps;
mod tokens;
mod usage;
