//! What kind of instance type a type is, and which kinds are not offered unasked.

use serde::{Deserialize, Serialize};

use crate::catalog::{Accelerator, AcceleratorKind, InstanceType};
use crate::resources::NVIDIA_GPU;

/// The resource that pods on AMD GPUs ask for.
pub const AMD_GPU: &str = "amd.com/gpu";
/// The resource that pods on Intel Gaudi cards ask for.
pub const GAUDI: &str = "habana.ai/gaudi";
/// The resource of whole Trainium or Inferentia devices.
pub const NEURON: &str = "aws.amazon.com/neuron";

/// Types that no pod gets unless it, or the policy, asks for their kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum ExoticKind {
    /// Trainium, Inferentia: runs only what was compiled for it.
    Neuron,
    /// FPGA: dear, and useless without an image for it.
    Fpga,
    /// Video transcoding cards: likewise.
    Media,
    /// A share of a GPU: less memory than a pod that asks for one GPU expects.
    GpuFraction,
    /// `hpc*`: sold in few zones, with a network made for tightly coupled jobs only.
    Hpc,
    /// `u-*`, `u7i*`: an account's quota for them is 0 until AWS is asked.
    HighMemory,
    /// `mac*`: needs a dedicated host for at least a day, and does not run Linux nodes.
    Mac,
    /// Types that the current EKS images do not boot: `a1` lacks the ARMv8.2 instructions that
    /// Amazon Linux 2023 is compiled for, `c1`, `m1`, `m2` and `t1` know paravirtual images only.
    Unbootable,
    /// Bare metal: boots slowly, and one failure loses a large machine.
    Metal,
}

impl InstanceType {
    /// The part of the name before the point, such as `m7i`.
    pub fn family(&self) -> &str {
        family(&self.name)
    }

    /// The part of the name after the point, such as `large`.
    pub fn size(&self) -> &str {
        self.name.split_once('.').map_or("", |(_, size)| size)
    }

    /// Whether it earns CPU credits below a baseline (t2, t3, t3a, t4g; also t1).
    pub fn is_burstable(&self) -> bool {
        self.burst_baseline_cpu_milli.is_some() || self.family() == "t1"
    }

    /// Whether it has whole GPUs, of any maker.
    pub fn has_gpus(&self) -> bool {
        self.accelerator.as_ref().is_some_and(|found| found.kind == AcceleratorKind::Gpu)
    }

    /// Why the type is offered only to those who ask; `None` for the many that are offered to all.
    ///
    /// The accelerator decides first, bare metal last: a metal type with ordinary parts is
    /// [`ExoticKind::Metal`], which `Policy.metal` admits.
    pub fn exotic(&self) -> Option<ExoticKind> {
        let kind = self.accelerator.as_ref().map(|found| found.kind);
        kind.and_then(exotic_accelerator)
            .or_else(|| exotic_family(self.family()))
            .or_else(|| self.metal.then_some(ExoticKind::Metal))
    }
}

impl Accelerator {
    /// The extended resource under which device plugins announce it, one unit a device; `None`
    /// where none is standard.
    ///
    /// A fraction of a GPU has none on purpose: it would count as a whole one.
    pub fn resource(&self) -> Option<&'static str> {
        match self.kind {
            AcceleratorKind::Gpu if self.nvidia => Some(NVIDIA_GPU),
            AcceleratorKind::Gpu if self.name.contains("Gaudi") => Some(GAUDI),
            AcceleratorKind::Gpu => Some(AMD_GPU),
            AcceleratorKind::Neuron => Some(NEURON),
            AcceleratorKind::GpuFraction | AcceleratorKind::Fpga | AcceleratorKind::Media => None,
        }
    }
}

/// The family in the name of an instance type, such as `m7i` in `m7i.large`.
pub fn family(instance_type: &str) -> &str {
    instance_type.split_once('.').map_or(instance_type, |(family, _)| family)
}

/// Whether a GPU model is NVIDIA's. EC2 sells two others: AMD's Radeon and Intel's Gaudi.
pub fn is_nvidia(model: &str) -> bool {
    !model.contains("Radeon") && !model.contains("Gaudi")
}

fn exotic_accelerator(kind: AcceleratorKind) -> Option<ExoticKind> {
    match kind {
        AcceleratorKind::Gpu => None,
        AcceleratorKind::GpuFraction => Some(ExoticKind::GpuFraction),
        AcceleratorKind::Neuron => Some(ExoticKind::Neuron),
        AcceleratorKind::Fpga => Some(ExoticKind::Fpga),
        AcceleratorKind::Media => Some(ExoticKind::Media),
    }
}

fn exotic_family(family: &str) -> Option<ExoticKind> {
    const UNBOOTABLE: [&str; 5] = ["a1", "c1", "m1", "m2", "t1"];
    let beyond_u = family.strip_prefix('u').unwrap_or_default();
    let high_memory = beyond_u.starts_with(|c: char| c == '-' || c.is_ascii_digit());
    if family.starts_with("hpc") {
        return Some(ExoticKind::Hpc);
    }
    if family.starts_with("mac") {
        return Some(ExoticKind::Mac);
    }
    if high_memory {
        return Some(ExoticKind::HighMemory);
    }
    UNBOOTABLE.contains(&family).then_some(ExoticKind::Unbootable)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    #[track_caller]
    fn check(name: &str, want: Option<ExoticKind>) {
        assert_eq!(Catalog::builtin().types[name].exotic(), want, "{name}");
    }

    #[test]
    fn only_those_who_ask_get_exotic_types() {
        check("m7i.large", None);
        check("m7i-flex.large", None);
        check("g5.xlarge", None);
        check("t3.large", None);
        check("x1e.xlarge", None);
        check("inf2.xlarge", Some(ExoticKind::Neuron));
        check("f2.6xlarge", Some(ExoticKind::Fpga));
        check("vt1.3xlarge", Some(ExoticKind::Media));
        check("g6f.large", Some(ExoticKind::GpuFraction));
        check("hpc7g.4xlarge", Some(ExoticKind::Hpc));
        check("u-6tb1.56xlarge", Some(ExoticKind::HighMemory));
        check("u7in-16tb.224xlarge", Some(ExoticKind::HighMemory));
        check("a1.large", Some(ExoticKind::Unbootable));
        check("a1.metal", Some(ExoticKind::Unbootable));
        check("m5.metal", Some(ExoticKind::Metal));
        check("g4dn.metal", Some(ExoticKind::Metal));
        assert_eq!(exotic_family("mac2-m2"), Some(ExoticKind::Mac));
    }

    #[test]
    fn a_name_falls_into_family_and_size() {
        let catalog = Catalog::builtin();
        let large = &catalog.types["m7i-flex.large"];
        assert_eq!((large.family(), large.size()), ("m7i-flex", "large"));
    }

    #[test]
    fn burstable_types_are_the_t_families() {
        let catalog = Catalog::builtin();
        let families: std::collections::BTreeSet<&str> =
            catalog.types.values().filter(|found| found.is_burstable()).map(|found| found.family()).collect();
        assert_eq!(families.into_iter().collect::<Vec<_>>(), ["t1", "t2", "t3", "t3a", "t4g"]);
    }

    #[test]
    fn pods_ask_for_an_accelerator_by_its_makers_resource() {
        let resource = |kind, name: &str| {
            let nvidia = is_nvidia(name);
            Accelerator { kind, name: name.into(), count: 1, memory_mib: 0, nvidia }.resource()
        };
        assert_eq!(resource(AcceleratorKind::Gpu, "A10G"), Some("nvidia.com/gpu"));
        assert_eq!(resource(AcceleratorKind::Gpu, "Radeon Pro V520"), Some("amd.com/gpu"));
        assert_eq!(resource(AcceleratorKind::Gpu, "Gaudi HL-205"), Some("habana.ai/gaudi"));
        assert_eq!(resource(AcceleratorKind::Neuron, "Trainium"), Some("aws.amazon.com/neuron"));
        assert_eq!(resource(AcceleratorKind::GpuFraction, "L4"), None);
        assert_eq!(resource(AcceleratorKind::Fpga, "VU47P"), None);
    }
}
