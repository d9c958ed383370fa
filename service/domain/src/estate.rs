//! What a cluster is made of beside its machines, as ends that a cloud is driven to: the control plane, who may enter,
//! add-ons, versions, and what is left when it goes.

mod network;

use async_trait::async_trait;
use serde::{Deserialize, Serialize};

use crate::ids::{ClusterId, OperationId};
use crate::quota::Quota;
use crate::world::{CloudError, GroupSpec};

pub use network::{
    NETWORK_BITS, NETWORK_ZONES_MAX, Network, RESERVED_ADDRESSES, ZoneBlocks, overlap, parse as parse_cidr,
};

/// Addresses that a control plane needs in each of its subnets when it is made. From the EKS guide, "VPC and subnet
/// requirements".
pub const ADDRESSES_MIN: u32 = 6;
/// And when it is upgraded. From the same page.
pub const ADDRESSES_UPGRADE_MIN: u32 = 5;
/// Zones that a control plane needs at least. From the same page.
pub const ZONES_MIN: usize = 2;
/// Kinds of logs that a control plane can write. From the model of EKS, `LogType`.
pub const LOG_TYPES: [&str; 5] = ["api", "audit", "authenticator", "controllerManager", "scheduler"];
/// Add-ons that nodes need, and that need none; all others become active on nodes alone.
pub const ADD_ONS_BEFORE_NODES: [&str; 3] = ["vpc-cni", "kube-proxy", "eks-pod-identity-agent"];
/// Add-ons without which no node is ready.
pub const ADD_ONS_OF_NODES: [&str; 2] = ["vpc-cni", "kube-proxy"];
/// Add-ons of a cluster that names none: what nodes and planning need, without those that need a role of their own.
pub const ADD_ONS_DEFAULT: [&str; 5] =
    ["vpc-cni", "kube-proxy", "eks-pod-identity-agent", "coredns", "metrics-server"];

/// A control plane that is to be; where one is to be gone, nothing in it matters.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ControlPlane {
    /// Kubernetes version, `1.34`.
    pub version: String,
    /// ARN of the role that EKS acts in; empty: the one that is made for it, [`Part::Roles`].
    pub role_arn: String,
    /// ARN of the role that machines of its node groups act in; empty: the one that is made for them.
    pub node_role_arn: String,
    /// Ids of its subnets, in two zones at least; empty: those of the network that is made for it, [`Part::Network`].
    pub subnets: Vec<String>,
    /// Ids of security groups beside the one that EKS makes; at most 5.
    pub security_groups: Vec<String>,
    /// Networks from which its public address is reached, as CIDR; empty: it has none, and is reached from its VPC alone.
    pub public_cidrs: Vec<String>,
    /// Addresses of Services, as CIDR; empty: EKS chooses.
    pub service_cidr: String,
    /// Kinds of logs that go to CloudWatch, see [`LOG_TYPES`]. They are billed by volume.
    pub log_types: Vec<String>,
    /// ARN of a key of KMS that what the API server stores is encrypted with; empty: EKS's own. It cannot be taken away
    /// again.
    pub kms_key_arn: String,
}

/// Who may enter, and as what.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Access {
    /// ARN of a role or user of IAM.
    pub principal_arn: String,
    /// Name of a policy of EKS, `AmazonEKSClusterAdminPolicy`, for the whole cluster.
    pub policy: String,
}

/// An add-on that is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddOn {
    /// Its name, `vpc-cni`.
    pub name: String,
    /// ARN of the role that its pods act in, through Pod Identity; empty: that of their node.
    pub role_arn: String,
}

/// A node group that a cluster is made with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstGroup {
    /// The group.
    pub spec: GroupSpec,
    /// Its nodes.
    pub count: u32,
}

/// A cluster that is to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClusterPlan {
    /// The network that is made for it; none: it is put into subnets that are there.
    pub network: Option<Network>,
    /// Its control plane.
    pub plane: ControlPlane,
    /// Who may enter.
    pub access: Vec<Access>,
    /// Add-ons.
    pub add_ons: Vec<AddOn>,
    /// Node groups.
    pub groups: Vec<FirstGroup>,
}

impl ClusterPlan {
    /// Whether it has a node group of that name.
    pub fn has_group(&self, name: &str) -> bool {
        self.groups.iter().any(|group| group.spec.name == name)
    }
}

/// A part of a cluster, as an end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Part {
    /// A network of its own is there, with ways in and out.
    Network(Network),
    /// A role for EKS and one for machines are there, with the policies of AWS that they need.
    Roles,
    /// The control plane is there and answers.
    ControlPlane(ControlPlane),
    /// Somebody may enter.
    Access(Access),
    /// An add-on is active, at the version that EKS takes by default for the version of the control plane.
    AddOn(AddOn),
    /// Nodes of these instance types tell the scheduler of their GPUs.
    DevicePlugin(Vec<String>),
    /// The control plane has a version.
    Version(String),
    /// All machines of a node group run the version of the control plane.
    Machines(String),
    /// A node group of ours, whatever runs in it.
    Group(String),
    /// What EKS leaves behind: network interfaces that nothing uses any more.
    Leftovers,
}

/// How far an end is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is reached.
    Reached,
    /// It is not yet, and asking again finds out more. What it waits for, for people.
    OnTheWay(String),
}

/// A control plane as the cloud shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PlaneStatus {
    /// Kubernetes version.
    pub version: String,
    /// In EKS's words, `ACTIVE`.
    pub status: String,
    /// Whether we made it.
    pub is_ours: bool,
    /// Ids of its subnets.
    pub subnets: Vec<String>,
}

/// An add-on as the cloud shows it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddOnStatus {
    /// Its name.
    pub name: String,
    /// Whether we made it.
    pub is_ours: bool,
    /// Whether it has a version for the Kubernetes version that was asked about.
    pub is_offered: bool,
}

/// A node group as far as versions go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupVersion {
    /// Its name.
    pub name: String,
    /// Kubernetes version of its machines.
    pub version: String,
    /// Whether we made it.
    pub is_ours: bool,
    /// Whether it takes changes.
    pub is_active: bool,
}

/// A subnet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subnet {
    /// Its id.
    pub id: String,
    /// Its zone.
    pub zone: String,
    /// Its addresses, as CIDR.
    pub cidr: String,
    /// Whether it is meant for load balancers that face the world: nodes go elsewhere if they can.
    pub is_public: bool,
    /// Addresses that are free.
    pub free: u32,
}

/// What there is of a cluster.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Survey {
    /// Its control plane; none: there is none.
    pub plane: Option<PlaneStatus>,
    /// Its add-ons, by name.
    pub add_ons: Vec<AddOnStatus>,
    /// Its node groups, by name.
    pub groups: Vec<GroupVersion>,
    /// Its Fargate profiles, by name; none of them is ours.
    pub fargate_profiles: Vec<String>,
    /// What EKS itself says against an upgrade.
    pub blockers: Vec<String>,
}

/// Makes, upgrades and removes clusters. What an operation makes is marked as its own, so that nothing else is taken back.
#[async_trait]
pub trait Estate: Send + Sync {
    /// Begins to bring a part to its end, or finds out how far it is: called again until it is [`Standing::Reached`].
    /// What is there and is ours is taken as it is; `Conflict` if it is not ours, or is another. `Refused` if asking again
    /// will not help.
    async fn ensure(
        &self,
        cluster: &ClusterId,
        part: &Part,
        by: &OperationId,
    ) -> Result<Standing, CloudError>;
    /// The same for a part that is to be gone. `made_by`: only if that operation made it; what others made stays, and
    /// counts as gone. None: whatever of ours it is; `Conflict` if it is not ours.
    async fn ensure_gone(
        &self,
        cluster: &ClusterId,
        part: &Part,
        made_by: Option<&OperationId>,
    ) -> Result<Standing, CloudError>;
    /// What there is of a cluster. `next`: a version that it might be upgraded to.
    async fn survey(&self, cluster: &ClusterId, next: Option<&str>) -> Result<Survey, CloudError>;
    /// Subnets by their ids; one that is not there is left out.
    async fn subnets(&self, ids: &[String]) -> Result<Vec<Subnet>, CloudError>;
    /// Quotas of the account in the cluster's region, and what is taken of each: machines and node groups of the cluster are
    /// counted; it itself, its network and that one's addresses are not.
    async fn quotas(&self) -> Result<Vec<Quota>, CloudError>;
}
