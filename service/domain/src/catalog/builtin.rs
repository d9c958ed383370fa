//! The table that is there from the start: every instance type of us-east-1, from
//! `data/ec2-us-east-1.csv`, whose README tells where the numbers come from.

use std::sync::{Arc, LazyLock};

use jiff::Timestamp;

use crate::catalog::node::managed_max_pods;
use crate::catalog::traits::is_nvidia;
use crate::catalog::{Accelerator, AcceleratorKind, Catalog, InstanceType, Source, change};
use crate::units::HourlyRate;

/// Region of the built-in table.
pub const REGION: &str = "us-east-1";

const TABLE: &str = include_str!("../../data/ec2-us-east-1.csv");
const COLUMNS: &str = "type,arch,vcpu,mem_mib,accelerator,disk_gb,eni_pods,burst_cpu_milli,ebs_max,flags,\
                       od_nano_usd,spot_saving_pct,spot_band";
/// 2026-07-20T00:00:00Z, the day of the price list.
const LIST_TIME_SECOND: i64 = 1_784_505_600;
/// 2025-07-01T00:00:00Z, the month of the Spot Advisor's file.
const ADVISOR_TIME_SECOND: i64 = 1_751_328_000;

impl Catalog {
    /// The built-in catalog: us-east-1, list prices of 2026-07-20, spot prices estimated from the
    /// Spot Advisor of 2025-07. The same value at every call.
    pub fn builtin() -> Arc<Self> {
        static BUILTIN: LazyLock<Arc<Catalog>> = LazyLock::new(|| Arc::new(read(TABLE)));
        Arc::clone(&BUILTIN)
    }
}

/// One line of the table.
struct Row {
    instance_type: InstanceType,
    on_demand: HourlyRate,
    spot_saving: Option<u8>,
    spot_band: Option<u8>,
}

fn read(table: &str) -> Catalog {
    let mut lines = table.lines().filter(|line| !line.starts_with('#'));
    assert_eq!(lines.next(), Some(COLUMNS), "the built-in table has other columns than its reader");
    let mut catalog = Catalog { region: REGION.to_owned(), ..Catalog::default() };
    for line in lines {
        let row = row(line).expect("the built-in table is a constant, and a test reads all of it");
        add(&mut catalog, row);
    }
    catalog.sources = sources().to_vec();
    catalog.estimate_spot();
    catalog.date();
    catalog
}

fn add(catalog: &mut Catalog, row: Row) {
    let name = row.instance_type.name.clone();
    catalog.on_demand.insert(name.clone(), row.on_demand);
    catalog.spot_savings.extend(row.spot_saving.map(|saving| (name.clone(), saving)));
    catalog.interruption_bands.extend(row.spot_band.map(|band| (name.clone(), band)));
    catalog.types.insert(name, Arc::new(row.instance_type));
}

fn row(line: &str) -> Option<Row> {
    let fields: Vec<&str> = line.split(',').collect();
    let [name, architecture, vcpu, memory, accelerator, disk, eni, burst, ebs, flags, price, saving, band] =
        fields.try_into().ok()?;
    let vcpu = vcpu.parse().ok()?;
    let eni_max_pods = eni.parse().ok()?;
    let instance_type = InstanceType {
        name: name.to_owned(),
        architecture: architecture.to_owned(),
        metal: flags.contains('m'),
        vcpu,
        memory_mib: memory.parse().ok()?,
        accelerator: optional(accelerator, self::accelerator)?,
        instance_store_gb: optional(disk, number)?.unwrap_or(0),
        eni_max_pods,
        managed_max_pods: managed_max_pods(vcpu, eni_max_pods),
        burst_baseline_cpu_milli: optional(burst, number)?,
        ebs_volumes_max: ebs.trim_end_matches('s').parse().ok()?,
        ebs_limit_shared: ebs.ends_with('s'),
        current_generation: flags.contains('c'),
    };
    Some(Row {
        instance_type,
        on_demand: HourlyRate::from_nano_usd(price.parse().ok()?)?,
        spot_saving: optional(saving, number)?,
        spot_band: optional(band, number)?,
    })
}

fn accelerator(field: &str) -> Option<Accelerator> {
    let [kind, name, count, memory] = field.split(':').collect::<Vec<_>>().try_into().ok()?;
    let kind = accelerator_kind(kind)?;
    let with_gpu = matches!(kind, AcceleratorKind::Gpu | AcceleratorKind::GpuFraction);
    Some(Accelerator {
        kind,
        name: name.to_owned(),
        count: count.parse().ok()?,
        memory_mib: optional(memory, number)?.unwrap_or(0),
        nvidia: with_gpu && is_nvidia(name),
    })
}

/// The kind of accelerator that tables call so; `None` for an unknown word.
pub fn accelerator_kind(word: &str) -> Option<AcceleratorKind> {
    match word {
        "gpu" => Some(AcceleratorKind::Gpu),
        "gpu_fraction" => Some(AcceleratorKind::GpuFraction),
        "neuron" => Some(AcceleratorKind::Neuron),
        "fpga" => Some(AcceleratorKind::Fpga),
        "media" => Some(AcceleratorKind::Media),
        _ => None,
    }
}

/// `Some(None)` for an empty field, `None` for one that does not parse.
fn optional<T>(field: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Option<T>> {
    if field.is_empty() { Some(None) } else { parse(field).map(Some) }
}

fn number<T: std::str::FromStr>(field: &str) -> Option<T> {
    field.parse().ok()
}

fn sources() -> [Source; 4] {
    let list = Timestamp::from_second(LIST_TIME_SECOND).expect("a second of this century");
    let advisor = Timestamp::from_second(ADVISOR_TIME_SECOND).expect("a second of this century");
    let source = |what: &str, origin: &str, time, estimated| Source {
        what: what.to_owned(),
        origin: origin.to_owned(),
        time,
        estimated,
    };
    [
        source(change::TYPES, "built in: EC2 DescribeInstanceTypes, VPC CNI interface limits", list, false),
        source(change::ON_DEMAND, "built in: EC2 public price list", list, false),
        source(change::SPOT_ESTIMATES, "built in: Spot Instance Advisor", advisor, true),
        source(change::INTERRUPTIONS, "built in: Spot Instance Advisor", advisor, true),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fleet::CapacityKind;

    const TABLE_BYTES_MAX: usize = 150_000;

    #[track_caller]
    fn check(name: &str, kind: CapacityKind, nano_usd: Option<i64>) {
        let price = Catalog::builtin().price(name, "us-east-1a", kind);
        assert_eq!(price.map(HourlyRate::nano_usd), nano_usd, "{name} {kind:?}");
    }

    #[test]
    fn the_table_is_complete_small_and_sound() {
        let rows = TABLE.lines().filter(|line| !line.starts_with('#')).count() - 1;
        let catalog = read(TABLE);
        assert_eq!((rows, catalog.types.len(), catalog.on_demand.len()), (1340, 1340, 1340));
        assert!(TABLE.len() <= TABLE_BYTES_MAX);
        for (name, found) in &catalog.types {
            assert!(found.vcpu > 0 && found.memory_mib > 0 && found.eni_max_pods > 0, "{name}");
            assert!(["amd64", "arm64"].contains(&found.architecture.as_str()), "{name}");
            assert!(catalog.on_demand[name] > HourlyRate::ZERO, "{name}");
        }
        assert!(catalog.spot_savings.values().all(|saving| *saving < 100));
        assert!(catalog.interruption_bands.values().all(|band| *band <= 4));
    }

    #[test]
    fn prices_are_those_of_the_list() {
        check("m5.large", CapacityKind::OnDemand, Some(96_000_000));
        check("g5.xlarge", CapacityKind::OnDemand, Some(1_006_000_000));
        check("t2.medium", CapacityKind::OnDemand, Some(46_400_000));
        check("g5.4xlarge", CapacityKind::OnDemand, Some(1_624_000_000));
        check("p4d.24xlarge", CapacityKind::OnDemand, Some(21_957_642_000));
        check("no.such", CapacityKind::OnDemand, None);
    }

    #[test]
    fn spot_is_an_estimate_or_not_sold() {
        check("m5.large", CapacityKind::Spot, Some(32_640_000));
        check("t2.nano", CapacityKind::Spot, None);
        check("u-6tb1.56xlarge", CapacityKind::Spot, None);
        assert!(Catalog::builtin().spot.values().all(|spot| spot.estimated));
        assert_eq!(Catalog::builtin().spot.len(), 878);
    }

    #[test]
    fn the_age_is_that_of_the_oldest_price_in_use() {
        let catalog = Catalog::builtin();
        assert_eq!(catalog.price_time.to_string(), "2025-07-01T00:00:00Z");
        assert_eq!(catalog.sources[1].time.to_string(), "2026-07-20T00:00:00Z");
    }

    #[test]
    fn a_damaged_line_is_no_row() {
        let whole = "m5.large,amd64,2,8192,,,29,,27s,,96000000,66,3";
        assert!(row(whole).is_some());
        for (from, to) in
            [("8192", ""), ("amd64,", ""), (",66", ",x"), ("96000000", "-1"), (",,29", ",gpu,29")]
        {
            assert!(row(&whole.replacen(from, to, 1)).is_none(), "{from} -> {to}");
        }
    }
}
