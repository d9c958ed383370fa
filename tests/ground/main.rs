//! Plimsoll against a real Kubernetes control plane with simulated kubelets.

mod access;
mod cluster;
mod ingest;
mod objects;
mod refusals;
mod steps;
mod usage;
