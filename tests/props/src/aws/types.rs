//! What EC2 tells of instance types: facts, and the zones that sell each.

use std::collections::BTreeMap;
use std::sync::Arc;

use plimsoll_domain::catalog::{Accelerator, AcceleratorKind, Catalog, InstanceType};

use super::state::{State, Words};
use super::xml::{leaf, list, node};

type Fields = BTreeMap<String, String>;

/// One page of a list, and the element that names the next, as `MaxResults` and `NextToken` ask.
pub fn page<T>(fields: &Fields, items: Vec<T>) -> (Vec<T>, String) {
    let number = |key: &str| fields.get(key).and_then(|text| text.parse::<usize>().ok());
    let (from, most) = (number("NextToken").unwrap_or(0), number("MaxResults").unwrap_or(usize::MAX));
    let next = from.saturating_add(most);
    let more = if next < items.len() { leaf("nextToken", next) } else { String::new() };
    (items.into_iter().skip(from).take(most).collect(), more)
}

/// Whether a zone sells a type: the last of several has no accelerators.
pub fn is_sold(state: &State, known: &InstanceType, zone: &str) -> bool {
    let last = state.subnets.last().filter(|_| 1 < state.subnets.len());
    known.accelerator.is_none() || last.is_none_or(|(_, last)| last != zone)
}

pub fn offerings(state: &State, fields: &Fields) -> Result<String, Words> {
    let wanted = fields.get("LocationType").map(String::as_str);
    if wanted != Some("availability-zone") {
        return Err(Words::new(
            400,
            "InvalidParameterValue",
            format!("LocationType {wanted:?} is not known here"),
        ));
    }
    let catalog = Catalog::builtin();
    let zones = state.subnets.iter().map(|(_, zone)| zone);
    let pairs: Vec<_> = zones
        .flat_map(|zone| catalog.types.values().map(move |known| (known, zone)))
        .filter(|(known, zone)| is_sold(state, known, zone))
        .collect();
    let (shown, more) = page(fields, pairs);
    let shown = shown.into_iter().map(|(known, zone)| {
        let place = [leaf("locationType", "availability-zone"), leaf("location", zone)].concat();
        [leaf("instanceType", &known.name), place].concat()
    });
    Ok([list("instanceTypeOfferingSet", "item", shown), more].concat())
}

pub fn types(fields: &Fields, names: &[String]) -> Result<String, Words> {
    let catalog = Catalog::builtin();
    let known: Vec<&Arc<InstanceType>> = match names {
        [] => catalog.types.values().collect(),
        names if fields.contains_key("MaxResults") => {
            let message = format!("MaxResults cannot be used with {} types", names.len());
            return Err(Words::new(400, "InvalidParameterCombination", message));
        }
        names => {
            let known: Vec<_> = names.iter().filter_map(|name| catalog.types.get(name)).collect();
            if known.len() < names.len() {
                let message = format!("The following supplied instance types do not exist: {names:?}");
                return Err(Words::new(400, "InvalidInstanceType", message));
            }
            known
        }
    };
    let (shown, more) = page(fields, known);
    Ok([list("instanceTypeSet", "item", shown.into_iter().map(|known| shape(known))), more].concat())
}

/// A list of texts: nothing in its items but they.
fn texts<const N: usize>(name: &str, items: [&str; N]) -> String {
    list(name, "item", items.map(str::to_owned))
}

fn shape(known: &InstanceType) -> String {
    let architecture = if known.architecture == "arm64" { "arm64" } else { "x86_64" };
    let limit = if known.ebs_limit_shared { "shared" } else { "dedicated" };
    // As many addresses on one interface as make up the pods: each interface keeps one for itself, and two pods need none.
    let interfaces = [leaf("networkCardIndex", 0), leaf("maximumNetworkInterfaces", 1)].concat();
    let network = [
        leaf("maximumNetworkInterfaces", 1),
        leaf("maximumNetworkCards", 1),
        leaf("defaultNetworkCardIndex", 0),
        list("networkCards", "item", [interfaces]),
        leaf("ipv4AddressesPerInterface", known.eni_max_pods - 1),
    ];
    let mut shown = vec![
        leaf("instanceType", &known.name),
        leaf("currentGeneration", known.current_generation),
        texts("supportedUsageClasses", ["on-demand", "spot"]),
        leaf("bareMetal", known.metal),
        node("processorInfo", &texts("supportedArchitectures", [architecture])),
        node("vCpuInfo", &leaf("defaultVCpus", known.vcpu)),
        node("memoryInfo", &leaf("sizeInMiB", known.memory_mib)),
        leaf("instanceStorageSupported", 0 < known.instance_store_gb),
        node(
            "ebsInfo",
            &[leaf("maximumEbsAttachments", known.ebs_volumes_max), leaf("attachmentLimitType", limit)]
                .concat(),
        ),
        node("networkInfo", &network.concat()),
        leaf("burstablePerformanceSupported", known.burst_baseline_cpu_milli.is_some()),
    ];
    if 0 < known.instance_store_gb {
        shown.push(node("instanceStorageInfo", &leaf("totalSizeInGB", known.instance_store_gb)));
    }
    shown.extend(known.accelerator.as_ref().map(accelerator));
    shown.concat()
}

fn accelerator(known: &Accelerator) -> String {
    let memory = node("memoryInfo", &leaf("sizeInMiB", known.memory_mib));
    let named = leaf("name", &known.name);
    let maker = |maker: &str| leaf("manufacturer", maker);
    let one =
        |outer: &str, inner: &str, parts: &[String]| node(outer, &list(inner, "item", [parts.concat()]));
    let count = leaf("count", known.count);
    let gpu_maker = maker(if known.nvidia { "NVIDIA" } else { "AMD" });
    match known.kind {
        AcceleratorKind::Gpu => {
            one("gpuInfo", "gpus", &[named, gpu_maker, count, leaf("gpuPartitionSize", 1.0), memory])
        }
        AcceleratorKind::GpuFraction => {
            let share =
                [leaf("count", 0), leaf("logicalGpuCount", 1), leaf("gpuPartitionSize", 0.5)].concat();
            one("gpuInfo", "gpus", &[named, gpu_maker, share, memory])
        }
        AcceleratorKind::Neuron => one("neuronInfo", "neuronDevices", &[count, named, memory]),
        AcceleratorKind::Fpga => one("fpgaInfo", "fpgas", &[named, maker("Xilinx"), count, memory]),
        AcceleratorKind::Media => {
            one("mediaAcceleratorInfo", "accelerators", &[count, named, maker("Xilinx"), memory])
        }
    }
}
