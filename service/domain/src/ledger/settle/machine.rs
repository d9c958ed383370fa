//! Instances and their root volumes.

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::divide::{divide, give};
use super::presence::{Owner, Watch, Weights};
use super::stay::{self, Stay};
use super::steps::{Segment, SpotSteps};
use super::{GAP_SECONDS_MAX, Hour, HourInput};
use crate::catalog::node::{NodeSettings, ROOT_VOLUME_GIB};
use crate::catalog::{InstanceType, Source};
use crate::fleet::CapacityKind;
use crate::ledger::inventory::Room;
use crate::ledger::money::{HOUR_SECONDS, discounted, divide_half_even};
use crate::ledger::observe::accelerators;
use crate::ledger::rows::AllocationKind;
use crate::ledger::split::{Shape, weights};
use crate::ledger::{Charge, HourRows, Item, Quality, Quantity, tariffs};
use crate::resources::Resources;
use crate::world::MachineLife;

/// One, as a [`Quantity`].
pub(super) const QUANTITY_ONE: i128 = 1_000_000_000_000_000_000;

const MIB: i64 = 1 << 20;

pub(super) fn settle(input: &HourInput<'_>, hour: Hour, rows: &mut HourRows) {
    let spot = SpotSteps::new(input.spot);
    let watch = Watch::new(input.observations, input.interval_seconds, GAP_SECONDS_MAX);
    let lives: BTreeMap<&str, &MachineLife> =
        input.lives.iter().map(|life| (life.provider_id.as_str(), life)).collect();
    for life in lives.into_values() {
        let Some(stay) = Stay::of(life, hour) else { continue };
        let (room, known) = room(input, life);
        let shares = weights(&split_shape(input, life, &room), input.method);
        let mut owners = watch.weigh(&life.provider_id, &stay, &room);
        if !known {
            owners.values_mut().flat_map(BTreeMap::values_mut).for_each(|(_, quality)| {
                *quality = Quality::Estimated.max(*quality);
            });
        }
        let instance = instance(input, hour, life, &stay, &spot);
        let volume = super::beside::root_volume(input, hour, life, &stay, root_gb(input, life));
        for charge in [Some(instance), volume].into_iter().flatten() {
            let mut parts = divide(&charge, &shares, &owners, input.method);
            if parts.is_empty() {
                parts = give(&charge, nobodys(&room), input.method);
            }
            rows.allocations.append(&mut parts);
            rows.charges.push(charge);
        }
    }
}

/// Whose a machine is that was there for no second: nobody's, or nobody knows.
fn nobodys(room: &Room) -> Weights<'static> {
    let unknown = room.capacity == Shape::default();
    let kind = if unknown { AllocationKind::Unattributed } else { AllocationKind::Idle };
    let quality = if unknown { Quality::Gap } else { Quality::Measured };
    Weights::from([(Owner::nobody(kind), (1, quality))])
}

/// Room of a machine, and whether it was seen rather than taken from the catalog.
fn room(input: &HourInput<'_>, life: &MachineLife) -> (Room, bool) {
    if let Some(seen) = input.inventory.rooms.get(&life.provider_id) {
        return (*seen, true);
    }
    let settings = NodeSettings::default();
    let shape = |from: &Resources| Shape {
        cpu_milli: from.cpu_milli,
        memory_bytes: from.memory_bytes,
        gpus: accelerators(from),
    };
    let of_type = |found: &InstanceType| Room {
        capacity: shape(&found.capacity(&settings)),
        allocatable: shape(&found.allocatable(&settings)),
        root_gb: ROOT_VOLUME_GIB,
    };
    let found = input.catalog.types.get(&life.instance_type);
    (found.map_or_else(Room::default, |found| of_type(found)), false)
}

/// What the machine's price is divided by: what AWS says that the type has, else what the node reports.
fn split_shape(input: &HourInput<'_>, life: &MachineLife, room: &Room) -> Shape {
    let found = input.catalog.types.get(&life.instance_type);
    found.map_or(room.capacity, |found| Shape {
        cpu_milli: found.vcpu.saturating_mul(1000),
        memory_bytes: found.memory_mib.saturating_mul(MIB),
        gpus: accelerators(&found.capacity(&NodeSettings::default())),
    })
}

/// Size of the root volume, GiB: as large as the node's file system, unless local disks may be part of that.
fn root_gb(input: &HourInput<'_>, life: &MachineLife) -> i64 {
    let has_disks =
        input.catalog.types.get(&life.instance_type).is_some_and(|found| 0 < found.instance_store_gb);
    let seen = input.inventory.rooms.get(&life.provider_id).map_or(0, |room| room.root_gb);
    if has_disks || seen <= 0 { ROOT_VOLUME_GIB } else { seen.min(crate::priced::VOLUME_GB_MAX) }
}

/// A price and what it rests on.
struct Quote {
    segments: Vec<Segment>,
    quality: Quality,
    source: String,
    time: Timestamp,
}

fn instance(input: &HourInput<'_>, hour: Hour, life: &MachineLife, stay: &Stay, spot: &SpotSteps) -> Charge {
    let mut quote = quote(input, hour, life, stay, spot);
    if stay::is_free(life) {
        quote.segments.iter_mut().for_each(|segment| segment.nano_usd_per_hour = 0);
        "free: taken back by EC2 within an hour of its launch".clone_into(&mut quote.source);
    }
    let discount = if life.kind == CapacityKind::Spot { 0.0 } else { input.discount_ratio };
    let contracted: Vec<Segment> = quote
        .segments
        .iter()
        .map(|one| Segment { nano_usd_per_hour: discounted(one.nano_usd_per_hour, discount), ..*one })
        .collect();
    let billed_seconds = stay.billed_to - stay.from;
    let list_cost = stay::cost(life, &quote.segments, stay.billed_to);
    let contracted_cost = stay::cost(life, &contracted, stay.billed_to);
    let usage = match life.kind {
        CapacityKind::OnDemand => "BoxUsage",
        CapacityKind::Spot => "SpotUsage",
    };
    Charge {
        hour: hour.time(),
        item: Item::Instance,
        resource_id: instance_id(&life.provider_id).to_owned(),
        resource_name: String::new(),
        meter: tariffs::meter_in(&input.catalog.region, &format!("{usage}:{}", life.instance_type), false),
        capacity: Some(life.kind),
        instance_type: life.instance_type.clone(),
        group: life.group.clone(),
        zone: life.zone.clone(),
        unit: "Hours".to_owned(),
        quantity: quantity(1, billed_seconds, HOUR_SECONDS),
        list_unit_price: mean_price(&quote.segments, list_cost, billed_seconds),
        contracted_unit_price: mean_price(&contracted, contracted_cost, billed_seconds),
        list_cost,
        contracted_cost,
        effective_cost: contracted_cost,
        billed_cost: contracted_cost,
        quality: quote.quality,
        price_source: quote.source,
        price_time: quote.time,
    }
}

/// So many units for so many seconds of a period.
pub(super) fn quantity(units: i64, seconds: i64, period_seconds: i64) -> Quantity {
    let seconds = i128::from(units.max(0)) * i128::from(seconds.max(0));
    Quantity(seconds * QUANTITY_ONE / i128::from(period_seconds.max(1)))
}

/// The price that was in force, on average if it changed.
fn mean_price(segments: &[Segment], cost: i64, seconds: i64) -> i64 {
    match segments {
        [one] => one.nano_usd_per_hour,
        _ => divide_half_even(i128::from(cost) * i128::from(HOUR_SECONDS), i128::from(seconds)),
    }
}

/// `i-0123...` of `aws:///us-east-1a/i-0123...`.
pub(super) fn instance_id(provider_id: &str) -> &str {
    provider_id.rsplit('/').next().unwrap_or(provider_id)
}

/// What an hour of a machine costs during its stay. Of spot: as it was in force, else what the catalog says, else the
/// on-demand price, which it is never above for long.
fn quote(input: &HourInput<'_>, hour: Hour, life: &MachineLife, stay: &Stay, spot: &SpotSteps) -> Quote {
    let catalog = input.catalog;
    let flat = |rate: i64| vec![Segment { from: stay.from, to: stay.to, nano_usd_per_hour: rate }];
    let on_demand = catalog.on_demand.get(&life.instance_type).map(|rate| rate.nano_usd());
    let source = |what: &str| catalog.sources.iter().find(|source| source.what == what);
    let of_catalog = |rate: i64, estimated: bool, source: Option<&Source>| Quote {
        segments: flat(rate),
        quality: if estimated { Quality::Estimated } else { Quality::Measured },
        source: source.map_or_else(|| "catalog".to_owned(), |source| source.origin.clone()),
        time: source.map_or(catalog.price_time, |source| source.time),
    };
    if life.kind == CapacityKind::Spot {
        let there = spot.segments(&life.instance_type, &life.zone, stay.from, stay.to);
        if let Some(segments) = there {
            let source = "spot price history".to_owned();
            return Quote { segments, quality: Quality::Measured, source, time: hour.time() };
        }
        if let Some(price) = catalog.spot_price(&life.instance_type, &life.zone) {
            return of_catalog(price.rate.nano_usd(), true, source(crate::catalog::change::SPOT_ESTIMATES));
        }
    }
    let listed = source(crate::catalog::change::ON_DEMAND);
    let stand_in = life.kind == CapacityKind::Spot;
    match on_demand {
        Some(rate) => of_catalog(rate, stand_in || listed.is_some_and(|listed| listed.estimated), listed),
        None => Quote {
            segments: flat(0),
            quality: Quality::Gap,
            source: "no price known".to_owned(),
            time: catalog.price_time,
        },
    }
}
