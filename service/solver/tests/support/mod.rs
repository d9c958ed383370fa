//! Reads the planning instances of the data folder.

#[path = "../../../../tests/data.rs"]
pub mod data;
pub mod run;

use std::io::Read;
use std::path::Path;

use flate2::read::GzDecoder;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::problem::{Demand, Offering, Problem};
use plimsoll_domain::units::HourlyRate;
use serde::Deserialize;

#[derive(Deserialize)]
struct Instance {
    resources: Vec<String>,
    offerings: Vec<InstanceOffering>,
    shapes: Vec<InstanceShape>,
}

#[derive(Deserialize)]
struct InstanceOffering {
    id: String,
    #[serde(rename = "type")]
    instance_type: String,
    zone: String,
    kind: String,
    arch: String,
    capacity: Vec<i64>,
    price_nano_usd_per_hour: i64,
}

#[derive(Deserialize)]
struct InstanceShape {
    request: Vec<i64>,
    count: u32,
    max_per_node: Option<u32>,
    arch: Option<String>,
    kind: Option<String>,
    zone: Option<String>,
}

/// Unpacks a file.
pub fn unpack(path: &Path) -> Vec<u8> {
    let packed = std::fs::File::open(path).expect("the data folder is complete");
    let mut bytes = Vec::new();
    GzDecoder::new(packed).read_to_end(&mut bytes).expect("the file is whole");
    bytes
}

/// A planning instance, such as `C100`.
pub fn bench(name: &str) -> Option<Problem> {
    let path = data::path(&format!("bench/{name}.json.gz"))?;
    let instance: Instance = serde_json::from_slice(&unpack(&path)).expect("the file is an instance");
    let gpu = instance.resources.iter().position(|name| name == "gpu").expect("there is a GPU column");
    let demand = |(index, shape): (usize, &InstanceShape)| Demand {
        id: format!("shape-{index}"),
        count: shape.count,
        request: shape.request.clone(),
        max_per_node: shape.max_per_node,
        offerings: eligible(shape, &instance.offerings, gpu),
        ..Demand::default()
    };
    Some(Problem {
        demands: instance.shapes.iter().enumerate().map(demand).collect(),
        offerings: instance.offerings.iter().map(offering).collect(),
        resources: instance.resources.clone(),
        ..Problem::default()
    })
}

fn offering(from: &InstanceOffering) -> Offering {
    Offering {
        id: from.id.clone(),
        instance_type: from.instance_type.clone(),
        zone: from.zone.clone(),
        kind: if from.kind == "spot" { CapacityKind::Spot } else { CapacityKind::OnDemand },
        capacity: from.capacity.clone(),
        price: HourlyRate::from_nano_usd(from.price_nano_usd_per_hour).expect("prices are not negative"),
        ..Offering::default()
    }
}

fn eligible(shape: &InstanceShape, offerings: &[InstanceOffering], gpu: usize) -> Vec<u32> {
    let is = |wish: &Option<String>, value: &str| wish.as_deref().is_none_or(|wish| wish == value);
    let fits = |offering: &InstanceOffering| {
        is(&shape.arch, &offering.arch)
            && is(&shape.kind, &offering.kind)
            && is(&shape.zone, &offering.zone)
            && (shape.request[gpu] > 0) == (offering.capacity[gpu] > 0)
    };
    (0u32..).zip(offerings).filter(|(_, offering)| fits(offering)).map(|(index, _)| index).collect()
}
