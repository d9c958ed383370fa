//! What AWS sells and for how much: instance types as facts, prices with their source and age.
//!
//! Read on in [`node`] (what a node of a type holds), [`traits`] (what kind of type it is), [`spot`]
//! (what spot saves and risks), [`change`] (how newer prices come in), [`quotes`] (how the cloud's own do) and
//! [`builtin`] (the table that is there from the start).

pub mod builtin;
pub mod change;
pub mod node;
pub mod quotes;
pub mod spot;
pub mod traits;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fleet::CapacityKind;
use crate::units::HourlyRate;

/// Kinds of accelerator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AcceleratorKind {
    /// Whole GPUs.
    Gpu,
    /// A fraction of a GPU.
    GpuFraction,
    /// AWS Trainium or Inferentia.
    Neuron,
    /// FPGA.
    Fpga,
    /// Video transcoding cards.
    Media,
}

/// Accelerators of an instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accelerator {
    /// Kind.
    pub kind: AcceleratorKind,
    /// Model, such as `A10G`.
    pub name: String,
    /// Devices; of a fraction of a GPU: 1.
    pub count: i64,
    /// Memory of one device (of a fraction: of the fraction) in MiB; 0 if not known.
    pub memory_mib: i64,
    /// Made by NVIDIA, so that its pods ask for `nvidia.com/gpu`.
    pub nvidia: bool,
}

/// Facts of one EC2 instance type.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InstanceType {
    /// Name, such as `m7i.large`.
    pub name: String,
    /// `amd64` or `arm64`.
    pub architecture: String,
    /// Bare metal.
    pub metal: bool,
    /// Virtual CPUs.
    pub vcpu: i64,
    /// Memory in MiB as AWS states it.
    pub memory_mib: i64,
    /// Accelerators, if any.
    pub accelerator: Option<Accelerator>,
    /// Local disks, GB in sum.
    pub instance_store_gb: i64,
    /// Pods by network interfaces and addresses (rule of the VPC CNI without prefixes).
    pub eni_max_pods: i64,
    /// Pods that a managed node group lets the kubelet take.
    pub managed_max_pods: i64,
    /// CPU that a burstable type sustains, milli-CPU of the whole node; none: not burstable.
    pub burst_baseline_cpu_milli: Option<i64>,
    /// EBS volumes that can be attached, root volume included.
    pub ebs_volumes_max: i64,
    /// Whether network interfaces count against `ebs_volumes_max`.
    pub ebs_limit_shared: bool,
    /// Current generation by AWS's own list.
    pub current_generation: bool,
}

/// Where a set of numbers comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Source {
    /// What it tells, such as `on-demand prices`.
    pub what: String,
    /// Who says so.
    pub origin: String,
    /// As of when.
    pub time: Timestamp,
    /// Whether it is an estimate rather than a quotation.
    pub estimated: bool,
}

/// A spot price and how it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotPrice {
    /// The price.
    pub rate: HourlyRate,
    /// Whether it was estimated from the Spot Advisor rather than observed.
    pub estimated: bool,
}

/// Types and prices of one region at one time. Immutable once stored.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Catalog {
    /// AWS region.
    pub region: String,
    /// Types by name.
    pub types: BTreeMap<String, Arc<InstanceType>>,
    /// Zones that sell a type, by its name; a type that is missing counts as sold in all: nobody told.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub zones: BTreeMap<String, BTreeSet<String>>,
    /// On-demand price by type: Linux, shared tenancy, list.
    pub on_demand: BTreeMap<String, HourlyRate>,
    /// Spot price of a type in all zones of the region, where no zone's own is known. A type has
    /// none here once it was observed in a zone: AWS lists every zone that sells it.
    pub spot: BTreeMap<String, SpotPrice>,
    /// Spot price observed in a zone, by type and zone.
    pub spot_zonal: BTreeMap<String, BTreeMap<String, SpotPrice>>,
    /// Whole percent that spot saves against on-demand, by type (Spot Advisor), 0..=99; missing:
    /// not known.
    #[serde(default)]
    pub spot_savings: BTreeMap<String, u8>,
    /// Spot Advisor interruption band 0..=4 by type; missing: not known.
    pub interruption_bands: BTreeMap<String, u8>,
    /// When the oldest price in use was valid.
    pub price_time: Timestamp,
    /// Every source.
    pub sources: Vec<Source>,
}

impl Catalog {
    /// The price of a type in a zone, if it is sold there that way.
    pub fn price(&self, instance_type: &str, zone: &str, kind: CapacityKind) -> Option<HourlyRate> {
        match kind {
            CapacityKind::OnDemand => self.on_demand.get(instance_type).copied(),
            CapacityKind::Spot => self.spot_price(instance_type, zone).map(|spot| spot.rate),
        }
    }

    /// Whether a zone sells a type, as far as is known. What runs there already has its price all the same.
    pub fn is_sold_in(&self, instance_type: &str, zone: &str) -> bool {
        self.zones.get(instance_type).is_none_or(|zones| zones.contains(zone))
    }

    /// The spot price of a type in a zone: the zone's own, else that of the whole region.
    pub fn spot_price(&self, instance_type: &str, zone: &str) -> Option<&SpotPrice> {
        let zonal = self.spot_zonal.get(instance_type).and_then(|zones| zones.get(zone));
        zonal.or_else(|| self.spot.get(instance_type))
    }
}
