//! The rows of the ledger.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::fleet::CapacityKind;

/// What is charged for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Item {
    /// The Kubernetes control plane.
    ControlPlane,
    /// What an old Kubernetes version costs on top.
    ExtendedSupport,
    /// An EC2 instance.
    Instance,
    /// The root volume of an instance.
    RootVolume,
    /// A volume that pods claim.
    Volume,
    /// A load balancer.
    LoadBalancer,
    /// A public IPv4 address.
    PublicIpv4,
    /// A NAT gateway.
    NatGateway,
    /// A pod on Fargate.
    Fargate,
}

/// How well a number is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Quality {
    /// Metered, at a quoted price.
    Measured,
    /// Something in it was estimated: the price, or use over a short gap.
    Estimated,
    /// Nobody looked for longer than a gap that may be bridged.
    Gap,
}

/// How much of something was used, in 1e-18 of its unit. Never negative.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Quantity(pub i128);

/// One priced thing in one hour of UTC. All money in nano-USD.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// Start of the hour.
    pub hour: Timestamp,
    /// What is charged for.
    pub item: Item,
    /// ARN, or `i-0123...` of an instance. With `item`, `meter` and `hour` it is the key.
    pub resource_id: String,
    /// Its name; empty if it has none of its own.
    pub resource_name: String,
    /// Usage type as AWS bills it, such as `BoxUsage:m5.large`.
    pub meter: String,
    /// How an instance is bought; none for anything else.
    pub capacity: Option<CapacityKind>,
    /// Instance type; empty for anything else.
    pub instance_type: String,
    /// Node group; empty if there is none.
    pub group: String,
    /// Zone; empty if it is of the whole region.
    pub zone: String,
    /// Unit of the quantity and of the price: `Hours`, `GB-Months`.
    pub unit: String,
    /// How much was used.
    pub quantity: Quantity,
    /// Price of a unit on the list, nano-USD; of spot, the average that was in force.
    pub list_unit_price: i64,
    /// After private pricing.
    pub contracted_unit_price: i64,
    /// Quantity at list price.
    pub list_cost: i64,
    /// Quantity at the contracted price.
    pub contracted_cost: i64,
    /// With commitments spread over what they cover.
    pub effective_cost: i64,
    /// What the invoice will say.
    pub billed_cost: i64,
    /// How well it is known.
    pub quality: Quality,
    /// Where the price comes from.
    pub price_source: String,
    /// As of when.
    pub price_time: Timestamp,
}

/// Part of a node that a share is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Share {
    /// CPU.
    Cpu,
    /// Memory.
    Memory,
    /// GPUs.
    Gpu,
    /// The thing as a whole.
    Whole,
}

/// Whose a share is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum AllocationKind {
    /// A workload's.
    Workload,
    /// A DaemonSet's.
    DaemonSet,
    /// Nobody's: it could have been used.
    Idle,
    /// The node's own: what the kubelet and the system keep.
    Overhead,
    /// Everybody's, such as the control plane.
    Shared,
    /// Nobody knows.
    Unattributed,
}

/// How the cost of a node is divided between CPU, memory and GPUs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum SplitMethod {
    /// As AWS's split cost allocation data does: a vCPU weighs 9, a GB 1.
    #[default]
    Aws,
    /// As OpenCost does, by its list prices of CPU, memory and GPU.
    OpenCost,
}

/// A part of a charge and whose it is. The parts of a charge sum to it, for each of the four costs.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Allocation {
    /// Start of the hour.
    pub hour: Timestamp,
    /// Item, resource id, meter: the charge.
    pub item: Item,
    /// See [`Charge::resource_id`].
    pub resource_id: String,
    /// See [`Charge::meter`].
    pub meter: String,
    /// See [`Charge::capacity`].
    pub capacity: Option<CapacityKind>,
    /// See [`Charge::instance_type`].
    pub instance_type: String,
    /// See [`Charge::group`].
    pub group: String,
    /// See [`Charge::zone`].
    pub zone: String,
    /// Of what of the resource it is a share.
    pub share: Share,
    /// Whose it is.
    pub kind: AllocationKind,
    /// How the node was divided.
    pub method: SplitMethod,
    /// Namespace; empty unless it is a pod's.
    pub namespace: String,
    /// `deployment/cart`; empty unless it is a pod's.
    pub workload: String,
    /// Pod; empty unless it is one's.
    pub pod: String,
    /// Team, by the policy's map of namespaces or the label; empty if unknown.
    pub team: String,
    /// Model that is served; empty if none is.
    pub model: String,
    /// Share of the list cost.
    pub list_cost: i64,
    /// Share of the contracted cost.
    pub contracted_cost: i64,
    /// Share of the effective cost.
    pub effective_cost: i64,
    /// Share of the billed cost.
    pub billed_cost: i64,
    /// How well it is known.
    pub quality: Quality,
}

/// All rows of one cluster and hour.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct HourRows {
    /// Charges, ascending by key.
    pub charges: Vec<Charge>,
    /// Allocations, ascending by charge and owner; they sum to the charges.
    pub allocations: Vec<Allocation>,
}
