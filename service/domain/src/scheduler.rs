//! A model of kube-scheduler: its default filters and scores, and the referee built on it.
//!
//! It answers what the *stock* scheduler would do with a pod: which nodes it may use, why not the
//! others, and which one it takes. It never decides what a plan should be, and it shares nothing
//! with the solver. Start at [`Simulation`]; [`referee`] asks it the questions of a plan.
//!
//! Modelled: the default profile of Kubernetes 1.35 and 1.36, its filters in their order (so that
//! counts of reasons equal those in a pod's `PodScheduled` condition), its scores with their default
//! weights, the sampling of nodes in clusters of a hundred and more, and random choice among equals.
//!
//! Checked against a real scheduler in `tests/referee`, pod by pod in random clusters, and in
//! `service/manifest/tests/scheduler_on_dumps.rs`.
//!
//! Not modelled: preemption (a pod that finds no room stays pending here; the real scheduler may
//! evict pods of lower priority for it), image locality, dynamic resource allocation, free space of
//! storage classes, claims with `ReadWriteOncePod`, overhead of runtime classes in the fit of
//! pending pods, and selectors of Services in the default spread (a pod's siblings are those of its
//! workload). Source: kubernetes/kubernetes `pkg/scheduler`, documentation of kube-scheduler.

mod class;
mod facts;
mod filter;
#[cfg(test)]
pub(crate) mod fixture;
mod load;
mod reason;
pub mod referee;
mod resolve;
mod score;
mod simulation;
mod site;
mod tally;
mod topology;

pub use reason::{Reason, Unschedulable};
pub use simulation::{NodeId, PodId, Simulation};

use serde::{Deserialize, Serialize};

/// How NodeResourcesFit ranks nodes. EKS: `kubeSchedulerConfig.nodeResourcesFit.scoringStrategy`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Strategy {
    /// Emptier nodes first: the stock setting.
    #[default]
    LeastAllocated,
    /// Fuller nodes first.
    MostAllocated,
}

/// Which release's scores are computed, where they differ.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Release {
    /// Up to 1.35: NodeResourcesBalancedAllocation looks at the node with the pod.
    V1_35,
    /// From 1.36 on: it looks at how the pod changes the balance (kubernetes/kubernetes#135573).
    #[default]
    V1_36,
}

/// What distinguishes one cluster's scheduler from another's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    /// Ranking by resources.
    pub strategy: Strategy,
    /// Release of the scheduler.
    pub release: Release,
    /// Seed of the choice among equally good nodes.
    pub seed: u64,
}

#[cfg(test)]
mod tests;
