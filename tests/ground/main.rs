//! Plimsoll against a real Kubernetes control plane with simulated kubelets.

mod cluster;
mod objects;
