//! An hour's account: from what was metered and seen in an hour of UTC to its charges and whose they are.
//!
//! Pure: the same input gives the same rows, in whatever order its lists are. An hour needs nothing of the hours before
//! it, and yet the charges of a thing sum, over the hours of its life, to what the whole life costs, to the nano:
//! every cost is what has run up since a fixed moment ([`super::money::Tariff`]). For an instance that moment is its
//! launch. Where its spot price changes, the parts at each price are rounded by themselves: the sum over the hours is
//! the sum over those parts, within a nano for each of them of the unrounded cost.
//!
//! Read on in [`stay`] (when an instance is billed, and for how much), [`presence`] (who used a node, second by second)
//! and [`divide`] (who pays).

mod beside;
mod divide;
mod machine;
mod presence;
mod stay;
mod steps;
#[cfg(test)]
mod tests;

use jiff::Timestamp;

pub use stay::life_cost;
pub use steps::SpotSteps;

use super::inventory::Inventory;
use super::money::HOUR_SECONDS;
use super::{HourRows, Observation, SplitMethod};
use crate::catalog::Catalog;
use crate::world::{MachineLife, SpotChange};

/// What was seen holds so long where nobody looked, seconds: longer is a gap. Source: costs are to bridge ten minutes.
pub const GAP_SECONDS_MAX: i64 = 600;

/// All that the account of an hour rests on.
#[derive(Clone, Copy, Debug)]
pub struct HourInput<'a> {
    /// The hour: any moment of it.
    pub hour: Timestamp,
    /// Until when it is settled: an hour that goes on has cost only so much so far, but for what is billed by whole hours.
    pub until: Timestamp,
    /// Machines that lived in it; others are passed over. One that the cloud took back within an hour of its launch is
    /// free, so the hour of its launch has to be settled again once that is known.
    pub lives: &'a [MachineLife],
    /// Spot prices: for each type and zone the one in force when the hour begins, and the changes in it.
    pub spot: &'a [SpotChange],
    /// Types, on-demand prices and the region.
    pub catalog: &'a Catalog,
    /// Discount by private pricing on everything but spot, 0..1.
    pub discount_ratio: f64,
    /// How nodes are divided.
    pub method: SplitMethod,
    /// What was seen: in the hour, the last before it, and, for the use of the last seconds, the first after it.
    pub observations: &'a [Observation],
    /// How often the cluster is looked at, seconds: what is seen holds so long as measured, and up to
    /// [`GAP_SECONDS_MAX`] as estimated.
    pub interval_seconds: i64,
    /// Volumes, load balancers, the control plane, and the room of nodes.
    pub inventory: &'a Inventory,
}

/// The hour as seconds since 1970: its first, and the first after it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Hour {
    start: i64,
    end: i64,
}

impl Hour {
    fn of(time: Timestamp) -> Self {
        let second = time.as_second();
        let start = second - second.rem_euclid(HOUR_SECONDS);
        Self { start, end: start.saturating_add(HOUR_SECONDS) }
    }

    /// The part of it before a moment; at least its first second.
    fn until(self, time: Timestamp) -> Self {
        Self { end: self.end.min(time.as_second()).max(self.start + 1), ..self }
    }

    fn time(self) -> Timestamp {
        Timestamp::from_second(self.start).unwrap_or(Timestamp::MIN)
    }
}

/// Settles an hour.
///
/// Charges ascend by item, resource and meter; allocations by charge, part and owner, and sum to their charge in each of
/// the four costs. Parts of nothing are left out.
pub fn settle(input: &HourInput<'_>) -> HourRows {
    let hour = Hour::of(input.hour).until(input.until);
    let mut rows = HourRows::default();
    machine::settle(input, hour, &mut rows);
    beside::settle(input, hour, &mut rows);
    rows.charges.sort_by(|one, other| charge_key(one).cmp(&charge_key(other)));
    rows.allocations.sort_by(|one, other| allocation_key(one).cmp(&allocation_key(other)));
    rows
}

fn charge_key(charge: &super::Charge) -> (super::Item, &str, &str) {
    (charge.item, &charge.resource_id, &charge.meter)
}

fn allocation_key(
    part: &super::Allocation,
) -> (super::Item, &str, &str, super::Share, super::AllocationKind, [&str; 5]) {
    let owner = [&part.namespace, &part.workload, &part.pod, &part.team, &part.model].map(String::as_str);
    (part.item, &part.resource_id, &part.meter, part.share, part.kind, owner)
}
