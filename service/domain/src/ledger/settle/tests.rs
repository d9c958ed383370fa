//! Accounts of hours, by hand and at random.

mod beside;
mod lives;
mod nodes;

use std::collections::BTreeMap;

use jiff::Timestamp;

use super::{HourInput, settle};
use crate::catalog::Catalog;
use crate::fleet::CapacityKind;
use crate::ledger::split::Shape;
use crate::ledger::{
    Allocation, AllocationKind, Charge, HourRows, Inventory, Item, Observation, PodSeen, Room, SplitMethod,
};
use crate::units::HourlyRate;
use crate::world::{End, MachineLife, SpotChange};

const MIB: i64 = 1 << 20;

/// A moment of the test's day.
fn at(clock: &str) -> Timestamp {
    format!("2026-11-10T{clock}Z").parse().expect("a time")
}

fn life(instance_type: &str, launch: &str, end: Option<&str>) -> MachineLife {
    MachineLife {
        provider_id: "aws:///us-east-1a/i-1".into(),
        instance_type: instance_type.into(),
        zone: "us-east-1a".into(),
        kind: CapacityKind::OnDemand,
        group: "web".into(),
        launch_time: at(launch),
        end: end.map(|end| End { time: at(end), reclaimed: false }),
    }
}

fn spot(launch: &str, end: Option<&str>, reclaimed: bool) -> MachineLife {
    let end = end.map(|end| End { time: at(end), reclaimed });
    MachineLife { kind: CapacityKind::Spot, end, ..life("m5.large", launch, None) }
}

fn change(clock: &str, nano_usd: i64) -> SpotChange {
    SpotChange {
        instance_type: "m5.large".into(),
        zone: "us-east-1a".into(),
        time: at(clock),
        rate: HourlyRate::from_nano_usd(nano_usd).expect("not negative"),
    }
}

/// What a test says of an hour; the rest is as usual.
struct Given {
    lives: Vec<MachineLife>,
    spot: Vec<SpotChange>,
    catalog: Catalog,
    observations: Vec<Observation>,
    inventory: Inventory,
    discount_ratio: f64,
    method: SplitMethod,
    interval_seconds: i64,
}

impl Given {
    fn lives(lives: &[MachineLife]) -> Self {
        Self {
            lives: lives.to_vec(),
            spot: Vec::new(),
            catalog: Catalog::builtin().as_ref().clone(),
            observations: Vec::new(),
            inventory: Inventory::default(),
            discount_ratio: 0.0,
            method: SplitMethod::Aws,
            interval_seconds: 60,
        }
    }

    fn settle(&self, hour: Timestamp) -> HourRows {
        self.settle_until(hour, Timestamp::MAX)
    }

    fn settle_until(&self, hour: Timestamp, until: Timestamp) -> HourRows {
        let input = HourInput {
            hour,
            until,
            lives: &self.lives,
            spot: &self.spot,
            catalog: &self.catalog,
            discount_ratio: self.discount_ratio,
            method: self.method,
            observations: &self.observations,
            interval_seconds: self.interval_seconds,
            inventory: &self.inventory,
        };
        let rows = settle(&input);
        expect_exact(&rows);
        rows
    }

    /// The charge of the instance in an hour of the test's day, nano-USD.
    fn instance_cost(&self, clock: &str) -> Option<i64> {
        let rows = self.settle(at(clock));
        rows.charges.iter().find(|charge| charge.item == Item::Instance).map(|charge| charge.list_cost)
    }
}

/// The allocations of every charge sum to it, in each of its costs.
#[track_caller]
fn expect_exact(rows: &HourRows) {
    type Key<'a> = (Item, &'a str, &'a str);
    let mut sums: BTreeMap<Key<'_>, [i64; 4]> = BTreeMap::new();
    for part in &rows.allocations {
        let sum = sums.entry((part.item, &part.resource_id, &part.meter)).or_default();
        let costs = [part.list_cost, part.contracted_cost, part.effective_cost, part.billed_cost];
        sum.iter_mut().zip(costs).for_each(|(sum, cost)| *sum += cost);
    }
    for charge in &rows.charges {
        let sum = sums.remove(&(charge.item, charge.resource_id.as_str(), charge.meter.as_str()));
        let costs = [charge.list_cost, charge.contracted_cost, charge.effective_cost, charge.billed_cost];
        assert_eq!(sum.unwrap_or_default(), costs, "{charge:?}");
    }
    assert!(sums.is_empty(), "parts of no charge: {sums:?}");
}

/// Cost by the name of the pod, or of the kind where there is none.
fn by_owner(rows: &HourRows, item: Item) -> BTreeMap<String, i64> {
    let mut sums = BTreeMap::new();
    for part in rows.allocations.iter().filter(|part| part.item == item) {
        *sums.entry(owner(part)).or_insert(0) += part.effective_cost;
    }
    sums
}

fn owner(part: &Allocation) -> String {
    match part.kind {
        AllocationKind::Workload | AllocationKind::DaemonSet if !part.pod.is_empty() => part.pod.clone(),
        AllocationKind::Workload => part.workload.clone(),
        kind => format!("{kind:?}"),
    }
}

fn pod(name: &str, cpu_milli: i64, memory_mib: i64) -> PodSeen {
    PodSeen {
        namespace: "shop".into(),
        name: name.into(),
        provider_id: "aws:///us-east-1a/i-1".into(),
        workload: format!("deployment/{name}"),
        cpu_milli,
        memory_bytes: memory_mib * MIB,
        ..PodSeen::default()
    }
}

fn seen(clock: &str, pods: &[PodSeen]) -> Observation {
    Observation { time: at(clock), pods: pods.to_vec(), ..Observation::default() }
}

/// An m5.large of nominal capacity, as the check value of the ledger has it.
fn large() -> Room {
    Room {
        capacity: Shape { cpu_milli: 2000, memory_bytes: 8192 * MIB, gpus: 0 },
        allocatable: Shape { cpu_milli: 1930, memory_bytes: 6903 * MIB, gpus: 0 },
        root_gb: 20,
    }
}

fn only(rows: &HourRows, item: Item) -> &Charge {
    let mut found = rows.charges.iter().filter(|charge| charge.item == item);
    let first = found.next().expect("a charge");
    assert!(found.next().is_none(), "more than one {item:?}");
    first
}
