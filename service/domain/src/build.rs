//! From a cluster, prices and a policy to one problem in integers.
//!
//! [`build()`] sorts pods into families that no rule tells apart (`pods`), learns node templates from
//! the running nodes (`templates`), lists every site that runs or can be bought (`sites`), asks each
//! family once for each kind of question where it may go (`reach`), finds what families have to do with
//! one another (`ties`), and merges what a problem cannot tell apart (`classes`, `offerings`,
//! `demands`). [`ready()`] does the same for benchmark instances and traces. Nothing that was ignored,
//! relaxed or kept is silent: see [`Built::findings`].

mod bearing;
mod bits;
mod capacity;
mod classes;
mod cluster;
mod context;
mod demands;
mod gpu;
mod labels;
mod notes;
mod offerings;
mod pins;
mod pods;
mod reach;
mod ready;
mod refusal;
mod rules;
mod sites;
mod spot;
mod tags;
mod templates;
mod terms;
#[cfg(test)]
mod tests;
mod ties;
mod types;

pub use capacity::{EBS_VOLUMES, volumes_of_type};
pub use cluster::build;
pub use context::{Context, DemandFacts, OfferingFacts, Tag};
pub use labels::{ALIASES, is_by_type, is_custom, stated};
pub use ready::ready;
pub use refusal::Refusal;
pub use templates::{TEMPLATES_MAX, Template};

use crate::check::ProblemError;
use crate::finding::Finding;
use crate::problem::Problem;

/// A problem and what stands behind it.
#[derive(Clone, Debug, PartialEq)]
pub struct Built {
    /// What has to be decided. It passed [`Problem::validate`].
    pub problem: Problem,
    /// Whose pods, which nodes, and why.
    pub context: Context,
    /// What a person should know.
    pub findings: Vec<Finding>,
}

/// Why no problem can be made.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum BuildError {
    /// No pod has to be placed: there is nothing to plan.
    #[error("there is no pod to place")]
    NoPods,
    /// No node runs and the policy names no zone, so nothing can be bought.
    #[error("no node runs and the policy names no zones: name those to buy in")]
    NoZones,
    /// A number of the policy makes no sense. Correct the policy.
    #[error("{field} is {value}, expected a number from 0 to {max}")]
    Policy {
        /// The field.
        field: &'static str,
        /// Its value.
        value: f64,
        /// The largest that is allowed.
        max: f64,
    },
    /// Some pods can run nowhere.
    #[error("{} workloads can run nowhere, such as {}", .0.len(), .0.first().map(ToString::to_string).unwrap_or_default())]
    Infeasible(Vec<Refusal>),
    /// The numbers of the input cannot be computed with, such as a sum of requests beyond 64 bits.
    #[error("the input makes no sound problem")]
    Unsound(#[from] ProblemError),
}
