//! How the cost of a node falls to its CPU, memory and GPUs.

use serde::{Deserialize, Serialize};

use super::SplitMethod;
use super::money::largest_remainder;
use super::rows::Share;

const MIB: i64 = 1 << 20;
const MILLI_PER_CORE: u64 = 1000;
const MIB_PER_GIB: u64 = 1024;

/// What a node has, or a pod asks for, as far as cost falls to it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Shape {
    /// Thousandths of a core.
    pub cpu_milli: i64,
    /// Bytes of memory.
    pub memory_bytes: i64,
    /// Accelerators.
    pub gpus: i64,
}

/// What a core, a GiB and a GPU weigh, in millionths.
struct Weights {
    core: u64,
    gib: u64,
    gpu: u64,
}

impl SplitMethod {
    /// Weights on a node with or without GPUs.
    ///
    /// Source: AWS, "Split cost allocation data", user guide of Cost and Usage Reports, 2025: a vCPU weighs 9 and a GB 1
    /// on a node without accelerators; with them an accelerator weighs 9, a vCPU 0.9, a GB 0.1. OpenCost: its default
    /// prices per hour (`pkg/cloud/provider`, `configs/default.json`): CPU 0.031611, RAM 0.004237, GPU 0.95.
    fn weights(self, has_gpus: bool) -> Weights {
        match (self, has_gpus) {
            (Self::Aws, false) => Weights { core: 9_000_000, gib: 1_000_000, gpu: 0 },
            (Self::Aws, true) => Weights { core: 900_000, gib: 100_000, gpu: 9_000_000 },
            (Self::OpenCost, _) => Weights { core: 31_611, gib: 4_237, gpu: 950_000 },
        }
    }
}

/// Weights of a node's CPU, memory and GPUs; those that it does not have are left out, so it may be empty.
pub fn weights(shape: &Shape, method: SplitMethod) -> Vec<(Share, u64)> {
    let weights = method.weights(0 < shape.gpus);
    let amount = |value: i64| u64::try_from(value).unwrap_or(0);
    // In millionths of a core, GiB or GPU, times 1000 and 1024, so that no fraction is lost.
    let parts = [
        (Share::Cpu, amount(shape.cpu_milli), weights.core.saturating_mul(MIB_PER_GIB)),
        (Share::Memory, amount(shape.memory_bytes / MIB), weights.gib.saturating_mul(MILLI_PER_CORE)),
        (Share::Gpu, amount(shape.gpus), weights.gpu.saturating_mul(MIB_PER_GIB * MILLI_PER_CORE)),
    ];
    let weighed = parts.into_iter().map(|(share, amount, weight)| (share, amount.saturating_mul(weight)));
    weighed.filter(|(_, weight)| 0 < *weight).collect()
}

/// Divides what a node costs, to the nano, among what it has. A node that has nothing keeps it as [`Share::Whole`].
pub fn split(amount: i64, shape: &Shape, method: SplitMethod) -> Vec<(Share, i64)> {
    let weights = weights(shape, method);
    if weights.is_empty() {
        return vec![(Share::Whole, amount)];
    }
    let parts = largest_remainder(amount, &weights);
    weights.into_iter().map(|(share, _)| share).zip(parts).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shape_of_nothing_or_of_nonsense_loses_no_money() {
        assert_eq!(split(7, &Shape::default(), SplitMethod::Aws), [(Share::Whole, 7)]);
        let negative = Shape { cpu_milli: -1, memory_bytes: -1, gpus: -1 };
        assert_eq!(split(7, &negative, SplitMethod::OpenCost), [(Share::Whole, 7)]);
        let huge = Shape { cpu_milli: i64::MAX, memory_bytes: i64::MAX, gpus: i64::MAX };
        assert_eq!(split(7, &huge, SplitMethod::Aws).iter().map(|(_, part)| part).sum::<i64>(), 7);
    }
}
