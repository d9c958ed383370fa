//! What a node of an instance type holds: the machine's capacity, and what the kubelet leaves of it
//! to pods.
//!
//! The model may say less than the kubelet of a real node, never more. Sources: karpenter-provider-aws
//! (`pkg/providers/instancetype/types.go` @1d92708), amazon-eks-ami (`nodeadm`) @81fec2e.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::catalog::InstanceType;
use crate::resources::Resources;

const MIB: i64 = 1 << 20;
const GIB: i64 = 1 << 30;

/// Memory that the hypervisor and the firmware keep, in thousandths of what AWS states, where no
/// real node of the type was seen. Karpenter's default; on large types far too much.
pub const VM_OVERHEAD_PERMILLE: i64 = 75;
/// Contiguous memory that the kernels of arm64 nodes keep, MiB.
pub const ARM_CMA_MIB: i64 = 64;
/// Fixed part of the memory that kube-reserved keeps, MiB.
pub const RESERVED_BASE_MIB: i64 = 255;
/// Part of kube-reserved memory by possible pod, MiB.
pub const RESERVED_PER_POD_MIB: i64 = 11;
/// Hard eviction threshold `memory.available`, MiB.
pub const EVICTION_MIB: i64 = 100;
/// Local storage that kube-reserved keeps, GiB.
pub const RESERVED_EPHEMERAL_GIB: i64 = 1;
/// Hard eviction threshold `nodefs.available`, percent of the file system.
pub const EVICTION_NODEFS_PERCENT: i64 = 10;
/// Root volume of a node group that states none, GiB (EKS's default for Linux).
pub const ROOT_VOLUME_GIB: i64 = 20;
/// What partitions and file system take off a volume, MiB. XFS on Amazon Linux takes 12 to 76; the
/// rest is our margin.
pub const FILE_SYSTEM_MIB: i64 = 128;

/// Family of the machine image, as far as it changes what pods get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AmiFamily {
    /// Amazon Linux 2023, and Amazon Linux 2, which reserves alike.
    #[default]
    AmazonLinux,
    /// Bottlerocket: kube-reserved counts the pods that the kubelet takes.
    Bottlerocket,
}

/// Who says how many pods the kubelet takes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum PodLimit {
    /// A managed node group without a custom image: the addresses that its interfaces hold, at most
    /// 110 below 30 vCPU and 250 above.
    #[default]
    Managed,
    /// The addresses that its interfaces hold (self-managed groups, custom images).
    Interfaces,
    /// Set by hand, as prefix delegation needs.
    Fixed(i64),
}

/// What the owner of a node group can set, and what was learnt from real nodes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeSettings {
    /// Machine image.
    pub ami: AmiFamily,
    /// Pod limit.
    pub pods: PodLimit,
    /// Most pods per vCPU; none: no such limit. Bottlerocket ignores it.
    pub pods_per_core: Option<i64>,
    /// Root volume, GiB; on Bottlerocket the data volume.
    pub root_volume_gib: i64,
    /// Whether local disks, where there are any, serve as node storage in place of the root volume
    /// (`instanceStorePolicy: RAID0`).
    pub local_disks: bool,
    /// Smallest memory capacity that a kubelet reported, bytes, by instance type: better than the
    /// model's guess of what the hypervisor keeps.
    pub seen_memory_bytes: BTreeMap<String, i64>,
}

impl Default for NodeSettings {
    fn default() -> Self {
        Self {
            ami: AmiFamily::default(),
            pods: PodLimit::default(),
            pods_per_core: None,
            root_volume_gib: ROOT_VOLUME_GIB,
            local_disks: false,
            seen_memory_bytes: BTreeMap::new(),
        }
    }
}

impl InstanceType {
    /// What the machine has, as `Node.status.capacity` shows it.
    ///
    /// Accelerators that are announced under a standard resource are counted by device. Huge pages,
    /// EFA interfaces and Neuron cores are not modelled.
    pub fn capacity(&self, settings: &NodeSettings) -> Resources {
        let accelerator = self.accelerator.as_ref();
        let device = accelerator.and_then(|found| Some((found.resource()?.to_owned(), found.count)));
        Resources {
            cpu_milli: self.vcpu.saturating_mul(1000),
            memory_bytes: self.memory_bytes(settings),
            ephemeral_bytes: self.ephemeral_bytes(settings),
            pods: self.pods(settings),
            extended: device.into_iter().collect(),
        }
    }

    /// What pods may use of it, as `Node.status.allocatable` shows it: capacity less kube-reserved
    /// and the hard eviction thresholds. Nothing is below zero. DaemonSets are not taken off.
    pub fn allocatable(&self, settings: &NodeSettings) -> Resources {
        let capacity = self.capacity(settings);
        let held = self.held_back(settings, &capacity);
        let left = capacity.minus(&held);
        left.component_max(&Resources::default())
    }

    fn held_back(&self, settings: &NodeSettings, capacity: &Resources) -> Resources {
        let eviction = percent_up(capacity.ephemeral_bytes, EVICTION_NODEFS_PERCENT);
        let memory_mib = self.reserved_memory_mib(settings).saturating_add(EVICTION_MIB);
        Resources {
            cpu_milli: reserved_cpu_milli(self.vcpu),
            memory_bytes: memory_mib.saturating_mul(MIB),
            ephemeral_bytes: eviction.saturating_add(RESERVED_EPHEMERAL_GIB * GIB),
            ..Resources::default()
        }
    }

    fn memory_bytes(&self, settings: &NodeSettings) -> i64 {
        if let Some(seen) = settings.seen_memory_bytes.get(&self.name) {
            return *seen;
        }
        let cma = if self.architecture == "arm64" { ARM_CMA_MIB } else { 0 };
        let usable = self.memory_mib.saturating_sub(cma).max(0);
        let overhead = usable.saturating_mul(VM_OVERHEAD_PERMILLE).saturating_add(999) / 1000;
        (usable - overhead).saturating_mul(MIB)
    }

    fn ephemeral_bytes(&self, settings: &NodeSettings) -> i64 {
        const GB: i64 = 1_000_000_000;
        let on_local_disks = settings.local_disks && self.instance_store_gb > 0;
        let volume = if on_local_disks {
            self.instance_store_gb.saturating_mul(GB)
        } else {
            settings.root_volume_gib.saturating_mul(GIB)
        };
        volume.saturating_sub(FILE_SYSTEM_MIB * MIB).max(0)
    }

    fn pods(&self, settings: &NodeSettings) -> i64 {
        let limit = match settings.pods {
            PodLimit::Managed => self.managed_max_pods,
            PodLimit::Interfaces => self.eni_max_pods,
            PodLimit::Fixed(pods) => pods,
        };
        let per_core = settings.pods_per_core.filter(|_| settings.ami != AmiFamily::Bottlerocket);
        let by_cores = per_core.map(|pods| pods.saturating_mul(self.vcpu));
        by_cores.map_or(limit, |by_cores| limit.min(by_cores)).max(0)
    }

    /// Amazon Linux counts the pods that the interfaces could hold, whatever the kubelet takes.
    fn reserved_memory_mib(&self, settings: &NodeSettings) -> i64 {
        let pods = match settings.ami {
            AmiFamily::AmazonLinux => self.eni_max_pods,
            AmiFamily::Bottlerocket => self.pods(settings),
        };
        pods.saturating_mul(RESERVED_PER_POD_MIB).saturating_add(RESERVED_BASE_MIB)
    }
}

/// The pods that a managed node group without a custom image lets a kubelet take, where interfaces
/// hold `eni_max_pods` addresses. Source: EKS user guide.
pub fn managed_max_pods(vcpu: i64, eni_max_pods: i64) -> i64 {
    let cap = if vcpu < 30 { 110 } else { 250 };
    eni_max_pods.min(cap)
}

/// CPU that kube-reserved keeps, milli-CPU, rounded up: 6 % of the first core, 1 % of the second,
/// half a percent of the third and fourth, a quarter of a percent of the rest.
pub fn reserved_cpu_milli(vcpu: i64) -> i64 {
    // Cores up to, and milli-CPU times 10 of each of them beyond the step before.
    const STEPS: [(i64, i64); 4] = [(1, 600), (2, 100), (4, 50), (i64::MAX, 25)];
    let mut below = 0;
    let mut tenths = 0_i64;
    for (upto, each) in STEPS {
        let cores = vcpu.min(upto).saturating_sub(below).max(0);
        tenths = tenths.saturating_add(cores.saturating_mul(each));
        below = upto;
    }
    tenths.saturating_add(9) / 10
}

fn percent_up(of: i64, percent: i64) -> i64 {
    of.saturating_mul(percent).saturating_add(99) / 100
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalog::Catalog;

    /// Allocatable memory in KiB and CPU that kubelets of real nodes reported.
    const KUBELET: [(&str, i64, i64); 4] = [
        ("t4g.small", 1_408_312, 1930),
        ("t4g.medium", 3_377_496, 1930),
        ("t4g.xlarge", 15_136_012, 3920),
        ("m5.large", 7_220_184, 1930),
    ];

    #[track_caller]
    fn check(name: &str, settings: &NodeSettings, cpu_milli: i64, memory_mib: i64, pods: i64) {
        let catalog = Catalog::builtin();
        let got = catalog.types[name].allocatable(settings);
        let want = (cpu_milli, memory_mib * MIB, pods);
        assert_eq!((got.cpu_milli, got.memory_bytes, got.pods), want, "{name} with {settings:?}");
    }

    #[test]
    fn a_node_never_holds_more_than_its_kubelet_says() {
        for (name, memory_kib, cpu_milli) in KUBELET {
            let model = Catalog::builtin().types[name].allocatable(&NodeSettings::default());
            let spare = memory_kib * 1024 - model.memory_bytes;
            assert!((0..700 * MIB).contains(&spare), "{name}: {spare} spare, {model:?}");
            assert!(model.cpu_milli <= cpu_milli, "{name}: {model:?}");
        }
    }

    #[test]
    fn the_kubelet_keeps_its_part() {
        let managed = NodeSettings::default();
        check("m5.large", &managed, 1930, 6903, 29);
        check("t4g.small", &managed, 1930, 1359, 11);
        check("g5.xlarge", &managed, 3920, 14162, 58);
        check("m5.24xlarge", &managed, 95690, 355_262, 250);
        check("a1.medium", &managed, 940, 1392, 8);
    }

    #[test]
    fn a_pod_limit_set_by_hand_changes_the_reserve_on_bottlerocket_only() {
        let amazon = NodeSettings { pods: PodLimit::Fixed(10), ..NodeSettings::default() };
        check("t3.large", &amazon, 1930, 6837, 10);
        let bottlerocket = NodeSettings { ami: AmiFamily::Bottlerocket, ..amazon };
        check("t3.large", &bottlerocket, 1930, 6837 + 640 - 365, 10);
    }

    #[test]
    fn pods_per_core_lowers_the_pod_limit_but_not_on_bottlerocket() {
        let amazon = NodeSettings { pods_per_core: Some(4), ..NodeSettings::default() };
        check("m5.large", &amazon, 1930, 6903, 8);
        let bottlerocket = NodeSettings { ami: AmiFamily::Bottlerocket, ..amazon };
        check("m5.large", &bottlerocket, 1930, 6903, 29);
    }

    #[test]
    fn interfaces_alone_limit_self_managed_nodes() {
        let own = NodeSettings { pods: PodLimit::Interfaces, ..NodeSettings::default() };
        check("m5.24xlarge", &own, 95690, 355_262, 737);
    }

    #[test]
    fn memory_seen_on_a_real_node_beats_the_model() {
        let seen = BTreeMap::from([("m5.large".to_owned(), 7800 * MIB)]);
        let settings = NodeSettings { seen_memory_bytes: seen, ..NodeSettings::default() };
        check("m5.large", &settings, 1930, 7800 - 574 - 100, 29);
        check("m5.xlarge", &settings, 3920, 14162, 58);
    }

    #[test]
    fn local_storage_is_the_root_volume_unless_local_disks_serve() {
        let catalog = Catalog::builtin();
        let of =
            |name: &str, settings: &NodeSettings| catalog.types[name].allocatable(settings).ephemeral_bytes;
        // A kubelet on 20 GiB: 18_242_267_924 bytes.
        let root = of("m5d.large", &NodeSettings::default());
        assert!((18_100_000_000..=18_242_267_924).contains(&root), "{root}");
        let raid = NodeSettings { local_disks: true, ..NodeSettings::default() };
        assert_eq!(of("m5.large", &raid), root);
        assert!(of("m5d.large", &raid) > 3 * root);
        let tiny = NodeSettings { root_volume_gib: 1, ..NodeSettings::default() };
        assert_eq!(of("m5.large", &tiny), 0);
    }

    #[test]
    fn devices_are_extended_resources() {
        let of = |name: &str| Catalog::builtin().types[name].allocatable(&NodeSettings::default()).extended;
        assert_eq!(of("p5.48xlarge"), BTreeMap::from([("nvidia.com/gpu".to_owned(), 8)]));
        assert_eq!(of("inf2.48xlarge"), BTreeMap::from([("aws.amazon.com/neuron".to_owned(), 12)]));
        assert_eq!(of("g6f.large"), BTreeMap::new());
        assert_eq!(of("m5.large"), BTreeMap::new());
    }

    #[test]
    fn reserved_cpu_falls_with_each_core() {
        let cores = [0, 1, 2, 3, 4, 5, 8, 96, 384];
        assert_eq!(cores.map(reserved_cpu_milli), [0, 60, 70, 75, 80, 83, 90, 310, 1030]);
    }
}
