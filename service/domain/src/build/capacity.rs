//! What is left on a site for the pods that a plan places: in the order of the problem's resources,
//! after DaemonSets, static pods and headroom.

use std::collections::{BTreeMap, BTreeSet};

use super::bits::{Bits, Numbering};
use super::pods::{EBS_DRIVERS, Kin, Pods};
use super::sites::{Site, Sites};
use super::terms::{MILLION, Terms, ceil_div};
use super::ties::{Ties, topology};
use crate::catalog::InstanceType;
use crate::fleet::Node;
use crate::problem::Topology;
use crate::resources::Resources;
use crate::workload::{HostPort, PodTerm};

/// Name of the resource that stands for EBS volumes attached to a node.
pub const EBS_VOLUMES: &str = "ebs_volumes";

/// Kubernetes' own names of the first four resources of a problem, in order.
const BASIC: [(&str, &str); 4] = [
    ("cpu_milli", "cpu"),
    ("memory_bytes", "memory"),
    ("ephemeral_bytes", "ephemeral-storage"),
    ("pods", "pods"),
];

/// The resources of a problem: the basic four, what pods ask for besides, and EBS volumes if any pod
/// has one.
#[derive(Clone, Debug)]
pub(super) struct Axes {
    /// Names, as the problem has them.
    pub names: Vec<String>,
}

impl Axes {
    pub fn of(kins: &[Kin]) -> Self {
        let extended: BTreeSet<&String> = kins.iter().flat_map(|kin| kin.request.extended.keys()).collect();
        let basic = BASIC.iter().map(|(name, _)| (*name).to_owned());
        let mut names: Vec<String> = basic.chain(extended.into_iter().cloned()).collect();
        if kins.iter().any(|kin| 0 < kin.ebs_claims) {
            names.push(EBS_VOLUMES.to_owned());
        }
        Self { names }
    }

    /// Amounts in order; `volumes` is that of [`EBS_VOLUMES`].
    pub fn amounts(&self, resources: &Resources, volumes: i64) -> Vec<i64> {
        let amount = |name: &String| match BASIC.iter().find(|(ours, _)| ours == name) {
            Some((_, theirs)) => resources.get(theirs),
            None if name == EBS_VOLUMES => volumes,
            None => resources.get(name),
        };
        self.names.iter().map(amount).collect()
    }

    /// What one pod asks for. Never negative.
    pub fn request(&self, kin: &Kin) -> Vec<i64> {
        self.amounts(&kin.request, kin.ebs_claims).into_iter().map(|amount| amount.max(0)).collect()
    }
}

/// What stays on each site whatever a plan does.
pub(super) struct Residue {
    /// By site: what DaemonSets and static pods take.
    pub reserve: Vec<Resources>,
    /// By site: number of the set of host ports that they take.
    pub ports: Vec<u32>,
    /// Sets of host ports.
    pub port_sets: Vec<Vec<HostPort>>,
    /// By term of their required anti-affinity that speaks of some family: sites that it closes to it.
    pub closed: BTreeMap<PodTerm, Bits>,
}

impl Residue {
    /// Adds up, for running nodes, the DaemonSet and static pods that run there and the DaemonSets'
    /// pods that should; for new nodes, those that will.
    pub fn of(pods: &Pods<'_>, ties: &[Ties], sites: &mut Sites<'_>) -> Self {
        let sets = &pods.state.daemon_sets;
        let lands: Vec<Bits> = sets
            .iter()
            .map(|set| {
                let (selected, tolerated) =
                    (sites.selected(&set.scheduling), sites.tolerated(&set.scheduling));
                Bits::of(sites.len(), |site| selected.contains(site) && tolerated.contains(site))
            })
            .collect();
        let mut port_sets = Numbering::new();
        let mut known: BTreeMap<Vec<usize>, (Resources, u32)> = BTreeMap::new();
        let (mut reserve, mut ports) = (Vec::new(), Vec::new());
        for (index, site) in sites.all.iter().enumerate() {
            let expected: Vec<usize> = (0..sets.len()).filter(|set| lands[*set].contains(index)).collect();
            let (taken, taken_ports) = match site.node {
                Some(node) => {
                    let (taken, ports) = on_node(pods, node, &expected);
                    (taken, port_sets.number(&ports))
                }
                None => known
                    .entry(expected)
                    .or_insert_with_key(|expected| {
                        let (taken, ports) = of_sets(pods, expected);
                        (taken, port_sets.number(&ports))
                    })
                    .clone(),
            };
            reserve.push(taken);
            ports.push(taken_ports);
        }
        let terms: BTreeSet<&PodTerm> = ties.iter().flat_map(|ties| &ties.repelled_by).collect();
        let closed =
            terms.into_iter().map(|term| (term.clone(), closed(term, pods, &lands, sites))).collect();
        Self { reserve, ports, port_sets: port_sets.into_values(), closed }
    }
}

/// Sites that a term of anti-affinity closes: those where a pod that has it runs or will; if it speaks of
/// zones, also all in a zone where one runs. `lands`: by DaemonSet, the sites that get its pods.
fn closed(term: &PodTerm, pods: &Pods<'_>, lands: &[Bits], sites: &Sites<'_>) -> Bits {
    let has_it = |pod: &usize| pods.pod(*pod).scheduling.pod_anti_affinity.contains(term);
    let homes = || (0..pods.fixed.len()).filter(|node| pods.fixed[*node].iter().any(has_it));
    let zones: BTreeSet<&str> = match topology(&term.topology_key) {
        Some(Topology::Zone) => homes().map(|node| sites.all[node].zone.as_str()).collect(),
        _ => BTreeSet::new(),
    };
    let mut closed = Bits::of(sites.len(), |site| zones.contains(sites.all[site].zone.as_str()));
    homes().for_each(|node| closed.insert(node));
    let sets = pods.state.daemon_sets.iter().zip(lands);
    let sets = sets.filter(|(set, _)| set.scheduling.pod_anti_affinity.contains(term));
    sets.flat_map(|(_, lands)| lands.iter()).for_each(|site| closed.insert(site));
    closed
}

fn of_sets(pods: &Pods<'_>, expected: &[usize]) -> (Resources, Vec<HostPort>) {
    let sets = expected.iter().map(|set| &pods.state.daemon_sets[*set]);
    let taken = sets.clone().fold(Resources::default(), |sum, set| sum.plus(&set.requests));
    let ports: BTreeSet<HostPort> = sets.flat_map(|set| set.scheduling.host_ports.iter().cloned()).collect();
    (taken, ports.into_iter().collect())
}

fn on_node(pods: &Pods<'_>, node: usize, expected: &[usize]) -> (Resources, Vec<HostPort>) {
    let running = || pods.fixed[node].iter().map(|pod| pods.pod(*pod));
    let runs = |set: &usize| {
        let set = &pods.state.daemon_sets[*set];
        let mut owners = running().filter_map(|pod| pod.owner.as_ref());
        owners.any(|owner| owner.namespace == set.namespace && owner.name == set.name)
    };
    let missing: Vec<usize> = expected.iter().copied().filter(|set| !runs(set)).collect();
    let (taken, mut ports) = of_sets(pods, &missing);
    ports.extend(running().flat_map(|pod| pod.scheduling.host_ports.iter().cloned()));
    ports.sort();
    ports.dedup();
    (running().fold(taken, |sum, pod| sum.plus(&pod.requests)), ports)
}

/// What a site holds for the pods that a plan places. Never negative.
pub(super) fn free(site: &Site, reserve: &Resources, nodes: &[Node], axes: &Axes, terms: &Terms) -> Vec<i64> {
    let mut left = site.allocatable.minus(reserve);
    let volumes = match site.node {
        Some(node) => volumes_of_node(&nodes[node], site),
        None => {
            left.cpu_milli -= share(site.allocatable.cpu_milli, terms.headroom_cpu);
            left.memory_bytes -= share(site.allocatable.memory_bytes, terms.headroom_memory);
            volumes_of_site(site)
        }
    };
    axes.amounts(&left, volumes).into_iter().map(|amount| amount.max(0)).collect()
}

fn share(amount: i64, millionths: i64) -> i64 {
    ceil_div(i128::from(amount) * i128::from(millionths), MILLION)
}

fn volumes_of_node(node: &Node, site: &Site) -> i64 {
    let limit = EBS_DRIVERS.iter().find_map(|driver| node.attach_limits.get(*driver));
    limit.copied().unwrap_or_else(|| volumes_of_site(site))
}

/// As [`volumes_of_type`], for a node whose type may not be known.
pub(super) fn volumes_of_site(site: &Site) -> i64 {
    site.facts.as_ref().map_or(UNKNOWN_TYPE_VOLUMES, |facts| volumes_of_type(facts))
}

/// Volumes that fit on a new node beside its root volume. Where interfaces and local disks share EC2's
/// limit, all that the VPC CNI may attach, and [`LOCAL_DISKS`], are taken off: on the safe side.
pub fn volumes_of_type(facts: &InstanceType) -> i64 {
    let disks = if 0 < facts.instance_store_gb { LOCAL_DISKS } else { 0 };
    let shared = if facts.ebs_limit_shared { interfaces_of(facts.vcpu) + disks } else { 0 };
    (facts.ebs_volumes_max - 1 - shared).max(0)
}

/// Volumes of a node whose type the catalog does not know and whose CSINode is missing.
const UNKNOWN_TYPE_VOLUMES: i64 = 16;
/// Local disks of a type that has some: four or fewer on all but the largest storage types.
const LOCAL_DISKS: i64 = 4;

/// Network interfaces that a type of so many vCPU can have. Source: EC2 user guide, IP addresses by
/// instance type; families differ a little, downwards.
fn interfaces_of(vcpu: i64) -> i64 {
    match vcpu {
        ..=1 => 2,
        2 => 3,
        3..=15 => 4,
        16..=63 => 8,
        _ => 15,
    }
}
