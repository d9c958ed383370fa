//! What a cluster has that is billed or divides what is billed, as its objects tell it.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::observe::{Teams, accelerators, owner_text};
use super::split::Shape;
use crate::fleet::Node;
use crate::policy::Policy;
use crate::priced::{LoadBalancer, LoadBalancerKind, PersistentVolume};
use crate::resources::Resources;
use crate::snapshot::ClusterState;
use crate::workload::{Pod, WorkloadKind};
use crate::world::MachineLife;

const GIB: i64 = 1 << 30;

/// Zones that a load balancer is put into at most: what its controller picks subnets of, as a rule three.
const BALANCER_ZONES_MAX: usize = 3;

/// Room of a node: what the machine has, and what pods may use of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Room {
    /// What the machine has.
    pub capacity: Shape,
    /// What pods may use.
    pub allocatable: Shape,
    /// Size of its root volume, GiB, as far as its file system tells; 0: not known.
    pub root_gb: i64,
}

/// Somebody who is charged for a thing that no node is.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct User {
    /// Namespace.
    pub namespace: String,
    /// `deployment/cart`, `service/cart`.
    pub workload: String,
    /// Pod; empty if it is not one's.
    pub pod: String,
    /// Team; empty if unknown.
    pub team: String,
    /// Model; empty if none.
    pub model: String,
}

/// A volume and who mounts it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct VolumeUse {
    /// The volume.
    pub volume: PersistentVolume,
    /// Pods that mount its claim; its namespace alone if a claim that nobody mounts has it; nobody without a claim.
    pub users: Vec<User>,
}

/// A load balancer and whose Services and Ingresses it serves.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerUse {
    /// Its DNS name, else the name of what asks for it, else of the group of Ingresses that share it. Unique.
    pub id: String,
    /// Kind.
    pub kind: LoadBalancerKind,
    /// Public addresses, by the zones of the cluster's nodes: an estimate.
    pub public_address_count: i64,
    /// From when on it is there, if known.
    pub create_time: Option<Timestamp>,
    /// Those it serves: alike, for nobody counts their requests.
    pub users: Vec<User>,
}

/// All that a cluster has beside its machines' lives.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Inventory {
    /// Kubernetes version, `1.34`; empty: unknown.
    pub kubernetes_version: String,
    /// Room of nodes by provider id, those that are gone among them.
    pub rooms: BTreeMap<String, Room>,
    /// Volumes by name.
    pub volumes: Vec<VolumeUse>,
    /// Load balancers by id.
    pub balancers: Vec<BalancerUse>,
}

impl Inventory {
    /// Reads a cluster's objects.
    pub fn of(state: &ClusterState, policy: &Policy, kubernetes_version: &str) -> Self {
        let teams = Teams::new(policy, &state.namespaces);
        let known = state.nodes.iter().filter(|node| !node.provider_id.is_empty());
        Self {
            kubernetes_version: kubernetes_version.to_owned(),
            rooms: known.map(|node| (node.provider_id.clone(), room(node))).collect(),
            volumes: volumes(state, &teams),
            balancers: balancers(state, &teams),
        }
    }

    /// Takes in what was seen before of nodes that are gone now but lived in the span that matters. All else is as of
    /// this inventory.
    pub fn remember(&mut self, earlier: &Self, lives: &[MachineLife]) {
        for life in lives {
            if let Some(room) = earlier.rooms.get(&life.provider_id) {
                self.rooms.entry(life.provider_id.clone()).or_insert(*room);
            }
        }
    }
}

fn room(node: &Node) -> Room {
    let bytes = node.capacity.ephemeral_bytes.clamp(0, i64::MAX - GIB);
    Room {
        capacity: shape(&node.capacity),
        allocatable: shape(&node.allocatable),
        root_gb: (bytes + GIB - 1) / GIB,
    }
}

fn shape(from: &Resources) -> Shape {
    Shape { cpu_milli: from.cpu_milli, memory_bytes: from.memory_bytes, gpus: accelerators(from) }
}

fn volumes(state: &ClusterState, teams: &Teams<'_>) -> Vec<VolumeUse> {
    let mut mounted: BTreeMap<&str, Vec<User>> = BTreeMap::new();
    for pod in &state.pods {
        let claims: BTreeSet<&str> = pod.volumes.iter().map(|volume| volume.claim.as_str()).collect();
        for claim in claims {
            mounted.entry(claim).or_default().push(user(pod, teams));
        }
    }
    let mut all: Vec<VolumeUse> = state
        .volumes
        .iter()
        .map(|volume| {
            let claim = Some(volume.claim.as_str()).filter(|_| is_claimed(volume));
            let users = claim.and_then(|claim| mounted.get(claim)).cloned();
            let holder = || {
                claim
                    .and_then(|claim| claim.split_once('/'))
                    .map(|(namespace, _)| of_namespace(namespace, "", teams))
            };
            let mut users = users.unwrap_or_else(|| holder().into_iter().collect());
            users.sort();
            VolumeUse { volume: volume.clone(), users }
        })
        .collect();
    all.sort_by(|one, other| one.volume.name.cmp(&other.volume.name));
    all
}

/// Whether a claim has it now.
pub fn is_claimed(volume: &PersistentVolume) -> bool {
    volume.phase == crate::priced::VolumePhase::Bound && !volume.claim.is_empty()
}

fn user(pod: &Pod, teams: &Teams<'_>) -> User {
    User {
        namespace: pod.namespace.clone(),
        workload: owner_text(pod.owner.as_ref()),
        pod: pod.name.clone(),
        team: teams.of(&pod.namespace, Some(&pod.labels)),
        model: super::observe::model(&pod.labels),
    }
}

fn of_namespace(namespace: &str, workload: &str, teams: &Teams<'_>) -> User {
    User {
        namespace: namespace.to_owned(),
        workload: workload.to_owned(),
        team: teams.of(namespace, None),
        ..User::default()
    }
}

fn balancers(state: &ClusterState, teams: &Teams<'_>) -> Vec<BalancerUse> {
    let zones: BTreeSet<&str> = state.nodes.iter().map(|node| node.zone.as_str()).collect();
    let zone_count = zones.len().clamp(1, BALANCER_ZONES_MAX) as i64;
    let mut by_id: BTreeMap<String, BalancerUse> = BTreeMap::new();
    for found in &state.load_balancers {
        let used = by_id.entry(balancer_id(found)).or_insert_with_key(|id| BalancerUse {
            id: id.clone(),
            kind: found.kind,
            public_address_count: if found.is_public { zone_count } else { 0 },
            create_time: found.create_time,
            users: Vec::new(),
        });
        used.create_time = used.create_time.min(found.create_time);
        used.users.push(of_namespace(&found.namespace, &found.name, teams));
    }
    let mut all: Vec<BalancerUse> = by_id.into_values().collect();
    all.iter_mut().for_each(|used| used.users.sort());
    all
}

fn balancer_id(from: &LoadBalancer) -> String {
    if !from.address.is_empty() {
        from.address.clone()
    } else if !from.shared.is_empty() {
        format!("group/{}", from.shared)
    } else {
        format!("{}/{}", from.namespace, from.name)
    }
}

/// Whether a pod is of a DaemonSet, or of the kubelet itself.
pub fn is_daemon(pod: &Pod) -> bool {
    let kind = pod.owner.as_ref().map(|owner| owner.kind);
    matches!(kind, Some(WorkloadKind::DaemonSet | WorkloadKind::Node))
}
