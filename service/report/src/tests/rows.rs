//! Rows of an hour: two nodes and their volumes, a control plane, pods of two teams. They depend on hour and seed alone.

use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ledger::{
    Allocation, AllocationKind, Charge, HourRows, Item, Quality, Quantity, Share, SplitMethod,
};

const HOUR: i128 = 1_000_000_000_000_000_000;

/// Hours that are sorted as the ledger sorts them, with parts that sum to their charges.
pub fn hour(hour: Timestamp, seed: i64) -> HourRows {
    let mut rows = HourRows::default();
    rows.charges.push(charge(hour, Item::ControlPlane, "arn:aws:eks:us-east-1:1:cluster/prod", 100_000_000));
    for node in 0..2 {
        rows.charges.push(charge(hour, Item::Instance, &format!("i-0{node}"), 96_000_000 + seed + node));
    }
    for node in 0..2 {
        rows.charges.push(charge(hour, Item::RootVolume, &format!("vol-0{node}"), 8_767_123));
    }
    rows.allocations = rows.charges.iter().flat_map(parts).collect();
    rows
}

pub fn charge(hour: Timestamp, item: Item, resource_id: &str, cost: i64) -> Charge {
    let instance = item == Item::Instance;
    let spot = instance && resource_id.ends_with('1');
    Charge {
        hour,
        item,
        resource_id: resource_id.to_owned(),
        resource_name: if instance { "web, \"blue\"".to_owned() } else { String::new() },
        meter: if instance { "BoxUsage:m5.large".to_owned() } else { format!("{item:?}") },
        capacity: instance.then_some(if spot { CapacityKind::Spot } else { CapacityKind::OnDemand }),
        instance_type: if instance { "m5.large".to_owned() } else { String::new() },
        group: if instance { "web".to_owned() } else { String::new() },
        zone: if item == Item::ControlPlane { String::new() } else { "us-east-1a".to_owned() },
        unit: "Hours".to_owned(),
        quantity: Quantity(HOUR),
        list_unit_price: cost,
        contracted_unit_price: cost,
        list_cost: cost,
        contracted_cost: cost,
        effective_cost: cost,
        billed_cost: cost,
        quality: if spot { Quality::Estimated } else { Quality::Measured },
        price_source: "builtin".to_owned(),
        price_time: "2026-07-20T00:00:00Z".parse().unwrap(),
    }
}

fn parts(charge: &Charge) -> Vec<Allocation> {
    if charge.item != Item::Instance {
        return vec![part(charge, Share::Whole, AllocationKind::Shared, ("", "", ""), charge.list_cost)];
    }
    let cost = charge.list_cost;
    let (cart, agent) = (cost / 3, cost / 7);
    let rest = cost - cart - agent;
    vec![
        part(charge, Share::Cpu, AllocationKind::Workload, ("shop", "deployment/cart", "shop"), cart),
        part(charge, Share::Cpu, AllocationKind::DaemonSet, ("kube-system", "daemonset/agent", ""), agent),
        part(charge, Share::Memory, AllocationKind::Idle, ("", "", ""), rest),
    ]
}

fn part(
    charge: &Charge,
    share: Share,
    kind: AllocationKind,
    (namespace, workload, team): (&str, &str, &str),
    cost: i64,
) -> Allocation {
    let pod = if workload.is_empty() { String::new() } else { format!("{namespace}-pod-1") };
    Allocation {
        hour: charge.hour,
        item: charge.item,
        resource_id: charge.resource_id.clone(),
        meter: charge.meter.clone(),
        capacity: charge.capacity,
        instance_type: charge.instance_type.clone(),
        group: charge.group.clone(),
        zone: charge.zone.clone(),
        share,
        kind,
        method: SplitMethod::Aws,
        namespace: namespace.to_owned(),
        workload: workload.to_owned(),
        pod,
        team: team.to_owned(),
        model: String::new(),
        list_cost: cost,
        contracted_cost: cost,
        effective_cost: cost,
        billed_cost: cost,
        quality: charge.quality,
    }
}
