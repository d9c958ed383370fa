//! Check values: costs that were worked out by hand, held against the code. Item by item as the ledger's specification
//! counts them; what a price list says of a thing is in the code, how many of it there are is here.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::catalog::Catalog;
use crate::fleet::CapacityKind;
use crate::ledger::alarm::{Alarm, Basis, budget_alarms, modified_z, run_rate};
use crate::ledger::commitment::{Commitment, Cover, Use, apply};
use crate::ledger::forecast::backtest::{pinball, wape};
use crate::ledger::money::{Tariff, discounted, largest_remainder, unit_cost};
use crate::ledger::split::{Shape, split};
use crate::ledger::tariffs::{self, Price};
use crate::ledger::{
    AllocationKind, FargateSize, HourInput, Inventory, Item, Observation, PodSeen, Room, Share, SplitMethod,
    SpotSteps, life_cost, settle, volumes,
};
use crate::priced::PersistentVolume;
use crate::units::HourlyRate;
use crate::world::{End, MachineLife, SpotChange};

const HOURS: i64 = 730;
const MIB: i64 = 1 << 20;

fn on_demand(name: &str) -> i64 {
    Catalog::builtin().on_demand[name].nano_usd()
}

/// So many of a thing for a month of so many hours.
fn month(price: &Price, count: i64, hours: i64) -> i64 {
    price.nano_usd * count * hours
}

fn gp3(gb: i64, iops: i64, mibps: i64) -> i64 {
    let volume = PersistentVolume {
        gb,
        volume_type: "gp3".into(),
        iops: Some(iops),
        throughput_mibps: Some(mibps),
        ..PersistentVolume::default()
    };
    volumes::per_month(&volume)
}

fn life(kind: CapacityKind, seconds: i64, reclaimed: bool) -> MachineLife {
    let end = Timestamp::from_second(seconds).expect("a time");
    MachineLife {
        provider_id: "aws:///us-east-1a/i-1".into(),
        instance_type: "m5.large".into(),
        zone: "us-east-1a".into(),
        kind,
        group: "web".into(),
        launch_time: Timestamp::UNIX_EPOCH,
        end: Some(End { time: end, reclaimed }),
    }
}

fn change(second: i64, nano_usd: i64) -> SpotChange {
    SpotChange {
        instance_type: "m5.large".into(),
        zone: "us-east-1a".into(),
        time: Timestamp::from_second(second).expect("a time"),
        rate: HourlyRate::from_nano_usd(nano_usd).expect("a price"),
    }
}

#[test]
fn clusters_of_the_guides() {
    // 1
    let small = |hours| month(&tariffs::CONTROL_PLANE, 1, hours) + 2 * on_demand("t2.medium") * hours;
    assert_eq!((small(HOURS), small(720)), (140_744_000_000, 138_816_000_000));
    // 2
    let built = small(HOURS)
        + 2 * gp3(80, 0, 0)
        + month(&tariffs::NAT_GATEWAY, 1, HOURS)
        + month(&tariffs::CLB, 1, HOURS)
        + month(&tariffs::PUBLIC_IPV4, 7, HOURS);
    assert_eq!(built, 230_194_000_000);
    assert_eq!(built + month(&tariffs::EXTENDED_SUPPORT, 1, HOURS), 595_194_000_000);
    // 3
    let nodes = |hours| 3 * on_demand("g5.4xlarge") * hours;
    let models = |hours| {
        month(&tariffs::CONTROL_PLANE, 1, hours)
            + nodes(hours)
            + gp3(500, 0, 0)
            + month(&tariffs::ALB, 1, hours)
    };
    assert_eq!((models(HOURS), models(720)), (3_685_985_000_000, 3_636_040_000_000));
    assert_eq!(discounted(nodes(HOURS), 0.17), 2_951_944_800_000);
}

#[test]
fn pods_on_fargate() {
    let size = |cpu: i64, mib: i64| FargateSize::of(cpu, mib * MIB).expect("a size");
    // 4
    let pod = size(500, 128);
    assert_eq!((pod.cpu_milli, pod.memory_mib, pod.nano_usd_per_hour()), (500, 1024, 24_685_000));
    assert_eq!(pod.nano_usd_per_hour() * HOURS, 18_020_050_000);
    assert!(2 * pod.nano_usd_per_hour() > on_demand("t2.medium"));
    assert_eq!(pod.cost(20), 411_417);
    // 5
    assert_eq!(size(250, 257).nano_usd_per_hour(), 14_565_000);
    assert_eq!(size(4000, 30 * 1024).nano_usd_per_hour(), 466_080_000);
}

#[test]
fn instances_by_the_second() {
    // 6
    let rate = Some(on_demand("m5.large"));
    for (seconds, want) in [(61, 1_626_667), (59, 1_600_000)] {
        let life = life(CapacityKind::OnDemand, seconds, false);
        assert_eq!(life_cost(&life, &SpotSteps::default(), rate, 3600), Some(want), "{seconds} s");
    }
    // 7
    let steps = SpotSteps::new(&[change(0, 35_000_000), change(1200, 41_000_000)]);
    let hour = life(CapacityKind::Spot, 3600, false);
    assert_eq!(life_cost(&hour, &steps, None, 3600), Some(39_000_000));
    assert_eq!(steps.at("m5.large", "us-east-1a", 0), Some(35_000_000));
    let steady = SpotSteps::new(&[change(0, 39_100_000)]);
    for (reclaimed, want) in [(true, 0), (false, 30_628_333)] {
        let life = life(CapacityKind::Spot, 47 * 60, reclaimed);
        assert_eq!(life_cost(&life, &steady, None, 3600), Some(want));
    }
}

#[test]
fn divisions() {
    // 8
    let thirds = largest_remainder(100_000_000, &[("a", 1), ("b", 1), ("c", 1)]);
    assert_eq!(thirds, [33_333_334, 33_333_333, 33_333_333]);
    // 9
    let large = Shape { cpu_milli: 2000, memory_bytes: 8192 * MIB, gpus: 0 };
    let gpu = Shape { cpu_milli: 4000, memory_bytes: 16_384 * MIB, gpus: 1 };
    let cost = on_demand("m5.large");
    assert_eq!(
        split(cost, &large, SplitMethod::Aws),
        [(Share::Cpu, 66_461_538), (Share::Memory, 29_538_462)]
    );
    assert_eq!(
        split(cost, &large, SplitMethod::OpenCost),
        [(Share::Cpu, 62_494_203), (Share::Memory, 33_505_797)]
    );
    assert_eq!(
        split(on_demand("g5.xlarge"), &gpu, SplitMethod::Aws),
        [(Share::Cpu, 255_042_253), (Share::Memory, 113_352_113), (Share::Gpu, 637_605_634)]
    );
}

#[test]
fn two_pods_on_a_node() {
    // 10
    let capacity = Shape { cpu_milli: 2000, memory_bytes: 8192 * MIB, gpus: 0 };
    let allocatable = Shape { cpu_milli: 1930, memory_bytes: 6903 * MIB, gpus: 0 };
    let mut machine = life(CapacityKind::OnDemand, 0, false);
    machine.end = None;
    let pod = |name: &str, asks: (i64, i64), used: (i64, i64)| PodSeen {
        name: name.into(),
        provider_id: machine.provider_id.clone(),
        cpu_milli: asks.0,
        memory_bytes: asks.1 * MIB,
        used_cpu_milli: Some(used.0),
        used_memory_bytes: Some(used.1 * MIB),
        ..PodSeen::default()
    };
    let pods = vec![pod("a", (500, 2048), (700, 1024)), pod("b", (1000, 1024), (200, 3072))];
    let at = |second| Timestamp::from_second(second).expect("a time");
    let observations = [0, 3600].map(|second| Observation {
        time: at(second),
        pods: pods.clone(),
        ..Observation::default()
    });
    let room = Room { capacity, allocatable, root_gb: 20 };
    let inventory =
        Inventory { rooms: BTreeMap::from([(machine.provider_id.clone(), room)]), ..Inventory::default() };
    let rows = settle(&HourInput {
        hour: at(0),
        until: Timestamp::MAX,
        lives: std::slice::from_ref(&machine),
        spot: &[],
        catalog: &Catalog::builtin(),
        discount_ratio: 0.0,
        method: SplitMethod::Aws,
        observations: &observations,
        interval_seconds: 3600,
        inventory: &inventory,
    });
    let of = |pod: &str, kind: AllocationKind| -> i64 {
        let parts = rows.allocations.iter().filter(|part| part.item == Item::Instance);
        parts.filter(|part| part.pod == pod && part.kind == kind).map(|part| part.billed_cost).sum()
    };
    assert_eq!(of("a", AllocationKind::Workload), 30_646_153);
    assert_eq!(of("b", AllocationKind::Workload), 44_307_692);
    assert_eq!(of("", AllocationKind::Overhead), 6_973_991);
    assert_eq!(of("", AllocationKind::Idle), 14_072_164);
}

#[test]
fn a_savings_plan_of_a_dollar() {
    // 11
    let rates = BTreeMap::from([("m5.large".to_owned(), 70_000_000)]);
    let cover = Cover::ComputePlan { nano_usd_per_hour: 1_000_000_000, rates };
    let plan = Commitment { id: "sp".into(), account: "1".into(), cover };
    let hour = |count: usize| {
        let uses: Vec<Use> = (0..count)
            .map(|index| Use {
                resource_id: format!("i-{index:02}"),
                account: "1".into(),
                instance_type: "m5.large".into(),
                zone: "us-east-1a".into(),
                seconds: 3600,
                nano_usd_per_hour: on_demand("m5.large"),
            })
            .collect();
        apply(std::slice::from_ref(&plan), &uses)
    };
    let ten = hour(10);
    assert_eq!((ten.balances[0].used, ten.balances[0].unused), (700_000_000, 300_000_000));
    let twenty = hour(20);
    assert_eq!((twenty.cost(), twenty.saving()), (1_548_571_429, 371_428_571));
    assert_eq!(twenty.coverage_ratio().map(|ratio| (ratio * 10_000.0).round()), Some(7_143.0));
}

#[test]
fn prices_of_small_things() {
    // 12
    assert_eq!(discounted(on_demand("m5.large"), 0.05), 91_200_000);
    assert_eq!(2 * 100 * tariffs::CROSS_ZONE_GB.nano_usd, 2_000_000_000);
    assert_eq!(gp3(500, 6000, 250), 60_000_000_000);
    let nano_usd = i128::from(tariffs::GP3.nano_usd) * 80;
    let disk = Tariff { nano_usd, period_seconds: 720 * 3600, anchor: 0 };
    assert_eq!(disk.cost(0, 100 * 3600), 888_888_889);
    assert_eq!(tariffs::ALB.nano_usd + 2 * tariffs::ALB_LCU.nano_usd, 38_500_000);
    assert_eq!(unit_cost(on_demand("g5.xlarge"), 1200 * 3600, 1_000_000), Some(232_870_370));
    assert_eq!(unit_cost(on_demand("g5.xlarge"), 0, 1_000_000), None);
}

#[test]
fn forecasts_and_alarms() {
    // 13
    let (actual, said) = ([100.0, 120.0, 80.0], [110.0, 110.0, 100.0]);
    assert!((wape(&actual, &said) - 0.133_333).abs() < 1e-5);
    assert!((pinball(&actual, &said, 0.9) - 4.0).abs() < 1e-9);
    let z = modified_z(&[1.0, -2.0, 0.0, 3.0, -1.0, 2.0, 40.0], 40.0, 0.0).expect("they differ");
    assert!((z - 13.15).abs() < 0.005, "{z}");
    // 14
    let forecasted = run_rate(400, 10, 30);
    assert_eq!(forecasted, 1200);
    let alarms = budget_alarms(1000, 400, forecasted, &[]);
    assert!(alarms.contains(&Alarm { basis: Basis::Forecasted, percent: 100 }));
    assert!(alarms.iter().all(|alarm| alarm.basis == Basis::Forecasted));
}
