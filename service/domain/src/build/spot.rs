//! Who may be interrupted, and what an interruption is expected to cost.

use std::collections::{BTreeMap, BTreeSet};

use super::labels::KARPENTER_CAPACITY_TYPE;
use super::pods::{Kin, Pods};
use super::sites::{Site, node_keys};
use super::terms::{MILLION, Terms, ceil_div};
use crate::catalog::Catalog;
use crate::fleet::{CapacityKind, LABEL_CAPACITY_TYPE};
use crate::policy::Policy;
use crate::units::HourlyRate;
use crate::workload::{TaintEffect, Workload, WorkloadKind, WorkloadRef};

/// Hours over which the Spot Advisor's interruption rates count.
const RATE_WINDOW_HOURS: i64 = 720;
/// How long a reclaimed node's capacity is missing while its replacement boots, minutes. Our guess:
/// EC2 launch, image, kubelet and first pods take two to four.
const BOOT_MINUTES: i64 = 3;

/// What decides who may go to spot.
pub(super) struct SpotRules<'a> {
    policy: &'a Policy,
    /// Whether the policy leaves spot to those who select it.
    only_selected: bool,
    workloads: BTreeMap<&'a WorkloadRef, &'a Workload>,
}

impl<'a> SpotRules<'a> {
    pub fn new(policy: &'a Policy, workloads: &'a [Workload]) -> Self {
        let workloads = workloads.iter().map(|workload| (&workload.reference, workload)).collect();
        Self { policy, only_selected: policy.spot_share_max_ratio <= 0.0, workloads }
    }

    /// Whether a family of pods may run on spot: it selects or tolerates spot nodes already, or is a
    /// Deployment or Job of several replicas without volumes that a disruption budget covers or that
    /// the policy names. A policy without spot leaves it to those who select it. `homes`: running nodes that its selectors and tolerations allow.
    pub fn allow(&self, kin: &Kin, pods: &Pods<'_>, homes: &[usize]) -> bool {
        let may = || tolerates(kin, pods, homes) || self.can_bear_it(kin, pods);
        self.selects(kin, pods, homes) || (!self.only_selected && may())
    }

    /// It speaks of the capacity kind, or every node that it may use is spot.
    fn selects(&self, kin: &Kin, pods: &Pods<'_>, homes: &[usize]) -> bool {
        let keys = node_keys(&kin.scheduling);
        let speaks = keys.contains(LABEL_CAPACITY_TYPE) || keys.contains(KARPENTER_CAPACITY_TYPE);
        let all_spot = homes.iter().all(|home| pods.state.nodes[*home].kind == CapacityKind::Spot);
        speaks || (!keys.is_empty() && !homes.is_empty() && all_spot)
    }

    fn can_bear_it(&self, kin: &Kin, pods: &Pods<'_>) -> bool {
        let Some(reference) = &kin.workload else { return false };
        let workload = self.workloads.get(reference);
        let wanted = workload.map_or(0, |workload| usize::try_from(workload.replicas).unwrap_or(0));
        let replicas = wanted.max(kin.pods.len());
        let kind = matches!(
            reference.kind,
            WorkloadKind::Deployment | WorkloadKind::ReplicaSet | WorkloadKind::Job | WorkloadKind::CronJob
        );
        let named = self.policy.spot_ok.contains(&kin.name(pods));
        let covered = || {
            let labels = &pods.pod(kin.pods[0]).labels;
            let budgets = pods.state.budgets.iter().filter(|budget| budget.namespace == kin.namespace);
            budgets.into_iter().any(|budget| budget.selector.matches(labels))
        };
        kind && 2 <= replicas && !kin.has_volumes && (named || covered())
    }
}

/// It tolerates a taint that keeps others off spot nodes that it may use.
fn tolerates(kin: &Kin, pods: &Pods<'_>, homes: &[usize]) -> bool {
    let tainted = |home: &&usize| {
        let node = &pods.state.nodes[**home];
        let hard = |effect| effect != TaintEffect::PreferNoSchedule;
        node.kind == CapacityKind::Spot && node.lasting_taints().any(|taint| hard(taint.effect))
    };
    !kin.scheduling.tolerations.is_empty() && homes.iter().any(|home| tainted(&home))
}

/// Expected cost of interruptions of one node, for pods of an average size.
///
/// Each hour a node is reclaimed with probability `rate / 720`, where `rate` is the share of nodes that
/// the Spot Advisor's band expects to lose in 30 days. A reclaim costs one restart for each pod that
/// fits on the node, and the node's price for [`BOOT_MINUTES`]. Rounded up.
#[derive(Clone, Debug, Default)]
pub(super) struct Risk {
    /// Average CPU request, milli-CPU, at least 1.
    cpu_milli: i64,
    /// Average memory request, bytes, at least 1.
    memory_bytes: i64,
}

impl Risk {
    /// Learns the average size from the pods that may run on spot.
    pub fn of<'k>(kins: impl Iterator<Item = &'k Kin>) -> Self {
        let (mut pods, mut cpu, mut memory) = (0_i128, 0_i128, 0_i128);
        for kin in kins {
            let count = kin.pods.len() as i128;
            pods += count;
            cpu += count * i128::from(kin.request.cpu_milli);
            memory += count * i128::from(kin.request.memory_bytes);
        }
        let mean = |sum: i128| i64::try_from(sum / pods.max(1)).unwrap_or(i64::MAX).max(1);
        Self { cpu_milli: mean(cpu), memory_bytes: mean(memory) }
    }

    /// Risk of a site whose price is known; nothing on demand.
    pub fn rate(&self, site: &Site, catalog: &Catalog, terms: &Terms) -> HourlyRate {
        if site.kind == CapacityKind::OnDemand {
            return HourlyRate::ZERO;
        }
        let room = &site.allocatable;
        let by_cpu = room.cpu_milli / self.cpu_milli;
        let pods = by_cpu.min(room.memory_bytes / self.memory_bytes).min(room.pods).max(1);
        let restarts = i128::from(pods) * i128::from(terms.restart_nano_usd);
        let gap = i128::from(site.price.unwrap_or_default().nano_usd()) * i128::from(BOOT_MINUTES) / 60;
        let rate =
            (catalog.interruption_rate(&site.instance_type).clamp(0.0, 1.0) * MILLION as f64).round() as i128;
        let nano_usd = ceil_div(rate * (restarts + gap), RATE_WINDOW_HOURS * MILLION);
        HourlyRate::from_nano_usd(nano_usd).unwrap_or_default()
    }
}

/// Names in `spot_ok` that no workload of the cluster has.
pub(super) fn unknown_names<'p>(policy: &'p Policy, pods: &Pods<'_>) -> Vec<&'p String> {
    let workloads = pods.state.workloads.iter().map(|workload| &workload.reference);
    let owners = pods.state.pods.iter().filter_map(|pod| pod.owner.as_ref());
    let known: BTreeSet<String> =
        workloads.chain(owners).map(|found| format!("{}/{}", found.namespace, found.name)).collect();
    policy.spot_ok.iter().filter(|name| !known.contains(*name)).collect()
}
