//! What can be wrong with a fleet.

/// A broken rule. Names are those of the problem; a bin is named by its running node, or `#` and its
/// position among the bins.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Violation {
    /// A bin or a group refers to something that the problem does not have.
    #[error("{place} refers to {what} {index}, which does not exist")]
    Unknown {
        /// Which bin or group.
        place: String,
        /// `offering`, `demand`, `node` or `group`.
        what: &'static str,
        /// The index.
        index: u32,
    },
    /// The contents of a bin are not by ascending demand, each once and at least one pod.
    #[error("the contents of node {node} are not by ascending demand with counts of at least 1")]
    Disorder {
        /// The bin.
        node: String,
    },
    /// More or fewer pods of a demand are placed than it has.
    #[error("{placed} pods of {demand} are placed, not {wanted}")]
    Count {
        /// The demand.
        demand: String,
        /// Its count.
        wanted: u32,
        /// Pods in bins.
        placed: u64,
    },
    /// A pod is where it may not be.
    #[error("{demand} may not run on {offering}, but is placed on node {node}")]
    Ineligible {
        /// The bin.
        node: String,
        /// What the bin is, or may be as a node of its group.
        offering: String,
        /// The demand.
        demand: String,
    },
    /// A node holds more than it can.
    #[error("node {node} holds {used} of {resource}, {offering} has {capacity}")]
    Capacity {
        /// The bin.
        node: String,
        /// What the bin is, or may be as a node of its group.
        offering: String,
        /// The resource.
        resource: String,
        /// Sum of what the contents ask for.
        used: i64,
        /// What one node of the offering holds.
        capacity: i64,
    },
    /// Too many pods of one demand on a node.
    #[error("node {node} holds {count} pods of {demand}, of which it may hold {max}")]
    MaxPerNode {
        /// The bin.
        node: String,
        /// The demand.
        demand: String,
        /// Pods of it on the node.
        count: u32,
        /// The cap.
        max: u32,
    },
    /// Too many pods of one demand in a zone.
    #[error("zone {zone} holds {count} pods of {demand}, of which it may hold {max}")]
    MaxPerZone {
        /// The zone.
        zone: String,
        /// The demand.
        demand: String,
        /// Pods of it in the zone.
        count: u64,
        /// The cap.
        max: u32,
    },
    /// Two demands share a node and may not.
    #[error("{demand} and {other} may not share a node, but are both on {node}")]
    Conflict {
        /// The bin.
        node: String,
        /// The first demand.
        demand: String,
        /// The second.
        other: String,
    },
    /// Two demands share a zone and may not.
    #[error("{demand} and {other} may not share a zone, but are both in {zone}")]
    ZoneConflict {
        /// The zone.
        zone: String,
        /// The first demand.
        demand: String,
        /// The second.
        other: String,
    },
    /// Pods are spread less evenly than a rule demands.
    #[error(
        "{demand} is spread unevenly: {domain} has {count} pods, the emptiest domain {emptiest}, the largest skew allowed is {max_skew}"
    )]
    Spread {
        /// The demand that the rule belongs to.
        demand: String,
        /// A zone or a bin.
        domain: String,
        /// Counted pods in it.
        count: u64,
        /// Counted pods in the emptiest domain, or 0 with too few domains.
        emptiest: u64,
        /// The rule's largest difference.
        max_skew: u32,
    },
    /// Demands that must share a place are in several.
    #[error("demands of {key} must share one place, but are in {places}")]
    Together {
        /// The shared value.
        key: String,
        /// How many places hold them.
        places: usize,
    },
    /// More nodes of an offering than there are.
    #[error("{count} nodes of {offering}, of which there are {max}")]
    Quantity {
        /// The offering.
        offering: String,
        /// Nodes of it.
        count: u64,
        /// The limit.
        max: u32,
    },
    /// A running node appears in two bins.
    #[error("node {node} appears twice")]
    NodeTwice {
        /// The node.
        node: String,
    },
    /// A running node appears as another offering than it is.
    #[error("node {node} is not of {offering}")]
    WrongOffering {
        /// The node.
        node: String,
        /// What the bin says it is.
        offering: String,
    },
    /// A new node of an offering that stands for running nodes.
    #[error("{offering} stands for running nodes and cannot be bought")]
    NotForSale {
        /// The offering.
        offering: String,
    },
    /// A sealed node takes newcomers.
    #[error(
        "node {node} takes no newcomers, but holds {count} pods of {demand}, of which {residents} live there"
    )]
    Sealed {
        /// The node.
        node: String,
        /// The demand.
        demand: String,
        /// Pods of it in the answer.
        count: u32,
        /// Pods of it that run there now.
        residents: u32,
    },
    /// A node that may not be removed is missing.
    #[error("node {node} may not be removed")]
    Kept {
        /// The node.
        node: String,
    },
    /// A group is not of one zone, kind and template, is empty, is unordered, or has running nodes' offerings.
    #[error(
        "group {group} is no group: its offerings must be ascending, for sale, and of one zone, kind and template"
    )]
    Group {
        /// Index of the group.
        group: u32,
    },
    /// A bin's group does not list its offering, a running node is in a new group, or a new node in none.
    #[error("node {node} is in a wrong group or in none")]
    Membership {
        /// The bin.
        node: String,
    },
    /// Too much of the fleet is on spot.
    #[error("{part} of {whole} {resource} are on spot, {max_permille} permille are allowed")]
    SpotShare {
        /// Name of the first resource.
        resource: String,
        /// Capacity on spot.
        part: i128,
        /// Capacity in all.
        whole: i128,
        /// The rule.
        max_permille: u32,
    },
    /// Too much of the fleet is in one zone.
    #[error("{part} of {whole} {resource} are in {zone}, {max_permille} permille are allowed")]
    ZoneShare {
        /// The zone.
        zone: String,
        /// Name of the first resource.
        resource: String,
        /// Capacity in the zone.
        part: i128,
        /// Capacity in all.
        whole: i128,
        /// The rule.
        max_permille: u32,
    },
    /// Too few on-demand nodes.
    #[error("{count} on-demand nodes, {min} are wanted")]
    OnDemandBase {
        /// On-demand nodes.
        count: usize,
        /// The rule.
        min: u32,
    },
    /// Too many nodes.
    #[error("{count} nodes, {max} are allowed")]
    Nodes {
        /// Nodes.
        count: usize,
        /// The rule.
        max: u32,
    },
    /// Too many groups.
    #[error("{count} node groups, {max} are allowed")]
    Groups {
        /// New groups with a node, and existing groups that keep one.
        count: usize,
        /// The rule.
        max: u32,
    },
    /// Too many nodes in a new group.
    #[error("group {group} has {count} nodes, {max} are allowed")]
    GroupSize {
        /// Index of the group.
        group: u32,
        /// Its nodes.
        count: u32,
        /// The rule.
        max: u32,
    },
    /// Too few types in a new spot group.
    #[error("spot group {group} has {count} instance types, {min} are wanted")]
    SpotTypes {
        /// Index of the group.
        group: u32,
        /// Its distinct types.
        count: usize,
        /// The rule.
        min: u32,
    },
    /// Too many pods leave their node.
    #[error("{count} pods move, {max} may")]
    MovedPods {
        /// Residents that leave.
        count: u64,
        /// The rule.
        max: u32,
    },
}
