//! What can be said against a cluster before it is made.

use std::collections::{BTreeMap, BTreeSet};

use plimsoll_domain::catalog::Catalog;
use plimsoll_domain::estate::{
    ADD_ONS_BEFORE_NODES, ADD_ONS_OF_NODES, ADDRESSES_MIN, ClusterPlan, LOG_TYPES, Subnet, ZONES_MIN,
    overlap, parse_cidr,
};

use crate::{Error, Registration};

/// Letters of a node group's name at most. From the model of EKS.
const GROUP_NAME_MAX: usize = 63;
/// Letters of a role's name at most. From the IAM reference.
const ROLE_NAME_MAX: usize = 64;
/// Those of `plimsoll-{region}-{cluster}-cluster` beside region and cluster.
const ROLE_NAME_REST: usize = 18;
/// Bits of the network of Services. From the EKS reference, `serviceIpv4Cidr`.
const SERVICE_BITS: std::ops::RangeInclusive<u32> = 12..=24;
/// Security groups at most. From the model of EKS.
const SECURITY_GROUPS_MAX: usize = 5;
/// Pods of a node whose type the catalog does not know: the least that EKS recommends for any machine of its size.
const PODS_UNKNOWN: i64 = 110;

fn wrong(field: &'static str, message: impl Into<String>) -> Error {
    Error::InvalidArgument { field, message: message.into() }
}

/// Judges what was asked for by itself.
///
/// # Errors
/// [`Error::InvalidArgument`] with the field.
pub fn whole(plan: &ClusterPlan) -> Result<(), Error> {
    let plane = &plan.plane;
    if minor(&plane.version).is_none() {
        return Err(wrong(
            "spec.kubernetes_version",
            format!("{:?} is no version such as 1.34", plane.version),
        ));
    }
    let no_role = |arn: &String| !arn.is_empty() && !arn.starts_with("arn:");
    if no_role(&plane.role_arn) {
        return Err(wrong(
            "spec.cluster_role_arn",
            "expected the ARN of a role that eks.amazonaws.com may assume",
        ));
    }
    if no_role(&plane.node_role_arn) {
        return Err(wrong(
            "spec.node_role_arn",
            "expected the ARN of a role that ec2.amazonaws.com may assume",
        ));
    }
    if plane.role_arn.is_empty() != plane.node_role_arn.is_empty() {
        let field = if plane.role_arn.is_empty() { "spec.cluster_role_arn" } else { "spec.node_role_arn" };
        return Err(wrong(field, "name both roles, or neither: then both are made"));
    }
    place(plan)?;
    distinct("spec.subnets", plane.subnets.iter())?;
    if SECURITY_GROUPS_MAX < plane.security_groups.len() {
        return Err(wrong("spec.security_groups", format!("at most {SECURITY_GROUPS_MAX}")));
    }
    if let Some(kind) = plane.log_types.iter().find(|kind| !LOG_TYPES.contains(&kind.as_str())) {
        return Err(wrong("spec.log_types", format!("{kind:?} is none of {}", LOG_TYPES.join(", "))));
    }
    for cidr in &plane.public_cidrs {
        parse_cidr(cidr).ok_or_else(|| {
            wrong("spec.public_cidrs", format!("{cidr:?} is no network such as 203.0.113.0/24"))
        })?;
    }
    if plan.access.is_empty() {
        return Err(wrong(
            "spec.access",
            "nobody could enter: name a principal, or register a role to assume",
        ));
    }
    distinct("spec.access", plan.access.iter().map(|access| &access.principal_arn))?;
    distinct("spec.add_ons", plan.add_ons.iter().map(|add_on| &add_on.name))?;
    add_ons(plan)?;
    groups(plan)
}

fn add_ons(plan: &ClusterPlan) -> Result<(), Error> {
    let has = |name: &&str| plan.add_ons.iter().any(|add_on| add_on.name == *name);
    if plan.groups.is_empty() {
        let lost = plan.add_ons.iter().find(|one| !ADD_ONS_BEFORE_NODES.contains(&one.name.as_str()));
        return lost.map_or(Ok(()), |one| {
            Err(wrong("spec.add_ons", format!("{} needs nodes, and there is no node group", one.name)))
        });
    }
    match ADD_ONS_OF_NODES.into_iter().find(|name| !has(name)) {
        Some(missing) => Err(wrong("spec.add_ons", format!("no node is ever ready without {missing}"))),
        None => Ok(()),
    }
}

/// Roles that are made have names of limited length.
///
/// # Errors
/// [`Error::InvalidArgument`] if the cluster's name is too long for them.
pub fn role_names(plan: &ClusterPlan, registration: &Registration) -> Result<(), Error> {
    let length = ROLE_NAME_REST + registration.region.len() + registration.id.as_str().len();
    if plan.plane.role_arn.is_empty() && ROLE_NAME_MAX < length {
        let most = ROLE_NAME_MAX.saturating_sub(ROLE_NAME_REST + registration.region.len());
        let message = format!("roles are named after it: at most {most} letters, or name roles");
        return Err(wrong("cluster_id", message));
    }
    Ok(())
}

/// Where it is put: into subnets that are there, or into a network of its own.
fn place(plan: &ClusterPlan) -> Result<(), Error> {
    let few = format!("a control plane needs {ZONES_MIN} zones at least");
    match &plan.network {
        Some(_) if !plan.plane.subnets.is_empty() => {
            Err(wrong("spec.subnets", "name subnets, or a network to be made, not both"))
        }
        Some(network) if network.zones.len() < ZONES_MIN => Err(wrong("spec.network.zones", few)),
        Some(network) => {
            distinct("spec.network.zones", network.zones.iter())?;
            let want = "expected 16 to 20 bits and at most 6 zones, such as 10.0.0.0/16";
            let odd = || wrong("spec.network.cidr", format!("{:?}: {want}", network.cidr));
            network.blocks().map(drop).ok_or_else(odd)
        }
        None if plan.plane.subnets.len() < ZONES_MIN => {
            Err(wrong("spec.subnets", format!("{few}: name subnets in each, or a network to be made")))
        }
        None => Ok(()),
    }
}

/// The subnets of a network that is to be made.
pub fn own_subnets(plan: &ClusterPlan) -> Option<Vec<Subnet>> {
    let network = plan.network.as_ref()?;
    let subnet = |zone: plimsoll_domain::estate::ZoneBlocks| Subnet {
        id: format!("the block {}", zone.private),
        zone: zone.zone,
        cidr: zone.private,
        is_public: false,
        free: network.free_addresses(),
    };
    Some(network.blocks()?.into_iter().map(subnet).collect())
}

fn groups(plan: &ClusterPlan) -> Result<(), Error> {
    const FIELD: &str = "spec.groups";
    distinct(FIELD, plan.groups.iter().map(|group| &group.spec.name))?;
    for group in &plan.groups {
        let name = &group.spec.name;
        let plain = name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_');
        if name.is_empty() || GROUP_NAME_MAX < name.len() || !plain {
            return Err(wrong(
                FIELD,
                format!("{name:?} is no name: 1 to {GROUP_NAME_MAX} letters, digits, '-' and '_'"),
            ));
        }
        if group.spec.instance_types.is_empty() {
            return Err(wrong(FIELD, format!("{name} has no instance types")));
        }
    }
    Ok(())
}

/// Judges it by the subnets that there are.
///
/// # Errors
/// [`Error::InvalidArgument`] with the arithmetic.
pub fn room(plan: &ClusterPlan, subnets: &[Subnet]) -> Result<(), Error> {
    const FIELD: &str = "spec.subnets";
    let known: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.id.as_str()).collect();
    if let Some(missing) = plan.plane.subnets.iter().find(|id| !known.contains(id.as_str())) {
        return Err(wrong(FIELD, format!("there is no subnet {missing} in this region and account")));
    }
    let zones: BTreeSet<&str> = subnets.iter().map(|subnet| subnet.zone.as_str()).collect();
    if zones.len() < ZONES_MIN {
        let zone = zones.first().copied().unwrap_or_default();
        return Err(wrong(
            FIELD,
            format!("all of them are in {zone}: a control plane needs {ZONES_MIN} zones"),
        ));
    }
    if let Some(group) = plan.groups.iter().find(|group| !zones.contains(group.spec.zone.as_str())) {
        let (name, zone) = (&group.spec.name, &group.spec.zone);
        return Err(wrong("spec.groups", format!("{name}: none of the subnets is in {zone}")));
    }
    services(plan, subnets)?;
    addresses(plan, subnets)
}

/// The network of Services is apart from that of nodes.
fn services(plan: &ClusterPlan, subnets: &[Subnet]) -> Result<(), Error> {
    const FIELD: &str = "spec.service_cidr";
    let cidr = &plan.plane.service_cidr;
    if cidr.is_empty() {
        return Ok(());
    }
    let its = parse_cidr(cidr).filter(|(_, bits)| SERVICE_BITS.contains(bits));
    let odd = || wrong(FIELD, format!("{cidr:?} is no network of 12 to 24 bits such as 172.20.0.0/16"));
    let its = its.ok_or_else(odd)?;
    let own = plan.network.iter().map(|network| ("the network", &network.cidr));
    let named = subnets.iter().map(|subnet| (subnet.id.as_str(), &subnet.cidr));
    let mut all = own.chain(named);
    let clash = all.find(|(_, other)| parse_cidr(other).is_some_and(|other| overlap(its, other)));
    match clash {
        Some((what, other)) => Err(wrong(FIELD, format!("{cidr} overlaps with {other} of {what}"))),
        None => Ok(()),
    }
}

/// Pods have addresses of their subnet, too.
fn addresses(plan: &ClusterPlan, subnets: &[Subnet]) -> Result<(), Error> {
    let mut nodes: BTreeMap<&str, (i64, Vec<String>)> = BTreeMap::new();
    for group in &plan.groups {
        let pods = group.spec.instance_types.iter().map(|name| pods_of(name)).max().unwrap_or(0);
        let need = i64::from(group.count) * (1 + pods);
        let (sum, words) = nodes.entry(group.spec.zone.as_str()).or_default();
        *sum += need;
        words.push(format!("{} nodes of {} with {pods} pods each ({need})", group.count, group.spec.name));
    }
    // Nodes go to the subnet of their zone with the most room, a private one if there is one.
    let mut homes: BTreeMap<&str, &Subnet> = BTreeMap::new();
    for subnet in subnets {
        let rank = |subnet: &Subnet| (!subnet.is_public, subnet.free);
        let home = homes.entry(&subnet.zone).or_insert(subnet);
        if rank(home) < rank(subnet) {
            *home = subnet;
        }
    }
    for subnet in subnets {
        let is_home = homes.get(subnet.zone.as_str()).is_some_and(|home| home.id == subnet.id);
        let its = nodes.get(subnet.zone.as_str()).filter(|_| is_home);
        let need = i64::from(ADDRESSES_MIN) + its.map_or(0, |(sum, _)| *sum);
        if i64::from(subnet.free) < need {
            let mut parts = vec![format!("{ADDRESSES_MIN} of the control plane")];
            parts.extend(its.into_iter().flat_map(|(_, words)| words.clone()));
            let (id, zone, free) = (&subnet.id, &subnet.zone, subnet.free);
            let message =
                format!("{id} in {zone} has {free} free addresses, and {} need {need}", parts.join(", "));
            return Err(wrong("spec.subnets", message));
        }
    }
    Ok(())
}

fn pods_of(instance_type: &str) -> i64 {
    let catalog = Catalog::builtin();
    let settings = plimsoll_domain::catalog::node::NodeSettings::default();
    catalog.types.get(instance_type).map_or(PODS_UNKNOWN, |known| known.capacity(&settings).pods)
}

fn distinct<'a>(field: &'static str, names: impl Iterator<Item = &'a String>) -> Result<(), Error> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name) {
            return Err(wrong(field, format!("{name:?} is named twice")));
        }
    }
    Ok(())
}

/// The number after the dot of `1.34`.
pub fn minor(version: &str) -> Option<u32> {
    let (major, minor) = version.split_once('.')?;
    (major == "1" && minor.bytes().all(|b| b.is_ascii_digit())).then(|| minor.parse().ok()).flatten()
}

#[cfg(test)]
mod tests;
