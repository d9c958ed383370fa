//! The built-in table against the data folder it was derived from.

#[path = "../../../tests/data.rs"]
mod data;

use plimsoll_domain::catalog::node::NodeSettings;
use plimsoll_domain::catalog::{AcceleratorKind, Catalog, InstanceType};
use plimsoll_domain::fleet::CapacityKind;

const MIB: i64 = 1 << 20;

/// One line of the data folder's EC2 table, by column name.
struct Line<'a> {
    header: &'a [&'a str],
    fields: Vec<&'a str>,
}

impl<'a> Line<'a> {
    #[track_caller]
    fn text(&self, column: &str) -> &'a str {
        let at = self.header.iter().position(|name| *name == column).expect(column);
        self.fields[at]
    }

    #[track_caller]
    fn number(&self, column: &str) -> Option<f64> {
        let text = self.text(column);
        (!text.is_empty()).then(|| text.parse().expect(column))
    }
}

fn table() -> Option<String> {
    Some(std::fs::read_to_string(data::path("ec2/ec2_us_east_1.csv")?).expect("the table is there"))
}

#[track_caller]
fn check(found: &InstanceType, line: &Line) {
    let name = line.text("type");
    let node = found.allocatable(&NodeSettings::default());
    let want = |column| line.number(column).map(|number| number as i64);
    assert_eq!(found.architecture == "arm64", line.text("arch") == "arm64", "{name}");
    assert_eq!(found.metal, line.text("metal") == "1", "{name}");
    assert_eq!(found.current_generation, line.text("current") == "1", "{name}");
    assert_eq!(found.ebs_limit_shared, line.text("ebs_limit") == "shared", "{name}");
    for (column, got) in [
        ("vcpu", found.vcpu),
        ("mem_mib", found.memory_mib),
        ("ssd_gb", found.instance_store_gb),
        ("max_pods", found.eni_max_pods),
        ("managed_max_pods", node.pods),
        ("alloc_cpu_m", node.cpu_milli),
        ("ebs_volumes_max", found.ebs_volumes_max),
        ("gpu", node.gpus()),
    ] {
        assert_eq!(Some(got), want(column), "{column} of {name}");
    }
    assert_eq!(node.memory_bytes, want("alloc_mem_mib").expect(name) * MIB, "memory of {name}");
    assert_eq!(found.burst_baseline_cpu_milli, want("burst_baseline_cpu_m"), "baseline of {name}");
    check_accelerator(found, line);
    check_prices(found, line);
}

#[track_caller]
fn check_accelerator(found: &InstanceType, line: &Line) {
    let Some(accelerator) = &found.accelerator else {
        return assert_eq!(line.text("accelerator"), "none", "{}", found.name);
    };
    let kind = match accelerator.kind {
        AcceleratorKind::Gpu => "gpu",
        AcceleratorKind::GpuFraction => "gpu_fraction",
        AcceleratorKind::Neuron => "neuron",
        AcceleratorKind::Fpga => "fpga",
        AcceleratorKind::Media => "media",
    };
    assert_eq!(kind, line.text("accelerator"), "{}", found.name);
    assert_eq!(accelerator.name, line.text("accelerator_name"), "{}", found.name);
    assert_eq!(
        Some(accelerator.count as f64),
        line.number("accelerator_count").map(f64::ceil),
        "{}",
        found.name
    );
    assert_eq!(Some(accelerator.memory_mib as f64), line.number("gpu_mem_mib"), "{}", found.name);
}

#[track_caller]
fn check_prices(found: &InstanceType, line: &Line) {
    let catalog = Catalog::builtin();
    let price = |kind| catalog.price(&found.name, "us-east-1a", kind).map(|price| price.usd());
    let on_demand = line.number("od_price").expect("every type has a list price");
    assert_eq!(price(CapacityKind::OnDemand), Some(on_demand), "price of {}", found.name);
    let saving = line.number("spot_saving_pct");
    let spot = saving.map(|saving| on_demand * (100.0 - saving) / 100.0);
    assert_eq!(price(CapacityKind::Spot).is_some(), spot.is_some(), "spot price of {}", found.name);
    let difference = price(CapacityKind::Spot).unwrap_or(0.0) - spot.unwrap_or(0.0);
    assert!(difference.abs() < 2e-9, "spot price of {}: {difference}", found.name);
    let band = catalog.interruption_bands.get(&found.name).map(|band| f64::from(*band));
    assert_eq!(band, line.number("spot_interrupt_bucket"), "band of {}", found.name);
}

#[test]
fn every_row_of_the_data_folder_is_in_the_built_in_table() {
    let Some(table) = table() else { return };
    let mut lines = table.lines();
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let catalog = Catalog::builtin();
    let mut count = 0;
    for fields in lines {
        let line = Line { header: &header, fields: fields.split(',').collect() };
        check(&catalog.types[line.text("type")], &line);
        count += 1;
    }
    assert_eq!(count, catalog.types.len());
}
