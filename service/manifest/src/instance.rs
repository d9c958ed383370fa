//! Planning instances that bring their own offerings: problems as they stand.
//!
//! The format is JSON: `resources` (names), `offerings` (id, type, zone, kind, arch, capacity by resource, price)
//! and `shapes` (request by resource, count, the most on one node, and arch, kind and zone where the shape demands
//! one). A shape with a GPU runs only on offerings with GPUs, any other only on offerings without.

use std::io::Read;

use jiff::Timestamp;
use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::policy::Preset;
use plimsoll_domain::problem::{Demand, Offering, OfferingIndex, Problem};
use plimsoll_domain::snapshot::{Content, ReadyInstance, ReadyKind, Snapshot};
use plimsoll_domain::units::HourlyRate;
use serde::Deserialize;

use crate::error::{At, Fault, ReadError};
use crate::input::{Text, cause};
use crate::json;

/// Bytes of an instance, which is held as a whole.
const BYTES_MAX: u64 = 256 << 20;
/// Pairs of a shape and an offering that may carry it.
const PAIRS_MAX: usize = 200_000_000;
/// Name of the resource that keeps shapes apart.
const GPU: &str = "gpu";

#[derive(Deserialize)]
struct File {
    resources: Vec<String>,
    offerings: Vec<OfferingEntry>,
    shapes: Vec<Shape>,
}

#[derive(Deserialize)]
struct OfferingEntry {
    id: String,
    #[serde(rename = "type")]
    instance_type: String,
    zone: String,
    kind: Kind,
    arch: String,
    capacity: Vec<i64>,
    price_nano_usd_per_hour: HourlyRate,
}

#[derive(Deserialize)]
struct Shape {
    request: Vec<i64>,
    count: u32,
    max_per_node: Option<u32>,
    arch: Option<String>,
    kind: Option<Kind>,
    zone: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Kind {
    OnDemand,
    Spot,
}

/// Reads an instance. Its resources keep their names.
///
/// # Errors
/// [`ReadError`]: an amount that is negative or missing, a count of zero, no shapes, or too many of anything.
pub fn read(text: Text<'_>, now: Timestamp) -> Result<Snapshot, ReadError> {
    let mut bytes = Vec::new();
    text.take(BYTES_MAX + 1).read_to_end(&mut bytes).map_err(cause)?;
    if BYTES_MAX < bytes.len() as u64 {
        return Err(ReadError::TooLarge { what: "bytes of an instance", limit: BYTES_MAX });
    }
    let text = String::from_utf8(bytes).map_err(|error| Fault::new(format!("this is not UTF-8: {error}")))?;
    let problem = problem(json::parse(&text)?)?;
    let instance = ReadyInstance { preset: Preset::None, kind: ReadyKind::Problem(problem) };
    Ok(Snapshot { capture_time: now, content: Content::Ready(Box::new(instance)), findings: Vec::new() })
}

fn problem(file: File) -> Result<Problem, ReadError> {
    if file.shapes.is_empty() {
        return Err(ReadError::Empty { what: "shapes" });
    }
    let width = file.resources.len();
    for (index, offering) in file.offerings.iter().enumerate() {
        amounts(&offering.capacity, width).at("capacity").at(format_args!("offerings[{index}]"))?;
    }
    let gpu = file.resources.iter().position(|name| name == GPU);
    let mut demands = Vec::with_capacity(file.shapes.len());
    let mut pairs = 0_usize;
    for (index, shape) in file.shapes.into_iter().enumerate() {
        let demand = demand(shape, index, &file.offerings, width, gpu).at(format_args!("shapes[{index}]"))?;
        pairs = pairs.saturating_add(demand.offerings.len());
        if PAIRS_MAX < pairs {
            return Err(ReadError::TooLarge { what: "pairs of shape and offering", limit: PAIRS_MAX as u64 });
        }
        demands.push(demand);
    }
    let offerings = file.offerings.into_iter().map(OfferingEntry::into_domain).collect();
    Ok(Problem { resources: file.resources, offerings, demands, ..Problem::default() })
}

fn demand(
    shape: Shape,
    index: usize,
    offerings: &[OfferingEntry],
    width: usize,
    gpu: Option<usize>,
) -> Result<Demand, Fault> {
    amounts(&shape.request, width).at("request")?;
    if shape.count == 0 {
        return Err(Fault::new("0, expected 1 or more").at("count"));
    }
    let carriers = (0..).zip(offerings).filter(|(_, offering)| shape.runs_on(offering, gpu));
    let offerings: Vec<OfferingIndex> = carriers.map(|(index, _)| index).collect();
    Ok(Demand {
        id: format!("shape-{index}"),
        count: shape.count,
        request: shape.request,
        max_per_node: shape.max_per_node,
        offerings,
        ..Demand::default()
    })
}

/// Refuses lists that are not one amount for each resource.
fn amounts(list: &[i64], width: usize) -> Result<(), Fault> {
    if list.len() != width {
        return Err(Fault::new(format!("{} amounts where there are {width} resources", list.len())));
    }
    match list.iter().position(|amount| *amount < 0) {
        Some(index) => Err(Fault::new("negative").at(format_args!("[{index}]"))),
        None => Ok(()),
    }
}

impl Shape {
    fn runs_on(&self, offering: &OfferingEntry, gpu: Option<usize>) -> bool {
        let has_gpu = |amounts: &[i64]| gpu.is_some_and(|gpu| 0 < amounts[gpu]);
        has_gpu(&self.request) == has_gpu(&offering.capacity)
            && self.arch.as_ref().is_none_or(|arch| *arch == offering.arch)
            && self.kind.is_none_or(|kind| kind == offering.kind)
            && self.zone.as_ref().is_none_or(|zone| *zone == offering.zone)
    }
}

impl OfferingEntry {
    fn into_domain(self) -> Offering {
        let kind = match self.kind {
            Kind::OnDemand => CapacityKind::OnDemand,
            Kind::Spot => CapacityKind::Spot,
        };
        Offering {
            id: self.id,
            instance_type: self.instance_type,
            zone: self.zone,
            kind,
            capacity: self.capacity,
            price: self.price_nano_usd_per_hour,
            ..Offering::default()
        }
    }
}
