//! Objects of a cluster that AWS bills beside its nodes: volumes and load balancers.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

/// Most GB that an EBS volume has (io2 Block Express: 64 TiB).
pub const VOLUME_GB_MAX: i64 = 65_536;
/// Most IOPS that an EBS volume has (io2 Block Express).
pub const VOLUME_IOPS_MAX: i64 = 256_000;
/// Most MiB/s that an EBS volume has (io2 Block Express: 4,000).
pub const VOLUME_MIBPS_MAX: i64 = 4_000;

/// Where a volume is in its life.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum VolumePhase {
    /// A claim has it.
    #[default]
    Bound,
    /// It was never claimed, or is free again.
    Available,
    /// Its claim is gone, the data was kept.
    Released,
    /// It could not be reclaimed.
    Failed,
}

/// A PersistentVolume.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersistentVolume {
    /// Name.
    pub name: String,
    /// `vol-0123...`; empty if not known.
    pub volume_id: String,
    /// Its claim, `namespace/name`, also one that is gone; empty if it never had one.
    pub claim: String,
    /// CSI driver, such as `ebs.csi.aws.com`; empty if not known.
    pub driver: String,
    /// Size in GB as EBS bills it (GiB), 0..=[`VOLUME_GB_MAX`].
    pub gb: i64,
    /// EBS volume type, such as `gp3`; empty if it is no EBS volume.
    pub volume_type: String,
    /// IOPS that its class asks for, at most [`VOLUME_IOPS_MAX`]; none: not stated.
    pub iops: Option<i64>,
    /// MiB/s that its class asks for, at most [`VOLUME_MIBPS_MAX`]; none: not stated.
    pub throughput_mibps: Option<i64>,
    /// Zone; empty if not known.
    pub zone: String,
    /// Where it is in its life.
    pub phase: VolumePhase,
    /// When it was made, if known.
    pub create_time: Option<Timestamp>,
}

/// Kinds of load balancer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum LoadBalancerKind {
    /// Of HTTP requests.
    Application,
    /// Of connections.
    Network,
    /// Of the previous generation.
    Classic,
}

/// A load balancer, as a Service of that type or an Ingress of class `alb` asks for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadBalancer {
    /// Namespace.
    pub namespace: String,
    /// `service/cart` or `ingress/shop`.
    pub name: String,
    /// Kind.
    pub kind: LoadBalancerKind,
    /// Its DNS name; empty while it is being made.
    pub address: String,
    /// Ingresses with the same value share one; empty: it has one of its own.
    pub shared: String,
    /// Whether it has public addresses.
    pub is_public: bool,
    /// When its object was made, if known.
    pub create_time: Option<Timestamp>,
}
