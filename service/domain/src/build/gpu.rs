//! Which GPUs a pod can do with. A pod that names only a count keeps the kind of GPU that it has.

use std::collections::BTreeSet;

use super::pods::{Kin, Pods};
use crate::catalog::{Accelerator, Catalog, InstanceType};
use crate::policy::Policy;
use crate::resources::NVIDIA_GPU;

/// Architecture of each NVIDIA GPU that EC2 sells: code built for one runs on the next of the same.
/// Source: NVIDIA's list of CUDA GPUs by compute capability, 2026.
const ARCHITECTURES: [(&str, &str); 18] = [
    ("K80", "kepler"),
    ("M60", "maxwell"),
    ("V100", "volta"),
    ("T4", "turing"),
    ("T4g", "turing"),
    ("A10G", "ampere"),
    ("A100", "ampere"),
    ("L4", "ada"),
    ("L40S", "ada"),
    ("H100", "hopper"),
    ("H200", "hopper"),
    ("GH200", "hopper"),
    ("B200", "blackwell 10"),
    ("B300", "blackwell 10"),
    ("GB200", "blackwell 10"),
    ("GB300", "blackwell 10"),
    ("RTX PRO Server 6000", "blackwell 12"),
    ("RTX PRO 4500", "blackwell 12"),
];

/// A kind of GPU: an architecture with at least so much memory by GPU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct GpuClass {
    /// Architecture; the model's name where we do not know its architecture.
    pub architecture: String,
    /// Memory of one GPU, MiB, at least.
    pub memory_mib: i64,
    /// The model that it was learnt from.
    pub model: String,
}

/// What pods demand of a GPU.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum GpuNeed {
    /// Nothing: they ask for none, or their selectors name what they need.
    Free,
    /// One of these classes.
    OneOf(BTreeSet<GpuClass>),
    /// A class that nobody told us.
    Unknown,
}

impl GpuNeed {
    /// Whether the GPUs of a type will do.
    pub fn allows(&self, facts: &InstanceType) -> bool {
        match self {
            Self::Free => true,
            Self::OneOf(classes) => class_of(facts).is_some_and(|have| {
                let enough = |want: &GpuClass| {
                    want.architecture == have.architecture && want.memory_mib <= have.memory_mib
                };
                classes.iter().any(enough)
            }),
            Self::Unknown => false,
        }
    }
}

/// The class of a type's GPUs; none if it has no whole NVIDIA GPUs.
pub(super) fn class_of(facts: &InstanceType) -> Option<GpuClass> {
    let gpu = facts.accelerator.as_ref().filter(|gpu| facts.has_gpus() && gpu.nvidia)?;
    Some(class(gpu))
}

fn class(gpu: &Accelerator) -> GpuClass {
    let known = ARCHITECTURES.iter().find(|(model, _)| *model == gpu.name);
    let architecture = known.map_or(gpu.name.as_str(), |(_, architecture)| architecture);
    GpuClass { architecture: architecture.to_owned(), memory_mib: gpu.memory_mib, model: gpu.name.clone() }
}

/// What a family of pods demands. `could_hold`: running nodes that its selectors and tolerations allow
/// and that are large enough, as indexes.
///
/// In this order: what it or a sibling runs on, what the nodes that could hold it have, what the policy
/// says of its workload or an image.
pub(super) fn need(
    kin: &Kin,
    siblings: &[usize],
    could_hold: impl Iterator<Item = usize>,
    pods: &Pods<'_>,
    catalog: &Catalog,
    policy: &Policy,
) -> GpuNeed {
    if kin.request.get(NVIDIA_GPU) == 0 || names_its_gpu(kin) {
        return GpuNeed::Free;
    }
    let class_of_node = |node: usize| class_of(catalog.types.get(&pods.state.nodes[node].instance_type)?);
    let homes = siblings.iter().filter_map(|pod| pods.node_of[*pod]);
    let running: BTreeSet<GpuClass> = homes.filter_map(class_of_node).collect();
    if !running.is_empty() {
        return GpuNeed::OneOf(running);
    }
    let groups: BTreeSet<GpuClass> = could_hold.filter_map(class_of_node).collect();
    if !groups.is_empty() {
        return GpuNeed::OneOf(groups);
    }
    match by_policy(kin, pods, catalog, policy) {
        Some(class) => GpuNeed::OneOf(BTreeSet::from([class])),
        None => GpuNeed::Unknown,
    }
}

/// Whether a selector of the pods speaks of the instance type or of a label about GPUs.
fn names_its_gpu(kin: &Kin) -> bool {
    let speaks = |key: &str| {
        let key = key.to_lowercase();
        ["instance-type", "instance-family", "gpu", "accelerator"].iter().any(|word| key.contains(word))
    };
    super::sites::node_keys(&kin.scheduling).into_iter().any(speaks)
}

fn by_policy(kin: &Kin, pods: &Pods<'_>, catalog: &Catalog, policy: &Policy) -> Option<GpuClass> {
    let images = pods.pod(kin.pods[0]).containers.iter().map(|container| container.image.clone());
    let mut names = std::iter::once(kin.name(pods)).chain(images);
    let model = names.find_map(|name| policy.gpu_classes.get(&name))?;
    let of_model = |facts: &InstanceType| class_of(facts).filter(|class| class.model == *model);
    let classes = catalog.types.values().filter_map(|facts| of_model(facts));
    classes.min_by_key(|class| class.memory_mib)
}
