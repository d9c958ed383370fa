//! Words of the domain as the columns spell them.

use plimsoll_domain::fleet::CapacityKind;
use plimsoll_domain::ledger::{AllocationKind, Item, Quality, Share, SplitMethod};

/// A word that has one spelling.
pub trait Word: Copy + PartialEq + Sized + 'static {
    /// All of them.
    const ALL: &'static [(Self, &'static str)];

    /// Its spelling.
    fn text(self) -> &'static str {
        Self::ALL.iter().find(|(word, _)| *word == self).map_or("", |(_, text)| text)
    }

    /// The word that is spelled so.
    fn read(text: &str) -> Option<Self> {
        Self::ALL.iter().find(|(_, spelling)| *spelling == text).map(|(word, _)| *word)
    }
}

impl Word for Item {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::ControlPlane, "CONTROL_PLANE"),
        (Self::ExtendedSupport, "EXTENDED_SUPPORT"),
        (Self::Instance, "INSTANCE"),
        (Self::RootVolume, "ROOT_VOLUME"),
        (Self::Volume, "VOLUME"),
        (Self::LoadBalancer, "LOAD_BALANCER"),
        (Self::PublicIpv4, "PUBLIC_IPV4"),
        (Self::NatGateway, "NAT_GATEWAY"),
        (Self::Fargate, "FARGATE"),
    ];
}

impl Word for Quality {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Measured, "MEASURED"), (Self::Estimated, "ESTIMATED"), (Self::Gap, "GAP")];
}

impl Word for CapacityKind {
    const ALL: &'static [(Self, &'static str)] = &[(Self::OnDemand, "ON_DEMAND"), (Self::Spot, "SPOT")];
}

impl Word for Share {
    const ALL: &'static [(Self, &'static str)] =
        &[(Self::Cpu, "CPU"), (Self::Memory, "MEMORY"), (Self::Gpu, "GPU"), (Self::Whole, "WHOLE")];
}

impl Word for AllocationKind {
    const ALL: &'static [(Self, &'static str)] = &[
        (Self::Workload, "WORKLOAD"),
        (Self::DaemonSet, "DAEMON_SET"),
        (Self::Idle, "IDLE"),
        (Self::Overhead, "OVERHEAD"),
        (Self::Shared, "SHARED"),
        (Self::Unattributed, "UNATTRIBUTED"),
    ];
}

impl Word for SplitMethod {
    const ALL: &'static [(Self, &'static str)] = &[(Self::Aws, "AWS"), (Self::OpenCost, "OPEN_COST")];
}
