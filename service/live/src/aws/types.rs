//! Instance types as EC2 describes them, and the zones that sell each.

use std::collections::BTreeSet;

use aws_sdk_ec2::types::{
    ArchitectureType, AttachmentLimitType, InstanceTypeInfo, LocationType, NetworkInfo,
};
use plimsoll_domain::catalog::change::ByType;
use plimsoll_domain::catalog::node::managed_max_pods;
use plimsoll_domain::catalog::{Accelerator, AcceleratorKind, Catalog, InstanceType};
use plimsoll_domain::world::CloudError;

use super::{Aws, fault};

/// Types of one page: the most that EC2 gives.
const TYPES_PAGE: i32 = 100;
/// Pairs of type and zone of one page: the most that EC2 gives.
const OFFERS_PAGE: i32 = 1_000;

impl Aws {
    /// All types that the region knows, by name.
    pub(super) async fn types(&self) -> Result<ByType<InstanceType>, CloudError> {
        let call = self.ec2.describe_instance_types().max_results(TYPES_PAGE);
        let mut pages = call.into_paginator().items().send();
        let mut types = ByType::new();
        while let Some(info) = pages.next().await {
            let info = info.map_err(|error| fault::of("ec2:DescribeInstanceTypes", error))?;
            let name = info.instance_type().map(|name| name.as_str().to_owned()).unwrap_or_default();
            match facts(&info) {
                Some(facts) => drop(types.insert(name, facts)),
                None => tracing::debug!(name, "EC2 does not tell all of an instance type: it is left out"),
            }
        }
        Ok(types)
    }

    /// The region's own zones that sell a type, by its name. Local zones have prices of their own, and are left out.
    pub(super) async fn offers(&self) -> Result<ByType<BTreeSet<String>>, CloudError> {
        let call = self.ec2.describe_instance_type_offerings().location_type(LocationType::AvailabilityZone);
        let mut pages = call.max_results(OFFERS_PAGE).into_paginator().items().send();
        let mut offers: ByType<BTreeSet<String>> = ByType::new();
        while let Some(offer) = pages.next().await {
            let offer = offer.map_err(|error| fault::of("ec2:DescribeInstanceTypeOfferings", error))?;
            let zone = offer.location().filter(|zone| self.is_zone(zone));
            if let (Some(name), Some(zone)) = (offer.instance_type(), zone) {
                offers.entry(name.as_str().to_owned()).or_default().insert(zone.to_owned());
            }
        }
        Ok(offers)
    }

    /// Whether a zone is one of the region's own: `us-east-1a`, not `us-east-1-bos-1a`.
    pub(super) fn is_zone(&self, zone: &str) -> bool {
        let letter = zone.strip_prefix(&self.account.region);
        letter.is_some_and(|letter| letter.len() == 1 && letter.bytes().all(|byte| byte.is_ascii_lowercase()))
    }
}

/// A type's facts; none if something is missing that a plan needs.
fn facts(info: &InstanceTypeInfo) -> Option<InstanceType> {
    let name = info.instance_type()?.as_str().to_owned();
    let vcpu = info.v_cpu_info()?.default_v_cpus()?.into();
    let is_arm = info
        .processor_info()?
        .supported_architectures()
        .iter()
        .any(|one| matches!(one, ArchitectureType::Arm64 | ArchitectureType::Arm64Mac));
    let eni_max_pods = interface_pods(info.network_info()?)?;
    let ebs = info.ebs_info()?;
    Some(InstanceType {
        architecture: if is_arm { "arm64" } else { "amd64" }.to_owned(),
        metal: info.bare_metal().unwrap_or(false),
        vcpu,
        memory_mib: info.memory_info()?.size_in_mib()?,
        accelerator: accelerator(info),
        instance_store_gb: info
            .instance_storage_info()
            .and_then(|disks| disks.total_size_in_gb())
            .unwrap_or(0),
        eni_max_pods,
        managed_max_pods: managed_max_pods(vcpu, eni_max_pods),
        burst_baseline_cpu_milli: baseline(info, &name)?,
        ebs_volumes_max: ebs.maximum_ebs_attachments()?.into(),
        ebs_limit_shared: ebs.attachment_limit_type() == Some(&AttachmentLimitType::Shared),
        current_generation: info.current_generation().unwrap_or(false),
        name,
    })
}

/// Pods that addresses of the default network card allow: the VPC CNI uses no other unless told to, and keeps each
/// interface's first address. Source: karpenter-provider-aws, `ENILimitedPods`.
fn interface_pods(network: &NetworkInfo) -> Option<i64> {
    let index = network.default_network_card_index().unwrap_or(0);
    let card = network.network_cards().iter().find(|card| card.network_card_index() == Some(index));
    let interfaces =
        card.and_then(|card| card.maximum_network_interfaces()).or(network.maximum_network_interfaces())?;
    let addresses = network.ipv4_addresses_per_interface()?;
    Some(i64::from(interfaces) * (i64::from(addresses) - 1) + 2)
}

/// CPU that a burstable type sustains, which EC2 does not tell: the built-in table does, and a burstable type that is not in
/// it is none to plan with (none). Some(none): not burstable.
fn baseline(info: &InstanceTypeInfo, name: &str) -> Option<Option<i64>> {
    if !info.burstable_performance_supported().unwrap_or(false) {
        return Some(None);
    }
    Catalog::builtin().types.get(name)?.burst_baseline_cpu_milli.map(Some)
}

fn accelerator(info: &InstanceTypeInfo) -> Option<Accelerator> {
    let of = |kind, name: Option<&str>, count: Option<i32>, memory: Option<i32>| Accelerator {
        kind,
        name: name.unwrap_or_default().to_owned(),
        count: count.unwrap_or(0).into(),
        memory_mib: memory.unwrap_or(0).into(),
        nvidia: false,
    };
    if let Some(gpu) = info.gpu_info().and_then(|all| all.gpus().first()) {
        let memory = gpu.memory_info().and_then(|memory| memory.size_in_mib());
        let nvidia = gpu.manufacturer().is_some_and(|maker| maker.eq_ignore_ascii_case("nvidia"));
        // A share of a GPU counts as no device.
        let is_share = gpu.gpu_partition_size().is_some_and(|size| size < 1.0);
        return Some(match is_share {
            true => Accelerator { nvidia, ..of(AcceleratorKind::GpuFraction, gpu.name(), Some(1), memory) },
            false => Accelerator { nvidia, ..of(AcceleratorKind::Gpu, gpu.name(), gpu.count(), memory) },
        });
    }
    if let Some(device) = info.neuron_info().and_then(|all| all.neuron_devices().first()) {
        let memory = device.memory_info().and_then(|memory| memory.size_in_mib());
        return Some(of(AcceleratorKind::Neuron, device.name(), device.count(), memory));
    }
    if let Some(device) = info.fpga_info().and_then(|all| all.fpgas().first()) {
        let memory = device.memory_info().and_then(|memory| memory.size_in_mib());
        return Some(of(AcceleratorKind::Fpga, device.name(), device.count(), memory));
    }
    if let Some(device) = info.media_accelerator_info().and_then(|all| all.accelerators().first()) {
        let memory = device.memory_info().and_then(|memory| memory.size_in_mib());
        return Some(of(AcceleratorKind::Media, device.name(), device.count(), memory));
    }
    None
}
