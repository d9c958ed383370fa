//! What a pod costs on Fargate: the size that it is given, and the price of that.

use super::money::{HOUR_SECONDS, Tariff, divide_half_even};
use super::tariffs::{FARGATE_GB, FARGATE_VCPU};

const MIB: i64 = 1 << 20;
const MIB_PER_GB: i64 = 1024;
/// Memory that Fargate adds for the kubelet and its like, MiB. Source: EKS user guide, "Fargate pod configuration", 2025.
pub const FARGATE_RESERVE_MIB: i64 = 256;
/// Least that is billed of a pod, seconds. Source: the same.
pub const FARGATE_SECONDS_MIN: i64 = 60;

/// Sizes: thousandths of a vCPU, then least and most memory and its steps, MiB. Source: the same.
const SIZES: [(i64, i64, i64, i64); 7] = [
    (250, 512, 2048, 512),
    (500, 1024, 4096, 1024),
    (1000, 2048, 8192, 1024),
    (2000, 4096, 16_384, 1024),
    (4000, 8192, 30_720, 1024),
    (8000, 16_384, 61_440, 4096),
    (16_000, 32_768, 122_880, 8192),
];
/// What the smallest size has no step to: its memory is 0.5, 1 or 2 GB.
const SMALLEST_GAP: (i64, i64) = (250, 1536);

/// A size of Fargate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FargateSize {
    /// Thousandths of a vCPU.
    pub cpu_milli: i64,
    /// Memory, MiB.
    pub memory_mib: i64,
}

impl FargateSize {
    /// The size that a pod is given: the first that holds what the scheduler reserves for it (the larger of its largest
    /// init container and the sum of the others) and [`FARGATE_RESERVE_MIB`]. None if the pod is too large.
    pub fn of(cpu_milli: i64, memory_bytes: i64) -> Option<Self> {
        let asked = memory_bytes.max(0);
        let need = (asked / MIB + i64::from(asked % MIB != 0)).saturating_add(FARGATE_RESERVE_MIB);
        SIZES.iter().find_map(|(cpu, least, most, step)| {
            let steps = (need - least).max(0).checked_add(step - 1)? / step;
            let memory_mib = least + steps * step;
            let memory_mib = if (*cpu, memory_mib) == SMALLEST_GAP { *most } else { memory_mib };
            (cpu_milli <= *cpu && memory_mib <= *most).then_some(Self { cpu_milli: *cpu, memory_mib })
        })
    }

    /// Its list price, nano-USD per hour.
    pub fn nano_usd_per_hour(self) -> i64 {
        let cpu = i128::from(FARGATE_VCPU.nano_usd) * i128::from(self.cpu_milli) * i128::from(MIB_PER_GB);
        let memory = i128::from(FARGATE_GB.nano_usd) * i128::from(self.memory_mib) * 1000;
        divide_half_even(cpu + memory, i128::from(1000 * MIB_PER_GB))
    }

    /// What a pod of this size costs in a life of so many seconds, nano-USD.
    pub fn cost(self, seconds: i64) -> i64 {
        let nano_usd = i128::from(self.nano_usd_per_hour());
        Tariff { nano_usd, period_seconds: HOUR_SECONDS, anchor: 0 }.cost(0, seconds.max(FARGATE_SECONDS_MIN))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pod_gets_the_first_size_that_holds_it() {
        let gib = 1024 * MIB;
        let cases = [
            (0, 0, Some((250, 512))),
            (250, 256 * MIB, Some((250, 512))),
            (250, 256 * MIB + 1, Some((250, 1024))),
            (250, gib, Some((250, 2048))),
            (250, 2 * gib, Some((500, 3072))),
            (251, 0, Some((500, 1024))),
            (4000, 30 * gib, Some((8000, 32_768))),
            (16_000, 119 * gib, Some((16_000, 122_880))),
            (16_000, 120 * gib, None),
            (16_001, 0, None),
            (1, i64::MAX, None),
        ];
        for (cpu, memory, want) in cases {
            let size = FargateSize::of(cpu, memory).map(|size| (size.cpu_milli, size.memory_mib));
            assert_eq!(size, want, "{cpu}m {memory}");
        }
    }
}
