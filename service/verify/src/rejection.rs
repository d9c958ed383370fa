//! Why a bundle is not proven.

use std::fmt;

/// A part of a bundle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Member {
    /// The problem.
    Problem,
    /// The plan.
    Plan,
    /// The certificate.
    Certificate,
}

/// Why a bundle is not proven: the first thing that is wrong with it.
///
/// Nodes and groups are named as in the plan; demands, offerings and resources are indexes into the
/// problem; money is in nano-USD per hour.
#[derive(Clone, Debug, PartialEq, Eq)]
#[rustfmt::skip]
#[expect(missing_docs, reason = "each field is explained by its name, its variant and the lines above")]
pub enum Rejection {
    /// A value that its message does not allow, such as an index out of range.
    Malformed { member: Member, path: String, expected: &'static str },
    /// It is about another problem.
    Digest { member: Member, stated: String, actual: String },

    /// Two nodes of one name, or a new node with the name of an existing one.
    NodeTwice { node: String },
    /// An existing node that the problem does not have.
    NodeUnknown { node: String },
    /// An existing node with another offering than its own.
    NodeOffering { node: String, offering: usize, own: usize },
    /// A new node of an offering that belongs to existing nodes.
    OfferingOwned { node: String, offering: usize },
    /// A node that may not be removed is not in the plan.
    NodeKept { node: String },
    /// More pods than reside on a node that takes no newcomers.
    NodeSealed { node: String, demand: usize, placed: i64, residents: i64 },

    /// Not all pods of a demand are placed, or too many.
    Unplaced { demand: usize, placed: i64, count: i64 },
    /// A demand on an offering that may not carry it.
    Ineligible { node: String, demand: usize, offering: usize },
    /// More than a node holds, or than a node of another offering of its group would.
    Overfull { node: String, offering: usize, resource: usize, used: i128, capacity: i64 },
    /// Too many pods of a demand on one node.
    PerNode { node: String, demand: usize, placed: i64, max: i64 },
    /// Two demands that may not share a node.
    Conflict { node: String, demand: usize, other: usize },

    /// Too many pods of a demand in one zone.
    PerZone { zone: String, demand: usize, placed: i64, max: i64 },
    /// Two demands that may not share a zone.
    ZoneConflict { zone: String, demand: usize, other: usize },
    /// Pods that belong together are apart.
    Apart { together: String },
    /// Pods are not spread: a domain has too many more than the emptiest.
    Skew { demand: usize, spread: usize, domain: String, counted: i64, emptiest: i64, max: i64 },

    /// Two groups of one name.
    GroupTwice { group: String },
    /// A node of a group that the plan does not have, or that is not new.
    GroupUnknown { node: String, group: String },
    /// A new node without a group where groups are formed, or a node with one where it may not have any.
    GroupMembership { node: String },
    /// An offering in a group that differs from the others in zone, kind or template.
    GroupMixed { group: String, offering: usize },
    /// A node of an offering that is not in its group.
    GroupOffering { node: String, group: String, offering: usize },
    /// Too few instance types in a spot group.
    GroupTypes { group: String, types: usize, min: usize },
    /// Too many nodes in a group.
    GroupNodes { group: String, nodes: usize, max: usize },

    /// Too many nodes of an offering.
    Quantity { offering: usize, nodes: usize, max: usize },
    /// Too many nodes.
    Nodes { nodes: usize, max: usize },
    /// Too many groups.
    Groups { groups: usize, max: usize },
    /// Too few on-demand nodes.
    OnDemandBase { nodes: usize, min: usize },
    /// Too much capacity on spot.
    SpotShare { spot: i128, total: i128, max_permille: i32 },
    /// Too much capacity in one zone.
    ZoneShare { zone: String, inside: i128, total: i128, max_permille: i32 },
    /// Too many resident pods leave their node.
    MovedPods { moved: i64, max: i64 },

    /// The plan states another cost than its nodes add up to.
    Cost { stated: i64, actual: i64 },
    /// The plan states another objective than it has.
    Objective { stated: i64, actual: i64 },
    /// Plan and certificate state different floors.
    Floors { plan: i64, certificate: i64 },
    /// The dual of spot share makes an unlimited offering better than free, so nothing is proven.
    Unbounded { offering: usize },
    /// The duals prove less than is stated.
    Floor { stated: i64, proven: i64 },
}

impl std::error::Error for Rejection {}

impl fmt::Display for Member {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        to.write_str(match self {
            Self::Problem => "problem",
            Self::Plan => "plan",
            Self::Certificate => "certificate",
        })
    }
}

impl fmt::Display for Rejection {
    #[rustfmt::skip]
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        match self {
            Self::Malformed { member, path, expected } => write!(to, "{member}.{path} must be {expected}"),
            Self::Digest { member, stated, actual } =>
                write!(to, "the {member} is about problem {stated:?}, this one is {actual}"),
            Self::NodeTwice { node } => write!(to, "the name {node:?} stands for two nodes"),
            Self::NodeUnknown { node } => write!(to, "there is no existing node {node:?}"),
            Self::NodeOffering { node, offering, own } =>
                write!(to, "existing node {node:?} is of offering {own}, not of {offering}"),
            Self::OfferingOwned { node, offering } =>
                write!(to, "new node {node:?} is of offering {offering}, which belongs to existing nodes"),
            Self::NodeKept { node } => write!(to, "node {node:?} may not be removed"),
            Self::NodeSealed { node, demand, placed, residents } =>
                write!(to, "node {node:?} takes no newcomers: {placed} pods of demand {demand}, {residents} reside there"),
            Self::Unplaced { demand, placed, count } =>
                write!(to, "{placed} pods of demand {demand} are placed, there are {count}"),
            Self::Ineligible { node, demand, offering } =>
                write!(to, "node {node:?}: offering {offering} may not carry demand {demand}"),
            Self::Overfull { node, offering, resource, used, capacity } =>
                write!(to, "node {node:?} holds {used} of resource {resource}, offering {offering} has {capacity}"),
            Self::PerNode { node, demand, placed, max } =>
                write!(to, "node {node:?} holds {placed} pods of demand {demand}, at most {max} may share a node"),
            Self::Conflict { node, demand, other } =>
                write!(to, "node {node:?} holds demands {demand} and {other}, which conflict"),
            Self::PerZone { zone, demand, placed, max } =>
                write!(to, "zone {zone:?} holds {placed} pods of demand {demand}, at most {max} may share a zone"),
            Self::ZoneConflict { zone, demand, other } =>
                write!(to, "zone {zone:?} holds demands {demand} and {other}, which conflict"),
            Self::Apart { together } => write!(to, "the pods of {together:?} are not together"),
            Self::Skew { demand, spread, domain, counted, emptiest, max } =>
                write!(to, "spread {spread} of demand {demand}: {domain:?} has {counted} pods, the emptiest domain {emptiest}, the skew may be {max}"),
            Self::GroupTwice { group } => write!(to, "there are two groups {group:?}"),
            Self::GroupUnknown { node, group } => write!(to, "node {node:?} is of {group:?}, which is no new group"),
            Self::GroupMembership { node } =>
                write!(to, "node {node:?} must be of a group exactly if it is new and groups are formed"),
            Self::GroupMixed { group, offering } =>
                write!(to, "offering {offering} is of another zone, kind or template than the rest of group {group:?}, or not to be bought"),
            Self::GroupOffering { node, group, offering } =>
                write!(to, "node {node:?} is of offering {offering}, which is not in group {group:?}"),
            Self::GroupTypes { group, types, min } =>
                write!(to, "spot group {group:?} has {types} instance types, at least {min} are required"),
            Self::GroupNodes { group, nodes, max } => write!(to, "group {group:?} has {nodes} nodes, at most {max} are allowed"),
            Self::Quantity { offering, nodes, max } =>
                write!(to, "there are {nodes} nodes of offering {offering}, at most {max} can be had"),
            Self::Nodes { nodes, max } => write!(to, "there are {nodes} nodes, at most {max} are allowed"),
            Self::Groups { groups, max } => write!(to, "there are {groups} node groups, at most {max} are allowed"),
            Self::OnDemandBase { nodes, min } => write!(to, "there are {nodes} on-demand nodes, at least {min} are required"),
            Self::SpotShare { spot, total, max_permille } =>
                write!(to, "{spot} of {total} is on spot, at most {max_permille} permille are allowed"),
            Self::ZoneShare { zone, inside, total, max_permille } =>
                write!(to, "{inside} of {total} is in zone {zone:?}, at most {max_permille} permille are allowed"),
            Self::MovedPods { moved, max } => write!(to, "{moved} resident pods leave their node, at most {max} may"),
            Self::Cost { stated, actual } => write!(to, "the plan states a cost of {stated}, its nodes add up to {actual}"),
            Self::Objective { stated, actual } => write!(to, "the plan states an objective of {stated}, it has {actual}"),
            Self::Floors { plan, certificate } =>
                write!(to, "the plan states a floor of {plan}, the certificate one of {certificate}"),
            Self::Unbounded { offering } =>
                write!(to, "the dual of spot share makes offering {offering} better than free: nothing is proven"),
            Self::Floor { stated, proven } => write!(to, "a floor of {stated} is stated, the duals prove {proven}"),
        }
    }
}
