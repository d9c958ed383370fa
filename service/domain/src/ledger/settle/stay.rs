//! When an instance is billed, and for how much.
//!
//! Linux instances are billed by the second, at least 60 of them in a life, from launch to end; spot at the price in
//! force. One that EC2 takes back within an hour of its launch is free. Source: AWS, "Billing and purchasing options",
//! "How Spot Instances work", EC2 user guide, 2025. Fractions of a second are cut off the moments of launch and end.

use super::Hour;
use super::steps::{Segment, SpotSteps};
use crate::fleet::CapacityKind;
use crate::ledger::money::{HOUR_SECONDS, Tariff};
use crate::world::MachineLife;

/// Least that is billed of a life, seconds.
pub const BILLED_SECONDS_MIN: i64 = 60;

/// The part of a life that falls into a span, Unix seconds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stay {
    /// From when on it was there.
    pub from: i64,
    /// Until when.
    pub to: i64,
    /// Until when it is billed: later than `to` only in the hour in which a life of less than a minute ended, which so
    /// makes up for all that is missing to the minimum.
    pub billed_to: i64,
}

impl Stay {
    /// The part of a life in an hour; none if it has none.
    pub fn of(life: &MachineLife, hour: Hour) -> Option<Self> {
        let launch = launch(life);
        let end = end(life);
        let from = launch.max(hour.start);
        let to = end.unwrap_or(hour.end).min(hour.end);
        // A life of no second belongs to the hour of its launch.
        let is_momentary = end == Some(launch) && (hour.start..hour.end).contains(&launch);
        if !is_momentary && to <= from {
            return None;
        }
        let ends_here = end.is_some_and(|end| end <= hour.end);
        let billed_to = if ends_here { to.max(launch + BILLED_SECONDS_MIN) } else { to };
        Some(Self { from, to, billed_to })
    }

    pub fn seconds(&self) -> u64 {
        u64::try_from(self.to - self.from).unwrap_or(0)
    }
}

pub(super) fn launch(life: &MachineLife) -> i64 {
    life.launch_time.as_second()
}

/// The end of a life, not before its launch.
fn end(life: &MachineLife) -> Option<i64> {
    life.end.map(|end| end.time.as_second().max(launch(life)))
}

/// Whether nothing is billed of a life, for EC2 took it back within its first hour.
pub(super) fn is_free(life: &MachineLife) -> bool {
    let reclaimed = life.end.is_some_and(|end| end.reclaimed);
    let early = end(life).is_some_and(|end| end - launch(life) < HOUR_SECONDS);
    life.kind == CapacityKind::Spot && reclaimed && early
}

/// What a part of a life costs, given the spans and prices in it; the last is billed up to `billed_to`.
pub(super) fn cost(life: &MachineLife, segments: &[Segment], billed_to: i64) -> i64 {
    let last = segments.len().saturating_sub(1);
    let part = |(index, segment): (usize, &Segment)| {
        let to = if index == last { billed_to } else { segment.to };
        let tariff = Tariff {
            nano_usd: i128::from(segment.nano_usd_per_hour),
            period_seconds: HOUR_SECONDS,
            anchor: launch(life),
        };
        tariff.cost(segment.from, to)
    };
    segments.iter().enumerate().map(part).fold(0, i64::saturating_add)
}

/// What a whole life costs up to `until` (Unix seconds), nano-USD; none if the price is not known. `rate` is the
/// on-demand price, nano-USD per hour, which an instance on spot does not look at.
///
/// The charges of the hours up to `until`, if it is the end of an hour, sum to it.
pub fn life_cost(life: &MachineLife, spot: &SpotSteps, rate: Option<i64>, until: i64) -> Option<i64> {
    let launch = launch(life);
    let end = end(life).filter(|end| *end <= until);
    let to = end.unwrap_or(until).max(launch);
    let billed_to = if end.is_some() { to.max(launch + BILLED_SECONDS_MIN) } else { to };
    let segments = match life.kind {
        CapacityKind::OnDemand => {
            rate.map(|rate| vec![Segment { from: launch, to, nano_usd_per_hour: rate }])
        }
        CapacityKind::Spot => spot.segments(&life.instance_type, &life.zone, launch, to),
    };
    segments.map(|segments| if is_free(life) { 0 } else { cost(life, &segments, billed_to) })
}
