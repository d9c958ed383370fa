//! The full EC2 table: a CSV with facts and prices of all instance types of a region (`ec2/` of the data folder).

use plimsoll_domain::catalog::builtin::accelerator_kind;
use plimsoll_domain::catalog::change::ByType;
use plimsoll_domain::catalog::traits::is_nvidia;
use plimsoll_domain::catalog::{Accelerator, AcceleratorKind, InstanceType, spot};
use plimsoll_domain::finding::Severity;
use plimsoll_domain::units::HourlyRate;

use super::notes::Notes;
use super::table::{Row, Table};
use super::{Import, Outcome};
use crate::error::{Fault, ReadError};
use crate::input::Text;

/// The column with the instance type's name.
pub const KEY_COLUMN: &str = "type";
/// The column with the on-demand price.
pub const PRICE_COLUMN: &str = "od_price";

/// All columns; those that hold what follows from others, or what planning does not use, are not read.
const COLUMNS: [&str; 27] = [
    KEY_COLUMN,
    "arch",
    "metal",
    "vcpu",
    "mem_mib",
    "gpu",
    "gpu_name",
    "gpu_mem_mib",
    "ssd_gb",
    "max_pods",
    "alloc_cpu_m",
    "alloc_mem_mib",
    PRICE_COLUMN,
    "spot_saving_pct",
    "spot_interrupt_bucket",
    "managed_max_pods",
    "accelerator",
    "accelerator_name",
    "accelerator_count",
    "burst_baseline_cpu_m",
    "ebs_volumes_max",
    "ebs_limit",
    "ebs_baseline_mbps",
    "net_baseline_gbps",
    "spot",
    "manufacturer",
    "current",
];

// Above anything that is built; they keep sums of many nodes far from overflow.
const VCPU_MAX: i64 = 100_000;
const MEMORY_MIB_MAX: i64 = 1 << 30;
const DISK_GB_MAX: i64 = 1 << 30;
const PODS_MAX: i64 = 100_000;
const DEVICES_MAX: i64 = 1_000;
const VOLUMES_MAX: i64 = 10_000;

/// Reads the table: instance types, on-demand prices and spot savings of the catalog are replaced; observed spot
/// prices stay. An empty price means that the type is not sold.
///
/// The table states no dates: everything in it counts as of [`Import::time`].
///
/// # Errors
/// [`ReadError::Bad`] with line and column; [`ReadError::Empty`] without rows.
pub fn read(text: Text, import: &Import) -> Result<Outcome, ReadError> {
    let mut table = Table::open(text, &COLUMNS)?;
    let mut content = Content::default();
    while let Some(row) = table.next()? {
        content.add(&row)?;
    }
    if content.types.is_empty() {
        return Err(ReadError::Empty { what: "instance types" });
    }
    let message = format!("the table states no dates; all of it counts as of {}", import.time);
    content.notes.say(Severity::Advice, "PRICE_UNDATED", message);
    let mut catalog = import.base.clone();
    catalog.replace_types(content.types.into_values().collect(), import.origin, import.time);
    catalog.replace_on_demand(content.on_demand, import.origin, import.time);
    catalog.replace_advisor(content.savings, content.bands, import.origin, import.time);
    Ok((catalog, content.notes.findings()))
}

#[derive(Default)]
struct Content {
    types: ByType<InstanceType>,
    on_demand: ByType<HourlyRate>,
    savings: ByType<u8>,
    bands: ByType<u8>,
    notes: Notes,
}

impl Content {
    fn add(&mut self, row: &Row) -> Result<(), Fault> {
        let found = instance_type(row)?;
        let name = found.name.clone();
        if !row.text(PRICE_COLUMN).is_empty() {
            let price = row.price(PRICE_COLUMN)?;
            self.notes.rounds(&name, &price);
            self.on_demand.insert(name.clone(), price.rate);
        }
        let saving = row.optional("spot_saving_pct", 99)?;
        self.savings.extend(small(saving).map(|saving| (name.clone(), saving)));
        self.bands.extend(band(row)?.map(|band| (name.clone(), band)));
        match self.types.insert(name, found) {
            None => Ok(()),
            Some(again) => Err(row.fault(KEY_COLUMN, format!("{} stands there twice", again.name))),
        }
    }
}

fn instance_type(row: &Row) -> Result<InstanceType, Fault> {
    Ok(InstanceType {
        name: row.name(KEY_COLUMN)?.to_owned(),
        architecture: architecture(row)?.to_owned(),
        metal: row.flag("metal")?,
        vcpu: row.number("vcpu", VCPU_MAX)?,
        memory_mib: row.number("mem_mib", MEMORY_MIB_MAX)?,
        accelerator: accelerator(row)?,
        instance_store_gb: row.number("ssd_gb", DISK_GB_MAX)?,
        eni_max_pods: row.number("max_pods", PODS_MAX)?,
        managed_max_pods: row.number("managed_max_pods", PODS_MAX)?,
        burst_baseline_cpu_milli: row.optional("burst_baseline_cpu_m", VCPU_MAX * 1000)?,
        ebs_volumes_max: row.number("ebs_volumes_max", VOLUMES_MAX)?,
        ebs_limit_shared: shared(row)?,
        current_generation: row.flag("current")?,
    })
}

fn architecture(row: &Row) -> Result<&'static str, Fault> {
    match row.text("arch") {
        "x86_64" | "amd64" => Ok("amd64"),
        "arm64" => Ok("arm64"),
        _ => Err(row.odd("arch", "x86_64 or arm64")),
    }
}

fn shared(row: &Row) -> Result<bool, Fault> {
    match row.text("ebs_limit") {
        "shared" => Ok(true),
        "dedicated" => Ok(false),
        _ => Err(row.odd("ebs_limit", "shared or dedicated")),
    }
}

fn accelerator(row: &Row) -> Result<Option<Accelerator>, Fault> {
    let word = row.text("accelerator");
    if word == "none" {
        return Ok(None);
    }
    let expected = "none, gpu, gpu_fraction, neuron, fpga or media";
    let kind = accelerator_kind(word).ok_or_else(|| row.odd("accelerator", expected))?;
    let name = row.name("accelerator_name")?.to_owned();
    // A fraction of a GPU is stated as such, such as 0.125: one device with a part of the memory.
    let count = match kind {
        AcceleratorKind::GpuFraction => 1,
        _ => row.number("accelerator_count", DEVICES_MAX)?,
    };
    let with_gpu = matches!(kind, AcceleratorKind::Gpu | AcceleratorKind::GpuFraction);
    let nvidia = with_gpu && is_nvidia(&name);
    Ok(Some(Accelerator {
        kind,
        name,
        count,
        memory_mib: row.number("gpu_mem_mib", MEMORY_MIB_MAX)?,
        nvidia,
    }))
}

fn band(row: &Row) -> Result<Option<u8>, Fault> {
    const BAND: &str = "spot_interrupt_bucket";
    let Some(band) = small(row.optional(BAND, i64::from(u8::MAX))?) else {
        return Ok(None);
    };
    spot::interruption_rate(band).map_err(|told| row.fault(BAND, told.to_string()))?;
    Ok(Some(band))
}

fn small(number: Option<i64>) -> Option<u8> {
    number.and_then(|number| u8::try_from(number).ok())
}
