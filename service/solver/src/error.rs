//! Why there is no plan.

use plimsoll_domain::problem::{DemandIndex, OfferingIndex};

/// Why a problem has no answer. One variant for each thing a caller would do differently.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SolveError {
    /// Some demands can be carried by nothing that is allowed. Loosen a rule or allow more offerings.
    #[error("{} of the demands cannot be carried", .0.len())]
    Infeasible(Vec<Uncarried>),
    /// The caller gave up before there was a plan.
    #[error("cancelled before there was a plan")]
    Cancelled,
}

/// A demand that no plan can carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Uncarried {
    /// Which.
    pub demand: DemandIndex,
    /// Why.
    pub why: Why,
    /// The offering that comes closest to carrying one pod of it; none if none is eligible.
    pub nearest: Option<OfferingIndex>,
    /// Index of the resource that `nearest` has least of, compared with the request; none if it fits.
    pub short: Option<usize>,
}

/// Why a demand cannot be carried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Why {
    /// No offering is eligible: architecture, zone, taints, selectors.
    NoOffering,
    /// One pod of it is larger than every eligible offering.
    TooLarge,
    /// Offerings that fit are limited in number, and others take them.
    Exhausted,
    /// The rules on spread, zones, nodes or groups leave no place.
    Rules,
}
