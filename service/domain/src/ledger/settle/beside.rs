//! What is no instance: the control plane, volumes, load balancers and their addresses.

use jiff::tz::TimeZone;
use jiff::{Timestamp, ToSpan};

use super::divide::give;
use super::machine::{QUANTITY_ONE, instance_id, quantity};
use super::presence::{Owner, Weights};
use super::stay::Stay;
use super::{Hour, HourInput};
use crate::ledger::inventory::{BalancerUse, User, VolumeUse};
use crate::ledger::money::{Tariff, discounted};
use crate::ledger::rows::AllocationKind;
use crate::ledger::support::Support;
use crate::ledger::tariffs::{self, Price};
use crate::ledger::volumes::demands;
use crate::ledger::{Charge, HourRows, Item, Quality, Quantity};
use crate::priced::LoadBalancerKind;
use crate::world::MachineLife;

/// Name of the control plane, which has no id that the cluster's objects tell.
const CONTROL_PLANE: &str = "control-plane";

pub(super) fn settle(input: &HourInput<'_>, hour: Hour, rows: &mut HourRows) {
    let mut add = |charge: Charge, owners: Weights<'_>| {
        rows.allocations.append(&mut give(&charge, owners, input.method));
        rows.charges.push(charge);
    };
    let shared = || one(Owner::nobody(AllocationKind::Shared));
    add(hourly(input, hour, &tariffs::CONTROL_PLANE, 1, CONTROL_PLANE, ""), shared());
    if Support::of(&input.inventory.kubernetes_version).is_extended_at(hour.time()) {
        add(hourly(input, hour, &tariffs::EXTENDED_SUPPORT, 1, CONTROL_PLANE, ""), shared());
    }
    for used in &input.inventory.volumes {
        for charge in volume(input, hour, used) {
            add(charge, users(&used.users, AllocationKind::Idle));
        }
    }
    for used in input.inventory.balancers.iter().filter(|used| was_there(used.create_time, hour)) {
        for charge in balancer(input, hour, used) {
            add(charge, users(&used.users, AllocationKind::Unattributed));
        }
    }
}

fn one(owner: Owner<'_>) -> Weights<'_> {
    Weights::from([(owner, (1, Quality::Measured))])
}

/// Users alike; without any, nobody's.
fn users(users: &[User], nobodys: AllocationKind) -> Weights<'_> {
    if users.is_empty() {
        return one(Owner::nobody(nobodys));
    }
    users.iter().map(|user| (owner(user), (1, Quality::Measured))).collect()
}

fn owner(user: &User) -> Owner<'_> {
    let User { namespace, workload, pod, team, model } = user;
    Owner { kind: AllocationKind::Workload, namespace, workload, pod, team, model }
}

fn was_there(create_time: Option<Timestamp>, hour: Hour) -> bool {
    create_time.is_none_or(|time| time.as_second() < hour.end)
}

/// A whole hour of so many of a thing: also of a load balancer a part of an hour is billed as a whole one.
fn hourly(input: &HourInput<'_>, hour: Hour, price: &Price, count: i64, id: &str, name: &str) -> Charge {
    let costs = |unit_price: i64| unit_price.saturating_mul(count);
    let quantity = Quantity(i128::from(count) * QUANTITY_ONE);
    charge(input, hour, price, (id, name), quantity, costs)
}

/// So many units, billed by the month of UTC, for a span of the hour.
fn monthly(
    input: &HourInput<'_>,
    hour: Hour,
    price: &Price,
    units: i64,
    span: (i64, i64),
    names: (&str, &str),
) -> Charge {
    let month = Month::of(hour);
    let costs = |unit_price: i64| {
        let nano_usd = i128::from(unit_price) * i128::from(units);
        let tariff = Tariff { nano_usd, period_seconds: month.seconds, anchor: month.start };
        tariff.cost(span.0, span.1)
    };
    let quantity = quantity(units, span.1 - span.0, month.seconds);
    charge(input, hour, price, names, quantity, costs)
}

fn charge(
    input: &HourInput<'_>,
    hour: Hour,
    price: &Price,
    (id, name): (&str, &str),
    quantity: Quantity,
    cost: impl Fn(i64) -> i64,
) -> Charge {
    let contracted = discounted(price.nano_usd, input.discount_ratio);
    let contracted_cost = cost(contracted);
    Charge {
        hour: hour.time(),
        item: price.item,
        resource_id: id.to_owned(),
        resource_name: name.to_owned(),
        meter: price.meter_in(&input.catalog.region),
        capacity: None,
        instance_type: String::new(),
        group: String::new(),
        zone: String::new(),
        unit: price.unit.to_owned(),
        quantity,
        list_unit_price: price.nano_usd,
        contracted_unit_price: contracted,
        list_cost: cost(price.nano_usd),
        contracted_cost,
        effective_cost: contracted_cost,
        billed_cost: contracted_cost,
        quality: Quality::Estimated,
        price_source: price.source.to_owned(),
        price_time: price.date.parse().unwrap_or(input.catalog.price_time),
    }
}

/// The root volume of an instance, gp3, for as long as the instance is there; none if that is no second.
pub(super) fn root_volume(
    input: &HourInput<'_>,
    hour: Hour,
    life: &MachineLife,
    stay: &Stay,
    gb: i64,
) -> Option<Charge> {
    let id = instance_id(&life.provider_id);
    let price = Price { item: Item::RootVolume, ..tariffs::GP3 };
    let charge = monthly(input, hour, &price, gb, (stay.from, stay.to), (id, ""));
    let placed = Charge {
        capacity: Some(life.kind),
        instance_type: life.instance_type.clone(),
        group: life.group.clone(),
        zone: life.zone.clone(),
        ..charge
    };
    (stay.from < stay.to).then_some(placed)
}

fn volume(input: &HourInput<'_>, hour: Hour, used: &VolumeUse) -> Vec<Charge> {
    let volume = &used.volume;
    let from = volume.create_time.map_or(hour.start, |time| time.as_second().max(hour.start));
    if hour.end <= from {
        return Vec::new();
    }
    let id = if volume.volume_id.is_empty() { &volume.name } else { &volume.volume_id };
    let line = |(price, units): (&Price, i64)| Charge {
        zone: volume.zone.clone(),
        ..monthly(input, hour, price, units, (from, hour.end), (id, &volume.name))
    };
    demands(volume).into_iter().map(line).collect()
}

fn balancer(input: &HourInput<'_>, hour: Hour, used: &BalancerUse) -> Vec<Charge> {
    let price = match used.kind {
        LoadBalancerKind::Application => &tariffs::ALB,
        LoadBalancerKind::Network => &tariffs::NLB,
        LoadBalancerKind::Classic => &tariffs::CLB,
    };
    let mut charges = vec![hourly(input, hour, price, 1, &used.id, "")];
    if 0 < used.public_address_count {
        charges.push(hourly(input, hour, &tariffs::PUBLIC_IPV4, used.public_address_count, &used.id, ""));
    }
    charges
}

/// The month of UTC that an hour is in.
struct Month {
    start: i64,
    seconds: i64,
}

impl Month {
    fn of(hour: Hour) -> Self {
        let first = hour.time().to_zoned(TimeZone::UTC).first_of_month().and_then(|day| day.start_of_day());
        let next = first.as_ref().ok().and_then(|first| first.checked_add(1.month()).ok());
        match (first, next) {
            (Ok(first), Some(next)) => {
                let start = first.timestamp().as_second();
                Self { start, seconds: next.timestamp().as_second() - start }
            }
            // The last month that a calendar knows: nobody is billed for it.
            _ => Self { start: hour.start, seconds: MONTH_SECONDS },
        }
    }
}

/// A month of 30 days.
const MONTH_SECONDS: i64 = 30 * 86_400;
