//! Allocations as a large cluster has them, an hour at a time, and their sums.

use std::path::Path;

use jiff::{Timestamp, ToSpan};
use plimsoll_domain::ledger::{
    Allocation, AllocationKind, Charge, HourRows, Item, Ledger, Quality, Quantity, Share, SplitMethod,
};
use plimsoll_report::{Lake, Settings};

use crate::Sums;

/// The cluster that all rows are of.
pub const CLUSTER: &str = "bench";

const NAMESPACES: u64 = 50;
const TEAMS: u64 = 8;

/// Start of the first day.
pub fn first_hour() -> Timestamp {
    Timestamp::from_second(1_788_220_800).unwrap()
}

/// Writes `rows` in equal hours of `days`, compacts each day, and returns the sums and the count of what was written.
pub async fn lake(folder: &Path, rows: u64, days: u64) -> (Sums, u64) {
    let lake = Lake::open(folder.to_str().unwrap(), &Settings::default()).unwrap();
    let cluster = CLUSTER.parse().unwrap();
    let (mut sums, mut count) = (Sums::new(), 0);
    let per_hour = rows.div_ceil(days * 24).max(1);
    for hour in 0..days * 24 {
        let start = first_hour() + i64::try_from(hour).unwrap().hours();
        let all = hour_rows(start, hour * per_hour, per_hour);
        for part in &all.allocations {
            add(&mut sums, part);
        }
        count += per_hour;
        lake.put_hour(&cluster, start, &all).await.unwrap();
        if hour % 24 == 23 {
            lake.compact(&cluster, start + 1.hour(), Timestamp::MIN).await.unwrap();
        }
    }
    (sums, count)
}

fn add(sums: &mut Sums, part: &Allocation) {
    let key = (part.namespace.clone(), part.team.clone(), part.hour.as_second() / 86_400);
    let unsure = if part.quality == Quality::Measured { 0 } else { part.effective_cost };
    let costs = [part.list_cost, part.contracted_cost, part.effective_cost, part.billed_cost, unsure];
    let sum = sums.entry(key).or_default();
    sum.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += i128::from(cost));
}

fn hour_rows(hour: Timestamp, first: u64, count: u64) -> HourRows {
    let charge = charge(hour);
    let allocations = (0..count).map(|number| part(&charge, number, mixed(first + number))).collect();
    HourRows { charges: vec![charge], allocations }
}

/// Any number from any number. Source: the finaliser of SplitMix64.
fn mixed(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9e37_79b9_7f4a_7c15);
    z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    z ^ (z >> 31)
}

fn part(charge: &Charge, number: u64, noise: u64) -> Allocation {
    let pod = number / 2;
    let (namespace, team) = (pod % NAMESPACES, pod / NAMESPACES % TEAMS);
    let cost = i64::try_from(noise % 50_000_000).unwrap();
    Allocation {
        hour: charge.hour,
        item: charge.item,
        resource_id: charge.resource_id.clone(),
        meter: charge.meter.clone(),
        capacity: None,
        instance_type: charge.instance_type.clone(),
        group: format!("group-{}", pod % 20),
        zone: charge.zone.clone(),
        share: if number.is_multiple_of(2) { Share::Cpu } else { Share::Memory },
        kind: AllocationKind::Workload,
        method: SplitMethod::Aws,
        namespace: format!("namespace-{namespace}"),
        workload: format!("deployment/app-{}", pod % 1_000),
        pod: format!("app-{pod}"),
        team: format!("team-{team}"),
        model: String::new(),
        list_cost: cost,
        contracted_cost: cost / 20 * 19,
        effective_cost: cost / 10 * 9,
        billed_cost: cost / 20 * 19,
        quality: if noise.is_multiple_of(50) { Quality::Estimated } else { Quality::Measured },
    }
}

fn charge(hour: Timestamp) -> Charge {
    Charge {
        hour,
        item: Item::Instance,
        resource_id: "i-0123456789abcdef0".to_owned(),
        resource_name: String::new(),
        meter: "BoxUsage:m5.large".to_owned(),
        capacity: None,
        instance_type: "m5.large".to_owned(),
        group: String::new(),
        zone: "us-east-1a".to_owned(),
        unit: "Hours".to_owned(),
        quantity: Quantity(1_000_000_000_000_000_000),
        list_unit_price: 96_000_000,
        contracted_unit_price: 96_000_000,
        list_cost: 96_000_000,
        contracted_cost: 96_000_000,
        effective_cost: 96_000_000,
        billed_cost: 96_000_000,
        quality: Quality::Measured,
        price_source: "bench".to_owned(),
        price_time: first_hour(),
    }
}
