//! What AWS asks for everything that is no instance: one small table.
//!
//! All of it was read second-hand (from copies of the price list, not from an answer of the Pricing API), for
//! us-east-1. What is charged at these prices is therefore [`super::Quality::Estimated`].

use super::Item;

/// A price with its unit, as AWS bills it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Price {
    /// What is charged for.
    pub item: Item,
    /// Usage type, without the region's prefix.
    pub meter: &'static str,
    /// Unit of the quantity.
    pub unit: &'static str,
    /// Price of a unit, nano-USD.
    pub nano_usd: i64,
    /// Who says so.
    pub source: &'static str,
    /// Day as of which it holds.
    pub date: &'static str,
    /// Whether the usage type carries a prefix in us-east-1, too.
    pub prefixed: bool,
}

const LIST: &str = "AWS price list 2026-09, second-hand";
const LIST_DATE: &str = "2026-09-01T00:00:00Z";
const GOLDEN: &str = "infracost golden files 2024-07";
const GOLDEN_DATE: &str = "2024-07-01T00:00:00Z";
const ESTIMATE: &str = "estimate, no list at hand";
const HOURS: &str = "Hours";
const GB_MONTHS: &str = "GB-Months";

const fn listed(item: Item, meter: &'static str, unit: &'static str, nano_usd: i64) -> Price {
    Price { item, meter, unit, nano_usd, source: LIST, date: LIST_DATE, prefixed: false }
}

const fn golden(item: Item, meter: &'static str, unit: &'static str, nano_usd: i64) -> Price {
    Price { item, meter, unit, nano_usd, source: GOLDEN, date: GOLDEN_DATE, prefixed: false }
}

const fn guessed(item: Item, meter: &'static str, unit: &'static str, nano_usd: i64) -> Price {
    Price { item, meter, unit, nano_usd, source: ESTIMATE, date: GOLDEN_DATE, prefixed: false }
}

const fn prefixed(price: Price) -> Price {
    Price { prefixed: true, ..price }
}

/// A control plane in standard support.
pub const CONTROL_PLANE: Price =
    prefixed(listed(Item::ControlPlane, "AmazonEKS-Hours:perCluster", HOURS, 100_000_000));
/// What extended support adds to it.
pub const EXTENDED_SUPPORT: Price =
    prefixed(listed(Item::ExtendedSupport, "AmazonEKS-Hours:extendedSupport", HOURS, 500_000_000));
/// gp3, by size.
pub const GP3: Price = listed(Item::Volume, "EBS:VolumeUsage.gp3", GB_MONTHS, 80_000_000);
/// gp3, IOPS above [`GP3_IOPS_FREE`].
pub const GP3_IOPS: Price = listed(Item::Volume, "EBS:VolumeP-IOPS.gp3", "IOPS-Months", 5_000_000);
/// gp3, MiB/s above [`GP3_MIBPS_FREE`].
pub const GP3_MIBPS: Price = listed(Item::Volume, "EBS:VolumeP-Throughput.gp3", "MiBps-Months", 40_000_000);
/// gp2.
pub const GP2: Price = golden(Item::Volume, "EBS:VolumeUsage.gp2", GB_MONTHS, 100_000_000);
/// io2, by size.
pub const IO2: Price = golden(Item::Volume, "EBS:VolumeUsage.io2", GB_MONTHS, 125_000_000);
/// io2, every IOPS. That those above 32,000 cost less is left out: an upper bound.
pub const IO2_IOPS: Price = golden(Item::Volume, "EBS:VolumeP-IOPS.io2", "IOPS-Months", 65_000_000);
/// io1, by size.
pub const IO1: Price = guessed(Item::Volume, "EBS:VolumeUsage.piops", GB_MONTHS, 125_000_000);
/// io1, every IOPS.
pub const IO1_IOPS: Price = guessed(Item::Volume, "EBS:VolumeP-IOPS.piops", "IOPS-Months", 65_000_000);
/// st1.
pub const ST1: Price = guessed(Item::Volume, "EBS:VolumeUsage.st1", GB_MONTHS, 45_000_000);
/// sc1.
pub const SC1: Price = guessed(Item::Volume, "EBS:VolumeUsage.sc1", GB_MONTHS, 15_000_000);
/// IOPS that a gp3 volume has without asking.
pub const GP3_IOPS_FREE: i64 = 3000;
/// MiB/s that a gp3 volume has without asking.
pub const GP3_MIBPS_FREE: i64 = 125;
/// An application load balancer.
pub const ALB: Price = golden(Item::LoadBalancer, "LoadBalancerUsage", HOURS, 22_500_000);
/// Its capacity unit.
pub const ALB_LCU: Price = golden(Item::LoadBalancer, "LCUUsage", "LCU-Hours", 8_000_000);
/// A network load balancer.
pub const NLB: Price = golden(Item::LoadBalancer, "LoadBalancerUsage", HOURS, 22_500_000);
/// A classic load balancer.
pub const CLB: Price = golden(Item::LoadBalancer, "LoadBalancerUsage", HOURS, 25_000_000);
/// A public IPv4 address in use.
pub const PUBLIC_IPV4: Price =
    prefixed(listed(Item::PublicIpv4, "PublicIPv4:InUseAddress", HOURS, 5_000_000));
/// A NAT gateway.
pub const NAT_GATEWAY: Price = listed(Item::NatGateway, "NatGateway-Hours", HOURS, 45_000_000);
/// A GB that crosses zones, each way.
pub const CROSS_ZONE_GB: Price = listed(Item::NatGateway, "DataTransfer-Regional-Bytes", "GB", 10_000_000);
/// A vCPU on Fargate.
pub const FARGATE_VCPU: Price =
    prefixed(listed(Item::Fargate, "Fargate-vCPU-Hours:perCPU", HOURS, 40_480_000));
/// A GB of memory on Fargate.
pub const FARGATE_GB: Price = prefixed(listed(Item::Fargate, "Fargate-GB-Hours", "GB-Hours", 4_445_000));

/// Prefixes of usage types by region. Source: usage types in AWS's public offer files, 2025.
const PREFIXES: [(&str, &str); 16] = [
    ("us-east-1", "USE1-"),
    ("us-east-2", "USE2-"),
    ("us-west-1", "USW1-"),
    ("us-west-2", "USW2-"),
    ("ca-central-1", "CAN1-"),
    ("sa-east-1", "SAE1-"),
    ("eu-west-1", "EU-"),
    ("eu-west-2", "EUW2-"),
    ("eu-west-3", "EUW3-"),
    ("eu-central-1", "EUC1-"),
    ("eu-north-1", "EUN1-"),
    ("ap-south-1", "APS3-"),
    ("ap-southeast-1", "APS1-"),
    ("ap-southeast-2", "APS2-"),
    ("ap-northeast-1", "APN1-"),
    ("ap-northeast-2", "APN2-"),
];

/// A usage type as it is billed in a region: in us-east-1 most carry no prefix. An unknown region gets none.
pub fn meter_in(region: &str, meter: &str, prefixed: bool) -> String {
    let known = PREFIXES.iter().find(|(name, _)| *name == region);
    let prefix = known.map_or("", |(_, prefix)| prefix);
    let shown = if prefixed || region != "us-east-1" { prefix } else { "" };
    format!("{shown}{meter}")
}

impl Price {
    /// Its usage type in a region.
    pub fn meter_in(&self, region: &str) -> String {
        meter_in(region, self.meter, self.prefixed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn usage_types_are_as_aws_bills_them() {
        let cases = [
            (&CONTROL_PLANE, "us-east-1", "USE1-AmazonEKS-Hours:perCluster"),
            (&CONTROL_PLANE, "eu-central-1", "EUC1-AmazonEKS-Hours:perCluster"),
            (&GP3, "us-east-1", "EBS:VolumeUsage.gp3"),
            (&GP3, "us-west-2", "USW2-EBS:VolumeUsage.gp3"),
            (&PUBLIC_IPV4, "us-east-1", "USE1-PublicIPv4:InUseAddress"),
            (&NAT_GATEWAY, "moon-1", "NatGateway-Hours"),
        ];
        for (price, region, want) in cases {
            assert_eq!(price.meter_in(region), want);
        }
    }
}
